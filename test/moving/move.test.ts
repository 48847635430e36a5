/** Everything moves, in every direction, whatever happens in the middle of it. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Context, JobManager, job } from 'backline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type MoveOrder, type MoveProgress, type MoveReport, moveStore, unmarkStores } from '../../src/store/move.ts';
import { openSide } from '../../src/store/open.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { Child, endChildren } from '../crash/child.ts';
import { codeOf, freshFile, IMPATIENT, refusalOf, startManager } from '../managers.ts';
import { connectTo } from '../postgres/clients.ts';
import { until } from '../wait.ts';
import { HOUR, type Made, makeEverything, portraitOf, REQUEST } from './everything.ts';

let server: Server;
/** Filled once: to fill it takes longer than to move it. Every test has a copy. */
let original: string;
let folder: string;
let made: Made;

beforeAll(async () => {
  server = await startServer(embedded18);
  folder = mkdtempSync(join(tmpdir(), 'backline-moving-'));
  original = join(folder, 'everything.db');
  made = await makeEverything(original);
}, 60_000);
afterEach(endChildren);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.dispose();
});

const filledFile = (): string => {
  const file = freshFile();
  copyFileSync(original, file);
  return file;
};

const SMALL = { rows: 3, bytes: 50_000 };

const move = (order: MoveOrder): Promise<MoveReport> => moveStore(order, Date.now());

/** Moves until so many rows are written, or compared. */
const interruptedMove = async (
  order: MoveOrder,
  rows = 20,
  phase: MoveProgress['phase'] = 'writing',
): Promise<MoveReport> => {
  const controller = new AbortController();
  const onProgress = (progress: MoveProgress) => {
    if (progress.phase === phase && progress.rows >= rows) controller.abort();
  };
  return move({ ...order, chunk: SMALL, signal: controller.signal, onProgress });
};

/** As a crash does: without a word, and without writing what is in memory. */
const breakDown = async (broken: Server): Promise<void> => {
  await broken.stop('SIGQUIT');
  await broken.start();
};

const openAndClose = async (url: string): Promise<{ where: string }> => {
  const side = await openSide(url, true);
  await side.close();
  return side;
};

const expectEqualSides = (report: MoveReport) => {
  expect(report.outcome).toBe('moved');
  for (const [table, { source, target }] of Object.entries(report.checksums)) expect(target, table).toBe(source);
  for (const { source, target } of report.counts) expect(target).toBe(source);
  expect(report.counts.reduce((sum, { source }) => sum + source, 0)).toBe(report.jobs);
};

describe('a move', () => {
  test('carries everything from SQLite to PostgreSQL, to another schema, and back into a file', async () => {
    const before = await portraitOf(filledFile());
    expect(before.problems).toEqual([]);
    expect(new Set(before.jobs.map(({ status }) => status)).size).toBe(7);
    const file = filledFile();
    const places = [file, freshSchema(server), freshSchema(server), freshFile(), freshFile()];
    for (const [i, to] of places.slice(1).entries()) {
      const report = await move({ from: places[i]!, to });
      expectEqualSides(report);
      expect(report).toMatchObject({ jobs: made.jobs, resumed: false });
      expect(await portraitOf(to)).toEqual(before);
    }
  }, 60_000);

  test('leaves behind what runs on: waiting jobs run in their order, ended ones do not, pauses and keys hold, numbers go on', async () => {
    const to = freshSchema(server);
    await move({ from: filledFile(), to });
    const ran: string[] = [];
    const run = async (_: unknown, ctx: Context) => void ran.push(ctx.job.id);
    const names = ['mail', 'echo', 'logging', 'failing', 'flaky', 'retrying', 'slow', 'import', 'report'];
    const manager = await startManager(
      { jobs: Object.fromEntries(names.map((name) => [name, job({ run })])), maxConcurrentJobs: 1 },
      to,
    );
    await until(() => made.waiting.every((id) => ran.includes(id)));
    expect(ran.filter((id) => made.waiting.includes(id))).toEqual(made.waiting);
    // The job of a worker that died runs again; that which was asked to stop does not.
    await until(() => ran.includes('orphan-import'));
    expect((await manager.get('orphan-report'))?.status).toBe('cancelled');
    expect(new Set(ran).size).toBe(ran.length);
    expect(await manager.count({ queue: 'paused', status: 'queued' })).toBe(1);
    expect(await manager.count({ status: 'created' })).toBe(1);
    const again = await manager.enqueue('echo', 'today', { key: 'daily', keyWindow: '1d' });
    expect(again).toMatchObject({ outcome: 'existing' });
    const asked = await manager.forRequest(REQUEST).enqueue('echo', 'asked for again');
    expect(await manager.get(asked.id)).toMatchObject({ payload: 'asked for once' });
    const newest = await manager.enqueue('echo', 'new');
    const { jobs } = await manager.list({}, { order: 'newest', limit: 2 });
    expect(jobs[0]!.id).toBe(newest.id);
    const batch = (await manager.list({ type: 'nightly' })).jobs[0]!;
    await manager.sealBatch(batch.id);
    await until(async () => (await manager.get(batch.id))?.status === 'completed');
    await until(
      async () => (await manager.list({ type: 'echo' }, { order: 'newest', limit: 1 })).jobs[0]?.status === 'completed',
    );
    expect((await manager.checkIntegrity()).problems).toEqual([]);
  }, 60_000);

  test('of an empty database is a move too', async () => {
    const file = freshFile();
    await (await startManager({ worker: false }, file)).close();
    expectEqualSides(await move({ from: file, to: freshSchema(server) }));
  });

  test('that is killed at any moment goes on where it was, and nothing is doubled', async () => {
    const before = await portraitOf(filledFile());
    for (const reverse of [false, true]) {
      let from = filledFile();
      if (reverse) {
        const schema = freshSchema(server);
        await move({ from, to: schema });
        from = schema;
      }
      const to = reverse ? freshFile() : freshSchema(server);
      let furthest = 0;
      let unfinished = 0;
      for (let kills = 0; ; kills++) {
        const child = new Child('../moving/move-child.ts', { from, to });
        const after = Math.floor(Math.random() * 12);
        const seen = () => child.facts.filter(({ fact }) => fact === 'writing' || fact === 'comparing').length;
        await until(() => seen() > after || child.facts.some(({ fact }) => fact === 'ended'), 'some chunks', 20_000);
        child.kill('SIGKILL');
        if ((await child.ended).signal === 'SIGKILL') unfinished++;
        const rows = child.facts.flatMap(({ fact, rows }) => (fact === 'writing' ? [Number(rows)] : []));
        if (rows.length > 0) {
          expect(rows[0]).toBeGreaterThanOrEqual(furthest);
          furthest = rows.at(-1)!;
        }
        if (kills >= 5) break;
      }
      expect(unfinished).toBeGreaterThan(1);
      const report = await move({ from, to });
      expect(['moved', 'already']).toContain(report.outcome);
      expect(await portraitOf(to)).toEqual(before);
      expect(await codeOf(() => portraitOf(from))).toBe('STORE_MOVED');
    }
  }, 120_000);

  test('that was killed between two marks goes on, too', async () => {
    const before = await portraitOf(filledFile());
    for (const to of [freshSchema(server), freshFile()]) {
      const from = filledFile();
      const source = await openSide(from, false);
      const { where } = await openAndClose(to);
      // The source is marked, the target is not.
      await source.begin({ id: 'a move', role: 'source', peer: where, at: Date.now() });
      expect(await interruptedMove({ from, to }, 5, 'comparing')).toMatchObject({
        outcome: 'interrupted',
        resumed: false,
      });
      // All is compared, and the source says so; the target is still closed.
      await source.moved();
      await source.close();
      expect(await codeOf(() => portraitOf(to))).toBe('MOVE_UNFINISHED');
      const report = await move({ from, to });
      expectEqualSides(report);
      expect(report.resumed).toBe(true);
      expect(await portraitOf(to)).toEqual(before);
      expect(await move({ from, to })).toMatchObject({ outcome: 'already' });
    }
  }, 60_000);

  test('waits for a transaction of a caller that is open when it begins, and takes its jobs along', async () => {
    const from = freshSchema(server);
    const client = await startManager({ jobs: { mail: job({ run: () => null }) }, worker: false }, from);
    const tx = await connectTo(server.url());
    await tx.query('BEGIN');
    const { id } = await client.enqueue('mail', 'just in time', { tx });
    const to = freshFile();
    const moving = move({ from, to });
    await until(
      async () =>
        (await query(server.url(), `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).length > 0,
    );
    await tx.query('COMMIT');
    expectEqualSides(await moving);
    expect((await portraitOf(to)).jobs.map((one) => one.id)).toEqual([id]);
    expect(await codeOf(() => client.enqueue('mail'))).toBe('STORE_MOVED');
  });

  test('goes on by itself when its connections are cut', async () => {
    const before = await portraitOf(filledFile());
    const to = freshSchema(server);
    let cuts = 0;
    const cut = () =>
      query(server.url(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backline'`);
    const cutting: Promise<unknown>[] = [];
    const onProgress = () => {
      if (cuts < 6 && cutting.length === cuts) cutting.push(cut().finally(() => cuts++));
    };
    expectEqualSides(await move({ from: filledFile(), to, chunk: SMALL, onProgress }));
    await Promise.all(cutting);
    expect(cuts).toBeGreaterThan(1);
    expect(await portraitOf(to)).toEqual(before);
  }, 60_000);

  test('goes on by itself when the server breaks down and has lost what it had not synced', async () => {
    const before = await portraitOf(filledFile());
    const to = freshSchema(server);
    let restarting: Promise<void> | undefined;
    const onProgress = ({ rows }: MoveProgress) => {
      if (rows >= 30) restarting ??= breakDown(server);
    };
    expectEqualSides(await move({ from: filledFile(), to, chunk: SMALL, onProgress }));
    await restarting;
    expect(await portraitOf(to)).toEqual(before);
  }, 60_000);

  test('writes no more at once than it should: large rows go one by one', async () => {
    const chunks: number[] = [];
    let rows = 0;
    const onProgress: MoveOrder['onProgress'] = (progress) => {
      if (progress.phase === 'writing') chunks.push(progress.rows - rows);
      rows = progress.rows;
    };
    const schema = freshSchema(server);
    for (const [from, to] of [
      [filledFile(), schema],
      [schema, freshFile()],
    ] as const) {
      rows = 0;
      expectEqualSides(await move({ from, to, chunk: { rows: 1000, bytes: 1 }, onProgress }));
    }
    expect(new Set(chunks)).toEqual(new Set([1]));
  }, 60_000);
});

describe('while a move is not finished', () => {
  test.each<[string, () => string]>([
    ['into PostgreSQL', () => freshSchema(server)],
    ['into a file', freshFile],
  ])('%s, neither side takes anything, not even from who had it open before', async (_, place) => {
    const [from, to] = [filledFile(), place()];
    const clients = [await startManager({ worker: false }, from), await startManager({ worker: false }, to)];
    const late = job({ run: () => null });
    expect(await interruptedMove({ from, to })).toMatchObject({ outcome: 'interrupted', written: expect.any(Number) });
    const enqueue = (client: JobManager | undefined) => codeOf(() => client!.enqueue('mail'));
    expect([await enqueue(clients[0]), await enqueue(clients[1])]).toEqual(['STORE_MOVED', 'MOVE_UNFINISHED']);
    const open = (url: string) => codeOf(() => new JobManager(url, { ...IMPATIENT, jobs: { late } }).start());
    expect([await open(from), await open(to)]).toEqual(['STORE_MOVED', 'MOVE_UNFINISHED']);
    expect(await codeOf(() => clients[0]!.pauseQueue('default'))).toBe('STORE_MOVED');
    expect(await codeOf(() => clients[1]!.limitKey('a', 1))).toBe('MOVE_UNFINISHED');
    expect(await move({ from, to, dryRun: true })).toMatchObject({ outcome: 'planned', resumed: true });
    expectEqualSides(await move({ from, to }));
    expect(await enqueue(clients[0])).toBe('STORE_MOVED');
    expect((await refusalOf(() => portraitOf(from))).message).toContain('have moved to');
    await clients[1]!.enqueue('mail');
    expect(await clients[1]!.count()).toBe(made.jobs + 1);
  });

  test('it can be given up: the source is as it was, the target is empty, and both work', async () => {
    const before = await portraitOf(filledFile());
    for (const [from, to] of [
      [filledFile(), freshSchema(server)],
      [filledFile(), freshFile()],
    ] as const) {
      await interruptedMove({ from, to });
      expect(await unmarkStores({ from, to })).toMatchObject([{ outcome: 'emptied' }, { outcome: 'released' }]);
      expect(await portraitOf(from)).toEqual(before);
      const client = await startManager({ worker: false }, to);
      expect(await client.stats()).toMatchObject({ total: 0, lateResults: 0 });
      await client.enqueue('mail');
      await client.close();
      expect(await unmarkStores({ from, to })).toMatchObject([{ outcome: 'not-marked' }, { outcome: 'not-marked' }]);
      expect(await codeOf(() => move({ from, to }))).toBe('TARGET_NOT_EMPTY');
      expectEqualSides(await move({ from, to: freshSchema(server) }));
    }
  });

  test('what somebody changed in the target by force is found, named without its value, and neither side opens', async () => {
    const [from, to] = [filledFile(), freshSchema(server)];
    const { written } = await interruptedMove({ from, to }, 60);
    expect(written).toBeGreaterThan(40);
    const schema = new URL(to).searchParams.get('schema')!;
    const id = (await query(server.url(), `SELECT id FROM ${schema}.job_body ORDER BY seq LIMIT 1`))[0]!['id'];
    await query(server.url(), `ALTER TABLE ${schema}.job_body DISABLE TRIGGER job_move`);
    await query(server.url(), `UPDATE ${schema}.job_body SET payload = '"hunter2"' WHERE id = $1`, [id]);
    const error = await refusalOf(() => move({ from, to }));
    expect(error).toMatchObject({ code: 'MOVE_DIFFERS' });
    expect(error.message).toMatch(/jobs 1 differs in payload/);
    expect(error.message).not.toContain('hunter2');
    expect(await codeOf(() => portraitOf(to))).toBe('MOVE_UNFINISHED');
    expect(await codeOf(() => portraitOf(from))).toBe('STORE_MOVED');
  });
});

describe('after a move', () => {
  test('to start it again says that it is done, and changes nothing', async () => {
    const [from, to] = [filledFile(), freshSchema(server)];
    await move({ from, to });
    const worker = await startManager({ jobs: { mail: job({ run: () => null }) } }, to);
    expect(await move({ from, to })).toMatchObject({ outcome: 'already', jobs: made.jobs });
    const elsewhere = freshFile();
    await (await startManager({ worker: false }, elsewhere)).close();
    expect(await codeOf(() => move({ from, to: elsewhere }))).toBe('STORE_MOVED');
    expect((await worker.stats()).total).toBe(made.jobs);
  });

  test('the source is used again only by force', async () => {
    const from = filledFile();
    await move({ from, to: freshSchema(server) });
    expect(await codeOf(() => unmarkStores({ from }))).toBe('MOVE_FINISHED');
    await unmarkStores({ from, force: true });
    expect((await portraitOf(from)).stats.total).toBe(made.jobs);
  });
});

describe('a move is refused, and nothing is changed,', () => {
  const serve = { jobs: { mail: job({ run: () => null }) } };

  test('while workers of the source are alive', async () => {
    const from = freshFile();
    const worker = await startManager({ ...serve, processId: 'busy-bee' }, from);
    const to = freshFile();
    const error = await refusalOf(() => move({ from, to }));
    expect(error).toMatchObject({ code: 'WORKERS_ALIVE' });
    expect(error.message).toContain('busy-bee');
    expect(existsSync(to)).toBe(false);
    await worker.enqueue('mail');
  });

  test.each<[string, () => string]>([
    ['in PostgreSQL', () => freshSchema(server)],
    ['in a file', freshFile],
  ])('while workers of the target are alive, %s', async (_, place) => {
    const [from, to] = [filledFile(), place()];
    const worker = await startManager(serve, to);
    expect(await codeOf(() => move({ from, to }))).toBe('WORKERS_ALIVE');
    await worker.enqueue('mail');
    expect((await portraitOf(from)).stats.total).toBe(made.jobs);
  });

  test.each<[string, (client: JobManager) => Promise<unknown>]>([
    ['jobs', (client) => client.enqueue('mail', null, { delay: HOUR })],
    ['a pause', (client) => client.pauseQueue('default')],
    ['a limit', (client) => client.limitKey('k', 1)],
  ])('if the target has %s', async (_, fill) => {
    for (const to of [freshSchema(server), freshFile()]) {
      const from = filledFile();
      const client = await startManager({ worker: false }, to);
      await fill(client);
      expect(await codeOf(() => move({ from, to }))).toBe('TARGET_NOT_EMPTY');
      await client.enqueue('mail');
      expect((await portraitOf(from)).stats.total).toBe(made.jobs);
    }
  });

  test('if the target is that of another move', async () => {
    const to = freshSchema(server);
    const other = filledFile();
    await interruptedMove({ from: other, to });
    const from = filledFile();
    expect(await codeOf(() => move({ from, to }))).toBe('MOVE_UNFINISHED');
    expect((await portraitOf(from)).stats.total).toBe(made.jobs);
    expect(await codeOf(() => move({ from: other, to: freshSchema(server) }))).toBe('STORE_MOVED');
    expect(await codeOf(() => move({ from: to, to: freshFile() }))).toBe('MOVE_UNFINISHED');
    expectEqualSides(await move({ from: other, to }));
  });

  test.each<[string, () => MoveOrder, string]>([
    [
      'one file twice',
      () => {
        const from = filledFile();
        return { from, to: `sqlite:${from}` };
      },
      'USAGE',
    ],
    ['a source that is not there', () => ({ from: freshFile(), to: freshSchema(server) }), 'NO_DATABASE'],
    ['a schema that is not there', () => ({ from: freshSchema(server), to: freshFile() }), 'NO_DATABASE'],
    ['a source that is no database', () => ({ from: import.meta.filename, to: freshSchema(server) }), 'STORE_DAMAGED'],
    ['a scheme that nobody knows', () => ({ from: filledFile(), to: 'mysql://localhost/jobs' }), 'UNKNOWN_STORE'],
    [
      'a server that does not answer',
      () => ({ from: filledFile(), to: 'postgres://nobody:hunter2@127.0.0.1:9/none' }),
      'STORE_UNAVAILABLE',
    ],
  ])('%s', async (_, order, code) => {
    const { from, to } = order();
    const error = await refusalOf(() => move({ from, to }));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('hunter2');
    if (from !== import.meta.filename && existsSync(from)) expect((await portraitOf(from)).stats.total).toBe(made.jobs);
  });

  test('one schema twice, by two names of the server', async () => {
    const from = freshSchema(server);
    await (await startManager({ worker: false }, from)).close();
    expect(await codeOf(() => move({ from, to: from.replace('127.0.0.1', 'localhost') }))).toBe('USAGE');
  });
});
