/** What the status page and /status.json tell, asked of the manager in one go. Payloads and results stay out of it. */
import type { Job } from '../../job/job.ts';
import { type Status, shownStatus } from '../../job/states.ts';
import type { Served } from '../api/context.ts';

const NEWEST = 25;

/** Times are ISO 8601 in UTC. */
export interface StatusReport {
  readonly at: string;
  readonly ok: boolean;
  readonly counts: Readonly<Record<Status, number>>;
  readonly total: number;
  readonly queues: readonly QueueStatus[];
  readonly workers: readonly WorkerStatus[];
  readonly newest: readonly JobStatus[];
}

export interface QueueStatus {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedReason: string | null;
  readonly pausedUntil: string | null;
  readonly maxRunning: number | null;
  readonly counts: Readonly<Record<Status, number>>;
  /** How long the oldest job that could run has been waiting. */
  readonly oldestWaitMs: number | null;
}

export interface WorkerStatus {
  readonly name: string;
  readonly alive: boolean;
  readonly running: number;
  readonly slots: number;
  readonly queues: readonly string[] | null;
  readonly lastHeardMs: number;
}

export interface JobStatus {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly status: Status;
  /** As people see it: `scheduled` and `retrying` are told apart from `queued`. */
  readonly shown: string;
  readonly progress: number;
  readonly note: string | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly createdAt: string;
  readonly error: string | null;
}

/** @param now epoch milliseconds. @throws whatever the database says. */
export const reportOn = async (manager: Served, now: number): Promise<StatusReport> => {
  const [health, stats, queues, workers, newest] = await Promise.all([
    manager.health(),
    manager.stats(),
    manager.queues(),
    manager.workers(),
    manager.list({}, { limit: NEWEST }),
  ]);
  return {
    at: new Date(now).toISOString(),
    ok: health.ok,
    counts: stats.byStatus,
    total: stats.total,
    queues: queues.map(({ name, paused, pausedReason, pausedUntil, maxRunning, counts, oldestDueAt }) => ({
      name,
      paused,
      pausedReason,
      pausedUntil: pausedUntil === null ? null : new Date(pausedUntil).toISOString(),
      maxRunning,
      counts,
      oldestWaitMs: oldestDueAt === null ? null : Math.max(0, now - oldestDueAt),
    })),
    workers: workers.map(({ name, running, slots, queues: served, beatAt, leaseUntil }) => ({
      name,
      alive: leaseUntil >= now,
      running,
      slots,
      queues: served,
      lastHeardMs: Math.max(0, now - beatAt),
    })),
    newest: newest.jobs.map((job) => jobStatus(job, now)),
  };
};

const jobStatus = (job: Job, now: number): JobStatus => {
  const { id, type, queue, status, progress, note, attempts, maxAttempts, createdAt, error } = job;
  const times = { createdAt: new Date(createdAt).toISOString() };
  return {
    id,
    type,
    queue,
    status,
    shown: shownStatus(job, now),
    progress,
    note,
    attempts,
    maxAttempts,
    ...times,
    error,
  };
};
