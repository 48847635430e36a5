/** The engine on PostgreSQL: the same handlers and promises as on SQLite, over several managers and processes. */
import { job } from 'backline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { Child, endChildren } from '../crash/child.ts';
import { listen, only, startManager, statesOf } from '../managers.ts';
import { aborted } from '../mock-job-executor.ts';
import { nextEvent, until } from '../wait.ts';
import { connectTo } from './clients.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterEach(endChildren);
afterAll(() => server.dispose());

const echo = job({ run: (payload: unknown) => payload });
const wait = job({ run: (_: unknown, ctx) => aborted(ctx.signal) });
const flaky = job({
  maxAttempts: 2,
  run: (_: unknown, ctx) => {
    if (ctx.attempt === 1) throw new TypeError('the first time');
    return ctx.attempt;
  },
});

test('jobs run, fail, are tried again and give their results, and every manager hears of each move in order', async () => {
  const url = freshSchema(server);
  const [one, two] = [
    await startManager({ jobs: { echo, flaky } }, url),
    await startManager({ jobs: { echo, flaky }, worker: false }, url),
  ];
  const heard = [listen(one), listen(two)];
  const handed = [];
  for (let i = 0; i < 40; i++) handed.push(await (i % 2 ? one : two).enqueue('echo', i));
  const tried = await two.enqueue('flaky');
  expect(await two.result(tried)).toBe(2);
  for (const [i, { id }] of handed.entries()) expect(await two.result(id)).toBe(i);
  for (const events of heard) {
    await until(() => only(events, 'job-completed').length === 41);
    for (const { id } of handed) expect(statesOf(events, id)).toEqual(['created', 'queued', 'running', 'completed']);
  }
  expect((await one.attempts(tried.id)).map(({ outcome }) => outcome)).toEqual(['failed', 'completed']);
});

test('a cancel, a retry, a pause and a limit reach the worker in another process', async () => {
  const url = freshSchema(server);
  const worker = await startManager({ jobs: { wait, echo } }, url);
  const boss = await startManager({ worker: false }, url);
  const { id } = await boss.enqueue('wait');
  await until(async () => (await boss.get(id))?.status === 'running');
  expect(await boss.cancel(id, { reason: 'from afar' })).toBe('requested');
  await expect(boss.result(id)).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  const again = nextEvent(worker, 'job-status-changed', (event) => event.jobId === id && event.status === 'running');
  expect(await boss.retry(id)).toBe(true);
  await again;
  await boss.cancel(id);
  await boss.pauseQueue('default', { reason: 'night' });
  const held = await boss.enqueue('echo', 1);
  expect((await worker.queues())[0]).toMatchObject({ paused: true, pausedReason: 'night' });
  expect(await worker.get(held.id)).toMatchObject({ status: 'queued' });
  await boss.resumeQueue('default');
  expect(await boss.result(held)).toBe(1);
});

test('two hundred jobs and four workers: each runs exactly once, and more than one takes part', async () => {
  const url = freshSchema(server);
  const ran: string[] = [];
  const task = job({
    run: async (n: unknown) => {
      ran.push(String(n));
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  const start = (processId: string) => startManager({ jobs: { task }, processId, maxConcurrentJobs: 2 }, url);
  const managers = [await start('a'), await start('b'), await start('c'), await start('d')];
  await managers[0]!.enqueueMany(Array.from({ length: 200 }, (_, i) => ({ type: 'task' as const, payload: i })));
  await until(async () => (await managers[0]!.count({ status: 'completed' })) === 200);
  expect(ran.length).toBe(200);
  expect(new Set(ran).size).toBe(200);
  expect(new Set((await managers[0]!.getAllJobs()).map(({ worker }) => worker)).size).toBeGreaterThan(1);
});

test('a job and the data of the application commit together, and a wake-up follows', async () => {
  const url = freshSchema(server);
  const manager = await startManager({ jobs: { echo } }, url);
  const client = await connectTo(server.url());
  try {
    await client.query('CREATE TABLE orders (id text)');
    await client.query('BEGIN');
    await client.query(`INSERT INTO orders VALUES ('o1')`);
    const { id } = await manager.enqueue('echo', 'o1', { tx: client });
    expect(await manager.get(id)).toBeNull();
    await client.query('COMMIT');
    expect(await manager.result(id)).toBe('o1');
    await client.query('BEGIN');
    const gone = await manager.enqueue('echo', 'o2', { tx: client });
    await client.query('ROLLBACK');
    expect(await manager.get(gone.id)).toBeNull();
  } finally {
    await client.end();
  }
});

test('a handler that completes its job within its own transaction completes it once, with its data', async () => {
  const url = freshSchema(server);
  const client = await connectTo(server.url());
  await client.query('CREATE TABLE sums (n int)');
  const task = job({
    run: async (n: unknown, ctx) => {
      await client.query('BEGIN');
      await client.query('INSERT INTO sums VALUES ($1)', [n]);
      await ctx.complete(client, { n });
      await client.query('COMMIT');
    },
  });
  const manager = await startManager({ jobs: { task } }, url);
  try {
    expect(await manager.result(await manager.enqueue('task', 5))).toEqual({ n: 5 });
    expect((await client.query('SELECT n FROM sums')).rows).toEqual([{ n: 5 }]);
  } finally {
    await client.end();
  }
});

test('the jobs of a worker that was killed are taken by another, and count as a crash', async () => {
  const url = freshSchema(server);
  const child = new Child('engine-child.ts', { file: url, name: 'dying', slots: 3 });
  await child.fact((fact) => fact.fact === 'started');
  const boss = await startManager({ worker: false }, url);
  const handed = [];
  for (let i = 0; i < 3; i++) handed.push(await boss.enqueue('told', i));
  await until(async () => (await boss.count({ status: 'running' })) === 3);
  child.kill('SIGKILL');
  await child.ended;
  const told = job({ run: () => 'rescued' });
  const rescuer = await startManager({ jobs: { told }, processId: 'rescuer' }, url);
  for (const { id } of handed) {
    expect(await rescuer.result(id)).toBe('rescued');
    expect(await rescuer.get(id)).toMatchObject({ crashes: 1, attempts: 1, worker: 'rescuer' });
    expect((await rescuer.attempts(id)).map(({ outcome }) => outcome)).toEqual(['crashed', 'completed']);
  }
}, 60_000);

test('a worker whose event loop is blocked keeps its lease', async () => {
  const url = freshSchema(server);
  const child = new Child('engine-child.ts', { file: url, name: 'busy', leaseMs: 1000 });
  await child.fact((fact) => fact.fact === 'started');
  const boss = await startManager({ queues: [], lease: 1000 }, url);
  const { id } = await boss.enqueue('block', 4000);
  await until(async () => (await boss.get(id))?.status === 'running');
  expect(await boss.result(id)).toBe('busy');
  expect(await boss.get(id)).toMatchObject({ crashes: 0, attempts: 1 });
}, 60_000);

test('times are those of the database, not of the machine', async () => {
  const url = freshSchema(server);
  const manager = await startManager({ jobs: { echo } }, url);
  const store = await openPostgres(url);
  expect(Math.abs(store.clockOffsetMs)).toBeLessThan(1000);
  const { id } = await manager.enqueue('echo', 1);
  await manager.result(id);
  const schema = new URL(url).searchParams.get('schema');
  const [row] = await query(
    server.url(),
    `SELECT status, created_at <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS past, timeout_seconds::int AS timeout
     FROM ${schema}.jobs WHERE id = $1`,
    [id],
  );
  expect(row).toEqual({ status: 'completed', past: true, timeout: 300 });
  await store.close();
});

test('an error, a log line and a tag with the character 0, which PostgreSQL cannot hold, are written all the same', async () => {
  const url = freshSchema(server);
  const odd = job({
    maxAttempts: 1,
    run: (_: unknown, ctx) => {
      ctx.log.info({ field: 'a\0b' }, 'line\0');
      throw new TypeError('bad byte \0 here');
    },
  });
  const manager = await startManager({ jobs: { odd } }, url);
  const { id } = await manager.enqueue('odd', { text: 'x\0y' }, { tags: ['t'] });
  await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_FAILED' });
  expect(await manager.get(id)).toMatchObject({
    ...{ status: 'failed', payload: { text: 'x\0y' }, error: 'bad byte \uFFFD here' },
  });
  const found = async (text: string) => (await manager.list({ payload: { text } })).jobs.map((one) => one.id);
  expect([await found('z'), await found('x\0y')]).toEqual([[], [id]]);
  await until(async () => (await manager.logs(id)).length === 1);
});
