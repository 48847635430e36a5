import { expect, test } from 'vitest';
import { owned, shownKey } from './tenant.ts';

test('a key is stored with its tenant, and shown without', () => {
  const { key } = owned({ tenant: 'ada', key: 'k' }, null);
  expect(key).not.toBe('k');
  expect(shownKey('ada', key)).toBe('k');
});

test('keys of two tenants are never the same', () => {
  const stored = [
    ['a', 'b:c'],
    ['a:b', 'c'],
    ['a', 'b'],
    [null, 'ab'],
  ].map(([tenant, key]) => owned({ tenant: tenant!, key: key! }, null).key);
  expect(new Set(stored).size).toBe(4);
});

test('without a tenant the key stays as it is', () => {
  expect(owned({ tenant: null, key: 'k' }, null)).toEqual({ tenant: null, key: 'k' });
  expect(shownKey(null, 'k')).toBe('k');
});

test('what was said outweighs what is inherited', () => {
  expect(owned({ tenant: null, key: null }, 'ada')).toEqual({ tenant: 'ada', key: null });
  expect(owned({ tenant: 'bob', key: null }, 'ada').tenant).toBe('bob');
});
