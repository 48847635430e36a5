/**
 * The store contract: verbs of a job's life, not of tables. Both databases implement it, and one conformance suite
 * (test/conformance) proves it.
 *
 * - `now` (epoch milliseconds) is an argument of every verb that compares times; a store has no clock of its own.
 * - Promises resolve when the write is committed, and synced to disk where a promise was given to a caller.
 * - Every write of a worker is guarded by the claim number: what comes too late is reported and counted, never forced.
 * - A batch (a job with `NewJob.batch`) runs without a worker, and its status, progress and callbacks follow from its children in the
 *   transaction in which one of them moved, whatever verb moved it (src/job/batch.ts says how). Where much must be cancelled, it may
 *   take several transactions, one after the other.
 */
import type { SurveyRow } from '../job/bulk.ts';
import type { BulkOutcome, BulkStep, SurveyOptions } from '../job/bulk-step.ts';
import type { Change } from '../job/change.ts';
import type { NewJob, Transaction } from '../job/enqueue-options.ts';
import type { FailedJob } from '../job/failure-groups.ts';
import type { CheckedFilter, CheckedPage, Reach } from '../job/filter.ts';
import type { Attempt, ClaimedJob, Job, LogLevel, LogLine } from '../job/job.ts';
import type { Standing } from '../job/standing.ts';
import type { Status } from '../job/states.ts';
import type { AccessStore } from './access-store.ts';
import type { RequestKey } from './request-key.ts';
import type { ScheduleStore } from './schedule-store.ts';
import type { MetricsRange, StoreMetrics } from './store-metrics.ts';

export type MaybePromise<T> = T | Promise<T>;

export type { RequestKey };

export interface Store {
  /** Where the data is, without secrets. */
  readonly where: string;
  /** What the database's clock is ahead of this machine's, in milliseconds, where it has one of its own. */
  readonly clockOffsetMs?: number;
  /** Asks the database for its time again, where it has a clock of its own: this machine's has jumped. */
  measureClock?(): Promise<void>;
  /** What starts jobs by itself. */
  readonly schedules: ScheduleStore;

  // --- jobs come in ---

  /**
   * Inserts jobs, all in one transaction: the outcome of each, in order. A batch stands before its children; if it is refused, so
   * are they.
   * @throws STORE_FULL, STORE_BUSY, STORE_READ_ONLY; then nothing was written.
   */
  insert(jobs: readonly NewJob[], now: number): Promise<InsertOutcome[]>;
  /**
   * Inserts the jobs of a request that may come again. The first time they go in, and what became of them is kept with the request,
   * in the same transaction; later, and from any process, that is the answer, and nothing is inserted.
   * @returns null if the key was used for another request.
   */
  insertOnce(request: RequestKey, jobs: readonly NewJob[], now: number): Promise<InsertOutcome[] | null>;
  /** Inserts in the caller's transaction; with a synchronous driver, synchronously. @throws BAD_TRANSACTION. */
  insertWithin(tx: Transaction, jobs: readonly NewJob[], now: number): MaybePromise<InsertOutcome[]>;

  // --- jobs are worked on ---

  /** Takes up to `n` due jobs: by priority, then run time, then insertion; within pauses and limits. */
  claim(request: ClaimRequest, now: number): Promise<ClaimAnswer>;
  /** Writes what became of attempts; each change carries its own time. */
  applyChanges(changes: readonly Change[]): Promise<ApplyOutcome[]>;
  /** The same in the caller's transaction; with a synchronous driver, synchronously. @throws BAD_TRANSACTION. */
  applyWithin(tx: Transaction, changes: readonly Change[]): MaybePromise<ApplyOutcome[]>;
  /** Writes progress of running jobs; what is late is dropped. */
  saveProgress(updates: readonly ProgressUpdate[], now: number): Promise<void>;
  /** Appends lines to the logs of attempts. */
  appendLogs(lines: readonly LogEntry[]): Promise<void>;

  // --- workers live and die ---

  /** Registers a worker and keeps its lease alive, from a thread where the store can. */
  keepLease(worker: WorkerInfo, options: LeaseOptions): Promise<Lease>;
  workers(): Promise<WorkerRow[]>;
  /** Declares workers dead whose heartbeat has not moved, and gives back every running job that has no worker. */
  releaseOrphans(gone: readonly { readonly owner: string; readonly beat: number }[], now: number): Promise<Orphan[]>;

  // --- people change their minds ---

  /**
   * Waiting jobs become `cancelled`; running ones are asked to stop. Both are final for the caller. A batch runs: all its children
   * are cancelled with it, and it ends when they have.
   */
  requestCancel(target: Target, reason: string, now: number): Promise<CancelOutcome>;
  /**
   * Starts a new life of jobs that ended in `failed`, `timeout` or `cancelled`; of a batch, sealed, with those of its children.
   * @returns how many, these children included.
   */
  revive(target: Target, now: number): Promise<number>;
  /** Changes a waiting job: priority, run time, hold; or seals a batch that runs. Guarded. */
  adjust(id: string, change: Adjustment, now: number): Promise<AdjustOutcome>;
  /**
   * Deletes jobs that are not running, with everything that belongs to them; a parent only if no child of it stays, and what has
   * ended in a batch only after that.
   * @returns how many.
   */
  remove(target: Target, now: number): Promise<number>;
  /**
   * One step of a change of many jobs, by a job that runs it: the change, how far it has come (progress and a log line) and the look
   * whether it may go on are one transaction. Nothing is done if the job no longer runs under its claim, or was cancelled.
   */
  bulkStep(step: BulkStep, now: number): Promise<BulkOutcome>;
  /** Sets pause and limit of a queue. */
  setQueue(name: string, change: QueueChange, now: number): Promise<void>;
  /** Sets how many jobs with a limit key may run at once; null lifts it. */
  setKeyLimit(key: string, maxRunning: number | null): Promise<void>;
  /** Makes an index on the value at a path of the payloads, or drops it; writers wait meanwhile. @returns whether anything changed. */
  indexPayload(path: readonly string[], on: boolean): Promise<boolean>;

  // --- chores ---

  /**
   * Cancels waiting jobs whose time ran out, a bounded number; and settles batches that are out of time, or that a crash or a
   * change by hand has left. @returns how many jobs expired.
   */
  expire(now: number): Promise<number>;
  /** Deletes finished jobs by age and count, a bounded number; not what a batch that runs still counts. @returns how many. */
  prune(retention: Retention, now: number): Promise<number>;
  /**
   * Notes how many jobs wait and run in each queue in this minute, and forgets a bounded number of rows of metrics from before the
   * given time; null keeps them. @returns how many were forgotten.
   */
  sampleDepths(now: number, forgetBefore: number | null): Promise<number>;

  // --- people ask ---

  get(id: string): Promise<Job | null>;
  list(filter: CheckedFilter, page: CheckedPage): Promise<JobPage>;
  count(filter: CheckedFilter): Promise<number>;
  attempts(id: string): Promise<Attempt[]>;
  /** Log lines of a job after the given position, oldest first. */
  logs(id: string, after: LogPosition | null, limit: number): Promise<LogLine[]>;
  /** @param within of these jobs only, here and below: counted row by row where it names tenants. */
  queues(now: number, within?: Reach): Promise<QueueRow[]>;
  /** All that decides where a job stands, of one moment (explain.ts says what follows from it); null if there is no such job. */
  standing(id: string, now: number): Promise<Standing | null>;
  /** The jobs of a filter by what decides whether they can be changed (bulk.ts); of one moment. */
  survey(filter: CheckedFilter, options: SurveyOptions): Promise<SurveyRow[]>;
  /** Jobs that failed or timed out, newest first, from before a number of insertion; null: from the newest on. */
  failures(before: number | null, limit: number, within?: Reach): Promise<FailedJob[]>;
  stats(within?: Reach): Promise<StoreStats>;
  /** What happened, in steps of whole minutes; every move is counted in the transaction that makes it. Depths are of all jobs. */
  metrics(range: MetricsRange, within?: Reach): Promise<StoreMetrics>;

  /** Who may come in, what they changed, encrypted values. */
  readonly access: AccessStore;

  // --- the store itself ---

  /**
   * Calls back after every commit, with the changes in the order in which they happened, also those of other processes. What a
   * listener throws becomes a warning of the process; the write and the other listeners are not touched by it.
   */
  watch(listener: (changes: readonly StoreChange[]) => void): () => void;
  /**
   * Looks whether other processes changed anything, and delivers their changes to watchers. The engine polls; hints only make
   * it poll sooner. @returns whether anything changed. @throws STORE_UNAVAILABLE if the database is gone.
   */
  poll(now: number): Promise<boolean>;
  /** Calls back when something may have changed. @returns a function that stops it. */
  hint(listener: () => void): () => void;
  checkIntegrity(): Promise<IntegrityReport>;
  /** Writes a consistent copy while work goes on; where the database is a file. */
  backup?(file: string): Promise<void>;
  /** Always settles; afterwards every verb throws STORE_CLOSED. */
  close(): Promise<void>;
}

/** Jobs by id, with all their descendants (`tree`), or by filter. */
export type Target = { readonly ids: readonly string[]; readonly tree?: boolean } | { readonly filter: CheckedFilter };

export type InsertOutcome =
  | { readonly kind: 'inserted'; readonly id: string; readonly seq: number }
  /** The key was taken: this is the job that has it. */
  | { readonly kind: 'existing' | 'replaced'; readonly id: string; readonly seq: number; readonly status: Status }
  | { readonly kind: 'duplicate-id'; readonly id: string }
  | { readonly kind: 'key-taken'; readonly id: string; readonly existing: string; readonly status: Status }
  | { readonly kind: 'no-parent'; readonly id: string }
  /** The schedule has a job of this slot. */
  | { readonly kind: 'slot-taken'; readonly id: string }
  /** The parent is a batch that has ended. */
  | { readonly kind: 'parent-ended'; readonly id: string; readonly status: Status };

export interface ClaimRequest {
  readonly owner: string;
  readonly n: number;
  /** Job types this worker has handlers for; others are left for workers that do. */
  readonly types: readonly string[];
  /** Queues to serve; all of them if not given. */
  readonly queues?: readonly string[];
}

export interface ClaimAnswer {
  readonly jobs: readonly ClaimedJob[];
  /** When to ask again at the latest: when the next delayed job is due, or at once if there was too much to put aside; or null. */
  readonly nextAt: number | null;
}

/** `cancel-requested`: not written, because somebody asked for a cancel; the worker ends the job as cancelled. */
export type ApplyOutcome = 'applied' | 'late' | 'cancel-requested';

export interface ProgressUpdate {
  readonly job: ClaimedJob;
  readonly percent: number;
  readonly note: string | null;
}

export interface LogEntry {
  readonly seq: number;
  readonly claim: number;
  readonly n: number;
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  /** JSON text. */
  readonly fields: string | null;
}

export interface WorkerInfo {
  /** Random per start: never a host name or process id, which come back. */
  readonly owner: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  /** When the operating system started that process, in its own ticks; a process id that was given out again differs here. */
  readonly pidStart: string | null;
  readonly slots: number;
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  readonly startedAt: number;
}

export interface WorkerRow extends WorkerInfo {
  /** Grows with every heartbeat. */
  readonly beat: number;
  readonly beatAt: number;
  readonly leaseUntil: number;
  /** How long the worker's event loop has been blocked, in milliseconds, as its heartbeat thread saw it. */
  readonly blockedMs: number;
  readonly running: number;
}

export interface LeaseOptions {
  readonly leaseMs: number;
  readonly beatMs: number;
  /** If set, a process whose event loop is blocked this long is killed, so that its jobs can go on elsewhere. */
  readonly stuckLoopMs: number | null;
  readonly now: () => number;
  /** Another process declared this worker dead. It has a new lease under another name; the jobs it ran are no longer its own. */
  readonly onLost: () => void;
  readonly onBlocked: (blockedMs: number) => void;
  /** The heartbeat failed, and is started again. */
  readonly onTrouble: (error: unknown) => void;
}

export interface Lease {
  /** Under which the worker claims now: another one after each loss. */
  readonly owner: string;
  /** Ends the lease: jobs that still run under it are orphans at once. */
  end(): Promise<void>;
}

export interface Orphan {
  readonly id: string;
  readonly type: string;
  readonly crashes: number;
  /** Set aside as `failed` because its workers died too often. */
  readonly quarantined: boolean;
}

export interface CancelOutcome {
  readonly cancelled: number;
  readonly requested: number;
}

export interface Adjustment {
  readonly priority?: number;
  readonly runAt?: number;
  /** true: hold it in `created`; false: let it go on. */
  readonly held?: boolean;
  /** Of a batch: no more jobs are to come. The only thing that can be changed of a batch. */
  readonly sealed?: true;
}

export type AdjustOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly status: Status }
  /** It is a batch, and the change is for a job that waits; or the other way round. */
  | { readonly kind: 'batch' | 'no-batch' }
  | { readonly kind: 'missing' };

export interface QueueChange {
  /** null lifts the pause. */
  readonly pause?: {
    readonly reason: string | null;
    readonly actor: string | null;
    readonly until: number | null;
  } | null;
  /** null lifts the limit. */
  readonly maxRunning?: number | null;
}

export interface Retention {
  /** Delete completed and cancelled jobs that ended before this time; null keeps them. */
  readonly doneBefore: number | null;
  /** Delete failed and timed-out jobs that ended before this time; null keeps them. */
  readonly failedBefore: number | null;
  /** Keep at most so many finished jobs; null keeps all. */
  readonly keep: number | null;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** Pass it as `after` to get the next page; null at the end. */
  readonly next: string | null;
}

export interface LogPosition {
  readonly claim: number;
  readonly n: number;
}

export interface QueueRow {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedReason: string | null;
  readonly pausedBy: string | null;
  readonly pausedUntil: number | null;
  readonly pausedAt: number | null;
  readonly maxRunning: number | null;
  readonly counts: Readonly<Record<Status, number>>;
  /** Run time of the oldest job that could run now, or null. */
  readonly oldestDueAt: number | null;
}

export interface StoreStats {
  readonly total: number;
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly byType: Readonly<Record<string, Readonly<Record<Status, number>>>>;
  /** Results that came after their lease was lost, and were dropped. */
  readonly lateResults: number;
  readonly sizeBytes: number;
}

/** One change of one job, as the store saw it. */
export interface StoreChange {
  readonly kind: 'status' | 'progress' | 'cancel-requested' | 'removed';
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly at: number;
  /** Where it came from; null for a new job. */
  readonly from: Status | null;
  readonly to: Status;
  readonly attempts: number;
  readonly runAt: number;
  readonly progress?: number;
  readonly note?: string | null;
  /** JSON text; for `completed`. */
  readonly result?: string | null;
  readonly error?: string | null;
}

export interface IntegrityReport {
  readonly ok: boolean;
  readonly problems: readonly string[];
}
