import type { BatchInfo } from './batch.ts';
import type { Status } from './states.ts';

/** One piece of work: a row with a life. All times are epoch milliseconds, UTC. */
export interface Job {
  /** Insertion order; the store's primary key. */
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly status: Status;
  /** 1 runs first, 10 last. */
  readonly priority: number;
  readonly payload: unknown;
  /** 0 to 100. */
  readonly progress: number;
  /** What the handler said with its last progress, or what the engine has to say about a job that would not stop. */
  readonly note: string | null;
  readonly result: unknown;
  /** The message of the last error. The attempts hold the whole of it. */
  readonly error: string | null;
  /** Executions that began in this life. Snoozes, crashes and clean stops give theirs back. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Times a worker died while it ran this job, in this life. */
  readonly crashes: number;
  /** After so many crashes the job is set aside as `failed`. */
  readonly maxCrashes: number;
  /** 1 at first; each retry by a person starts the next. */
  readonly life: number;
  /** Grows with every claim and never falls; guards every later write. */
  readonly claim: number;
  readonly parentId: string | null;
  /** Whose job it is, where several programs or customers share the database: who is bound to others does not see it. */
  readonly tenant: string | null;
  /** The job whose replay this is. */
  readonly replayOf: string | null;
  readonly userInitiated: boolean;
  /** The schedule that made it, and the nominal time it was made for (of a run by hand, when it was asked for). */
  readonly scheduleId: string | null;
  readonly slotAt: number | null;
  readonly tags: readonly string[];
  readonly key: string | null;
  readonly limitKey: string | null;
  readonly timeoutMs: number | null;
  /** The job is held: it waits in `created` until a person resumes it. */
  readonly held: boolean;
  /** Name of the worker that runs it or ran it last. */
  readonly worker: string | null;
  readonly createdAt: number;
  readonly queuedAt: number | null;
  readonly runAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly timeoutAt: number | null;
  readonly expiresAt: number | null;
  /** How long it may take from its first start on, with all attempts and the waits between them; and when that is over. */
  readonly totalMs: number | null;
  readonly deadlineAt: number | null;
  readonly cancelRequestedAt: number | null;
  /** Set for a batch: its policy, and how many of its jobs ended in what. While it runs they are counted, then they are its result. */
  readonly batch: BatchInfo | null;
}

/** An error as it is kept: enough to read it years later, without the classes it came from. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: Failure;
  /** What the process that did the work wrote last to its standard error. */
  readonly output?: string;
}

/** How one attempt ended. `running` is the one that has not. */
export type AttemptOutcome =
  | 'running'
  | 'completed'
  | 'failed'
  | 'timeout'
  | 'cancelled'
  | 'snoozed'
  | 'released'
  | 'crashed';

/** One execution of a job. */
export interface Attempt {
  /** The claim it ran under; unique per job, in order. */
  readonly claim: number;
  /** Its number within its life, from 1. */
  readonly attempt: number;
  readonly life: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly worker: string | null;
  readonly outcome: AttemptOutcome;
  readonly error: Failure | null;
}

/** One line that a handler wrote with `ctx.log`. */
export interface LogLine {
  readonly claim: number;
  readonly n: number;
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | null;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a claim hands to a worker: what one attempt needs, and no more. */
export interface ClaimedJob {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  /** JSON text, as stored. */
  readonly payload: string;
  /** This attempt's number, from 1. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Times a worker or runner died under it before. */
  readonly crashes: number;
  readonly maxCrashes: number;
  readonly life: number;
  readonly claim: number;
  readonly parentId: string | null;
  readonly tenant: string | null;
  readonly key: string | null;
  readonly limitKey: string | null;
  /** See `Job`. */
  readonly scheduleId: string | null;
  readonly slotAt: number | null;
  readonly timeoutMs: number | null;
  /** When its time in total is over; null for never. */
  readonly deadlineAt: number | null;
  readonly startedAt: number;
  readonly runAt: number;
}
