import type { Duration } from './check.ts';
import type { EnqueueOptions, Transaction } from './enqueue-options.ts';
import type { ClaimedJob } from './job.ts';

/** How far a job is: a percentage, or a count of things done. */
export type Progress = number | { readonly done: number; readonly total: number; readonly message?: string };

/** Writes one line into the attempt's log. Fields first, as in pino; fields may be left out. */
export interface LogMethod {
  (message: string): void;
  (fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface JobLog {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/**
 * What a handler may know about its job. With `parentId` as `parent`, a job of a batch adds others to it. Of a schedule: `slotAt` is the
 * time it was made for, however late it runs.
 */
export type JobInfo = Pick<
  ClaimedJob,
  | 'parentId'
  | 'tenant'
  | 'id'
  | 'seq'
  | 'type'
  | 'queue'
  | 'priority'
  | 'maxAttempts'
  | 'life'
  | 'startedAt'
  | 'runAt'
  | 'scheduleId'
  | 'slotAt'
>;

/** What a handler gets beside its payload. */
export interface Context {
  readonly job: JobInfo;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** Fires on time-out, cancellation, a lost lease and shutdown; `signal.reason` is an error with a code. */
  readonly signal: AbortSignal;
  readonly log: JobLog;
  /**
   * Reports how far the job is: 0 to 100, or `{ done, total, message }`. Written at most once per `progressUpdateInterval`; the
   * last value is always written. Never falls.
   * @throws INVALID_OPTION for a number that is not finite.
   */
  progress(progress: Progress): void;
  /** Says that the work goes on, where it has neither progress nor anything to log; see `idleTimeout`. */
  heartbeat(): void;
  /** Ends the job as `cancelled`. Never returns. */
  cancel(reason?: string): never;
  /** Puts the job back to run again later; the attempt is given back. Never returns. */
  snooze(delay: Duration): never;
  /** Hands in another job. @returns its id. */
  enqueue(type: string, payload?: unknown, options?: EnqueueOptions): Promise<{ readonly id: string }>;
  /**
   * Completes the job in the caller's own transaction: the result and the caller's data commit together or not at all.
   * @throws LEASE_LOST if this worker may no longer write, BAD_TRANSACTION.
   */
  complete(tx: Transaction, result?: unknown): Promise<void>;
}
