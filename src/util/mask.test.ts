import { expect, test } from 'vitest';
import { maskSecrets } from './mask.ts';

test.each([
  ['postgres://user:pass@host:5432/db', 'postgres://***@host:5432/db'],
  ['postgres://user:p@ss/w:rd@host/db', 'postgres://***@host/db'],
  ['amqp://guest@host//', 'amqp://***@host//'],
  [
    'postgres://user:pass@host/db?sslmode=verify&sslpassword=hush',
    'postgres://***@host/db?sslmode=verify&sslpassword=***',
  ],
  ['https://host/hook?api_key=hush&x=1', 'https://host/hook?api_key=***&x=1'],
  ['https://host/hook?x=1&ACCESS_TOKEN=hush', 'https://host/hook?x=1&ACCESS_TOKEN=***'],
  ['postgres//user:pass@host', 'postgres//***@host'],
  ['postgres:user:pass@host/db', 'postgres:***@host/db'],
  ['postgres:/user:pa/ss@host/db', 'postgres:***@host/db'],
  ['sqlite:me@work.db', 'sqlite:me@work.db'],
  ['C:/Users/me@work/backline.db', 'C:/Users/me@work/backline.db'],
  ['a\n//user:pass@host', 'a\n//***@host'],
  ['sqlite:data/backline.db', 'sqlite:data/backline.db'],
  ['/var/lib/me@work/backline.db', '/var/lib/me@work/backline.db'],
  ['', ''],
])('%j is shown as %j', (address, shown) => {
  expect(maskSecrets(address)).toBe(shown);
});
