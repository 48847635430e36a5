/** What the cases of the store share: small records with defaults, and questions that several of them ask. */
import { expect } from 'vitest';
import type { NewJob } from '../../src/job/enqueue-options.ts';
import { checkFilter, checkPage, type JobFilter, type PageOptions } from '../../src/job/filter.ts';
import type { ClaimedJob, Job } from '../../src/job/job.ts';
import { STATUSES } from '../../src/job/states.ts';
import type { ClaimRequest, InsertOutcome, Lease, LeaseOptions, Store, WorkerInfo } from '../../src/store/store.ts';

import { newJob, STILL, T0, workerInfo } from './records.ts';

export { ALL_TYPES, HOUR, newJob, newJobs, random, SECOND, STILL, T0, workerInfo } from './records.ts';

/** Inserts jobs that must all go in. @returns their ids. */
export const put = async (store: Store, jobs: readonly NewJob[], now = T0): Promise<string[]> => {
  const outcomes = await store.insert(jobs, now);
  expect(outcomes.map(({ kind }) => kind)).toEqual(jobs.map(() => 'inserted'));
  return outcomes.map(({ id }) => id);
};

export const putOne = async (store: Store, given: Partial<NewJob> = {}, now = T0): Promise<string> =>
  (await put(store, [newJob(given)], now))[0]!;

export const seqOf = (outcome: InsertOutcome | undefined): number => {
  expect(outcome?.kind).toBe('inserted');
  return (outcome as { seq: number }).seq;
};

/** A worker under test: it claims, and is alive until it dies or ends. */
export interface TestWorker {
  readonly owner: string;
  readonly lease: Lease;
  claim(request?: Partial<ClaimRequest>, now?: number): Promise<readonly ClaimedJob[]>;
  /** What another process does once this worker's heartbeat has stood still. */
  die(now?: number): ReturnType<Store['releaseOrphans']>;
}

export const startWorker = async (
  store: Store,
  name = 'w',
  given: Partial<WorkerInfo> = {},
  lease: Partial<LeaseOptions> = {},
): Promise<TestWorker> => {
  const info = workerInfo(name, given);
  const { types } = info;
  const kept = await store.keepLease(info, { ...STILL, ...lease });
  return {
    get owner() {
      return kept.owner;
    },
    lease: kept,
    claim: async (request = {}, now = T0) =>
      (await store.claim({ owner: kept.owner, n: 1000, types, ...request }, now)).jobs,
    die: async (now = T0) => {
      const { owner } = kept;
      const row = (await store.workers()).find((worker) => worker.owner === owner);
      return store.releaseOrphans(row ? [{ owner, beat: row.beat }] : [], now);
    },
  };
};

export const ids = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id);

export const list = async (store: Store, filter: JobFilter = {}, page: PageOptions = {}): Promise<readonly Job[]> =>
  (await store.list(checkFilter(filter), checkPage({ limit: 1000, ...page }))).jobs;

export const count = (store: Store, filter: JobFilter = {}): Promise<number> => store.count(checkFilter(filter));

export const statusOf = async (store: Store, id: string): Promise<string | undefined> => (await store.get(id))?.status;

/** The counters say what is there: every combination is asked from the counters, and counted row by row. */
export const expectExactCounts = async (store: Store): Promise<void> => {
  const jobs = await list(store);
  const tally = new Map<string, number>();
  for (const { queue, type, status } of jobs) {
    const name = `${queue} ${type} ${status}`;
    tally.set(name, (tally.get(name) ?? 0) + 1);
  }
  for (const queue of new Set(jobs.map((job) => job.queue)))
    for (const type of new Set(jobs.map((job) => job.type)))
      for (const status of STATUSES)
        expect(await count(store, { queue, type, status }), `${queue} ${type} ${status}`).toBe(
          tally.get(`${queue} ${type} ${status}`) ?? 0,
        );
  expect(await count(store)).toBe(jobs.length);
  expect((await store.stats()).total).toBe(jobs.length);
};

/** Lets every job end: claims and completes until nothing is given out any more. @returns the ids in the order of their claims. */
export const drain = async (store: Store, worker: TestWorker, n = 7, now = T0): Promise<string[]> => {
  const { complete } = await import('../../src/job/change.ts');
  const order: string[] = [];
  for (;;) {
    const jobs = await worker.claim({ n }, now);
    if (jobs.length === 0) return order;
    order.push(...ids(jobs));
    await store.applyChanges(jobs.map((job) => complete(job, null, now)));
  }
};
