import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  drain,
  HOUR,
  ids,
  list,
  newJob,
  newJobs,
  put,
  putOne,
  random,
  startWorker,
  T0,
  type TestWorker,
} from '../fixtures.ts';

const finish = (store: Store, jobs: readonly ClaimedJob[]) =>
  store.applyChanges(jobs.map((job) => complete(job, null, T0)));

/** Several workers claim and finish at random until nothing is left; after every step the limits must hold. */
const race = async (stores: readonly Store[], seed: number, check: () => Promise<void>): Promise<string[]> => {
  const { below, oneOf } = random(seed);
  const workers: { store: Store; worker: TestWorker; has: ClaimedJob[] }[] = [];
  for (const [i, store] of stores.entries())
    for (const name of ['a', 'b']) workers.push({ store, worker: await startWorker(store, `${name}${i}`), has: [] });
  const order: string[] = [];
  for (let idle = 0; idle < 12; ) {
    const claims = await Promise.all(workers.map(({ worker }) => worker.claim({ n: 1 + below(5) })));
    for (const [i, jobs] of claims.entries()) {
      workers[i]!.has.push(...jobs);
      order.push(...ids(jobs));
    }
    await check();
    const { store, has } = oneOf(workers);
    await finish(store, has.splice(0, 1 + below(4)));
    idle = claims.flat().length + workers.flatMap((worker) => worker.has).length === 0 ? idle + 1 : 0;
  }
  return order;
};

export const limitCases = ({ test, testTwo }: Subject): void => {
  test('a paused queue gives out nothing, others do; resumed, it goes on where it was', async (store) => {
    await put(store, [newJob({ id: 'a', queue: 'a', priority: 1 }), newJob({ id: 'b', queue: 'b' })]);
    await store.setQueue('a', { pause: { reason: 'repair', actor: 'ada', until: null } }, T0);
    const worker = await startWorker(store);
    expect(ids(await worker.claim())).toEqual(['b']);
    expect(ids(await worker.claim({ queues: ['a'] }))).toEqual([]);
    expect(await store.queues(T0)).toMatchObject([
      { name: 'a', paused: true, pausedReason: 'repair', pausedBy: 'ada', pausedUntil: null, counts: { queued: 1 } },
      { name: 'b', paused: false, pausedReason: null, counts: { running: 1 } },
    ]);
    await store.setQueue('a', { pause: null }, T0);
    expect(ids(await worker.claim())).toEqual(['a']);
  });

  test('a pause with an end ends by itself', async (store) => {
    await putOne(store, { id: 'a', queue: 'a' });
    await store.setQueue('a', { pause: { reason: null, actor: null, until: T0 + HOUR } }, T0);
    const worker = await startWorker(store);
    expect(await worker.claim({}, T0 + HOUR - 1)).toEqual([]);
    expect((await store.queues(T0 + HOUR - 1))[0]).toMatchObject({ paused: true, pausedUntil: T0 + HOUR });
    expect((await store.queues(T0 + HOUR))[0]).toMatchObject({ paused: false, pausedUntil: null });
    expect(ids(await worker.claim({}, T0 + HOUR))).toEqual(['a']);
  });

  test('a pause and a limit of a queue do not undo each other', async (store) => {
    await store.setQueue('q', { maxRunning: 2 }, T0);
    await store.setQueue('q', { pause: { reason: null, actor: null, until: null } }, T0);
    expect((await store.queues(T0))[0]).toMatchObject({ paused: true, maxRunning: 2 });
    await store.setQueue('q', { pause: null }, T0);
    expect((await store.queues(T0))[0]).toMatchObject({ paused: false, maxRunning: 2 });
    await store.setQueue('q', { maxRunning: null }, T0);
    expect((await store.queues(T0))[0]).toMatchObject({ paused: false, maxRunning: null });
  });

  test('a queue limit counts running jobs, whoever runs them', async (store) => {
    await store.setQueue('q', { maxRunning: 3 }, T0);
    await put(store, newJobs(10, { queue: 'q' }));
    const [a, b] = [await startWorker(store, 'a'), await startWorker(store, 'b')];
    const first = await a.claim({ n: 2 });
    expect(await b.claim({ n: 10 })).toHaveLength(1);
    expect(await a.claim({ n: 10 })).toHaveLength(0);
    await finish(store, first);
    expect(await b.claim({ n: 10 })).toHaveLength(2);
  });

  test('a limit of 0 stops a queue or a key, until it is raised', async (store) => {
    await store.setQueue('q', { maxRunning: 0 }, T0);
    await store.setKeyLimit('k', 0);
    await put(store, [newJob({ id: 'queue', queue: 'q' }), newJob({ id: 'key', limitKey: 'k' })]);
    const worker = await startWorker(store);
    expect(await worker.claim()).toEqual([]);
    await store.setQueue('q', { maxRunning: 1 }, T0);
    await store.setKeyLimit('k', 1);
    expect(ids(await worker.claim()).sort()).toEqual(['key', 'queue']);
  });

  test('a key limit counts over all queues; jobs without the key are not held up', async (store) => {
    await store.setKeyLimit('k', 2);
    await put(
      store,
      ['a', 'b', 'c'].flatMap((queue) => newJobs(3, { queue, limitKey: 'k', priority: 1 })),
    );
    const free = await put(store, newJobs(2, { queue: 'c', priority: 9 }));
    const worker = await startWorker(store);
    const first = await worker.claim({ n: 4 });
    expect(first.filter(({ limitKey }) => limitKey === 'k')).toHaveLength(2);
    expect(ids(first.filter(({ limitKey }) => limitKey === null))).toEqual(free);
    expect(await worker.claim()).toEqual([]);
    await finish(store, [first[0]!]);
    expect(await worker.claim()).toHaveLength(1);
  });

  test('within a key the order holds: priority, run time, insertion', async (store) => {
    await store.setKeyLimit('k', 1);
    const { below } = random(11);
    const jobs = Array.from({ length: 40 }, () =>
      newJob({ limitKey: 'k', priority: 1 + below(3), runAt: T0 - below(3) }),
    );
    await put(store, jobs);
    const expected = jobs
      .map((job, i) => ({ ...job, i }))
      .sort((a, b) => a.priority - b.priority || a.runAt - b.runAt || a.i - b.i);
    expect(await drain(store, await startWorker(store))).toEqual(ids(expected));
  });

  test('a key whose best job lies in a paused queue goes on in the others', async (store) => {
    await store.setKeyLimit('k', 1);
    await put(store, [
      newJob({ id: 'blocked', queue: 'paused', limitKey: 'k', priority: 1 }),
      ...newJobs(3, { queue: 'open', limitKey: 'k' }),
    ]);
    await store.setQueue('paused', { pause: { reason: null, actor: null, until: null } }, T0);
    const worker = await startWorker(store);
    expect(await drain(store, worker)).toHaveLength(3);
    await store.setQueue('paused', { pause: null }, T0);
    expect(await drain(store, worker)).toEqual(['blocked']);
  });

  test('a key whose best job is of a type nobody here knows goes on with the next', async (store) => {
    await store.setKeyLimit('k', 1);
    await put(store, [
      newJob({ id: 'unknown', type: 'report', limitKey: 'k', priority: 1 }),
      newJob({ id: 'known', type: 'mail', limitKey: 'k' }),
    ]);
    const mailer = await startWorker(store);
    expect(ids(await mailer.claim({ types: ['mail'] }))).toEqual(['known']);
  });

  test('a queue with a small limit whose first jobs are blocked by their key still gives out the next', async (store) => {
    await store.setKeyLimit('k', 1);
    await store.setQueue('q', { maxRunning: 1 }, T0);
    await putOne(store, { id: 'holder', queue: 'other', limitKey: 'k', priority: 1 });
    const worker = await startWorker(store);
    expect(ids(await worker.claim())).toEqual(['holder']);
    await put(store, newJobs(50, { queue: 'q', limitKey: 'k', priority: 1 }));
    await putOne(store, { id: 'free', queue: 'q', priority: 9 });
    expect(ids(await worker.claim())).toEqual(['free']);
  });

  test('a hundred jobs of unknown types at the head of a queue with a small limit do not stop it', async (store) => {
    await store.setQueue('q', { maxRunning: 1 }, T0);
    await put(store, newJobs(100, { queue: 'q', type: 'report', priority: 1 }));
    await putOne(store, { id: 'known', queue: 'q', priority: 9 });
    const request = { owner: (await startWorker(store)).owner, n: 10, types: ['mail'] };
    let answer = await store.claim(request, T0);
    // An answer without jobs that is due at once means: there was too much to put aside, ask again.
    for (let i = 0; i < 100 && answer.jobs.length === 0 && answer.nextAt === T0; i++)
      answer = await store.claim(request, T0);
    expect(ids(answer.jobs)).toEqual(['known']);
  });

  test('a thousand parked jobs all run when the limit is lifted', async (store) => {
    await store.setKeyLimit('k', 1);
    await put(store, newJobs(1200, { limitKey: 'k' }));
    await store.setKeyLimit('k', null);
    expect(await drain(store, await startWorker(store), 400)).toHaveLength(1200);
  });

  test('every way out of the key lets the next one in', async (store) => {
    await store.setKeyLimit('k', 1);
    const worker = await startWorker(store);
    const policy = { wait: () => HOUR, retryTimeouts: true };
    const failure = { name: 'Error', message: 'no' };
    const ways: ((job: ClaimedJob) => Promise<unknown>)[] = [
      (job) => finish(store, [job]),
      (job) => store.applyChanges([changeFor(job, { kind: 'failed', failure, retry: 'never' }, policy, T0)]),
      (job) => store.applyChanges([changeFor(job, { kind: 'failed', failure }, policy, T0)]),
      (job) => store.applyChanges([changeFor(job, { kind: 'snoozed', delayMs: HOUR }, policy, T0)]),
      (job) => store.applyChanges([changeFor(job, { kind: 'cancelled', reason: 'no' }, policy, T0)]),
    ];
    await put(store, newJobs(ways.length + 1, { limitKey: 'k' }));
    for (const way of ways) {
      const jobs = await worker.claim();
      expect(jobs).toHaveLength(1);
      await way(jobs[0]!);
    }
    const [last] = await worker.claim();
    await worker.die();
    expect(ids(await (await startWorker(store, 'next')).claim())).toEqual([last!.id]);
  });

  test('every way to take back an open waiting job lets the next one in', async (store) => {
    await store.setKeyLimit('k', 1);
    const worker = await startWorker(store);
    const next = newJob({ limitKey: 'k', runAt: T0 - 1 });
    const ways: ((id: string) => Promise<unknown>)[] = [
      (id) => store.requestCancel({ ids: [id] }, 'no', T0),
      (id) => store.remove({ ids: [id] }, T0),
      (id) => store.adjust(id, { runAt: T0 + HOUR }, T0),
      (id) => store.adjust(id, { held: true }, T0),
      (id) => store.insert([newJob({ key: id, limitKey: null, runAt: T0 + HOUR, onConflict: 'replace' })], T0),
      () => store.expire(T0),
    ];
    for (const way of ways) {
      const id = `open-${ways.indexOf(way)}`;
      await put(
        store,
        [newJob({ id, key: id, limitKey: 'k', expiresAt: T0, runAt: T0 - 1 }), { ...next, id: `${id}-next` }],
        T0 - 1,
      );
      await way(id);
      const jobs = await worker.claim({}, T0 - 1);
      expect(ids(jobs), id).toEqual([`${id}-next`]);
      await finish(store, jobs);
    }
  });

  for (const seed of [1, 2, 3, 4])
    test(`limits per queue and per key are exact with racing claimers and many queues (seed ${seed})`, async (store) => {
      await racingLimits(store, [store], seed);
    });

  testTwo('limits per queue and per key are exact with two processes', async (first, second) => {
    await racingLimits(first, [first, second], 9);
  });
};

const racingLimits = async (store: Store, stores: readonly Store[], seed: number): Promise<void> => {
  const { below } = random(seed);
  const max = { q0: 1, q1: 2, q2: 3 } as Record<string, number>;
  const keys = { k0: 1, k1: 2 } as Record<string, number>;
  for (const [queue, maxRunning] of Object.entries(max)) await store.setQueue(queue, { maxRunning }, T0);
  for (const [key, maxRunning] of Object.entries(keys)) await store.setKeyLimit(key, maxRunning);
  const jobs = Array.from({ length: 150 }, () =>
    newJob({ queue: `q${below(6)}`, limitKey: [null, 'k0', 'k1', 'free'][below(4)]!, priority: 1 + below(3) }),
  );
  await put(store, jobs);
  let most = 0;
  const order = await race(stores, seed, async () => {
    const running = await list(store, { status: 'running' });
    most = Math.max(most, running.length);
    for (const [queue, n] of Object.entries(max))
      expect(running.filter((job) => job.queue === queue).length).toBeLessThanOrEqual(n);
    for (const [key, n] of Object.entries(keys))
      expect(running.filter((job) => job.limitKey === key).length).toBeLessThanOrEqual(n);
  });
  expect(new Set(order).size).toBe(150);
  expect(order).toHaveLength(150);
  expect(most).toBeGreaterThan(6);
  expect(await count(store, { status: 'completed' })).toBe(150);
};
