import { expect } from 'vitest';
import { sameAs } from '../../../src/job/bulk.ts';
import type { BulkStep } from '../../../src/job/bulk-step.ts';
import { checkFilter, type JobFilter } from '../../../src/job/filter.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, ids, newJob, newJobs, put, putOne, startWorker, statusOf, T0 } from '../fixtures.ts';

const NOTHING = { same: sameAs({ kind: 'cancel', reason: '' }, T0), blockedBy: 'nothing' } as const;

/** A bulk job that runs, and what its next step needs. */
const begun = async (store: Store) => {
  await putOne(store, { id: 'bulk', type: 'report', queue: 'bulk' });
  const worker = await startWorker(store, 'w', { queues: ['bulk'] });
  const [job] = await worker.claim({ queues: ['bulk'] });
  return { worker, job: job! };
};

const step = (job: ClaimedJob, given: Partial<BulkStep>): BulkStep => ({
  ...{ job, ids: [], doing: { kind: 'cancel', reason: 'no more' }, n: 1 },
  note: (done) => ({ percent: 50, message: `${done} done`, fields: JSON.stringify({ done }) }),
  ...given,
});

const survey = async (store: Store, filter: JobFilter, options: Parameters<Store['survey']>[1] = NOTHING) =>
  (await store.survey(checkFilter(filter), options)).sort((a, b) => (a.status < b.status ? -1 : 1));

export const bulkCases = ({ test }: Subject): void => {
  test('a step does it, and writes down what it did', async (store) => {
    const { job } = await begun(store);
    const meant = await put(store, newJobs(3));
    const other = await putOne(store);
    const steps = [
      { kind: 'cancel', reason: 'no more' },
      { kind: 'retry' },
      { kind: 'adjust', change: { held: true } },
    ] as const;
    for (const [i, doing] of steps.entries())
      expect(await store.bulkStep(step(job, { ids: meant, doing, n: i + 1 }), T0 + i)).toEqual({
        kind: 'done',
        done: 3,
      });
    expect(await count(store, { status: 'created' })).toBe(3);
    const copies = newJobs(2, { replayOf: meant[0]! });
    expect(await store.bulkStep(step(job, { doing: { kind: 'insert', jobs: copies }, n: 4 }), T0)).toMatchObject({
      done: 2,
    });
    expect(await store.bulkStep(step(job, { doing: { kind: 'insert', jobs: copies }, n: 5 }), T0)).toMatchObject({
      done: 0,
    });
    expect(await store.bulkStep(step(job, { ids: meant, doing: { kind: 'remove' }, n: 6 }), T0)).toMatchObject({
      done: 3,
    });
    expect(await statusOf(store, other)).toBe('queued');
    expect(await store.get('bulk')).toMatchObject({ progress: 50, note: '3 done' });
    expect((await store.logs('bulk', null, 10)).map(({ message, fields }) => [message, fields])).toEqual(
      [3, 3, 3, 2, 0, 3].map((done) => [`${done} done`, { done }]),
    );
    await expectExactCounts(store);
  });

  test('a step of a job that went to another worker does nothing', async (store) => {
    const { job, worker } = await begun(store);
    const [meant] = await put(store, newJobs(1));
    await worker.die();
    expect(await store.bulkStep(step(job, { ids: [meant!] }), T0)).toEqual({ kind: 'lost' });
    await (await startWorker(store, 'w2', { queues: ['bulk'] })).claim({ queues: ['bulk'] });
    expect(await store.bulkStep(step(job, { ids: [meant!] }), T0)).toEqual({ kind: 'lost' });
    expect(await statusOf(store, meant!)).toBe('queued');
    expect(await store.logs('bulk', null, 10)).toEqual([]);
  });

  test('a step of a job that was asked to stop does nothing, and says why', async (store) => {
    const { job } = await begun(store);
    const [meant] = await put(store, newJobs(1));
    await store.requestCancel({ ids: ['bulk'] }, 'enough', T0);
    expect(await store.bulkStep(step(job, { ids: [meant!] }), T0)).toEqual({ kind: 'cancelled', reason: 'enough' });
    expect(await statusOf(store, meant!)).toBe('queued');
  });

  test('a step that fails leaves nothing behind', async (store) => {
    const { job } = await begun(store);
    const [meant] = await put(store, newJobs(1));
    const note = () => {
      throw new TypeError('no note');
    };
    await expect(store.bulkStep(step(job, { ids: [meant!], note }), T0)).rejects.toThrow('no note');
    expect(await statusOf(store, meant!)).toBe('queued');
    await expectExactCounts(store);
  });

  test('a survey tells jobs apart by what decides, and says how old they are', async (store) => {
    const worker = await startWorker(store);
    await put(store, [newJob({ id: 'r' })], T0 - 5);
    await worker.claim();
    await store.requestCancel({ ids: ['r'] }, 'stop', T0);
    await put(store, newJobs(2, { priority: 3 }), T0 + 1);
    await put(store, newJobs(3), T0 + 2);
    await put(store, [newJob({ status: 'created' })], T0 + 3);
    const all = { isBatch: false, held: false, cancelRequested: false, same: false, blocked: false };
    const same = { ...NOTHING, same: { priority: 3, runAt: null, dueBy: null } };
    expect(await survey(store, {}, same)).toEqual(
      expect.arrayContaining([
        { ...all, status: 'created', held: true, n: 1, oldest: T0 + 3, newest: T0 + 3 },
        { ...all, status: 'queued', n: 3, oldest: T0 + 2, newest: T0 + 2 },
        { ...all, status: 'queued', same: true, n: 2, oldest: T0 + 1, newest: T0 + 1 },
        { ...all, status: 'running', cancelRequested: true, n: 1, oldest: T0 - 5, newest: T0 - 5 },
      ]),
    );
    expect(await survey(store, { createdBefore: T0 + 2 })).toHaveLength(2);
    expect(await survey(store, { type: 'none' })).toEqual([]);
  });

  test('a family that does not go as a whole stays, up to its head', async (store) => {
    await put(store, [
      newJob({ id: 'head' }),
      newJob({ id: 'middle', parentId: 'head' }),
      newJob({ id: 'leaf', parentId: 'middle', priority: 9 }),
      newJob({ id: 'alone' }),
    ]);
    const family = { ...NOTHING, blockedBy: 'family' } as const;
    const blocked = async (filter: JobFilter) => (await survey(store, filter, family)).filter((row) => row.blocked);
    expect(await blocked({})).toEqual([]);
    expect(await blocked({ priority: 5 })).toMatchObject([{ n: 2 }]);
    expect(await store.remove({ filter: checkFilter({ priority: 5 }) }, T0)).toBe(1);
    expect(ids((await store.list(checkFilter({}), { order: 'oldest', limit: 10, after: undefined })).jobs)).toEqual([
      'head',
      'middle',
      'leaf',
    ]);
  });
};
