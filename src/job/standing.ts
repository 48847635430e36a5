/** What decides where a job stands: facts of one moment, as a store hands them over. */
import type { Job } from './job.ts';

export interface Standing {
  readonly job: Job;
  /** Random name of the worker under whose lease it runs; null if it does not run, or is a batch. */
  readonly owner: string | null;
  readonly queue: {
    readonly name: string;
    /** The pause as it was set; it may be over. */
    readonly pause: {
      readonly reason: string | null;
      readonly by: string | null;
      readonly since: number | null;
      readonly until: number | null;
    } | null;
    readonly places: Places;
  };
  /** Of its limit key, if it has one. */
  readonly key: Places | null;
  /** Due jobs of its queue that would be taken before it, counted up to `MOST_AHEAD`; 0 if it does not wait. */
  readonly ahead: number;
  /** There may be more before it than `ahead`: they were not counted. */
  readonly moreAhead?: boolean;
  readonly workers: readonly WorkerFacts[];
}

/** How many jobs may run at once under a limit, and those that do. */
export interface Places {
  /** null for no limit. */
  readonly max: number | null;
  readonly running: number;
  /** The first of them by start, up to `MOST_HOLDERS`. */
  readonly holders: readonly Holder[];
}

export interface Holder {
  readonly id: string;
  readonly type: string;
  readonly worker: string | null;
  readonly startedAt: number | null;
}

export interface WorkerFacts {
  readonly owner: string;
  readonly name: string;
  readonly slots: number;
  readonly running: number;
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  readonly leaseUntil: number;
}

/** A runner of this process, such as a pool of threads: what it has room for, and whose work it does. */
export interface RunnerRoom {
  /** The worker whose it is. */
  readonly owner: string;
  readonly name: string;
  readonly types: readonly string[];
  /** Infinity where it has no bound. */
  readonly slots: number;
  readonly running: number;
  /** Why it is out of service, in words; null while it is not. */
  readonly problem: string | null;
}

export const MOST_AHEAD = 1000;
export const MOST_HOLDERS = 20;
