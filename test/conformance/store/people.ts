import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import { checkFilter } from '../../../src/job/filter.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  expectExactCounts,
  HOUR,
  ids,
  newJob,
  newJobs,
  put,
  putOne,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

const POLICY = { wait: () => 0, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };

export const peopleCases = ({ test }: Subject): void => {
  test('a changed priority changes the order', async (store) => {
    await put(
      store,
      ['a', 'b', 'c'].map((id) => newJob({ id })),
    );
    expect(await store.adjust('c', { priority: 1 }, T0)).toEqual({ kind: 'done' });
    expect(await store.adjust('a', { priority: 10 }, T0)).toEqual({ kind: 'done' });
    expect(ids(await (await startWorker(store)).claim())).toEqual(['c', 'b', 'a']);
  });

  test('a changed priority reaches a job that waits behind its limit key', async (store) => {
    await store.setKeyLimit('k', 1);
    await put(
      store,
      ['a', 'b', 'c'].map((id) => newJob({ id, limitKey: 'k' })),
    );
    await store.adjust('c', { priority: 1 }, T0);
    expect(ids(await (await startWorker(store)).claim())).toEqual(['c']);
  });

  test('a changed run time moves a job later and back', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    await store.adjust(id, { runAt: T0 + HOUR }, T0);
    expect(await worker.claim({}, T0 + HOUR - 1)).toEqual([]);
    await store.adjust(id, { runAt: T0 }, T0);
    expect(ids(await worker.claim())).toEqual([id]);
  });

  test('a waiting job is held and let go; a hold survives other changes', async (store) => {
    const id = await putOne(store, { runAt: T0 + HOUR });
    await store.adjust(id, { held: true }, T0);
    expect(await store.get(id)).toMatchObject({ status: 'created', held: true, runAt: T0 + HOUR });
    await store.adjust(id, { runAt: T0, priority: 1 }, T0);
    expect(await store.get(id)).toMatchObject({ status: 'created', held: true, runAt: T0, priority: 1 });
    expect(await (await startWorker(store)).claim({}, T0 + HOUR)).toEqual([]);
    await store.adjust(id, { held: false }, T0 + 3);
    expect(await store.get(id)).toMatchObject({ status: 'queued', held: false });
    await expectExactCounts(store);
  });

  test('a job that runs or has ended is not changed, and the answer says what it is', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    expect(await store.adjust(id, { priority: 1 }, T0)).toEqual({ kind: 'refused', status: 'running' });
    await store.applyChanges([complete(job!, null, T0)]);
    expect(await store.adjust(id, { held: true }, T0)).toEqual({ kind: 'refused', status: 'completed' });
    expect(await store.adjust('nobody', { priority: 1 }, T0)).toEqual({ kind: 'missing' });
    expect(await store.get(id)).toMatchObject({ priority: 5, held: false, status: 'completed' });
  });

  test('a retry by a person begins a new life of what failed, timed out or was cancelled, and of nothing else', async (store) => {
    const worker = await startWorker(store);
    const names = ['completed', 'failed', 'timeout', 'cancelled', 'running', 'queued', 'created'];
    await put(
      store,
      names.map((id, i) =>
        newJob({ id, maxAttempts: 1, priority: i + 1, status: id === 'created' ? 'created' : 'queued' }),
      ),
    );
    const jobs = await worker.claim({ n: 5 });
    await store.applyChanges([
      complete(jobs[0]!, '1', T0),
      changeFor(jobs[1]!, { kind: 'failed', failure: FAILURE }, POLICY, T0),
      changeFor(jobs[2]!, { kind: 'timeout', failure: FAILURE }, POLICY, T0),
      changeFor(jobs[3]!, { kind: 'cancelled', reason: 'no' }, POLICY, T0),
    ]);
    for (const name of names) expect(await statusOf(store, name), name).toBe(name);
    expect(await store.revive({ ids: [...names, 'nobody'] }, T0 + 5)).toBe(3);
    for (const name of ['failed', 'timeout', 'cancelled'])
      expect(await store.get(name), name).toMatchObject({
        ...{ status: 'queued', life: 2, attempts: 0, crashes: 0, runAt: T0 + 5, queuedAt: T0 + 5, error: null },
        ...{ result: null, progress: 0, startedAt: null, completedAt: null, timeoutAt: null },
      });
    expect(await store.get('completed')).toMatchObject({ status: 'completed', life: 1, result: 1 });
    expect(await store.revive({ ids: names }, T0)).toBe(0);
    await expectExactCounts(store);
  });

  test('a retry of a filter takes thousands', async (store) => {
    await put(store, newJobs(2200, { tags: ['night'] }));
    await store.requestCancel({ filter: {} }, 'no', T0);
    expect(await store.revive({ filter: checkFilter({ tag: 'night', status: 'cancelled' }) }, T0)).toBe(2200);
    expect(await count(store, { status: 'queued' })).toBe(2200);
    await expectByStatus(store);
  });

  test('a new life has all its attempts', async (store) => {
    const id = await putOne(store, { maxAttempts: 2 });
    const worker = await startWorker(store);
    for (const life of [1, 2]) {
      for (const attempt of [1, 2]) {
        const [job] = await worker.claim();
        expect(job).toMatchObject({ life, attempts: attempt });
        await store.applyChanges([changeFor(job!, { kind: 'failed', failure: FAILURE }, POLICY, T0)]);
      }
      expect(await statusOf(store, id)).toBe('failed');
      await store.revive({ ids: [id] }, T0);
    }
  });

  test('queues are listed with their counts and their oldest due job', async (store) => {
    await put(store, [
      newJob({ queue: 'a', runAt: T0 - 7, priority: 9 }),
      newJob({ queue: 'a', runAt: T0 - 3, priority: 1 }),
      newJob({ queue: 'b', runAt: T0 + HOUR }),
    ]);
    expect(await store.queues(T0)).toMatchObject([
      { name: 'a', oldestDueAt: T0 - 7, maxRunning: null, counts: { queued: 2, running: 0, completed: 0 } },
      { name: 'b', oldestDueAt: null, counts: { queued: 1 } },
    ]);
  });

  test('the statistics add up, by status and by type', async (store) => {
    await put(store, [...newJobs(3), ...newJobs(2, { type: 'report' })]);
    const [job] = await (await startWorker(store)).claim({ n: 1 });
    await store.applyChanges([complete(job!, null, T0)]);
    const stats = await store.stats();
    expect(stats).toMatchObject({
      ...{ total: 5, byStatus: { queued: 4, completed: 1, running: 0 }, lateResults: 0 },
      byType: { mail: { queued: 2, completed: 1 }, report: { queued: 2, completed: 0 } },
    });
    expect(stats.sizeBytes).toBeGreaterThan(0);
  });
};

const expectByStatus = async (store: Parameters<typeof count>[0]): Promise<void> => {
  expect(await count(store, { status: 'queued' })).toBe(await count(store, { status: 'queued', createdAfter: 0 }));
};
