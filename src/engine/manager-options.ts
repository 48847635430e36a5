/** Options of a JobManager: one table, checked once, then frozen. */
import { checkBackoff, type Wait } from '../job/backoff.ts';
import {
  type Check,
  checkOptions,
  countOrNever,
  type Duration,
  duration,
  durationOrNever,
  flag,
  integer,
  listOf,
  oneOf,
  secondsOrNever,
  text,
  timerDuration,
} from '../job/check.ts';
import type { Jobs } from '../job/define.ts';
import { queueCheck } from '../job/enqueue-options.ts';
import { invalidOption } from '../job/errors.ts';
import { SECRET_NAMES, secretNames } from '../job/secrets.ts';
import type { ScheduleRequest } from '../schedule/request.ts';
import { checkTimeZone } from '../schedule/zone.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import type { IdKind } from '../util/ids.ts';
import type { RetentionSettings } from './chores/pruner.ts';
import type { KeyOptions } from './keyring.ts';
import type { Logger } from './log.ts';

export interface ManagerOptions<J extends Jobs = Jobs> {
  /** The job types this process knows, by name. */
  readonly jobs?: J;
  /**
   * Schedules that the program needs: registered at each start of a worker, as `schedules.register` does. One that is no longer
   * named here stays until it is removed.
   */
  readonly schedules?: readonly ScheduleRequest[];
  /** Run jobs and fire schedules (default), or only hand in and ask. */
  readonly worker?: boolean;
  /** Queues to serve; all of them if not given. */
  readonly queues?: readonly string[];
  /** Readable name of the worker. Default: host name and process number. */
  readonly processId?: string;
  /** Jobs that run at once in this process. Default 10. */
  readonly maxConcurrentJobs?: number;
  /** How long one attempt may take where nothing else is said: SECONDS as a number (300), or text such as `'5m'`; false for no limit. */
  readonly defaultTimeout?: number | string | false;
  /** The largest number of executions where nothing else is said. Default 3. */
  readonly maxAttempts?: number;
  /** First delay of the default backoff, which doubles from there. Default 5,000 ms. */
  readonly retryDelay?: Duration;
  /** Progress of a job is written at most this often. Default 1,000 ms. */
  readonly progressUpdateInterval?: Duration;
  /** How often finished jobs are cleaned up. Default 60,000 ms. */
  readonly cleanupInterval?: Duration;
  /**
   * How long finished jobs are kept. Default: completed and cancelled 7 days, failed and timed out 30 days, 1,000,000 in all; and
   * `metrics`: how long what happened in each minute, default 7 days; `audit`: how long it is kept who changed what, default 90 days,
   * and never more than 1,000,000 lines.
   */
  readonly retention?: {
    readonly completed?: Duration | false;
    readonly failed?: Duration | false;
    readonly maxFinished?: number | false;
    readonly metrics?: Duration | false;
    readonly audit?: Duration | false;
  };
  /** How often to look for changes that no hint told of. Default 1 s. */
  readonly pollInterval?: Duration;
  /** How long a worker may be silent before its jobs are given to others. Default 20 s. */
  readonly lease?: Duration;
  /** How long a handler has to stop after its signal. Default 1 s. */
  readonly grace?: Duration;
  /** How long `close()` lets running jobs go on. Default 10 s. */
  readonly shutdownTimeout?: Duration;
  /** Kill this process if its event loop is blocked so long; false (default) only reports it. */
  readonly stuckLoopLimit?: Duration | false;
  /** Largest JSON of a payload or result, in bytes. Default 1 MiB. */
  readonly maxPayloadBytes?: number;
  /** Log kept per attempt, in bytes. Default 64 KiB. */
  readonly maxLogBytes?: number;
  /** Ids are time-ordered (default) or random. */
  readonly ids?: IdKind;
  /** `disk` (default): what was promised survives a power cut. `process`: it survives a killed process only, and is faster. */
  readonly durability?: 'disk' | 'process';
  /** Make the database if there is none. Default true; with false its absence is an error. */
  readonly create?: boolean;
  /** How long to wait for other programs' transactions on the file. Default 30 s. */
  readonly busyTimeout?: Duration;
  /** Close on SIGTERM and SIGINT. Default true for workers. */
  readonly handleSignals?: boolean;
  /** Where log lines go: a pino logger, `console`, or false for nowhere. Default: warnings and errors to standard error. */
  readonly logger?: Logger | false;
  /** IANA time zone of schedules that name none. Default UTC: never the machine's own. */
  readonly timeZone?: string;
  /**
   * How secrets in payloads are kept. `key`, `keyFile`, `oldKeys`: see `KeyOptions`; from the environment if not given, and beside a
   * database file if nowhere. `names`: what fields are called that are secret in every job type; `SECRET_NAMES` if not given, false
   * for only what job types mark.
   */
  readonly secrets?: KeyOptions & { readonly names?: readonly string[] | false };
  /** For tests. */
  readonly clock?: Clock;
}

const logger: Check<Logger | false> = (value, field) => {
  if (value === false) return false;
  const methods = ['debug', 'info', 'warn', 'error'] as const;
  const has = (name: string) => typeof (value as Record<string, unknown> | null)?.[name] === 'function';
  if (!methods.every(has)) throw invalidOption(field, value, 'a logger with debug, info, warn and error, or false');
  return value as Logger;
};

const RETENTION = {
  completed: durationOrNever,
  failed: durationOrNever,
  maxFinished: countOrNever,
  metrics: durationOrNever,
  audit: durationOrNever,
};

const isText: Check<string> = (value, field) => {
  // A key is never shown, not even a wrong one.
  if (typeof value !== 'string') throw invalidOption(field, typeof value, 'text');
  return value;
};

const SECRETS = {
  key: isText,
  keyFile: text(4096),
  oldKeys: listOf(isText, 100),
  names: ((value, field) => (value === false ? [] : secretNames(value, field))) as Check<readonly string[]>,
};

const clock: Check<Clock> = (value, field) => {
  const { now, monotonic } = Object(value) as Partial<Clock>;
  if (typeof now !== 'function' || typeof monotonic !== 'function')
    throw invalidOption(field, value, 'an object with now() and monotonic()');
  return value as Clock;
};

const OPTIONS = {
  jobs: (value: unknown) => value,
  // Each is checked when it is registered, beside the types of its jobs.
  schedules: listOf((value: unknown) => value, 10_000),
  worker: flag,
  queues: listOf(queueCheck, 1000),
  processId: text(100),
  maxConcurrentJobs: integer(1, 100_000),
  defaultTimeout: secondsOrNever,
  maxAttempts: integer(1, 10_000),
  retryDelay: duration,
  progressUpdateInterval: timerDuration(0),
  cleanupInterval: timerDuration(100),
  retention: (value: unknown) => checkOptions(RETENTION, value, 'retention', 'retention.'),
  pollInterval: timerDuration(10),
  lease: timerDuration(500),
  grace: timerDuration(0),
  shutdownTimeout: timerDuration(0),
  stuckLoopLimit: durationOrNever,
  maxPayloadBytes: integer(1, 2 ** 29),
  maxLogBytes: integer(0, 2 ** 29),
  ids: oneOf('uuid-v7', 'uuid-v4'),
  durability: oneOf('disk', 'process'),
  create: flag,
  busyTimeout: duration,
  handleSignals: flag,
  secrets: (value: unknown) => checkOptions(SECRETS, value, 'secrets', 'secrets.'),
  logger,
  timeZone: checkTimeZone,
  clock,
};

const DAY_MS = 86_400_000;

/** Everything that was not said is filled in. Durations are milliseconds. */
export interface ManagerSettings {
  readonly schedules: readonly unknown[];
  readonly worker: boolean;
  readonly queues: readonly string[] | null;
  readonly processId: string | null;
  readonly slots: number;
  readonly timeoutMs: number | null;
  readonly maxAttempts: number;
  readonly defaultWait: Wait;
  readonly progressIntervalMs: number;
  readonly cleanupMs: number;
  readonly retention: RetentionSettings;
  /** How long metrics are kept; null keeps them. */
  readonly metricsMs: number | null;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly shutdownMs: number;
  readonly stuckLoopMs: number | null;
  readonly maxPayloadBytes: number;
  readonly maxLogBytes: number;
  readonly ids: IdKind;
  readonly durability: 'disk' | 'process';
  readonly create: boolean;
  readonly busyMs: number;
  readonly handleSignals: boolean;
  readonly secrets: KeyOptions & { readonly names: readonly string[] };
  readonly logger: Logger | false | null;
  readonly timeZone: string;
  readonly clock: Clock;
}

/** @throws UNKNOWN_OPTION, INVALID_OPTION, INVALID_TIME_ZONE. */
export const checkManagerOptions = (given: unknown): ManagerSettings => {
  const options = checkOptions(OPTIONS, given, 'JobManager');
  const {
    completed = 7 * DAY_MS,
    failed = 30 * DAY_MS,
    maxFinished = 1_000_000,
    metrics,
    audit,
  } = options.retention ?? {};
  const worker = options.worker ?? true;
  return Object.freeze({
    schedules: options.schedules ?? [],
    worker,
    queues: options.queues ?? null,
    processId: options.processId ?? null,
    slots: options.maxConcurrentJobs ?? 10,
    timeoutMs: options.defaultTimeout === undefined ? 300_000 : options.defaultTimeout,
    maxAttempts: options.maxAttempts ?? 3,
    defaultWait: checkBackoff({ kind: 'exponential', delay: options.retryDelay ?? 5000 }),
    progressIntervalMs: options.progressUpdateInterval ?? 1000,
    cleanupMs: options.cleanupInterval ?? 60_000,
    retention: {
      completedMs: completed,
      failedMs: failed,
      maxFinished,
      auditMs: audit === undefined ? 90 * DAY_MS : audit,
    },
    metricsMs: metrics === undefined ? 7 * DAY_MS : metrics,
    pollMs: options.pollInterval ?? 1000,
    leaseMs: options.lease ?? 20_000,
    graceMs: options.grace ?? 1000,
    shutdownMs: options.shutdownTimeout ?? 10_000,
    stuckLoopMs: options.stuckLoopLimit ?? null,
    maxPayloadBytes: options.maxPayloadBytes ?? 1024 * 1024,
    maxLogBytes: options.maxLogBytes ?? 64 * 1024,
    ids: options.ids ?? 'uuid-v7',
    durability: options.durability ?? 'disk',
    create: options.create ?? true,
    busyMs: options.busyTimeout ?? 30_000,
    handleSignals: options.handleSignals ?? worker,
    secrets: { ...options.secrets, names: options.secrets?.names ?? SECRET_NAMES },
    logger: options.logger ?? null,
    timeZone: options.timeZone ?? 'UTC',
    clock: options.clock ?? systemClock,
  });
};
