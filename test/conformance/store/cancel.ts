import { expect } from 'vitest';
import { cancel, changeFor, complete } from '../../../src/job/change.ts';
import { checkFilter } from '../../../src/job/filter.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, newJob, newJobs, put, putOne, startWorker, statusOf, T0 } from '../fixtures.ts';

const POLICY = { wait: () => 0, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };

export const cancelCases = ({ test, testTwo }: Subject): void => {
  test('a waiting job is cancelled at once, queued, delayed or held', async (store) => {
    const ids = await put(store, [newJob(), newJob({ runAt: T0 + 99 }), newJob({ status: 'created' })]);
    expect(await store.requestCancel({ ids }, 'not needed', T0 + 5)).toEqual({ cancelled: 3, requested: 0 });
    for (const id of ids)
      expect(await store.get(id)).toMatchObject({ status: 'cancelled', error: 'not needed', completedAt: T0 + 5 });
    expect(await (await startWorker(store)).claim({}, T0 + 99)).toEqual([]);
    await expectExactCounts(store);
  });

  test('a running job is asked to stop, once; its worker ends it as cancelled', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    expect(await store.requestCancel({ ids: [id] }, 'first', T0 + 5)).toEqual({ cancelled: 0, requested: 1 });
    expect(await store.requestCancel({ ids: [id] }, 'second', T0 + 6)).toEqual({ cancelled: 0, requested: 1 });
    expect(await store.get(id)).toMatchObject({ status: 'running', cancelRequestedAt: T0 + 5 });
    expect(await store.applyChanges([cancel(job!, 'first', T0 + 7)])).toEqual(['applied']);
    expect(await store.get(id)).toMatchObject({ status: 'cancelled', error: 'first', completedAt: T0 + 7 });
  });

  test('cancel before complete: the result is refused, and the worker is told why', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    await store.requestCancel({ ids: [id] }, 'no', T0);
    const refused = [
      complete(job!, '1', T0),
      changeFor(job!, { kind: 'failed', failure: FAILURE }, POLICY, T0),
      changeFor(job!, { kind: 'timeout', failure: FAILURE }, POLICY, T0),
      changeFor(job!, { kind: 'snoozed', delayMs: 5 }, POLICY, T0),
      changeFor(job!, { kind: 'released' }, POLICY, T0),
    ];
    expect(await store.applyChanges(refused)).toEqual(refused.map(() => 'cancel-requested'));
    expect(await store.get(id)).toMatchObject({ status: 'running', result: null });
    expect((await store.stats()).lateResults).toBe(0);
    expect(await store.applyChanges([cancel(job!, 'no', T0)])).toEqual(['applied']);
  });

  test('complete before cancel: the result stands, and the cancel says that nothing was done', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    await store.applyChanges([complete(job!, '1', T0)]);
    expect(await store.requestCancel({ ids: [id, 'nobody'] }, 'no', T0)).toEqual({ cancelled: 0, requested: 0 });
    expect(await store.get(id)).toMatchObject({ status: 'completed', result: 1, cancelRequestedAt: null });
  });

  test('cancel and complete in one turn: one of them wins, and both callers hear the truth', async (store) => {
    const jobIds = await put(store, newJobs(40));
    const jobs = await (await startWorker(store)).claim();
    const answers = await Promise.all(
      jobs.map(async (job, i) => {
        const completing = () => store.applyChanges([complete(job, '1', T0)]);
        const cancelling = () => store.requestCancel({ ids: [job.id] }, 'no', T0);
        const [first, second] = i % 2 ? [completing, cancelling] : [cancelling, completing];
        const [a, b] = [first(), second()];
        return {
          applied: (await (i % 2 ? a : b)) as string[],
          cancel: (await (i % 2 ? b : a)) as { requested: number },
        };
      }),
    );
    for (const [i, { applied, cancel: asked }] of answers.entries()) {
      expect([applied[0], asked.requested]).toEqual(i % 2 ? ['applied', 0] : ['cancel-requested', 1]);
      expect(await statusOf(store, jobIds[i]!)).toBe(i % 2 ? 'completed' : 'running');
    }
  });

  test('cancel and claim in one turn: a job is either cancelled or running and asked to stop', async (store) => {
    const ids = await put(store, newJobs(40));
    const worker = await startWorker(store);
    const [, claimed] = await Promise.all([
      Promise.all(ids.slice(0, 20).map((id) => store.requestCancel({ ids: [id] }, 'no', T0))),
      worker.claim(),
    ]);
    for (const id of ids) {
      const job = (await store.get(id))!;
      const runs = claimed.some((one) => one.id === id);
      expect(job.status).toBe(runs ? 'running' : 'cancelled');
      expect(job.status === 'running' && ids.indexOf(id) < 20).toBe(job.cancelRequestedAt !== null);
    }
  });

  test('with its tree, every descendant is cancelled, and nothing else', async (store) => {
    await put(store, [
      newJob({ id: 'root' }),
      newJob({ id: 'child', parentId: 'root' }),
      newJob({ id: 'grandchild', parentId: 'child', status: 'created' }),
      newJob({ id: 'stranger' }),
      newJob({ id: 'other', parentId: 'stranger' }),
    ]);
    expect(await store.requestCancel({ ids: ['child'] }, 'no', T0)).toEqual({ cancelled: 1, requested: 0 });
    expect(await store.requestCancel({ ids: ['root'], tree: true }, 'no', T0)).toEqual({ cancelled: 2, requested: 0 });
    expect(await count(store, { status: 'cancelled' })).toBe(3);
    expect(await statusOf(store, 'other')).toBe('queued');
  });

  test('a filter cancels what it names, thousands at a time, running ones by request', async (store) => {
    await put(store, [...newJobs(2500, { queue: 'a' }), ...newJobs(10, { queue: 'b' })]);
    await (await startWorker(store)).claim({ n: 100, queues: ['a'] });
    const filter = checkFilter({ queue: 'a' });
    expect(await store.requestCancel({ filter }, 'no', T0)).toEqual({ cancelled: 2400, requested: 100 });
    expect(await store.requestCancel({ filter }, 'no', T0)).toEqual({ cancelled: 0, requested: 100 });
    expect(await count(store, { queue: 'b', status: 'queued' })).toBe(10);
  });

  test('a cancelled job can begin a new life, and the request is forgotten', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    await store.requestCancel({ ids: [id] }, 'no', T0);
    await store.applyChanges([cancel(job!, 'no', T0)]);
    await store.revive({ ids: [id] }, T0);
    expect(await store.get(id)).toMatchObject({ status: 'queued', cancelRequestedAt: null, error: null });
    const [again] = await worker.claim();
    expect(await store.applyChanges([complete(again!, null, T0)])).toEqual(['applied']);
  });

  testTwo('a cancel asked in one process reaches the other', async (first, second) => {
    const id = await putOne(first);
    const [job] = await (await startWorker(first)).claim();
    expect(await second.requestCancel({ ids: [id] }, 'no', T0)).toEqual({ cancelled: 0, requested: 1 });
    expect(await first.applyChanges([complete(job!, null, T0)])).toEqual(['cancel-requested']);
  });
};
