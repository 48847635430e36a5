import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  drain,
  expectExactCounts,
  HOUR,
  ids,
  newJob,
  newJobs,
  put,
  putOne,
  random,
  SECOND,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

const RETRY = { wait: () => SECOND, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };

export const claimCases = ({ test, testTwo }: Subject): void => {
  test('a claimed job is running, under a new claim, with what one attempt needs', async (store) => {
    const given = { payload: '{"a":1}', limitKey: 'l', tenant: 'ada', key: 'k' };
    const id = await putOne(store, { ...given, timeoutMs: 2500, totalMs: 60_000 });
    const worker = await startWorker(store);
    const [job, ...more] = await worker.claim({}, T0 + 7);
    expect(more).toEqual([]);
    expect(job).toEqual({
      ...{
        seq: 1,
        id,
        type: 'mail',
        queue: 'default',
        priority: 5,
        payload: '{"a":1}',
        attempts: 1,
        maxAttempts: 3,
        crashes: 0,
        maxCrashes: 5,
        life: 1,
        parentId: null,
        tenant: 'ada',
        key: 'k',
      },
      ...{ claim: 1, limitKey: 'l', deadlineAt: T0 + 60_007, timeoutMs: 2500, startedAt: T0 + 7, runAt: T0 },
      ...{ scheduleId: null, slotAt: null },
    });
    expect(await store.get(id)).toMatchObject({
      ...{
        status: 'running',
        worker: 'w',
        claim: 1,
        attempts: 1,
        startedAt: T0 + 7,
        timeoutAt: T0 + 2507,
        progress: 0,
      },
    });
    expect(await worker.claim()).toEqual([]);
    await expectExactCounts(store);
  });

  test('by priority, then run time, then insertion', async (store) => {
    const rows: [string, number, number][] = [
      ['c', 5, T0 - 10],
      ['d', 5, T0],
      ['e', 5, T0],
      ['a', 1, T0],
      ['f', 10, T0 - HOUR],
      ['b', 5, T0 - 20],
    ];
    await put(
      store,
      rows.map(([id, priority, runAt]) => newJob({ id, priority, runAt })),
    );
    const worker = await startWorker(store);
    expect(ids(await worker.claim({ n: 4 }))).toEqual(['a', 'b', 'c', 'd']);
    expect(ids(await worker.claim({ n: 4 }))).toEqual(['e', 'f']);
  });

  test('the same order over many queues', async (store) => {
    const { below } = random(5);
    const jobs = Array.from({ length: 200 }, (_, i) =>
      newJob({ queue: `q${i % 7}`, priority: 1 + below(10), runAt: T0 - below(5) }),
    );
    await put(store, jobs);
    const expected = jobs
      .map((job, i) => ({ ...job, i }))
      .sort((a, b) => a.priority - b.priority || a.runAt - b.runAt || a.i - b.i);
    expect(await drain(store, await startWorker(store))).toEqual(ids(expected));
  });

  test('the same order for retries, rescued jobs and new ones', async (store) => {
    const first = await startWorker(store, 'first');
    await put(
      store,
      ['failed', 'rescued'].map((id) => newJob({ id })),
    );
    const [failed] = await first.claim();
    await store.applyChanges([changeFor(failed!, { kind: 'failed', failure: FAILURE }, RETRY, T0)]);
    await first.die();
    await put(store, [
      newJob({ id: 'new', runAt: T0 + 500 }),
      newJob({ id: 'urgent', priority: 1, runAt: T0 + 2 * SECOND }),
    ]);
    const second = await startWorker(store, 'second');
    expect(ids(await second.claim({}, T0 + 2 * SECOND))).toEqual(['urgent', 'rescued', 'new', 'failed']);
  });

  test('a delayed job starts at its time and not before, and the claim tells when', async (store) => {
    await put(store, [
      newJob({ id: 'later', runAt: T0 + 5000, priority: 1 }),
      newJob({ id: 'last', runAt: T0 + 9000 }),
    ]);
    const worker = await startWorker(store);
    const request = { owner: worker.owner, n: 10, types: ['mail'] };
    expect(await store.claim(request, T0)).toEqual({ jobs: [], nextAt: T0 + 5000 });
    expect(await store.claim(request, T0 + 4999)).toEqual({ jobs: [], nextAt: T0 + 5000 });
    const due = await store.claim(request, T0 + 5000);
    expect([ids(due.jobs), due.nextAt]).toEqual([['later'], T0 + 9000]);
    expect((await store.claim(request, T0 + 9000)).nextAt).toBeNull();
  });

  test('a thousand delayed jobs of the best priority do not hide what is due', async (store) => {
    await put(store, newJobs(1000, { priority: 1, runAt: T0 + HOUR }));
    const id = await putOne(store, { priority: 10 });
    expect(ids(await (await startWorker(store)).claim({ n: 1 }))).toEqual([id]);
  });

  test('more jobs than one claim opens become due at once: all of them run', async (store) => {
    await put(store, newJobs(1700, { runAt: T0 + 1 }));
    expect(await drain(store, await startWorker(store), 1000, T0 + 1)).toHaveLength(1700);
  });

  test('a job that is 30 days away runs once, whoever asks how often', async (store) => {
    const day = 24 * HOUR;
    const id = await putOne(store, { runAt: T0 + 30 * day });
    const workers = await Promise.all([1, 2, 3, 4, 5].map((n) => startWorker(store, `w${n}`)));
    const runs: string[] = [];
    for (let d = 0; d <= 40; d++)
      for (const worker of workers)
        runs.push(...ids(await worker.claim({}, T0 + d * day)).map((job) => `${job} on day ${d}`));
    expect(runs).toEqual([`${id} on day 30`]);
  });

  test('only from the queues asked for', async (store) => {
    await put(
      store,
      ['a', 'b', 'c'].map((queue) => newJob({ id: queue, queue })),
    );
    const worker = await startWorker(store);
    expect(ids(await worker.claim({ queues: [] }))).toEqual([]);
    expect(ids(await worker.claim({ queues: ['nowhere'] }))).toEqual([]);
    expect(ids(await worker.claim({ queues: ['b'] }))).toEqual(['b']);
    expect(ids(await worker.claim({ queues: ['c', 'a', 'nowhere'] }))).toEqual(['a', 'c']);
  });

  test('a worker that is not registered gets nothing', async (store) => {
    await putOne(store);
    const answer = await store.claim({ owner: 'stranger#1', n: 1, types: ['mail'] }, T0);
    expect(answer.jobs).toEqual([]);
    const dead = await startWorker(store);
    await dead.die();
    expect(await dead.claim()).toEqual([]);
    expect(await count(store, { status: 'queued' })).toBe(1);
  });

  test('a type that this worker does not know waits for one that does, and keeps its place', async (store) => {
    await put(store, [
      newJob({ id: 'r1', type: 'report', priority: 1 }),
      newJob({ id: 'm1', priority: 2 }),
      newJob({ id: 'r2', type: 'report', priority: 3 }),
      newJob({ id: 'm2', priority: 4 }),
    ]);
    const mailer = await startWorker(store, 'mailer');
    expect(ids(await mailer.claim({ types: ['mail'], n: 1 }))).toEqual(['m1']);
    expect(await statusOf(store, 'r1')).toBe('queued');
    const all = await startWorker(store, 'all');
    expect(ids(await all.claim())).toEqual(['r1', 'r2', 'm2']);
  });

  test('two thousand jobs of an unknown type do not stand in the way', async (store) => {
    await put(store, newJobs(2000, { type: 'report', priority: 1 }));
    const id = await putOne(store, { priority: 9 });
    const mailer = await startWorker(store);
    expect(ids(await mailer.claim({ types: ['mail'], n: 1 }))).toEqual([id]);
    expect(await drain(store, await startWorker(store, 'reporter'), 900)).toHaveLength(2000);
  });

  test('what was put aside comes back best first, as many as are asked for, in every queue', async (store) => {
    const { below } = random(5);
    const jobs = Array.from({ length: 1500 }, (_, i) =>
      newJob({
        id: `r${i}`,
        type: 'report',
        queue: ['a', 'b', 'c'][i % 3]!,
        priority: 1 + below(10),
        runAt: T0 - below(1000),
      }),
    );
    await put(store, jobs);
    const worker = await startWorker(store);
    expect(await worker.claim({ types: ['mail'], n: 1 })).toEqual([]);
    const inOrder = ids(
      jobs.toSorted((x, y) => x.priority - y.priority || x.runAt - y.runAt || jobs.indexOf(x) - jobs.indexOf(y)),
    );
    for (let taken = 0; taken < 60; taken += 4) {
      // In between, the runner of the type has no room.
      await worker.claim({ types: ['mail'], n: 3 });
      expect(ids(await worker.claim({ n: 4 }))).toEqual(inOrder.slice(taken, taken + 4));
    }
  });

  test('its time in total begins with its first attempt, and with each new life', async (store) => {
    const id = await putOne(store, { totalMs: 5000, runAt: T0 - HOUR });
    expect(await store.get(id)).toMatchObject({ totalMs: 5000, deadlineAt: null });
    const worker = await startWorker(store);
    const [first] = await worker.claim({}, T0);
    expect(first!.deadlineAt).toBe(T0 + 5000);
    await store.applyChanges([changeFor(first!, { kind: 'failed', failure: FAILURE }, RETRY, T0)]);
    const [second] = await worker.claim({}, T0 + 2 * SECOND);
    expect(second!.deadlineAt).toBe(T0 + 5000);
    await store.applyChanges([changeFor(second!, { kind: 'failed', failure: FAILURE, retry: 'never' }, RETRY, T0)]);
    await store.revive({ ids: [id] }, T0);
    expect(await store.get(id)).toMatchObject({ deadlineAt: null });
    expect((await worker.claim({}, T0 + HOUR))[0]!.deadlineAt).toBe(T0 + HOUR + 5000);
  });

  test('a worker that knows no type gets nothing, and nothing is lost', async (store) => {
    await put(store, newJobs(3));
    expect(await (await startWorker(store)).claim({ types: [] })).toEqual([]);
    expect(await drain(store, await startWorker(store, 'other'))).toHaveLength(3);
  });

  test('a held job does not run until it is let go', async (store) => {
    const id = await putOne(store, { status: 'created' });
    const worker = await startWorker(store);
    expect(await worker.claim()).toEqual([]);
    await store.adjust(id, { held: false }, T0);
    expect(ids(await worker.claim())).toEqual([id]);
  });

  test('two claimers in a race never get the same job, and together get all', async (store) => {
    await put(store, newJobs(500));
    const workers = await Promise.all(['a', 'b', 'c'].map((name) => startWorker(store, name)));
    const claims = await Promise.all(Array.from({ length: 90 }, (_, i) => workers[i % 3]!.claim({ n: 6 })));
    const taken = claims.flat();
    expect(taken).toHaveLength(500);
    expect(new Set(ids(taken)).size).toBe(500);
  });

  testTwo('two processes in a race never get the same job, and together get all', async (first, second) => {
    await put(first, newJobs(400, { queue: 'a' }).concat(newJobs(400, { queue: 'b' })));
    const workers = [await startWorker(first, 'first'), await startWorker(second, 'second')];
    const taken = await Promise.all(
      workers.map(async (worker, i) => {
        const jobs: string[] = [];
        for (;;) {
          const claimed = await worker.claim({ n: 3 });
          if (claimed.length === 0) return jobs;
          jobs.push(...ids(claimed));
          const outcomes = await [first, second][i]!.applyChanges(claimed.map((job) => complete(job, null, T0)));
          expect(outcomes.every((outcome) => outcome === 'applied')).toBe(true);
        }
      }),
    );
    expect(new Set(taken.flat()).size).toBe(800);
    expect(taken.flat()).toHaveLength(800);
    expect(Math.min(...taken.map((jobs) => jobs.length))).toBeGreaterThan(0);
    await expectExactCounts(first);
  });

  test('a claim number only grows, over retries, snoozes, rescues and new lives', async (store) => {
    const id = await putOne(store, { maxAttempts: 2 });
    const seen: number[] = [];
    const take = async (name: string) => {
      const worker = await startWorker(store, name);
      const [job] = await worker.claim({}, T0 + HOUR);
      seen.push(job!.claim);
      return { worker, job: job! };
    };
    const one = await take('one');
    await store.applyChanges([changeFor(one.job, { kind: 'snoozed', delayMs: 1 }, RETRY, T0)]);
    const two = await take('two');
    await two.worker.die();
    for (const name of ['three', 'four']) {
      const { job } = await take(name);
      await store.applyChanges([changeFor(job, { kind: 'failed', failure: FAILURE }, RETRY, T0)]);
    }
    expect(await store.revive({ ids: [id] }, T0)).toBe(1);
    await take('five');
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen).toHaveLength(5);
  });
};
