/**
 * On Node 22.13 the binary of better-sqlite3 would crash the process, so the built-in module takes its place. Here a newer Node
 * plays the older one: it says so, and its built-in module lacks what came later.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from './source-scan.ts';

const AGE = `
  Object.defineProperty(process.versions, 'napi', { value: '9' });
  const sqlite = require('node:sqlite');
  delete sqlite.backup;
  sqlite.DatabaseSync = class extends sqlite.DatabaseSync {
    constructor(...args) {
      super(...args);
      globalThis.opened = (globalThis.opened ?? 0) + 1;
      const get = (self, name) => (typeof self[name] === 'function' ? self[name].bind(self) : self[name]);
      return new Proxy(this, { get: (self, name) => (name === 'isTransaction' ? undefined : get(self, name)) });
    }
  };
`;

const PROGRAM = `
  import { createRequire } from 'node:module';
  import { JobManager, job } from '${join(ROOT, 'src/index.ts')}';
  const jobs = {
    add: job({ run: ({ a, b }) => a + b }),
    fail: job({ maxAttempts: 2, backoff: { kind: 'fixed', delay: 1 }, run: () => { throw new RangeError('no'); } }),
  };
  const said = {};
  const code = (promise) => Promise.resolve(promise).then(() => null, (error) => error.code);
  const manager = new JobManager('sqlite:jobs.db', { jobs, logger: false });
  await manager.start();
  said.result = await manager.result(await manager.enqueue('add', { a: 1, b: 2 }));
  said.failed = await code(manager.result(await manager.enqueue('fail')));
  said.attempts = (await manager.attempts((await manager.list({ type: 'fail' })).jobs[0].id)).map((one) => one.outcome);
  said.duplicate = [(await manager.enqueueMany([{ type: 'add', payload: { a: 1, b: 1 }, options: { id: 'x' } }]))[0].outcome,
    await code(manager.enqueue('add', { a: 1, b: 1 }, { id: 'x' }))];

  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite');
  const mine = new DatabaseSync('jobs.db');
  const within = (end) => {
    mine.exec('BEGIN IMMEDIATE');
    const handed = manager.enqueue('add', { a: 2, b: 3 }, { tx: mine });
    mine.exec(end);
    return handed;
  };
  said.committed = await manager.result((await within('COMMIT')).id);
  said.rolledBack = await manager.get((await within('ROLLBACK')).id);
  try { await manager.enqueue('add', { a: 1, b: 1 }, { tx: mine }); } catch (error) { said.noTransaction = error.code; }
  mine.close();

  await manager.backup('copy.db');
  const copy = new JobManager('sqlite:copy.db', { worker: false, logger: false });
  await copy.start();
  said.copied = (await copy.count({ status: 'completed' })) >= 3;
  await copy.close();
  await manager.close();
  said.builtIn = globalThis.opened > 0;
  console.log(JSON.stringify(said));
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-old-node-'));
  await writeFile(join(folder, 'age.cjs'), AGE);
  await writeFile(join(folder, 'program.mjs'), PROGRAM);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a Node that is too old for the binary of better-sqlite3 runs jobs all the same', async () => {
  const args = ['--require', './age.cjs', '--disable-warning=ExperimentalWarning', 'program.mjs'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({
    result: 3,
    failed: 'JOB_FAILED',
    attempts: ['failed', 'failed'],
    duplicate: ['inserted', 'DUPLICATE_JOB_ID'],
    committed: 5,
    rolledBack: null,
    noTransaction: 'BAD_TRANSACTION',
    copied: true,
    builtIn: true,
  });
});
