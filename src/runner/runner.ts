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
}

/** Who does the work: this process, a thread, a child process, a fleet. */
export interface Runner {
  readonly name: string;
  /**
   * Runs one attempt and settles when the work has really ended: with the handler's result, or with what it threw. It honours
   * `ctx.signal`; a runner that can kill its work does so `graceMs` after the signal.
   */
  run(task: Task): unknown | Promise<unknown>;
  /** Ends what the runner keeps running. Always settles. */
  close(): Promise<void>;
}
