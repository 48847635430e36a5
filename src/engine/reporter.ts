/** Progress and log lines of running attempts, written in batches: progress at most once per interval and job, never lost at the end. */
import { isRecord } from '../job/check.ts';
import type { JobLog, Progress } from '../job/context.ts';
import type { ClaimedJob, LogLevel } from '../job/job.ts';
import { toPercent } from '../job/progress.ts';
import type { LogEntry, ProgressUpdate, Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';

/** Takes secrets out of what is written. */
export interface Cleaner {
  text(text: string): string;
  json(json: string): string;
}

export interface ReporterOptions {
  readonly intervalMs: number;
  /** Bytes of log kept per attempt. */
  readonly maxLogBytes: number;
}

/** What is known of one attempt while it runs. */
interface Told {
  percent: number;
  sentAt: number;
  waiting: ProgressUpdate | null;
  lines: number;
  bytes: number;
}

const LOG_FLUSH_MS = 250;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export class Reporter {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #options: ReporterOptions;
  readonly #onError: (error: unknown) => void;
  readonly #told = new Map<ClaimedJob, Told>();
  #lines: LogEntry[] = [];
  #progressTimer: NodeJS.Timeout | undefined;
  #logTimer: NodeJS.Timeout | undefined;

  constructor(store: Store, clock: Clock, options: ReporterOptions, onError: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
    this.#onError = onError;
  }

  /** @throws INVALID_OPTION for a number that is not finite. */
  progress(job: ClaimedJob, progress: Progress, cleaner: Cleaner): void {
    const { percent, note: given } = toPercent(progress);
    const note = given === null ? null : cleaner.text(given);
    const told = this.#of(job);
    told.percent = Math.max(told.percent, percent);
    told.waiting = { job, percent: told.percent, note };
    const dueMs = told.sentAt + this.#options.intervalMs - this.#clock.monotonic();
    if (dueMs <= 0) this.#send([told]);
    else this.#sendIn(dueMs);
  }

  /** Says something about a job that the handler does not say itself. */
  note(job: ClaimedJob, note: string): void {
    const told = this.#of(job);
    told.waiting = { job, percent: told.percent, note };
    this.#send([told]);
  }

  /** @param isOver whether the attempt has ended: what it says then comes too late. @param alive is called for each line. */
  logOf(job: ClaimedJob, isOver: () => boolean, alive: () => void, cleaner: Cleaner): JobLog {
    const methods = LEVELS.map((level) => [
      level,
      (...args: [string] | [Readonly<Record<string, unknown>>, string]) => {
        alive();
        if (!isOver()) this.#log(job, level, args, cleaner);
      },
    ]);
    return Object.fromEntries(methods) as JobLog;
  }

  /** The attempt is over: what it said last is written now, before its end is. */
  finish(job: ClaimedJob): void {
    const told = this.#told.get(job);
    if (!told) return;
    this.#told.delete(job);
    if (told.waiting) this.#send([told]);
    if (told.lines > 0) this.#flushLines();
  }

  #of(job: ClaimedJob): Told {
    const known = this.#told.get(job);
    if (known) return known;
    const told: Told = { percent: 0, sentAt: -Infinity, waiting: null, lines: 0, bytes: 0 };
    this.#told.set(job, told);
    return told;
  }

  /** Sends what is due, and waits for what is due next: each job has an interval of its own. */
  #sendWaiting(): void {
    this.#progressTimer = undefined;
    const waiting = [...this.#told.values()].filter((told) => told.waiting);
    const now = this.#clock.monotonic();
    const dueMs = (told: Told) => told.sentAt + this.#options.intervalMs - now;
    const later = waiting.filter((told) => dueMs(told) > 0).map(dueMs);
    this.#send(waiting.filter((told) => dueMs(told) <= 0));
    if (later.length > 0) this.#sendIn(later.reduce((least, ms) => Math.min(least, ms)));
  }

  #sendIn(ms: number): void {
    // A timer may ring a fraction of a millisecond early.
    this.#progressTimer ??= setTimeout(() => this.#sendWaiting(), Math.ceil(ms)).unref();
  }

  #send(all: readonly Told[]): void {
    const updates: ProgressUpdate[] = [];
    for (const told of all) {
      updates.push(told.waiting!);
      told.waiting = null;
      told.sentAt = this.#clock.monotonic();
    }
    if (updates.length > 0) this.#store.saveProgress(updates, this.#clock.now()).catch(this.#onError);
  }

  #log(
    job: ClaimedJob,
    level: LogLevel,
    args: [string] | [Readonly<Record<string, unknown>>, string],
    cleaner: Cleaner,
  ): void {
    const [fields, given] = args.length === 1 ? [null, args[0]] : args;
    const told = this.#of(job);
    if (told.bytes > this.#options.maxLogBytes) return;
    let message = cleaner.text(String(given));
    const read = fieldsOf(fields);
    let json = read === null ? null : cleaner.json(read);
    told.bytes += message.length + (json?.length ?? 0) + 40;
    if (told.bytes > this.#options.maxLogBytes) {
      message = `The log of this attempt reached ${this.#options.maxLogBytes} bytes; what follows is dropped.`;
      json = null;
    }
    const { seq, claim } = job;
    this.#lines.push({ seq, claim, n: told.lines++, at: this.#clock.now(), level, message, fields: json });
    this.#logTimer ??= setTimeout(() => this.#flushLines(), LOG_FLUSH_MS).unref();
  }

  #flushLines(): void {
    clearTimeout(this.#logTimer);
    this.#logTimer = undefined;
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#store.appendLogs(lines).catch(this.#onError);
  }
}

/** Log fields are for reading: what JSON cannot hold is described instead of refused. */
const fieldsOf = (fields: unknown): string | null => {
  if (!isRecord(fields)) return null;
  try {
    const json: string | undefined = JSON.stringify(fields, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value instanceof Error ? `${value.name}: ${value.message}` : value,
    );
    return json ?? null;
  } catch (error) {
    return JSON.stringify({ unreadable: String(error) });
  }
};
