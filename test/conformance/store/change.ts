import { expect } from 'vitest';
import { cancel, changeFor, complete } from '../../../src/job/change.ts';
import type { Outcome } from '../../../src/job/outcome.ts';
import type { Status } from '../../../src/job/states.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  expectExactCounts,
  ids,
  newJob,
  newJobs,
  put,
  putOne,
  SECOND,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

const POLICY = { wait: () => SECOND, retryTimeouts: true };
const FAILURE = {
  name: 'TypeError',
  message: 'x is not a function',
  code: 'E1',
  stack: 'at x',
  cause: { name: 'Error', message: 'deep' },
};

type Written = Exclude<Outcome, { kind: 'lost' | 'completed-in-transaction' }>;

const ENDS: readonly [string, Written, number, Status, object][] = [
  [
    'completed',
    { kind: 'completed', result: '{"bpm":120}' },
    3,
    'completed',
    { result: { bpm: 120 }, progress: 100, attempts: 1, completedAt: T0 + 9 },
  ],
  [
    'failed for good',
    { kind: 'failed', failure: FAILURE },
    1,
    'failed',
    { error: FAILURE.message, attempts: 1, completedAt: T0 + 9 },
  ],
  [
    'failed, to be tried again',
    { kind: 'failed', failure: FAILURE },
    3,
    'queued',
    { error: FAILURE.message, attempts: 1, runAt: T0 + 9 + SECOND, completedAt: null, timeoutAt: null },
  ],
  ['timed out for good', { kind: 'timeout', failure: FAILURE }, 1, 'timeout', { attempts: 1, completedAt: T0 + 9 }],
  [
    'timed out, to be tried again',
    { kind: 'timeout', failure: FAILURE },
    2,
    'queued',
    { attempts: 1, runAt: T0 + 9 + SECOND },
  ],
  ['cancelled', { kind: 'cancelled', reason: 'enough' }, 3, 'cancelled', { error: 'enough', completedAt: T0 + 9 }],
  ['snoozed', { kind: 'snoozed', delayMs: 77 }, 3, 'queued', { attempts: 0, runAt: T0 + 9 + 77 }],
  ['released', { kind: 'released' }, 3, 'queued', { attempts: 0, runAt: T0 }],
];

export const changeCases = ({ test, testTwo }: Subject): void => {
  for (const [name, outcome, maxAttempts, status, expected] of ENDS)
    test(`an attempt that ended ${name} is written`, async (store) => {
      const id = await putOne(store, { maxAttempts });
      const [job] = await (await startWorker(store)).claim();
      expect(await store.applyChanges([changeFor(job!, outcome, POLICY, T0 + 9)])).toEqual(['applied']);
      expect(await store.get(id)).toMatchObject({ status, ...expected });
      await expectExactCounts(store);
    });

  test('a final state takes no second result, of any kind', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    await store.applyChanges([complete(job!, '1', T0)]);
    const before = await store.get(id);
    const late = [
      complete(job!, '2', T0 + 1),
      cancel(job!, 'no', T0 + 1),
      changeFor(job!, { kind: 'failed', failure: FAILURE }, POLICY, T0 + 1),
      changeFor(job!, { kind: 'released' }, POLICY, T0 + 1),
    ];
    expect(await store.applyChanges(late)).toEqual(['late', 'late', 'late', 'late']);
    expect(await store.get(id)).toEqual(before);
    expect((await store.stats()).lateResults).toBe(4);
  });

  test('two results in one call: the first counts', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    expect(await store.applyChanges([complete(job!, '1', T0), complete(job!, '2', T0)])).toEqual(['applied', 'late']);
    expect((await store.get(id))!.result).toBe(1);
  });

  test('a late result after a rescue is dropped and counted, and the new attempt stands', async (store) => {
    const id = await putOne(store);
    const first = await startWorker(store, 'first');
    const [old] = await first.claim();
    await first.die();
    const second = await startWorker(store, 'second');
    const [now] = await second.claim();
    expect(await store.applyChanges([complete(old!, '"old"', T0)])).toEqual(['late']);
    expect(await store.get(id)).toMatchObject({ status: 'running', worker: 'second', result: null });
    expect(await store.applyChanges([complete(now!, '"now"', T0)])).toEqual(['applied']);
    expect(await store.applyChanges([complete(old!, '"old"', T0)])).toEqual(['late']);
    expect(await store.get(id)).toMatchObject({ status: 'completed', result: 'now' });
    expect((await store.stats()).lateResults).toBe(2);
  });

  test('a late result between rescue and the next claim is dropped', async (store) => {
    const id = await putOne(store);
    const first = await startWorker(store, 'first');
    const [old] = await first.claim();
    await first.die();
    expect(await store.applyChanges([complete(old!, '1', T0)])).toEqual(['late']);
    expect(await store.get(id)).toMatchObject({ status: 'queued', result: null });
  });

  test('a result for another job under a seq or id that is in use hits nothing', async (store) => {
    await put(store, [newJob({ id: 'a' }), newJob({ id: 'b' })]);
    const [a, b] = await (await startWorker(store)).claim();
    const wrong = [
      { ...a!, seq: b!.seq },
      { ...a!, id: 'b' },
      { ...a!, claim: a!.claim + 1 },
      { ...a!, claim: a!.claim - 1 },
    ];
    expect(await store.applyChanges(wrong.map((job) => complete(job, '"wrong"', T0)))).toEqual([
      'late',
      'late',
      'late',
      'late',
    ]);
    expect([await statusOf(store, 'a'), await statusOf(store, 'b')]).toEqual(['running', 'running']);
  });

  test('a result for a job that was removed and made anew under its id hits nothing', async (store) => {
    const worker = await startWorker(store);
    await putOne(store, { id: 'same' });
    const [old] = await worker.claim();
    await store.applyChanges([cancel(old!, 'no', T0)]);
    await store.remove({ ids: ['same'] }, T0);
    await putOne(store, { id: 'same' });
    const [now] = await worker.claim();
    expect(now!.seq).not.toBe(old!.seq);
    expect(await store.applyChanges([complete(old!, '1', T0)])).toEqual(['late']);
    expect(await statusOf(store, 'same')).toBe('running');
  });

  test('good and late results of one call are told apart, in order', async (store) => {
    await put(store, newJobs(4));
    const jobs = await (await startWorker(store)).claim();
    await store.applyChanges([complete(jobs[1]!, null, T0)]);
    expect(await store.applyChanges(jobs.map((job) => complete(job, null, T0)))).toEqual([
      'applied',
      'late',
      'applied',
      'applied',
    ]);
    expect(await count(store, { status: 'completed' })).toBe(4);
    await expectExactCounts(store);
  });

  test('progress is written while the job runs, and starts again with the next attempt', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    await store.saveProgress([{ job: job!, percent: 40, note: 'four of ten' }], T0);
    expect(await store.get(id)).toMatchObject({ progress: 40, note: 'four of ten' });
    await store.applyChanges([changeFor(job!, { kind: 'failed', failure: FAILURE }, POLICY, T0)]);
    await store.saveProgress([{ job: job!, percent: 90, note: 'late' }], T0);
    expect(await store.get(id)).toMatchObject({ progress: 40, note: null });
    await worker.claim({}, T0 + SECOND);
    expect(await store.get(id)).toMatchObject({ progress: 0, note: null });
    await store.saveProgress([{ job: job!, percent: 95, note: 'later still' }], T0);
    expect(await store.get(id)).toMatchObject({ progress: 0, note: null });
  });

  test('an error disappears from the job when a later attempt completes', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    const [first] = await worker.claim();
    await store.applyChanges([changeFor(first!, { kind: 'failed', failure: FAILURE }, POLICY, T0)]);
    expect((await store.get(id))!.error).toBe(FAILURE.message);
    const [second] = await worker.claim({}, T0 + SECOND);
    await store.applyChanges([complete(second!, null, T0 + SECOND)]);
    expect(await store.get(id)).toMatchObject({ status: 'completed', error: null, result: null, attempts: 2 });
  });

  testTwo('the same result from two processes is written once', async (first, second) => {
    await put(first, newJobs(50));
    const jobs = await (await startWorker(first)).claim();
    const outcomes = await Promise.all(
      jobs.flatMap((job) => [first, second].map((store) => store.applyChanges([complete(job, null, T0)]))),
    );
    expect(outcomes.flat().filter((outcome) => outcome === 'applied')).toHaveLength(50);
    expect((await second.stats()).lateResults).toBe(50);
    expect(ids(jobs)).toHaveLength(await count(second, { status: 'completed' }));
  });
};
