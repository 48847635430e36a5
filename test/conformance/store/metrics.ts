import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import { bucketOf } from '../../../src/job/histogram.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Store } from '../../../src/store/store.ts';
import type { FlowRow, MetricsRange, StoreMetrics } from '../../../src/store/store-metrics.ts';
import type { Subject } from '../describe-store.ts';
import { HOUR, newJob, newJobs, put, putOne, SECOND, startWorker, T0 } from '../fixtures.ts';

const MINUTE = 60_000;
const POLICY = { wait: () => 0, retryTimeouts: true };
const failure = { name: 'Error', message: 'no' };

const ask = (store: Store, given: Partial<MetricsRange> = {}): Promise<StoreMetrics> =>
  store.metrics({ since: T0, until: T0 + HOUR, stepMs: MINUTE, queue: null, type: null, ...given });

const NOTHING: Omit<FlowRow, 'at' | 'type'> = {
  queue: 'default',
  created: 0,
  started: 0,
  completed: 0,
  failed: 0,
  timeout: 0,
  cancelled: 0,
  retried: 0,
  waited: 0,
  waitMs: 0,
  ran: 0,
  runMs: 0,
  waitTimes: [],
  runTimes: [],
};

const flowOf = async (store: Store, given: Partial<MetricsRange> = {}) => (await ask(store, given)).flow;

/** A histogram of the given times. */
const times = (...all: number[]): number[] => {
  const histogram: number[] = [];
  for (const ms of all) {
    while (histogram.length <= bucketOf(ms)) histogram.push(0);
    histogram[bucketOf(ms)]!++;
  }
  return histogram;
};

type Ended = Exclude<Outcome, { kind: 'lost' | 'completed-in-transaction' }>;

const end = (store: Store, job: ClaimedJob, outcome: Ended, at: number) =>
  store.applyChanges([changeFor(job, outcome, POLICY, at)]);

export const metricsCases = ({ test, testTwo, testCaller }: Subject): void => {
  test('a job is counted in the minute in which it was made, began and ended, with the time it waited and ran', async (store) => {
    await putOne(store, {}, T0);
    const worker = await startWorker(store);
    const [job] = await worker.claim({}, T0 + MINUTE + 5);
    await store.applyChanges([complete(job!, null, T0 + 2 * MINUTE)]);
    expect(await flowOf(store)).toEqual([
      { ...NOTHING, at: T0, type: 'mail', created: 1 },
      {
        ...NOTHING,
        at: T0 + MINUTE,
        type: 'mail',
        started: 1,
        waited: 1,
        waitMs: MINUTE + 5,
        waitTimes: times(MINUTE + 5),
      },
      { ...NOTHING, at: T0 + 2 * MINUTE, type: 'mail', completed: 1, ran: 1, runMs: 59_995, runTimes: times(59_995) },
    ]);
  });

  test('every end is told apart; attempts that are followed by another count as retried', async (store) => {
    await put(store, newJobs(8, { maxAttempts: 1, maxCrashes: 1 }));
    await put(store, newJobs(3, { maxAttempts: 2 }));
    const worker = await startWorker(store);
    const jobs = await worker.claim();
    const outcomes: Ended[] = [
      { kind: 'completed', result: null },
      { kind: 'completed', result: null },
      { kind: 'failed', failure },
      { kind: 'failed', failure },
      { kind: 'failed', failure },
      { kind: 'crashed', failure },
      { kind: 'timeout', failure },
      { kind: 'cancelled', reason: 'stop' },
      { kind: 'failed', failure },
      { kind: 'timeout', failure },
      { kind: 'crashed', failure },
    ];
    for (const [i, outcome] of outcomes.entries()) await end(store, jobs[i]!, outcome, T0 + i);
    const ends = { completed: 2, failed: 4, timeout: 1, cancelled: 1, retried: 3, ran: 11, runMs: 55 };
    expect(await flowOf(store)).toMatchObject([{ created: 11, started: 11, ...ends }]);
  });

  test('what was put off or handed back did not end; its next start counts from when it could begin', async (store) => {
    await put(store, newJobs(2));
    const worker = await startWorker(store);
    const [first, second] = await worker.claim();
    await end(store, first!, { kind: 'snoozed', delayMs: 2 * SECOND }, T0 + 5 * SECOND);
    await end(store, second!, { kind: 'released' }, T0 + 5 * SECOND);
    await worker.claim({}, T0 + 8 * SECOND);
    expect(await flowOf(store)).toMatchObject([
      { started: 4, retried: 0, ran: 0, waitMs: 1000 + 3000, waitTimes: times(0, 0, 1000, 3000) },
    ]);
  });

  test('waiting jobs that are cancelled or expire, and orphans of dead workers, count', async (store) => {
    await putOne(store, { id: 'expires', expiresAt: T0 + 1 });
    await putOne(store, { id: 'unwanted' });
    await store.requestCancel({ ids: ['unwanted'] }, 'no', T0);
    await store.expire(T0 + 1);
    await putOne(store, { id: 'orphan', maxCrashes: 2 });
    const worker = await startWorker(store);
    await worker.claim();
    await worker.die(T0 + 10);
    const next = await startWorker(store, 'next');
    await next.claim({}, T0 + 10);
    await next.die(T0 + 30);
    expect(await flowOf(store)).toMatchObject([{ created: 3, cancelled: 2, retried: 1, failed: 1, ran: 2, runMs: 30 }]);
  });

  test('a late result and a refused insert count nothing', async (store) => {
    await putOne(store, { id: 'j' });
    await store.insert([newJob({ id: 'j' })], T0);
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    await store.applyChanges([complete(job!, null, T0)]);
    expect(await store.applyChanges([complete(job!, null, T0)])).toEqual(['late']);
    expect(await flowOf(store)).toMatchObject([{ created: 1, completed: 1, ran: 1 }]);
  });

  test('queues and types are told apart, and asked for one by one', async (store) => {
    await put(store, [...newJobs(2, { queue: 'a' }), newJob({ queue: 'b' }), newJob({ queue: 'b', type: 'report' })]);
    const created = async (given: Partial<MetricsRange>) =>
      (await flowOf(store, given)).map(({ queue, type, created: n }) => `${queue} ${type} ${n}`);
    expect(await created({})).toEqual(['a mail 2', 'b mail 1', 'b report 1']);
    expect(await created({ queue: 'b' })).toEqual(['b mail 1', 'b report 1']);
    expect(await created({ queue: 'b', type: 'report' })).toEqual(['b report 1']);
    expect(await created({ queue: 'none' })).toEqual([]);
  });

  test('minutes are joined to steps from the beginning of the range, and what lies outside is left out', async (store) => {
    for (const minute of [-1, 0, 1, 4, 5, 9, 10]) await putOne(store, {}, T0 + minute * MINUTE);
    const rows = await flowOf(store, { until: T0 + 10 * MINUTE, stepMs: 5 * MINUTE });
    expect(rows.map(({ at, created }) => [(at - T0) / MINUTE, created])).toEqual([
      [0, 3],
      [5, 2],
    ]);
  });

  test('times of many transactions and minutes are added up in one histogram', async (store) => {
    const worker = await startWorker(store);
    const waits = [0, 1, 7, 100, 5000, 70_000, 200_000];
    for (const [i, wait] of waits.entries()) {
      const at = T0 + i * 20 * SECOND;
      await putOne(store, { runAt: at }, at);
      const [job] = await worker.claim({}, at + wait);
      await store.applyChanges([complete(job!, null, at + wait + 3)]);
    }
    const [row] = await flowOf(store, { stepMs: HOUR });
    expect(row).toMatchObject({ created: 7, started: 7, completed: 7, waitMs: 275_108, runMs: 21 });
    expect(row!.waitTimes).toEqual(times(...waits));
    expect(row!.runTimes).toEqual(times(3, 3, 3, 3, 3, 3, 3));
  });

  test('a clock that was set back makes no negative time', async (store) => {
    await putOne(store, { runAt: T0 - 10 });
    const worker = await startWorker(store);
    const [job] = await worker.claim({}, T0 + 1000);
    await store.applyChanges([complete(job!, null, T0 + 500)]);
    expect(await flowOf(store)).toMatchObject([{ waitMs: 1000, runMs: 0, ran: 1 }]);
  });

  test('a sample of depth tells what waits and runs, per queue and in all; a step shows its deepest', async (store) => {
    await put(store, [...newJobs(3, { queue: 'a' }), ...newJobs(2, { queue: 'b', status: 'created' })]);
    const worker = await startWorker(store);
    await worker.claim({ n: 1, queues: ['a'] });
    await store.sampleDepths(T0 + 59_999, null);
    await worker.claim({ n: 1, queues: ['a'] });
    await store.sampleDepths(T0 + 2 * MINUTE, null);
    const depth = async (given: Partial<MetricsRange> = {}) =>
      (await ask(store, given)).depth.map(({ at, waiting, running }) => [(at - T0) / MINUTE, waiting, running]);
    expect(await depth()).toEqual([
      [0, 4, 1],
      [2, 3, 2],
    ]);
    expect(await depth({ queue: 'b' })).toEqual([
      [0, 2, 0],
      [2, 2, 0],
    ]);
    expect(await depth({ queue: 'a', stepMs: 5 * MINUTE })).toEqual([[0, 2, 2]]);
    expect(await depth({ since: T0 + MINUTE, until: T0 + 2 * MINUTE })).toEqual([]);
  });

  test('a queue that has emptied shows nothing, not its last depth; a second sample of a minute takes the place of the first', async (store) => {
    await store.sampleDepths(T0, null);
    await put(store, newJobs(2, { queue: 'a' }));
    await store.sampleDepths(T0 + 30 * SECOND, null);
    await store.requestCancel({ filter: {} }, 'no', T0 + MINUTE);
    await store.sampleDepths(T0 + MINUTE, null);
    const { depth } = await ask(store, { queue: 'a' });
    expect(depth.map(({ waiting }) => waiting)).toEqual([2, 0]);
  });

  test('what is old is forgotten, a bounded number at once, and the rest is kept', async (store) => {
    for (let minute = 0; minute < 12; minute++)
      await put(
        store,
        Array.from({ length: 200 }, (_, i) => newJob({ type: `t${i}` })),
        T0 + minute * MINUTE,
      );
    await store.sampleDepths(T0, null);
    let forgotten = 0;
    let rounds = 0;
    for (let n = 1; n > 0; forgotten += n, rounds++) {
      n = await store.sampleDepths(T0 + 12 * MINUTE, T0 + 11 * MINUTE);
      expect(n).toBeLessThanOrEqual(5000);
    }
    expect(forgotten).toBe(11 * 200 + 2);
    expect(rounds).toBeGreaterThan(2);
    const { flow, depth } = await ask(store);
    expect(flow.length).toBe(200);
    expect(depth.map(({ at }) => at)).toEqual([T0 + 12 * MINUTE]);
  });

  test('however many jobs a minute moves, it leaves one row per queue and type', async (store) => {
    for (let n = 0; n < 20; n++) await put(store, [newJob({ queue: 'a' }), newJob({ queue: 'b', type: 'report' })]);
    const worker = await startWorker(store);
    for (let n = 0; n < 8; n++)
      await store.applyChanges((await worker.claim({ n: 5 })).map((job) => complete(job, null, T0 + n)));
    expect(await flowOf(store)).toMatchObject([
      { queue: 'a', type: 'mail', created: 20, completed: 20 },
      { queue: 'b', type: 'report', created: 20, completed: 20 },
    ]);
  });

  testTwo('two processes count into the same minute', async (first, second) => {
    await Promise.all([put(first, newJobs(20)), put(second, newJobs(30))]);
    const workers = [await startWorker(first, 'one'), await startWorker(second, 'two')] as const;
    for (let round = 0; round < 5; round++)
      await Promise.all(
        workers.map(async (worker, i) => {
          const jobs = await worker.claim({ n: 5 });
          await [first, second][i]!.applyChanges(jobs.map((job) => complete(job, null, T0 + 4)));
        }),
      );
    const [row] = await flowOf(second);
    expect(row).toMatchObject({ created: 50, started: 50, completed: 50, ran: 50, runMs: 200 });
    expect(row!.runTimes).toEqual(times(...Array.from({ length: 50 }, () => 4)));
  });

  testCaller('what a caller rolls back was not counted', async (store, caller) => {
    await caller.begin();
    await store.insertWithin(caller.tx, newJobs(2), T0);
    await caller.rollback();
    await caller.begin();
    await store.insertWithin(caller.tx, newJobs(3), T0);
    await caller.commit();
    expect(await flowOf(store)).toMatchObject([{ created: 3 }]);
  });
};
