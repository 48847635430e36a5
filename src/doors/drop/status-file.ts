/** `*.status` files: what the door says of a job, for people and programs that see nothing but the folder. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { BacklineError } from '../../job/backline-error.ts';
import { isRecord } from '../../job/check.ts';
import { invalidOption, jobNotFound, unreadable } from '../../job/errors.ts';
import type { Failure, Job } from '../../job/job.ts';
import { isFinal, shownStatus } from '../../job/states.ts';
import { systemCode, writeWhole } from './files.ts';
import { isSafeStem } from './job-file.ts';

/** The content of a `.status` file. Times are epoch seconds, with a fraction. */
export interface JobStatus {
  readonly status: 'running' | 'completed' | 'failed';
  readonly start_time: number;
  /** Only when it has ended; never before `start_time`. */
  readonly end_time?: number;
  /** What the handler returned; only when completed. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** 0 to 100. */
  readonly progress: number;
  /** Id of the job, or null for a file that never became one. */
  readonly job_id: string | null;
  /** The exact word: scheduled, queued, retrying, running, completed, failed, cancelled, timeout, refused, removed. */
  readonly state: string;
  /** What the job says about itself. */
  readonly message?: string;
  /** Only when failed. */
  readonly error?: StatusError;
}

/** Why a job failed, without a stack. */
export interface StatusError {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly found?: string;
  readonly allowed?: string;
  readonly next?: string;
}

const SUFFIX = '.status';

export const statusPath = (folder: string, stem: string): string => join(folder, `${stem}${SUFFIX}`);

/** `x.status` → `x`; null for every other name. */
export const statusStemOf = (name: string): string | null =>
  name.endsWith(SUFFIX) && !name.startsWith('.') ? name.slice(0, -SUFFIX.length) : null;

/** What to write about a job. `failure` is the error of its last attempt. */
export const statusOf = (job: Job, startTime: number, failure: Failure | null, now: number): JobStatus => {
  const start = { start_time: startTime };
  const about = { progress: job.progress, job_id: job.id, state: shownStatus(job, now), ...messageOf(job) };
  if (!isFinal(job.status)) return { status: 'running', ...start, ...about };
  const end = { end_time: Math.max(startTime, (job.completedAt ?? now) / 1000) };
  if (job.status === 'completed')
    return { status: 'completed', ...start, ...end, result: asObject(job.result), ...about };
  return { status: 'failed', ...start, ...end, ...about, error: errorOf(job, failure) };
};

/** What to write while the job is being made. */
export const statusOfNew = (jobId: string, startTime: number): JobStatus => ({
  status: 'running',
  start_time: startTime,
  progress: 0,
  job_id: jobId,
  state: 'queued',
});

/** What to write about a file that cannot become a job. */
export const statusOfRefused = (error: BacklineError, startTime: number): JobStatus => ({
  status: 'failed',
  start_time: startTime,
  end_time: startTime,
  progress: 0,
  job_id: null,
  state: 'refused',
  error: errorDetails(error),
});

/** What to write about a job that somebody removed before it ended. */
export const statusOfRemoved = (jobId: string, startTime: number, now: number): JobStatus => ({
  status: 'failed',
  start_time: startTime,
  end_time: Math.max(startTime, now / 1000),
  progress: 0,
  job_id: jobId,
  state: 'removed',
  error: errorDetails(jobNotFound(jobId)),
});

const messageOf = (job: Job): { message?: string } => {
  const retrying = job.status === 'queued' && job.attempts > 0 && job.error !== null;
  const text = retrying ? `Attempt ${job.attempts} of ${job.maxAttempts} failed: ${job.error}` : job.note;
  return text === null ? {} : { message: text };
};

const asObject = (result: unknown): Readonly<Record<string, unknown>> =>
  isRecord(result) ? result : result === null || result === undefined ? {} : { value: result };

const CODES = { failed: 'JOB_FAILED', timeout: 'JOB_TIMED_OUT', cancelled: 'JOB_CANCELLED' } as const;

const errorOf = (job: Job, failure: Failure | null): StatusError => {
  const code = CODES[job.status as keyof typeof CODES];
  const message = job.error ?? failure?.message ?? `The job ended as ${job.status}.`;
  return { code: (job.status === 'failed' && failure?.code) || code, message };
};

const errorDetails = ({ code, message, field, found, allowed, next }: BacklineError): StatusError => ({
  code,
  message,
  ...(field === undefined ? {} : { field }),
  ...(found === undefined ? {} : { found }),
  ...(allowed === undefined ? {} : { allowed }),
  ...(next === undefined ? {} : { next }),
});

/** The text of a status file. */
export const statusText = (status: JobStatus): string => `${JSON.stringify(status, null, 2)}\n`;

/** Replaces a status file as a whole; the first and the last text of a job are `durable`: on disk before this resolves. */
export const writeStatus = (folder: string, stem: string, text: string, durable: boolean): Promise<void> =>
  writeWhole(statusPath(folder, stem), text, { durable });

/** A status file as an object, null if there is none, undefined if it is no JSON object (somebody else's work). */
export const loadStatus = async (folder: string, stem: string): Promise<Record<string, unknown> | null | undefined> => {
  try {
    const file = await open(statusPath(folder, stem), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const value: unknown = JSON.parse(await file.readFile('utf8'));
      return isRecord(value) ? value : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    if (error instanceof SyntaxError || systemCode(error) === 'ELOOP' || systemCode(error) === 'EISDIR')
      return undefined;
    throw error;
  }
};

/**
 * Reads the status of a dropped job.
 * @param id the id that `submitJob` returned: the job file's name without `.job`.
 * @returns null while there is none.
 * @throws INVALID_OPTION for an id that is no plain file name, UNREADABLE if the file holds something else.
 */
export const readStatus = async (jobsDir: string, id: string): Promise<JobStatus | null> => {
  if (!isSafeStem(id)) throw invalidOption('id', id, 'the name of a job file without .job, and without a path');
  let status: Record<string, unknown> | null | undefined;
  try {
    status = await loadStatus(jobsDir, id);
  } catch (error) {
    throw unreadable(statusPath(jobsDir, id), error);
  }
  if (status === undefined) throw unreadable(statusPath(jobsDir, id), 'it is no JSON object');
  return status as JobStatus | null;
};
