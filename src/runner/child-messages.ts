/** What a worker (a thread or a child process) and its pool say to each other; docs/worker-protocol.md tells strangers. Pure. */
import { type Duration, isRecord, parseDuration } from '../job/check.ts';
import type { JobInfo, Progress } from '../job/context.ts';
import { workerGarbage, workerProtocol } from '../job/errors.ts';
import type { ClaimedJob, Failure, LogLevel } from '../job/job.ts';
import { readFailure } from '../job/outcome.ts';
import { toPercent } from '../job/progress.ts';

export const PROTOCOL = 1;

/** `run` counts the jobs of one worker; all that is said about a job carries it, so that nothing late is taken for the next job's. */
export type ToWorker =
  | {
      readonly kind: 'job';
      readonly run: number;
      readonly type: string;
      readonly payload: unknown;
      readonly attempt: number;
      readonly timeoutMs: number | null;
      readonly job: JobInfo;
    }
  | { readonly kind: 'cancel'; readonly run: number; readonly code: string; readonly reason: string }
  | { readonly kind: 'exit' };

/** How a job ended, as the worker sees it. Delays are milliseconds. */
export type Verdict =
  | { readonly kind: 'result'; readonly run: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly run: number; readonly error: Failure; readonly retry?: Retry }
  | { readonly kind: 'cancelled'; readonly run: number; readonly reason: string }
  | { readonly kind: 'snooze'; readonly run: number; readonly delay: number };

export type Retry = 'never' | { readonly afterMs: number };

export type FromWorker =
  | { readonly kind: 'ready'; readonly protocol: typeof PROTOCOL; readonly name?: string }
  /** It cannot work at all. */
  | { readonly kind: 'unready'; readonly error: Failure }
  | { readonly kind: 'progress'; readonly run: number; readonly progress: Progress }
  | {
      readonly kind: 'log';
      readonly run: number;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'heartbeat'; readonly run: number }
  | Verdict;

export const isVerdict = (message: FromWorker): message is Verdict =>
  message.kind === 'result' || message.kind === 'error' || message.kind === 'cancelled' || message.kind === 'snooze';

/** What a worker is told of its job, but for the payload. */
export const jobMessage = (
  { type, attempts, timeoutMs, ...claimed }: ClaimedJob,
  run: number,
): Omit<ToWorker & { kind: 'job' }, 'payload'> => {
  const { id, seq, queue, priority, maxAttempts, life, parentId, tenant, startedAt, runAt, scheduleId, slotAt } =
    claimed;
  const own = { id, seq, type, queue, priority, maxAttempts, life, parentId, tenant };
  const job = { ...own, startedAt, runAt, scheduleId, slotAt };
  return { kind: 'job', run, type, attempt: attempts, timeoutMs, job };
};

/** One line → its message. @throws WORKER_GARBAGE, WORKER_PROTOCOL. */
export const parseLine = (line: string): FromWorker => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw workerGarbage(line, 'is not JSON');
  }
  return readMessage(value, line);
};

/** A value → its message. @param found how an error shows it. @throws WORKER_GARBAGE, WORKER_PROTOCOL. */
export const readMessage = (value: unknown, found: unknown = value): FromWorker => {
  const refuse = (problem: string): never => {
    throw workerGarbage(typeof found === 'string' ? found : describe(found), problem);
  };
  if (!isRecord(value)) return refuse('is no object');
  switch (value['kind']) {
    case 'ready':
      if (value['protocol'] !== PROTOCOL) throw workerProtocol(value['protocol'], PROTOCOL);
      return { kind: 'ready', protocol: PROTOCOL, ...(isText(value['name']) ? { name: value['name'] } : {}) };
    case 'unready':
      return { kind: 'unready', error: readFailure(value['error']) };
    default:
      if (!Number.isSafeInteger(value['run'])) return refuse('names neither a kind of message nor the run of a job');
      return readAboutJob(value as Told, refuse);
  }
};

type Told = Readonly<Record<string, unknown>> & { readonly run: number };

const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(['debug', 'info', 'warn', 'error']);

const readAboutJob = (value: Told, refuse: (problem: string) => never): FromWorker => {
  const { run, kind } = value;
  switch (kind) {
    case 'progress':
      return { kind, run, progress: progressOf(value['progress'], refuse) };
    case 'log': {
      const { level = 'info', message, fields } = value;
      if (!LEVELS.has(level) || typeof message !== 'string') return refuse('is no log line');
      return { kind, run, level: level as LogLevel, message, fields: isRecord(fields) ? fields : {} };
    }
    case 'heartbeat':
      return { kind, run };
    case 'result':
      return { kind, run, result: value['result'] };
    case 'error': {
      const retry = retryIn(value['retry'], refuse);
      return { kind, run, error: readFailure(value['error']), ...(retry ? { retry } : {}) };
    }
    case 'cancelled':
      return { kind, run, reason: isText(value['reason']) ? value['reason'] : 'cancelled by its handler' };
    case 'snooze': {
      const delay = parseDuration(value['delay'] as Duration);
      return delay === undefined ? refuse('has no delay') : { kind, run, delay };
    }
    default:
      return refuse('is of no known kind');
  }
};

const progressOf = (value: unknown, refuse: (problem: string) => never): Progress => {
  try {
    toPercent(value as Progress);
    return value as Progress;
  } catch {
    return refuse('has no progress: a number, or done and total');
  }
};

const retryIn = (value: unknown, refuse: (problem: string) => never): Retry | undefined => {
  if (value === undefined || value === null || value === 'normal') return undefined;
  if (value === 'never') return value;
  const afterMs = isRecord(value) ? parseDuration(value['afterMs'] as number) : undefined;
  return afterMs === undefined ? refuse('has a retry that is neither "never" nor { "afterMs": … }') : { afterMs };
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const describe = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
};
