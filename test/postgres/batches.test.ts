/** Batches and metrics on PostgreSQL: the engine's promises in short, and what only many writers at once can break. */
import { createRequire } from 'node:module';
import { type BatchEnd, type Context, job } from 'backline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { changeFor, complete } from '../../src/job/change.ts';
import type { ClaimedJob } from '../../src/job/job.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { list, newJob, newJobs, put, startWorker, statusOf, T0 } from '../conformance/fixtures.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { Child, endChildren } from '../crash/child.ts';
import { listen, only, startManager, statesOf } from '../managers.ts';
import { aborted } from '../mock-job-executor.ts';
import { until } from '../wait.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterEach(endChildren);
afterAll(() => server.dispose());

const { Client } = createRequire(import.meta.url)('pg');

const counts = (total: number, given: object) => ({
  ...{ total, completed: 0, failed: 0, timeout: 0, cancelled: 0 },
  ...given,
});

/** Managers of one database, each with a worker; what a piece does says its payload. */
const managers = async (n: number, slots = 4) => {
  const url = freshSchema(server);
  const healed = new Set<string>();
  const ends: BatchEnd[] = [];
  const runPiece = (what: string, ctx: Context) => {
    if (what === 'fail' && !healed.has(what)) throw new Error('no');
    return what === 'wait' ? aborted(ctx.signal) : what;
  };
  const jobs = {
    piece: job({ maxAttempts: 1, run: async (what: string, ctx: Context) => runPiece(what, ctx) }),
    grow: job({
      run: async (left: number, ctx: Context) => {
        if (left > 0) await ctx.enqueue('grow', left - 1, { parent: ctx.job.parentId! });
      },
    }),
    told: job({
      run: async (end: BatchEnd) => {
        ends.push(end);
      },
    }),
  };
  const all = [];
  for (let i = 0; i < n; i++)
    all.push(await startManager({ jobs, processId: `p${i}`, maxConcurrentJobs: slots, lease: 2000 }, url));
  return { url, all, ends, healed };
};

const pieces = (...what: string[]) => what.map((payload) => ({ type: 'piece', payload }) as const);
const CALLS = { onSuccess: { type: 'told', payload: 'good' }, onFailure: { type: 'told', payload: 'bad' } } as const;

test('a batch runs on every worker there is, tells all how far it is, and calls back once', async () => {
  const { all, ends } = await managers(3);
  const heard = all.map((manager) => listen(manager));
  const jobs = pieces(...Array.from({ length: 120 }, (_, i) => (i % 40 === 7 ? 'fail' : `${i}`)));
  const { id } = await all[0]!.enqueueBatch({ type: 'album', jobs, ...CALLS, onEnd: { type: 'told' } });
  const result = counts(120, { completed: 117, failed: 3 });
  expect(await all[1]!.result(id)).toEqual(result);
  expect(await all[2]!.get(id)).toMatchObject({ status: 'completed', progress: 100, worker: null, batch: result });
  await until(() => ends.length === 2);
  expect(ends.map(({ payload, batch }) => [payload, batch.completed])).toEqual(
    expect.arrayContaining([
      ['good', 117],
      [null, 117],
    ]),
  );
  for (const events of heard) {
    await until(() => statesOf(events, id).at(-1) === 'completed');
    expect(statesOf(events, id)).toEqual(['created', 'running', 'completed']);
    const told = only(events, 'job-progress').filter(({ jobId }) => jobId === id);
    expect(told.map(({ progress }) => progress)).toEqual(
      [...new Set(told.map(({ progress }) => progress))].sort((a, b) => a - b),
    );
  }
  const children = (await all[0]!.list({ parent: id }, { limit: 200 })).jobs;
  expect(new Set(children.map(({ worker }) => worker)).size).toBeGreaterThan(1);
}, 60_000);

test('what fails fast has the rest cancelled, wherever it runs; a new life of it runs again what did not complete', async () => {
  const { all, ends, healed } = await managers(2, 2);
  const outer = await all[0]!.enqueueBatch({
    type: 'outer',
    jobs: [],
    open: true,
    failurePolicy: 'fail-fast',
    ...CALLS,
  });
  const inner = await all[1]!.enqueueBatch({
    ...{ type: 'inner', jobs: pieces('a', 'wait', 'wait', 'fail'), failurePolicy: 'fail-fast', parent: outer.id },
  });
  await expect(all[0]!.result(outer.id)).rejects.toMatchObject({ code: 'JOB_FAILED' });
  const first = (await all[0]!.get(inner.id))!;
  expect(first).toMatchObject({ status: 'failed', batch: { total: 4, completed: 1, failed: 1, cancelled: 2 } });
  await until(() => ends.length === 1);
  healed.add('fail');
  const waiting = (await all[0]!.list({ parent: inner.id })).jobs.filter(({ payload }) => payload === 'wait');
  for (const { id } of waiting) expect(await all[0]!.remove(id)).toBe(true);
  expect(await all[1]!.retry(outer.id)).toBe(true);
  expect(await all[0]!.result(outer.id)).toEqual(counts(1, { completed: 1 }));
  expect(await all[0]!.get(inner.id)).toMatchObject({
    status: 'completed',
    life: 2,
    batch: counts(2, { completed: 2 }),
  });
  await until(() => ends.length === 2);
  expect(ends.map(({ payload }) => payload)).toEqual(['bad', 'good']);
}, 60_000);

test('it takes jobs that its own jobs hand in, ends when its time is over, and is cancelled as a whole', async () => {
  const { all } = await managers(2);
  const [one, two] = [all[0]!, all[1]!];
  const growing = await one.enqueueBatch({ type: 'growing', jobs: [{ type: 'grow', payload: 5 }] });
  expect((await two.result(growing.id)) as object).toMatchObject({ completed: 6 });
  const late = await one.enqueueBatch({ type: 'late', jobs: pieces('wait', 'a'), totalTimeout: 200 });
  await expect(two.result(late.id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
  const open = await one.enqueueBatch({ type: 'open', jobs: pieces('wait', 'wait', 'wait'), open: true });
  await until(async () => (await two.count({ parent: open.id, status: 'running' })) === 3);
  expect(await two.cancel(open.id, { reason: 'enough' })).toBe('requested');
  await expect(one.result(open.id)).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  await expect(one.enqueue('piece', 'a', { parent: open.id })).rejects.toMatchObject({ code: 'BATCH_ENDED' });
}, 60_000);

test("a batch exists if and only if the caller's transaction commits", async () => {
  const { all, ends } = await managers(1);
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    for (const end of ['ROLLBACK', 'COMMIT']) {
      await client.query('BEGIN');
      const batch = { type: 'b', jobs: pieces('a', 'b'), tx: client, onEnd: { type: 'told' } } as const;
      const { id } = await all[0]!.enqueueBatch(batch);
      expect(await all[0]!.get(id)).toBeNull();
      await client.query(end);
      if (end === 'COMMIT') expect(await all[0]!.result(id)).toEqual(counts(2, { completed: 2 }));
      else expect(await all[0]!.get(id)).toBeNull();
    }
    await until(() => ends.length === 1);
  } finally {
    await client.end();
  }
});

test('the jobs of a batch whose worker was killed are taken by another, and it ends', async () => {
  const url = freshSchema(server);
  const child = new Child('engine-child.ts', { file: url, name: 'dying', slots: 2 });
  await child.fact((fact) => fact.fact === 'started');
  const boss = await startManager({ worker: false, jobs: { told: job({ run: () => 'rescued' }) } }, url);
  const jobs = [0, 1, 2].map((payload) => ({ type: 'told' as const, payload }));
  const { id } = await boss.enqueueBatch({ type: 'b', jobs, failurePolicy: 'fail-fast' });
  await until(async () => (await boss.count({ parent: id, status: 'running' })) === 2);
  child.kill('SIGKILL');
  await child.ended;
  const rescuer = await startManager({ jobs: { told: job({ run: () => 'rescued' }) } }, url);
  expect(await rescuer.result(id)).toEqual(counts(3, { completed: 3 }));
}, 60_000);

test('figures of all processes are added up, before and after they are folded', async () => {
  const { all, url } = await managers(2);
  const since = Date.now() - 60_000;
  await all[0]!.enqueueBatch({ type: 'b', jobs: pieces(...Array.from({ length: 50 }, () => 'a')) });
  await until(async () => (await all[1]!.count({ type: 'piece', status: 'completed' })) === 50);
  const seen = async () => {
    const { total } = await all[1]!.metrics({ since, until: since + 120_000, type: 'piece' });
    return total;
  };
  const before = await seen();
  expect(before).toMatchObject({ created: 50, started: 50, completed: 50 });
  const schema = new URL(url).searchParams.get('schema');
  await until(async () => (await query(server.url(), `SELECT 1 FROM ${schema}.job_minute_deltas`)).length === 0);
  expect(await seen()).toEqual(before);
}, 60_000);

const POLICY = { wait: () => 0, retryTimeouts: true };
const failed = (claimed: ClaimedJob) =>
  changeFor(claimed, { kind: 'failed', failure: { name: 'E', message: 'no' }, retry: 'never' }, POLICY, T0);
const cancelled = (claimed: ClaimedJob) => changeFor(claimed, { kind: 'cancelled', reason: 'no' }, POLICY, T0);

const callbacksOf = (id: string) =>
  (['failure', 'success', 'end'] as const).map((on) => {
    const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } = newJob();
    const limits = { maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey };
    const given = { id: `${id}-${on}`, type: 'report', queue, priority, payload: '1', ...limits, tags, userInitiated };
    return { on, job: given, delayMs: 0, runAt: null, startMs: null };
  });

const batchOf = (id: string, n: number, policy: 'finish' | 'fail-fast', parentId: string | null) => [
  newJob({ id, type: 'album', timeoutMs: null, parentId, batch: { policy, open: false, callbacks: callbacksOf(id) } }),
  ...newJobs(n, { parentId: id }),
];

/** Claims and ends jobs until nothing is left: every few fail, so that others are cancelled under other workers' hands. */
const workOff = async (store: Store, name: string, random: () => number): Promise<void> => {
  const worker = await startWorker(store, name, { types: ['mail'] });
  for (let idle = 0; idle < 20; ) {
    const jobs = await worker.claim({ n: 1 + Math.floor(random() * 4), types: ['mail'] });
    idle = jobs.length === 0 ? idle + 1 : 0;
    const ends = jobs.map((one) => (random() < 0.1 ? failed(one) : complete(one, '1', T0)));
    const outcomes = await Promise.all(ends.map(async (end) => (await store.applyChanges([end]))[0]!));
    const asked = jobs.filter((_, i) => outcomes[i] === 'cancel-requested');
    await store.applyChanges(asked.map(cancelled));
  }
};

test('four processes end, cancel and add jobs of nested batches at once: each ends once, and nobody waits for a deadlock', async () => {
  const url = freshSchema(server);
  const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgres(url, { durability: 'process' })));
  try {
    const first = stores[0]!;
    const ids: string[] = [];
    for (let b = 0; b < 12; b++) {
      ids.push(`o${b}`);
      await put(first, batchOf(`o${b}`, 4, b % 2 ? 'finish' : 'fail-fast', null));
      for (let i = 0; i < 4; i++) {
        ids.push(`o${b}i${i}`);
        await put(first, batchOf(`o${b}i${i}`, 8, i % 2 ? 'finish' : 'fail-fast', `o${b}`));
      }
    }
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const meddle = async (store: Store): Promise<void> => {
      for (let n = 0; n < 60; n++) {
        const id = ids[Math.floor(random() * ids.length)]!;
        if (random() < 0.2) await store.requestCancel({ ids: [id] }, 'no', T0);
        else await store.insert(newJobs(2, { parentId: id }), T0);
      }
    };
    await Promise.all([
      ...stores.map((store, i) => workOff(store, `w${i}`, random)),
      meddle(stores[1]!),
      meddle(stores[2]!),
    ]);
    // What a claim had in hand when its batch was cancelled is asked a moment later, and ended here.
    await until(async () => {
      await workOff(first, `last${seed++}`, random);
      await first.expire(T0);
      const open = await Promise.all(ids.map((id) => statusOf(first, id)));
      return open.every((status) => status !== 'running');
    });
    const reports = new Set((await list(first, { type: 'report' })).map(({ id }) => id));
    for (const id of ids) {
      const status = await statusOf(first, id);
      const which = status === 'completed' ? 'success' : 'failure';
      expect([...reports].filter((one) => one.startsWith(`${id}-`)).sort(), `${id} ${status}`).toEqual(
        [`${id}-end`, `${id}-${which}`].sort(),
      );
    }
    expect(await first.checkIntegrity()).toEqual({ ok: true, problems: [] });
    const [row] = await query(
      server.url(),
      'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(row).toEqual({ n: 0 });
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}, 120_000);

test("a job that ends in a caller's own transaction holds up its batch, and nothing else, until that commits", async () => {
  const url = freshSchema(server);
  const store = await openPostgres(url);
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  try {
    await put(store, batchOf('b', 2, 'finish', null));
    const [one, two] = await (await startWorker(store, 'w', { types: ['mail'] })).claim({ types: ['mail'] });
    await client.query('BEGIN');
    expect(await store.applyWithin(client, [complete(one!, '1', T0)])).toEqual(['applied']);
    let ended = false;
    const ending = store.applyChanges([complete(two!, '1', T0)]).then(() => {
      ended = true;
    });
    const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%job_batches%'`;
    await until(async () => (await query(server.url(), waits)).length > 0);
    await put(store, newJobs(3));
    expect([ended, await statusOf(store, 'b')]).toEqual([false, 'running']);
    await client.query('COMMIT');
    await ending;
    expect(await store.get('b')).toMatchObject({ status: 'completed', result: counts(2, { completed: 2 }) });
  } finally {
    await client.end();
    await store.close();
  }
});
