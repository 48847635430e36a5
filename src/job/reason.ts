/** What an explanation consists of: see explain.ts, which finds it. */
import type { Job } from './job.ts';
import type { Holder } from './standing.ts';

/** One reason: a code for programs, with its facts; a sentence for people, and what they can do about it. Times: epoch milliseconds. */
export type Reason = { readonly says: string; readonly next: string | null } & Facts;

type Facts =
  | { readonly code: 'held' }
  | { readonly code: 'delayed'; readonly runAt: number }
  | {
      readonly code: 'retry-wait';
      readonly runAt: number;
      /** Executions so far, and the largest number of them. */
      readonly attempts: number;
      readonly maxAttempts: number;
      readonly crashes: number;
      readonly error: string | null;
    }
  | {
      readonly code: 'queue-paused';
      readonly queue: string;
      readonly by: string | null;
      readonly reason: string | null;
      readonly since: number | null;
      readonly until: number | null;
    }
  | ({ readonly code: 'queue-full'; readonly queue: string } & Full)
  | ({ readonly code: 'key-full'; readonly key: string } & Full)
  | { readonly code: 'no-worker' }
  | { readonly code: 'unknown-type'; readonly type: string; readonly known: readonly string[] }
  | { readonly code: 'queue-not-served'; readonly queue: string; readonly served: readonly string[] }
  | {
      readonly code: 'workers-full';
      readonly workers: readonly { readonly name: string; readonly slots: number; readonly running: number }[];
    }
  | { readonly code: 'runner-full'; readonly runner: string; readonly slots: number; readonly running: number }
  | { readonly code: 'runner-down'; readonly runner: string; readonly problem: string }
  /** `atLeast`: there may be more; they were not counted further. */
  | { readonly code: 'behind'; readonly ahead: number; readonly atLeast: boolean }
  | { readonly code: 'expired'; readonly expiresAt: number }
  | { readonly code: 'starting'; readonly workers: readonly string[] }
  | {
      readonly code: 'running';
      readonly worker: string | null;
      readonly since: number | null;
      /** When the worker's lease ends unless it is renewed; null if the worker is gone. */
      readonly leaseUntil: number | null;
      readonly timeoutAt: number | null;
      readonly deadlineAt: number | null;
      readonly progress: number;
    }
  | { readonly code: 'worker-silent'; readonly worker: string | null; readonly leaseUntil: number | null }
  | { readonly code: 'cancel-requested'; readonly at: number }
  | { readonly code: 'batch-open'; readonly total: number; readonly unfinished: number }
  | { readonly code: 'batch-waiting'; readonly total: number; readonly unfinished: number }
  | {
      readonly code: 'ended';
      readonly status: Job['status'];
      readonly at: number | null;
      readonly error: string | null;
      readonly hasResult: boolean;
    };

export interface Full {
  readonly limit: number;
  readonly running: number;
  /** The first of them by start, at most 20. */
  readonly holders: readonly Holder[];
}

export interface JobExplanation {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** As people see it: `queued` is `scheduled` or `retrying` while its time has not come. */
  readonly status: string;
  /** Of when all this is, epoch milliseconds. */
  readonly at: number;
  /** At least one; what comes first first. */
  readonly reasons: readonly Reason[];
}
