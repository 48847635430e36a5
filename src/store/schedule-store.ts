/**
 * The part of the store contract that keeps schedules. What is to happen is decided by pure functions (src/schedule/moves.ts and
 * firing.ts); a store locks the row, asks them, and writes what they say, each verb in one transaction. So a slot is fired by one of
 * any number of processes: the row moves on in the transaction that inserts the job, and a unique index on schedule and slot stands
 * behind it. Nothing done to jobs touches a schedule.
 */

import type { Reach } from '../job/filter.ts';
import type { ScheduleCommand } from '../schedule/moves.ts';
import type { HistoryEntry, Schedule } from '../schedule/record.ts';
import type { RequestKey } from './request-key.ts';

export interface ScheduleStore {
  /**
   * Makes, changes, pauses, resumes or removes a schedule, guarded as the command says. Sets the limit of its key (`limitKeyOf`,
   * unless its jobs have one of their own) to `maxInstances`.
   * @throws STORE_FULL, STORE_BUSY, STORE_READ_ONLY; then nothing was written.
   */
  change(id: string, command: ScheduleCommand, now: number): Promise<ScheduleOutcome>;
  /**
   * Fires what is due: earliest first, up to `limit` schedules, and no more of them once 1,000 jobs are inserted. Each inserts the jobs
   * of its slots, cancels what `overlap` says, and moves on, or tells its problem.
   */
  fire(request: FireRequest, now: number): Promise<FireAnswer>;
  /** Inserts a job that a person asks for, whose slot is now; within `overlap` and `maxInstances`, also while paused. */
  run(id: string, request: RunRequest, now: number): Promise<RunOutcome>;
  /** As `run`, once: see `Store.insertOnce`. A run that is refused is not kept. @returns null if the key was used for another request. */
  runOnce(once: RequestKey, id: string, request: RunRequest, now: number): Promise<RunOutcome | null>;
  /** When `fire` has something to do at the earliest; null if never. A read, cheap enough to be polled. */
  nextAt(): Promise<number | null>;
  get(id: string): Promise<Schedule | null>;
  /** By id. */
  list(query: ScheduleQuery): Promise<SchedulePage>;
  /** Newest first; also of a schedule that was removed, until it is pruned. */
  history(id: string, query: HistoryQuery): Promise<HistoryPage>;
  /** Calls back after every commit that changed schedules, also those of other processes; as `Store.watch` does. */
  watch(listener: (changes: readonly ScheduleChange[]) => void): () => void;
}

export type ScheduleOutcome =
  | { readonly kind: 'added' | 'changed' | 'unchanged'; readonly schedule: Schedule }
  /** As it was. */
  | { readonly kind: 'removed'; readonly schedule: Schedule }
  /** Nothing was written. `conflict`: its version is another one. */
  | { readonly kind: 'exists' | 'conflict' | 'older-build'; readonly schedule: Schedule }
  | { readonly kind: 'missing' };

export interface FireRequest {
  /** Schedules, at most. */
  readonly limit: number;
  /** Ids of the jobs. */
  readonly newId: () => string;
}

export interface FireAnswer {
  /** Schedules that were looked at, and jobs that were inserted. */
  readonly schedules: number;
  readonly jobs: number;
  /** When to ask again at the latest: at once if there was more than the limit; null for never. */
  readonly nextAt: number | null;
}

export interface RunRequest {
  readonly jobId: string;
  readonly actor: string | null;
}

export type RunOutcome =
  | { readonly kind: 'inserted'; readonly jobId: string; readonly schedule: Schedule }
  /** The request came before, and this was its job. */
  | { readonly kind: 'again'; readonly jobId: string }
  /** `maxInstances` jobs are unfinished already: how many, and the oldest of them. */
  | { readonly kind: 'full'; readonly unfinished: number; readonly oldest: string; readonly schedule: Schedule }
  /** Another job has the unique key of its jobs. */
  | { readonly kind: 'key-taken'; readonly existing: string; readonly schedule: Schedule }
  | { readonly kind: 'duplicate-id' }
  | { readonly kind: 'missing' };

/** What is kept of a run that was asked for once. */
export interface RunAnswer {
  readonly jobId: string;
}

export interface ScheduleQuery {
  /** 1 to 1,000. */
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  /** Only those that start jobs of this type. */
  readonly type?: string | undefined;
  readonly paused?: boolean | undefined;
  /** Only those whose jobs are of these queues and tenants. */
  readonly within?: Reach | undefined;
}

export interface SchedulePage {
  readonly schedules: readonly Schedule[];
  /** Pass it as `after` to get the next page; null at the end. */
  readonly next: string | null;
}

export interface HistoryQuery {
  /** 1 to 1,000. */
  readonly limit: number;
  /** The `next` of the page before. */
  readonly before?: number | undefined;
}

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Pass it as `before` to get the next page; null at the end. */
  readonly next: number | null;
}

/** One entry of one schedule's history, as it was written. */
export interface ScheduleChange {
  readonly kind: 'schedule';
  readonly id: string;
  /** Of the jobs it starts. */
  readonly type: string;
  readonly version: number;
  readonly at: number;
  readonly nextAt: number | null;
  readonly entry: HistoryEntry;
}
