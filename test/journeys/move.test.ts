/** From one file to a server, by the command line: what an operator does, and what everybody else is told. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { newJobs, T0 } from '../conformance/records.ts';
import { until } from '../wait.ts';
import { CONFIG, type Ended, Folder, linesOf } from './command-line.ts';

const error = ({ stderr }: Ended): Record<string, unknown> =>
  linesOf(stderr).find(({ kind }) => kind === 'error') ?? {};

let server: Server;
let folder: Folder;

beforeAll(async () => {
  server = await startServer(embedded18);
  folder = new Folder();
  folder.write('backline.config.ts', CONFIG);
});

afterAll(async () => {
  await folder.remove();
  await server.dispose();
});

describe('backline move', () => {
  const from = 'sqlite:old.db';
  let to: string;

  beforeAll(() => {
    to = freshSchema(server).replace('//postgres@', '//postgres:hunter2@');
  });

  test('is refused while a worker runs, and says which', async () => {
    const worker = folder.start(['work', '--database', from, '--process-id', 'old-worker']);
    await worker.says(/10 slots for sum/);
    for (const a of [1, 2]) await folder.ask('add', 'sum', JSON.stringify({ a, b: 1 }), '--wait', '--database', from);
    const refused = await folder.run(['move', '--from', from, '--to', to, '--json']);
    expect(refused.code).toBe(6);
    expect(error(refused)).toMatchObject({ code: 'WORKERS_ALIVE', found: expect.stringContaining('old-worker') });
    await worker.end('SIGTERM');
  }, 60_000);

  test('first says what it would do', async () => {
    await folder.ask('add', 'sum', '{"a":20,"b":22}', '--id', 'the-one', '--database', from);
    await folder.ask('queues', 'limit', 'default', '4', '--database', from);
    const before = readFileSync(folder.at('old.db'));
    const { code, stdout, stderr } = await folder.run(['move', '--from', from, '--to', to, '--dry-run']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^3 jobs .*would move\n.*old\.db\n.*\?schema=\w+\n.*Nothing is in the way/);
    expect(readFileSync(folder.at('old.db')).equals(before)).toBe(true);
  });

  test('moves everything, and proves it; nothing is drawn where there is no terminal, and no password is shown', async () => {
    const { code, stdout, stderr } = await folder.run(['move', '--from', from, '--to', to]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/✓ 3 jobs .*moved and compared/);
    expect(stdout).toMatch(/^completed +default +sum +2 +2$/m);
    expect(stdout).toMatch(/checksum of all jobs: [0-9a-f]{64} on both sides/);
    expect(stdout).not.toContain('hunter2');
  });

  test('a second time has nothing to do', async () => {
    expect(await folder.ask('move', '--from', from, '--to', to)).toMatchObject([
      { kind: 'move', outcome: 'already', jobs: 3 },
    ]);
  });

  test('leaves a file that tells every command where its jobs went', async () => {
    for (const command of [['status'], ['jobs', 'ls'], ['add', 'sum', '{}'], ['work']]) {
      const told = await folder.run([...command, '--database', from, '--json']);
      expect([command[0], told.code]).toEqual([command[0], 3]);
      expect(error(told)).toMatchObject({
        code: 'STORE_MOVED',
        message: expect.stringMatching(/have moved to postgres:.*schema=/),
      });
      expect(told.stderr).not.toContain('hunter2');
    }
  }, 60_000);

  test('work goes on at the new address', async () => {
    const worker = folder.start(['work', '--database', to]);
    const added = await folder.ask('add', 'sum', '{"a":1,"b":2}', '--wait', '--database', to);
    expect(added.at(-1)).toMatchObject({ kind: 'result', result: 3 });
    const shown = await folder.ask('jobs', 'show', 'the-one', '--database', to);
    expect(shown[0]).toMatchObject({ status: 'completed', result: 42 });
    expect(await folder.ask('queues', 'ls', '--database', to)).toMatchObject([{ name: 'default', maxRunning: 4 }]);
    await worker.end('SIGTERM');
  }, 60_000);

  test('--unmark gives the old copy back only by force', async () => {
    const refused = await folder.run(['move', '--unmark', '--from', from, '--json']);
    expect([refused.code, error(refused)['code']]).toEqual([6, 'MOVE_FINISHED']);
    expect(await folder.ask('move', '--unmark', '--force', '--from', from)).toMatchObject([
      { kind: 'unmark', outcome: 'released' },
    ]);
    expect(await folder.ask('jobs', 'ls', '--database', from)).toHaveLength(3);
    expect((await folder.run(['move', '--unmark', '--from', from])).code).toBe(5);
  });

  test('Ctrl-C stops it between two chunks, and the same command goes on', async () => {
    const store = await openSqlite(folder.at('many.db'), { durability: 'process' });
    for (let i = 0; i < 10; i++) await store.insert(newJobs(4000), T0);
    await store.close();
    const target = freshSchema(server);
    const moving = folder.start(['move', '--from', 'many.db', '--to', target]);
    const schema = new URL(target).searchParams.get('schema')!;
    const rows = `SELECT 1 FROM ${schema}.job_move WHERE rows > 1000`;
    await until(
      () =>
        query(server.url(), rows).then(
          ({ length }) => length > 0,
          () => false,
        ),
      'some rows',
    );
    const stopped = await moving.end('SIGINT');
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toMatch(/rows of 40,000 jobs .* are written/);
    expect(stopped.stderr).toContain('Run the same command again to go on');
    expect(await folder.ask('move', '--from', 'many.db', '--to', target)).toMatchObject([
      { outcome: 'moved', resumed: true, jobs: 40_000 },
    ]);
  }, 60_000);

  test.each<[string, string[], number, string]>([
    ['nothing', [], 2, 'USAGE'],
    ['no target', ['--from', 'a.db'], 2, 'USAGE'],
    ['no source', ['--to', 'a.db'], 2, 'USAGE'],
    ['a database in memory', ['--from', ':memory:', '--to', 'a.db'], 2, 'USAGE'],
    ['an unknown scheme', ['--from', 'redis://localhost', '--to', 'a.db'], 2, 'UNKNOWN_STORE'],
    ['a file that is not there', ['--from', 'nowhere.db', '--to', 'a.db'], 3, 'NO_DATABASE'],
    ['the same file', ['--from', 'old.db', '--to', './old.db'], 2, 'USAGE'],
    [
      'a server that is not there',
      ['--from', 'old.db', '--to', 'postgres://u:hunter2@127.0.0.1:9/x'],
      3,
      'STORE_UNAVAILABLE',
    ],
    ['--unmark of nothing', ['--unmark'], 2, 'USAGE'],
    ['an unknown flag', ['--form', 'a.db'], 2, 'USAGE'],
  ])('refuses %s', async (_, flags, code, name) => {
    const refused = await folder.run(['move', ...flags, '--json']);
    expect([refused.code, error(refused)['code']]).toEqual([code, name]);
    expect(refused.stdout + refused.stderr).not.toContain('hunter2');
  });
});
