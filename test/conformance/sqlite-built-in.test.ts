/** The built-in module of Node stands in where better-sqlite3 does not load; here it is made not to. */
import Module from 'node:module';
import { expect, test } from 'vitest';
import { connect } from '../../src/store/sqlite/driver.ts';
import { describeStore } from './describe-store.ts';
import { sqliteMemory } from './sqlite.ts';

const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;
loader._load = (request, ...rest) => {
  if (request === 'better-sqlite3') throw new TypeError('this platform has no binary');
  return load.call(loader, request, ...rest);
};

test('the built-in module is in use', () => {
  const db = connect(':memory:');
  expect(db.driver.constructor.name).toBe('DatabaseSync');
  db.close();
});

describeStore('SQLite in memory, with the built-in module', sqliteMemory);
