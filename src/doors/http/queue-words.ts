/**
 * How the queue's own endpoints speak, and how that is said inside: numbers for ids, five states, priorities in which the higher number
 * comes first, retries instead of attempts, programs. Pure; queue-endpoints.ts asks the client.
 */
import { type Check, integer, text } from '../../job/check.ts';
import type { EnqueueOptions } from '../../job/enqueue-options.ts';
import { invalidOption } from '../../job/errors.ts';
import type { JobFilter } from '../../job/filter.ts';
import type { Job } from '../../job/job.ts';
import type { Status } from '../../job/states.ts';

/** Their state → ours. `failed` there includes what ran out of time. */
export const STATES = {
  pending: ['created', 'queued'],
  running: ['running'],
  completed: ['completed'],
  failed: ['failed', 'timeout'],
  cancelled: ['cancelled'],
} as const satisfies Readonly<Record<string, readonly Status[]>>;

export type QueueState = keyof typeof STATES;

export const stateOf = (status: Status): QueueState =>
  (Object.keys(STATES) as QueueState[]).find((state) => (STATES[state] as readonly Status[]).includes(status))!;

/** The priority as it was given, where it is not to be had from ours: that has only ten steps. */
const PRIORITY = 'priority:';

/** Whose job it is: a program there is a tenant here. */
export const programOf = ({ tenant }: Pick<Job, 'tenant'>): string | null => tenant;

export const ofProgram = (program: string): JobFilter => ({ tenant: program });

const tagged = (tags: readonly string[], prefix: string): string | null =>
  tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length) ?? null;

/** Higher comes first there, any whole number, 0 by default; lower comes first here, 1 to 10. */
export const priorityInside = (priority: number): number => Math.min(10, Math.max(1, 5 - priority));

export const priorityOutside = ({ tags, priority }: Pick<Job, 'tags' | 'priority'>): number => {
  const given = tagged(tags, PRIORITY);
  // Changed since: then what was given says nothing any more.
  return given !== null && priorityInside(Number(given)) === priority ? Number(given) : 5 - priority;
};

/** What a job is handed in with there. */
export interface QueueJobOptions {
  readonly program_id: number | string;
  /** Higher comes first; any whole number. Default 0. */
  readonly priority?: number;
  /** Executions after the first. Default 3. */
  readonly max_retries?: number;
  /** ISO 8601 with an offset or Z. Default: at once. */
  readonly scheduled_at?: string | null;
}

/** @throws INVALID_OPTION. */
export const enqueueOptionsOf = ({
  program_id,
  priority = 0,
  max_retries = 3,
  scheduled_at = null,
}: QueueJobOptions): EnqueueOptions => {
  const given = integer(-1_000_000_000, 1_000_000_000)(priority, 'priority');
  return {
    priority: priorityInside(given),
    maxAttempts: integer(0, 9999)(max_retries, 'max_retries') + 1,
    tenant: checkProgram(program_id, 'program_id'),
    tags: 5 - priorityInside(given) === given ? [] : [`${PRIORITY}${given}`],
    ...(scheduled_at === null ? {} : { runAt: scheduled_at }),
  };
};

/** A program as it stands in a path: a number, or a name. @throws INVALID_OPTION. */
export const checkProgram: Check<string> = (value, field) => {
  const program =
    typeof value === 'number' ? String(integer(0, Number.MAX_SAFE_INTEGER)(value, field)) : text(80)(value, field);
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.:@+-]*$/u.test(program)) throw invalidOption(field, value, 'the id of a program');
  return program;
};

/** A job's number as it stands in a path. @throws INVALID_OPTION. */
export const checkJobNumber: Check<number> = (value, field) => {
  const n = /^[1-9]\d{0,15}$/.test(String(value)) ? Number(value) : 0;
  if (n < 1 || !Number.isSafeInteger(n)) throw invalidOption(field, value, 'the number of a job, from 1');
  return n;
};

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;

/** @throws INVALID_OPTION. */
export const checkLimit = (value: unknown): number => {
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = /^[1-9]\d{0,8}$/.test(String(value)) ? Number(value) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw invalidOption('limit', value, `a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
};

/** A retry that waits counts already. */
export const retriesOf = ({ status, attempts, maxAttempts }: Pick<Job, 'status' | 'attempts' | 'maxAttempts'>) => {
  const waits = status === 'queued' || status === 'created';
  const most = Math.max(0, maxAttempts - 1);
  return { retry_count: Math.min(most, waits ? attempts : Math.max(0, attempts - 1)), max_retries: most };
};

/** What a caller may see of a job. The parameters are not among it: they hold what nobody but the handler may know. */
export interface QueueJob {
  readonly id: number;
  readonly program_id: string | number | null;
  readonly job_type: string;
  readonly status: QueueState;
  readonly priority: number;
  /** 0 to 100. */
  readonly progress: number;
  readonly progress_message: string | null;
  readonly error_message: string | null;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly cancel_requested: boolean;
  readonly created_at: string;
  readonly scheduled_at: string;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  /** Since when, and by whom, it is locked: while it runs. */
  readonly locked_at: string | null;
  readonly locked_by: string | null;
}

export const queueJob = (job: Job): QueueJob => {
  const runs = job.status === 'running';
  return {
    id: job.seq,
    program_id: programShown(programOf(job)),
    job_type: job.type,
    status: stateOf(job.status),
    priority: priorityOutside(job),
    progress: job.progress,
    progress_message: job.note,
    error_message: job.error,
    ...retriesOf(job),
    cancel_requested: job.cancelRequestedAt !== null,
    created_at: iso(job.createdAt),
    scheduled_at: iso(job.runAt),
    started_at: isoOrNull(job.startedAt),
    completed_at: isoOrNull(job.completedAt),
    locked_at: runs ? isoOrNull(job.startedAt) : null,
    locked_by: runs ? job.worker : null,
  };
};

/** A number is shown as one. */
export const programShown = (program: string | null): string | number | null =>
  program !== null && /^(0|[1-9]\d{0,14})$/.test(program) ? Number(program) : program;

export const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));
