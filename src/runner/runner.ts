import type { Context } from '../job/context.ts';
import type { CheckedJobType } from '../job/define.ts';
import type { ClaimedJob } from '../job/job.ts';

/** One attempt, as a runner gets it. */
export interface Task {
  readonly job: ClaimedJob;
  readonly type: CheckedJobType;
  /** The payload after its schema. */
  readonly payload: unknown;
  readonly ctx: Context;
  /** How long the work may go on after `ctx.signal` has fired, in milliseconds. */
  readonly graceMs: number;
}

/**
 * Who does the work: this process, a thread, a child process, a fleet. A runner belongs to the manager that was given it, and is
 * closed with it.
 */
export interface Runner {
  readonly name: string;
  /** How many attempts it can run at once as things are; 0 while it is out of service. */
  readonly slots: number;
  /** Why it is out of service, where that is not by itself clear; null or missing while it is not. */
  readonly problem?: unknown;
  /** Whether it ends work that does not stop by itself. Work that cannot be ended keeps its job until it ends. */
  readonly kills: boolean;
  /**
   * Runs one attempt and settles when the work has really ended: with the handler's result, or with what it threw. When
   * `ctx.signal` fires, a runner that kills passes it on, and ends the work after `graceMs`.
   * @throws `Stop` with the outcome `crashed` if what ran the work died under it, whatever it was; with `released` if nothing is
   *   there to run it on.
   */
  run(task: Task): unknown | Promise<unknown>;
  /** Calls back when `slots` has changed. @returns a function that stops it. */
  onSlots(listener: () => void): () => void;
  /** Ends what the runner keeps running, at once. Always settles; the runner may not be used again. */
  close(): Promise<void>;
}
