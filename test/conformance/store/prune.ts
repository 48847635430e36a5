import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import { checkFilter } from '../../../src/job/filter.ts';
import type { Retention, Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  expectExactCounts,
  HOUR,
  ids,
  list,
  newJob,
  newJobs,
  put,
  putOne,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

const POLICY = { wait: () => HOUR, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };

/** One job in every state, final ones ended at T0. */
const oneOfEach = async (store: Store): Promise<void> => {
  const names = ['completed', 'failed', 'timeout', 'cancelled', 'running', 'retrying', 'queued', 'created'];
  await put(
    store,
    names.map((id, i) =>
      newJob({
        id,
        maxAttempts: id === 'retrying' ? 3 : 1,
        priority: i + 1,
        tags: ['t'],
        payload: JSON.stringify('x'.repeat(2000)),
        status: id === 'created' ? 'created' : 'queued',
      }),
    ),
  );
  const jobs = await (await startWorker(store)).claim({ n: 6 });
  await store.applyChanges([
    complete(jobs[0]!, '1', T0),
    changeFor(jobs[1]!, { kind: 'failed', failure: FAILURE }, POLICY, T0),
    changeFor(jobs[2]!, { kind: 'timeout', failure: FAILURE }, POLICY, T0),
    changeFor(jobs[3]!, { kind: 'cancelled', reason: 'no' }, POLICY, T0),
    changeFor(jobs[5]!, { kind: 'failed', failure: FAILURE }, POLICY, T0),
  ]);
};

const pruneAll = async (store: Store, retention: Partial<Retention>, now = T0): Promise<number> => {
  let total = 0;
  for (;;) {
    const n = await store.prune({ doneBefore: null, failedBefore: null, keep: null, ...retention }, now);
    if (n === 0) return total;
    total += n;
  }
};

const left = async (store: Store): Promise<string[]> => ids(await list(store, {}, { order: 'oldest' }));

export const pruneCases = ({ test }: Subject): void => {
  test('retention by age takes finished jobs of its kind, and nothing that waits or runs', async (store) => {
    await oneOfEach(store);
    expect(await pruneAll(store, {})).toBe(0);
    expect(await pruneAll(store, { doneBefore: T0, failedBefore: T0 })).toBe(0);
    expect(await pruneAll(store, { doneBefore: T0 + 1 })).toBe(2);
    expect(await left(store)).toEqual(['failed', 'timeout', 'running', 'retrying', 'queued', 'created']);
    expect(await pruneAll(store, { failedBefore: T0 + 1 })).toBe(2);
    expect(await left(store)).toEqual(['running', 'retrying', 'queued', 'created']);
    await expectExactCounts(store);
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('retention by count keeps the newest finished jobs', async (store) => {
    await put(store, newJobs(20));
    const jobs = await (await startWorker(store)).claim({ n: 15 });
    await store.applyChanges(jobs.map((job) => complete(job, null, T0)));
    expect(await pruneAll(store, { keep: 15 })).toBe(0);
    expect(await pruneAll(store, { keep: 4 })).toBe(11);
    expect(await count(store, { status: 'completed' })).toBe(4);
    expect(await left(store)).toEqual(expect.arrayContaining(ids(jobs.slice(11))));
    expect(await count(store)).toBe(9);
  });

  test('age and count together', async (store) => {
    await put(store, newJobs(10));
    const jobs = await (await startWorker(store)).claim();
    await store.applyChanges(jobs.map((job, i) => complete(job, null, T0 + i)));
    expect(await pruneAll(store, { doneBefore: T0 + 3, keep: 5 })).toBe(5);
    expect(await left(store)).toEqual(ids(jobs.slice(5)));
  });

  test('thousands go in bounded chunks', async (store) => {
    await put(store, newJobs(2600));
    const worker = await startWorker(store);
    await store.applyChanges((await worker.claim({ n: 2600 })).map((job) => complete(job, null, T0)));
    const first = await store.prune({ doneBefore: T0 + 1, failedBefore: null, keep: null }, T0);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(1000);
    expect(first + (await pruneAll(store, { doneBefore: T0 + 1 }))).toBe(2600);
    expect(await count(store)).toBe(0);
  });

  test('a parent stays until its children are gone', async (store) => {
    await put(store, [newJob({ id: 'parent' }), newJob({ id: 'child', parentId: 'parent' })]);
    const [parent, child] = await (await startWorker(store)).claim();
    await store.applyChanges([complete(parent!, null, T0)]);
    expect(await pruneAll(store, { doneBefore: T0 + 1 })).toBe(0);
    expect(await pruneAll(store, { keep: 0 })).toBe(0);
    await store.applyChanges([complete(child!, null, T0)]);
    expect(await pruneAll(store, { doneBefore: T0 + 1 })).toBe(2);
    expect(await count(store)).toBe(0);
  });

  test('many old parents that must stay do not keep younger jobs from being pruned', async (store) => {
    const parents = newJobs(2500);
    await put(store, parents);
    const worker = await startWorker(store);
    await store.applyChanges((await worker.claim({ n: 2500 })).map((job) => complete(job, null, T0)));
    await put(
      store,
      parents.map(({ id }) => newJob({ parentId: id, status: 'created' })),
    );
    await put(store, newJobs(10));
    await store.applyChanges((await worker.claim()).map((job) => complete(job, null, T0)));
    expect(await pruneAll(store, { doneBefore: T0 + 1 })).toBe(10);
  });

  test('a person removes what does not run and has no children', async (store) => {
    await oneOfEach(store);
    await put(store, [newJob({ id: 'parent' }), newJob({ id: 'child', parentId: 'parent' })]);
    expect(await store.remove({ ids: ['running', 'parent', 'nobody'] }, T0)).toBe(0);
    expect(await store.remove({ ids: ['child', 'queued', 'failed', 'created'] }, T0)).toBe(4);
    expect(await left(store)).toEqual(['completed', 'timeout', 'cancelled', 'running', 'retrying', 'parent']);
    expect(await store.get('queued')).toBeNull();
    expect(ids(await list(store, { tag: 't' })).sort()).toEqual([
      'cancelled',
      'completed',
      'retrying',
      'running',
      'timeout',
    ]);
    await expectExactCounts(store);
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('a filter removes thousands, whole families included', async (store) => {
    const parents = newJobs(1200, { tags: ['x'] });
    await put(store, parents);
    await put(
      store,
      parents.map(({ id }) => newJob({ parentId: id, tags: ['x'] })),
    );
    const kept = await putOne(store);
    expect(await store.remove({ filter: checkFilter({ tag: 'x' }) }, T0)).toBe(2400);
    expect(await left(store)).toEqual([kept]);
  });

  test('a waiting job whose time ran out is cancelled, by the chore and by the claim', async (store) => {
    await put(store, [
      newJob({ id: 'chore', expiresAt: T0 + 10 }),
      newJob({ id: 'held', status: 'created', expiresAt: T0 + 10 }),
      newJob({ id: 'later', expiresAt: T0 + 20 }),
    ]);
    expect(await store.expire(T0 + 9)).toBe(0);
    expect(await store.expire(T0 + 10)).toBe(2);
    expect(await store.get('chore')).toMatchObject({
      status: 'cancelled',
      completedAt: T0 + 10,
      error: expect.stringContaining('expired'),
    });
    expect(await statusOf(store, 'held')).toBe('cancelled');
    expect(await (await startWorker(store)).claim({}, T0 + 20)).toEqual([]);
    expect(await statusOf(store, 'later')).toBe('cancelled');
    await expectExactCounts(store);
  });

  test('a job that has started does not expire: not while it runs, and not before its retry', async (store) => {
    const id = await putOne(store, { expiresAt: T0 + 10 });
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    expect(await store.expire(T0 + HOUR)).toBe(0);
    await store.applyChanges([changeFor(job!, { kind: 'failed', failure: FAILURE }, POLICY, T0)]);
    expect(await store.expire(T0 + HOUR)).toBe(0);
    expect(ids(await worker.claim({}, T0 + HOUR))).toEqual([id]);
  });
};
