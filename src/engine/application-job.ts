/** A job as the application's manager shows it. */
import type { Job } from '../job/job.ts';
import type { Status } from '../job/states.ts';
import { type FunctionPayload, isFunctionType } from './functions.ts';

/** What makes a job run next. */
export type Trigger =
  | { readonly kind: 'immediate' }
  | { readonly kind: 'once'; readonly at: Date }
  /** Again and again, at a fixed rate. */
  | { readonly kind: 'interval'; readonly seconds: number }
  /** Of a schedule that was made by other means. */
  | { readonly kind: 'cron'; readonly cron: string; readonly timeZone: string }
  /** An attempt failed, and this is the one that follows. */
  | { readonly kind: 'retry'; readonly at: Date };

export interface ApplicationJob {
  readonly id: string;
  /** The name of the function, or of the job type. */
  readonly name: string;
  /** A function is in this process's memory; a job type is in the database. */
  readonly kind: 'function' | 'type';
  readonly status: Status;
  readonly trigger: Trigger;
  /** When it runs next, in UTC; null while it runs or is paused, and when it has ended. */
  readonly nextRunTime: Date | null;
  readonly paused: boolean;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly createdAt: Date;
  /** What it returned, where JSON can hold it. */
  readonly result: unknown;
  /** Message of the last error. */
  readonly error: string | null;
}

/** @param now epoch milliseconds. */
export const toApplicationJob = (job: Job, now: number): ApplicationJob => {
  const isFunction = isFunctionType(job.type);
  const { id, status, held: paused, attempts, maxAttempts, result, error } = job;
  return {
    id,
    name: isFunction ? (job.payload as FunctionPayload).function : job.type,
    kind: isFunction ? 'function' : 'type',
    status,
    trigger: triggerOf(job),
    // What is overdue runs as soon as there is a slot.
    nextRunTime: status === 'queued' ? new Date(Math.max(job.runAt, now)) : null,
    paused,
    attempts,
    maxAttempts,
    createdAt: new Date(job.createdAt),
    result,
    error,
  };
};

const triggerOf = ({ status, attempts, runAt, createdAt }: Job): Trigger => {
  if (status === 'queued' && attempts > 0) return { kind: 'retry', at: new Date(runAt) };
  return runAt > createdAt ? { kind: 'once', at: new Date(runAt) } : { kind: 'immediate' };
};
