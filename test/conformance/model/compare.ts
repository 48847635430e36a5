/** Everything the store shows, compared with the model. */
import { expect } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import { MOVES, REVIVABLE, STATUSES, type Status } from '../../../src/job/states.ts';
import type { Store, StoreChange } from '../../../src/store/store.ts';
import { list } from '../fixtures.ts';
import { TYPES } from './commands.ts';
import type { Model, ModelJob } from './model.ts';

/** As `toEqual`, but cheap while it holds: a run compares millions of values. */
export const same = (actual: unknown, expected: unknown, what?: string): void => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual, what).toEqual(expected);
};

/** Every field of every job, and every counter. */
export const compareAll = async (store: Store, model: Model, now: number): Promise<void> => {
  const stored = await list(store, {}, { order: 'oldest' });
  const shown = stored.map((job) => fieldsOf(job, JSON.stringify(job.payload), shownBatch(job)));
  same(
    shown,
    model.all().map((job) => fieldsOf(job, job.payload, expectedBatch(model, job))),
    'jobs',
  );
  const tally = (which: (job: Job) => boolean) => {
    const counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
    for (const job of stored) if (which(job)) counts[job.status] = counts[job.status]! + 1;
    return counts;
  };
  const { byType, byStatus, lateResults, total } = await store.stats();
  same([total, lateResults, byStatus], [stored.length, model.late, tally(() => true)], 'counters');
  for (const type of TYPES) {
    const counted = tally((job) => job.type === type);
    if (byType[type] || stored.some((job) => job.type === type)) same(byType[type], counted, `counters of ${type}`);
  }
  for (const { name, counts } of await store.queues(now))
    same(
      counts,
      tally((job) => job.queue === name),
      `counters of ${name}`,
    );
};

/**
 * What was heard of each job is one unbroken story of allowed moves, and its end is what is stored. The progress of a batch never
 * falls within a life, and is 100 only at the end.
 */
export const expectStories = (heard: readonly StoreChange[], model: Model): void => {
  expectProgress(heard, model);
  const at = new Map<number, Status>();
  for (const { seq, kind, from, to } of heard) {
    same(from, at.get(seq) ?? null, `the story of job ${seq}`);
    if (from !== null && from !== to && !mayMove(from, to))
      expect.unreachable(`job ${seq} moved from ${from} to ${to}`);
    if (kind === 'removed') at.delete(seq);
    else at.set(seq, to);
  }
  const stories = [...at].sort(([a], [b]) => a - b);
  same(
    stories,
    model.all().map(({ seq, status }) => [seq, status]),
    'the ends of the stories',
  );
};

const expectProgress = (heard: readonly StoreChange[], model: Model): void => {
  const percents = new Map<string, number>();
  for (const { kind, id, from, progress = 0 } of heard) {
    if (model.jobs.get(id)?.batch == null) continue;
    if (kind === 'status' && from !== 'running') percents.set(id, 0);
    if (kind !== 'progress') continue;
    same(
      progress >= percents.get(id)! && progress < 100,
      true,
      `the progress of ${id}: ${percents.get(id)} → ${progress}`,
    );
    percents.set(id, progress);
  }
};

/** A new life begins as queued, that of a batch as running. */
const mayMove = (from: Status, to: Status): boolean =>
  (MOVES[from] as readonly Status[]).includes(to) ||
  (['queued', 'running'].includes(to) && (REVIVABLE as readonly Status[]).includes(from));

/** What both sides know of a job. */
const COMPARED = [
  ...(['seq', 'id', 'type', 'queue', 'status', 'priority', 'runAt', 'attempts', 'maxAttempts', 'crashes'] as const),
  ...(['maxCrashes', 'life', 'claim', 'limitKey', 'key', 'parentId', 'held', 'progress', 'queuedAt'] as const),
  ...(['startedAt', 'completedAt', 'expiresAt', 'cancelRequestedAt', 'deadlineAt'] as const),
] satisfies (keyof Job & keyof ModelJob)[];

const fieldsOf = (job: Job | ModelJob, payload: string, batch: object | null) => ({
  ...Object.fromEntries(COMPARED.map((name) => [name, job[name]])),
  payload,
  batch,
});

const shownBatch = ({ batch, result }: Job): object | null => {
  if (!batch) return null;
  const { policy, open, callbacks, ...counts } = batch;
  return { policy, open, callbacks: callbacks.map(({ on, id }) => `${on} ${id}`).sort(), counts, result };
};

const expectedBatch = (model: Model, { id, life, status, batch }: ModelJob): object | null => {
  if (!batch) return null;
  const { policy, open, result, callbacks } = batch;
  const children = model.childrenOf(id);
  const of = (wanted: Status) => children.filter((child) => child.status === wanted).length;
  const total = children.length;
  const now = { completed: of('completed'), failed: of('failed'), timeout: of('timeout'), cancelled: of('cancelled') };
  const calls = callbacks.map(({ on, job }) => `${on} ${job.id}${life === 1 ? '' : `:${life}`}`).sort();
  return { policy, open: open && status === 'running', callbacks: calls, counts: result ?? { total, ...now }, result };
};
