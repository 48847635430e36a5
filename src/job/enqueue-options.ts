import type { CallbackKind, FailurePolicy } from './batch.ts';
import {
  type Check,
  type Checked,
  checkOptions,
  type Duration,
  duration,
  durationOrNever,
  flag,
  instant,
  integer,
  keyCheck,
  listOf,
  name,
  oneOf,
} from './check.ts';
import { invalidOption } from './errors.ts';
import type { Status } from './states.ts';
import { BUILT_IN_TENANT } from './tenant.ts';

/**
 * A connection with an open transaction on the manager's own database. SQLite: a better-sqlite3 `Database`, of the same
 * installation that Backline uses (a `DatabaseSync` of node:sqlite where that stands in for it); never open the file with another
 * copy of SQLite in one process. PostgreSQL: a client of `pg`, not a pool; await the call before you commit.
 */
export type Transaction = object;

/** Options of one job. What is not given comes from its type, then from the system. */
export interface EnqueueOptions {
  /** The job's own id: up to 200 safe characters. A duplicate is an error. */
  readonly id?: string;
  readonly queue?: string;
  /** 1 runs first, 10 last. Default 5. */
  readonly priority?: number;
  /** Runs this long from now. */
  readonly delay?: Duration;
  /** Runs at this instant: a Date, epoch milliseconds or ISO text with an offset. */
  readonly runAt?: Date | number | string;
  /** The largest number of executions. Default 3. */
  readonly maxAttempts?: number;
  /** After this many worker deaths the job is set aside as `failed`. Default 5. */
  readonly maxCrashes?: number;
  /** How long one attempt may take; `false` for no limit. Default 5 minutes. */
  readonly timeout?: Duration | false;
  /** How long it may take from its first start on, with all attempts and the waits between them; then it ends as `timeout`. Default: for ever. */
  readonly totalTimeout?: Duration | false;
  /** It is cancelled as expired if it has not started within this time of its run time. Default: never. */
  readonly startTimeout?: Duration | false;
  /** At most one unfinished job has this key; with `keyWindow`, at most one is made in that time. */
  readonly key?: string;
  readonly keyWindow?: Duration;
  /** What happens when the key is taken. `return` (default) yields the existing job, `replace` renews it where it waits, `reject` is an error. */
  readonly onConflict?: 'return' | 'replace' | 'reject';
  /** Jobs with the same limit key share a concurrency limit (see `setLimit`). */
  readonly limitKey?: string;
  /** Id of the parent job. */
  readonly parent?: string;
  /** Whose job it is, up to 200 safe characters; that of its parent if not given. A `key` is unique within its tenant. */
  readonly tenant?: string;
  /** Up to 20 words to find the job by. */
  readonly tags?: readonly string[];
  /** A person asked for it (default) or the system did. */
  readonly userInitiated?: boolean;
  /** A job that has not started by then is cancelled: a Date, epoch milliseconds or ISO text with an offset. */
  readonly expiresAt?: Date | number | string;
  /** Waits in `created` until a person resumes it. */
  readonly held?: boolean;
  /** An open transaction on the same database: the job exists if and only if it commits. */
  readonly tx?: Transaction;
}

const transaction: Check<Transaction> = (value, field) => {
  if (typeof value !== 'object' || value === null) throw invalidOption(field, value, 'a database connection');
  return value;
};

export const idCheck = name(200);
const anyTenant = name(200);
export const tenantCheck: Check<string> = (value, field) => {
  const tenant = anyTenant(value, field);
  if (tenant.startsWith(BUILT_IN_TENANT))
    throw invalidOption(field, value, `no name that begins with ${BUILT_IN_TENANT}`);
  return tenant;
};
export const queueCheck = name(100);
export const typeCheck = name(100);
export const priorityCheck = integer(1, 10);

/** Options that a job type may default and a call may set. */
export const SHARED_OPTIONS = {
  queue: queueCheck,
  priority: priorityCheck,
  maxAttempts: integer(1, 10_000),
  maxCrashes: integer(1, 10_000),
  timeout: durationOrNever,
  totalTimeout: durationOrNever,
  startTimeout: durationOrNever,
} as const;

export const ENQUEUE_OPTIONS = {
  ...SHARED_OPTIONS,
  id: idCheck,
  delay: duration,
  runAt: instant,
  key: keyCheck,
  keyWindow: duration,
  onConflict: oneOf('return', 'replace', 'reject'),
  limitKey: keyCheck,
  parent: idCheck,
  tenant: tenantCheck,
  tags: listOf(name(100), 20),
  userInitiated: flag,
  expiresAt: instant,
  held: flag,
  tx: transaction,
} as const;

export type CheckedEnqueueOptions = Checked<typeof ENQUEUE_OPTIONS>;

/** @throws UNKNOWN_OPTION, INVALID_OPTION; also where two options contradict each other. */
export const checkEnqueueOptions = (given: unknown): CheckedEnqueueOptions => {
  const options = checkOptions(ENQUEUE_OPTIONS, given, 'options');
  if (options.delay !== undefined && options.runAt !== undefined)
    throw invalidOption('delay', options.delay, 'either delay or runAt, not both');
  if (options.key === undefined && (options.keyWindow !== undefined || options.onConflict !== undefined))
    throw invalidOption(
      options.keyWindow === undefined ? 'onConflict' : 'keyWindow',
      options.keyWindow ?? options.onConflict,
      'only together with key',
    );
  if (options.expiresAt !== undefined && options.startTimeout !== undefined)
    throw invalidOption('startTimeout', options.startTimeout, 'either startTimeout or expiresAt, not both');
  return options;
};

/** A job that is complete and checked, ready to be inserted. */
export interface NewJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly status: Extract<Status, 'created' | 'queued'>;
  readonly priority: number;
  /** JSON text. */
  readonly payload: string;
  readonly runAt: number;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  readonly timeoutMs: number | null;
  readonly key: string | null;
  /** Until when the key stays taken whatever becomes of the job; null: until the job is final. */
  readonly keyUntil: number | null;
  readonly onConflict: 'return' | 'replace' | 'reject';
  readonly limitKey: string | null;
  readonly parentId: string | null;
  /** null: that of its parent, or none. */
  readonly tenant: string | null;
  readonly replayOf: string | null;
  readonly tags: readonly string[];
  readonly userInitiated: boolean;
  readonly expiresAt: number | null;
  /** How long it may take from its first start on. */
  readonly totalMs: number | null;
  /** Set for a batch: it is not queued but runs at once, as long as its children do. */
  readonly batch?: NewBatch;
  /** Set for a job of a schedule. */
  readonly slot?: JobSlot;
}

/** Which slot of which schedule a job was made for. */
export interface JobSlot {
  readonly scheduleId: string;
  /** The nominal time, epoch milliseconds; of a run by hand, when it was asked for. */
  readonly at: number;
}

/** What a batch has beside what every job has. */
export interface NewBatch {
  readonly policy: FailurePolicy;
  readonly open: boolean;
  readonly callbacks: readonly NewCallback[];
}

/** A job that a batch hands in when it ends; stored with the batch as JSON. */
export interface NewCallback {
  readonly on: CallbackKind;
  /** Complete but for its payload and what is only known at the end: its times. Later lives of the batch add `:life` to the id. */
  readonly job: Omit<
    NewJob,
    'batch' | 'parentId' | 'tenant' | 'replayOf' | 'key' | 'keyUntil' | 'onConflict' | 'runAt' | 'expiresAt' | 'status'
  > & {
    /** That of the batch. Missing in what an older version wrote. */
    readonly tenant?: string | null;
  };
  /** From the end of the batch on; or an instant. */
  readonly delayMs: number;
  readonly runAt: number | null;
  /** It expires if it has not started within this time of its run time. */
  readonly startMs: number | null;
}
