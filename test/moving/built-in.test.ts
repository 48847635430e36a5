/** A move with the built-in module of Node, which stands in where better-sqlite3 does not load; here it is made not to. */
import Module from 'node:module';
import { expect, test } from 'vitest';
import { moveStore } from '../../src/store/move.ts';
import { connect } from '../../src/store/sqlite/driver.ts';
import { codeOf, freshFile } from '../managers.ts';
import { makeEverything, portraitOf } from './everything.ts';

const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;
loader._load = (request, ...rest) => {
  if (request === 'better-sqlite3') throw new TypeError('this platform has no binary');
  return load.call(loader, request, ...rest);
};

test('everything moves from file to file, and the old one says where it went', async () => {
  const [from, to] = [freshFile(), freshFile()];
  await makeEverything(from);
  const db = connect(from, true);
  expect(db.driver.constructor.name).toBe('DatabaseSync');
  db.close();
  const before = await portraitOf(from);
  expect((await moveStore({ from, to }, Date.now())).outcome).toBe('moved');
  expect(await portraitOf(to)).toEqual(before);
  expect(await codeOf(() => portraitOf(from))).toBe('STORE_MOVED');
}, 60_000);
