/** The table of all settings: the name in the config file, the flag, the environment variable, the check, the default, one sentence. */
import {
  type Check,
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
import { queueCheck, typeCheck } from '../job/enqueue-options.ts';
import { ADDRESSES, invalidOption } from '../job/errors.ts';
import type { ScheduleRequest } from '../schedule/request.ts';
import { checkTimeZone } from '../schedule/zone.ts';
import { maskSecrets } from '../util/mask.ts';

/** One setting. `Given` is what a config file holds, `Value` what the program uses. */
export interface Option<Given, Value> {
  /** As commander takes it, with its argument; a second name stands first. */
  readonly flag: string;
  readonly env: string;
  readonly says: string;
  /** As a config file would hold it. */
  readonly default: Given | null;
  /** Text of a flag or variable → what a config file would hold. */
  readonly read: (text: string) => unknown;
  readonly check: Check<Value>;
  /** Hides what must not be shown. */
  readonly mask?: (shown: string) => string;
}

const option = <Given, Value>(one: Option<Given, Value>): Option<Given, Value> => one;

// --- how the text of a flag or a variable is read; what does not fit stays text, so that the check can show it ---

const asText = (given: string): unknown => given;
const asNumber = (given: string): unknown => (/^-?\d+$/.test(given.trim()) ? Number(given) : given);
const asNumberOrNever = (given: string): unknown => (given === 'false' ? false : asNumber(given));
const asFlag = (given: string): unknown => (given === 'true' ? true : given === 'false' ? false : given);
const asList = (given: string): unknown => given.split(',').map((item) => item.trim());

// --- checks that only settings need ---

/** A refused address must not show its password. */
const address: Check<string> = (value, field) => {
  if (typeof value !== 'string' || value === '' || value.length > 4096)
    throw invalidOption(field, typeof value === 'string' ? maskSecrets(value) : value, ADDRESSES);
  return value;
};

const LEVELS = { debug: 'debug', info: 'info', warning: 'warn', warn: 'warn', error: 'error' } as const;
export type LogLevel = (typeof LEVELS)[keyof typeof LEVELS];

const level: Check<LogLevel> = (value, field) => {
  const word = typeof value === 'string' ? value.toLowerCase() : '';
  if (!Object.hasOwn(LEVELS, word)) throw invalidOption(field, value, 'DEBUG, INFO, WARNING, ERROR');
  return LEVELS[word as keyof typeof LEVELS];
};

export const OPTIONS = {
  database: option<string, string>({
    flag: '--database <address>',
    env: 'DATABASE_URL',
    says: 'Where jobs are kept: sqlite:path, a path, :memory:, or postgres://user@host/database.',
    default: 'sqlite:data/backline.db',
    read: asText,
    check: address,
    mask: maskSecrets,
  }),
  jobsDir: option<string, string>({
    flag: '--jobs-dir <folder>',
    env: 'JOB_SCHEDULER_DIR',
    says: 'The folder that *.job files are dropped into.',
    default: 'data/jobs',
    read: asText,
    check: text(4096),
  }),
  dropType: option<string, string | null>({
    flag: '--drop-type <job>',
    env: 'BACKLINE_DROP_TYPE',
    says: 'The job type that a dropped file becomes; the folder is watched only if this is set.',
    default: null,
    read: asText,
    check: typeCheck,
  }),
  uploadsDir: option<string, string>({
    flag: '--uploads-dir <folder>',
    env: 'BACKLINE_UPLOADS_DIR',
    says: 'The folder that files are stored in which are uploaded to become jobs; taken only if dropType is set.',
    default: 'uploads/catalogs',
    read: asText,
    check: text(4096),
  }),
  maxUploadBytes: option<number, number>({
    flag: '--max-upload-bytes <n>',
    env: 'BACKLINE_MAX_UPLOAD_BYTES',
    says: 'The largest file that may be uploaded.',
    default: 2 ** 32,
    read: asNumber,
    check: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  processId: option<string, string | null>({
    flag: '--process-id <name>',
    env: 'BACKLINE_PROCESS_ID',
    says: 'The name of this worker; host name and process number if not set.',
    default: null,
    read: asText,
    check: text(100),
  }),
  queues: option<readonly string[], readonly string[] | null>({
    flag: '--queue, --queues <names>',
    env: 'BACKLINE_QUEUES',
    says: 'The queues to serve, parted by commas; all of them if not set.',
    default: null,
    read: asList,
    check: listOf(queueCheck, 1000),
  }),
  maxConcurrentJobs: option<number, number>({
    flag: '--concurrency <n>',
    env: 'BACKLINE_CONCURRENCY',
    says: 'Jobs that run at once in this process.',
    default: 10,
    read: asNumber,
    check: integer(1, 100_000),
  }),
  defaultTimeout: option<Duration | false, number | null>({
    flag: '--job-timeout <seconds>',
    env: 'JOB_TIMEOUT',
    says: 'How long one attempt may take: seconds, text such as 5m, or false.',
    default: 300,
    read: asNumberOrNever,
    check: secondsOrNever,
  }),
  maxRetries: option<number, number>({
    flag: '--max-retries <n>',
    env: 'MAX_RETRIES',
    says: 'How often a failed job is tried again, where its type does not say.',
    default: 2,
    read: asNumber,
    check: integer(0, 9_999),
  }),
  retryDelay: option<Duration, number>({
    flag: '--retry-delay <time>',
    env: 'BACKLINE_RETRY_DELAY',
    says: 'The first wait after a failure; it doubles from there.',
    default: '5s',
    read: asNumber,
    check: duration,
  }),
  shutdownTimeout: option<Duration, number>({
    flag: '--shutdown-timeout <time>',
    env: 'BACKLINE_SHUTDOWN_TIMEOUT',
    says: 'How long running jobs may go on after a stop was asked for.',
    default: '10s',
    read: asNumber,
    check: duration,
  }),
  grace: option<Duration, number>({
    flag: '--grace <time>',
    env: 'BACKLINE_GRACE',
    says: 'How long a handler has to stop after its signal.',
    default: '1s',
    read: asNumber,
    check: duration,
  }),
  lease: option<Duration, number>({
    flag: '--lease <time>',
    env: 'BACKLINE_LEASE',
    says: 'How long a worker may be silent before its jobs go to others.',
    default: '20s',
    read: asNumber,
    check: timerDuration(500),
  }),
  stuckLoopLimit: option<Duration | false, number | null>({
    flag: '--stuck-loop-limit <time>',
    env: 'BACKLINE_STUCK_LOOP_LIMIT',
    says: 'Ends the process when its event loop is blocked so long; false only reports it.',
    default: false,
    read: asNumberOrNever,
    check: durationOrNever,
  }),
  pollInterval: option<Duration, number>({
    flag: '--poll-interval <time>',
    env: 'BACKLINE_POLL_INTERVAL',
    says: 'How often to look for changes that no hint told of.',
    default: '1s',
    read: asNumber,
    check: timerDuration(10),
  }),
  progressUpdateInterval: option<Duration, number>({
    flag: '--progress-update-interval <time>',
    env: 'BACKLINE_PROGRESS_UPDATE_INTERVAL',
    says: "A job's progress is written at most this often.",
    default: '1s',
    read: asNumber,
    check: duration,
  }),
  cleanupInterval: option<Duration, number>({
    flag: '--cleanup-interval <time>',
    env: 'BACKLINE_CLEANUP_INTERVAL',
    says: 'How often finished jobs are cleaned up.',
    default: '1m',
    read: asNumber,
    check: timerDuration(100),
  }),
  keepCompleted: option<Duration | false, number | null>({
    flag: '--keep-completed <time>',
    env: 'BACKLINE_KEEP_COMPLETED',
    says: 'How long completed and cancelled jobs are kept; false keeps them.',
    default: '7d',
    read: asNumberOrNever,
    check: durationOrNever,
  }),
  keepFailed: option<Duration | false, number | null>({
    flag: '--keep-failed <time>',
    env: 'BACKLINE_KEEP_FAILED',
    says: 'How long failed and timed-out jobs are kept; false keeps them.',
    default: '30d',
    read: asNumberOrNever,
    check: durationOrNever,
  }),
  maxFinished: option<number | false, number | null>({
    flag: '--max-finished <n>',
    env: 'BACKLINE_MAX_FINISHED',
    says: 'How many finished jobs are kept at most; false keeps all.',
    default: 1_000_000,
    read: asNumberOrNever,
    check: countOrNever,
  }),
  keepMetrics: option<Duration | false, number | null>({
    flag: '--keep-metrics <time>',
    env: 'BACKLINE_KEEP_METRICS',
    says: 'How long is kept what happened in each minute; false keeps it.',
    default: '7d',
    read: asNumberOrNever,
    check: durationOrNever,
  }),
  maxPayloadBytes: option<number, number>({
    flag: '--max-payload-bytes <n>',
    env: 'BACKLINE_MAX_PAYLOAD_BYTES',
    says: 'The largest JSON of a payload or result.',
    default: 1_048_576,
    read: asNumber,
    check: integer(1, 2 ** 29),
  }),
  maxLogBytes: option<number, number>({
    flag: '--max-log-bytes <n>',
    env: 'BACKLINE_MAX_LOG_BYTES',
    says: 'How much log is kept for one attempt.',
    default: 65_536,
    read: asNumber,
    check: integer(0, 2 ** 29),
  }),
  ids: option<'uuid-v7' | 'uuid-v4', 'uuid-v7' | 'uuid-v4'>({
    flag: '--ids <kind>',
    env: 'BACKLINE_IDS',
    says: 'Ids of new jobs: in the order of time (uuid-v7) or random (uuid-v4).',
    default: 'uuid-v7',
    read: asText,
    check: oneOf('uuid-v7', 'uuid-v4'),
  }),
  durability: option<'disk' | 'process', 'disk' | 'process'>({
    flag: '--durability <kind>',
    env: 'BACKLINE_DURABILITY',
    says: 'What was promised survives a power cut (disk), or only a killed process (process).',
    default: 'disk',
    read: asText,
    check: oneOf('disk', 'process'),
  }),
  busyTimeout: option<Duration, number>({
    flag: '--busy-timeout <time>',
    env: 'BACKLINE_BUSY_TIMEOUT',
    says: "How long to wait for other programs' transactions on the file.",
    default: '30s',
    read: asNumber,
    check: duration,
  }),
  timeZone: option<string, string>({
    flag: '--time-zone <name>',
    env: 'SCHEDULER_TIMEZONE',
    says: 'The IANA time zone of schedules that name none, never that of the machine.',
    default: 'UTC',
    read: asText,
    check: checkTimeZone,
  }),
  host: option<string, string>({
    flag: '--host <address>',
    env: 'BACKLINE_HOST',
    says: 'Where the API and the pages listen; on other addresses than loopback only if there is a token.',
    default: '127.0.0.1',
    read: asText,
    check: text(255),
  }),
  requireToken: option<boolean, boolean>({
    flag: '--require-token <yes>',
    env: 'BACKLINE_REQUIRE_TOKEN',
    says: 'Whether a token is needed from this machine, too: true or false.',
    default: false,
    read: asFlag,
    check: flag,
  }),
  publicUrl: option<string, string | null>({
    flag: '--public-url <address>',
    env: 'BACKLINE_PUBLIC_URL',
    says: 'The address by which browsers know the service, where a proxy or a name stands before it.',
    default: null,
    read: asText,
    check: text(500),
  }),
  allowedHosts: option<readonly string[], readonly string[]>({
    flag: '--allowed-hosts <names>',
    env: 'BACKLINE_ALLOWED_HOSTS',
    says: 'Further names by which the service may be asked, such as that of its container, parted by commas.',
    default: [],
    read: asList,
    check: listOf(text(255), 100),
  }),
  trustProxy: option<boolean, boolean>({
    flag: '--trust-proxy <yes>',
    env: 'BACKLINE_TRUST_PROXY',
    says: 'Whether to believe X-Forwarded-For, which only a proxy of yours may set: true or false.',
    default: false,
    read: asFlag,
    check: flag,
  }),
  keepAudit: option<Duration | false, number | null>({
    flag: '--keep-audit <time>',
    env: 'BACKLINE_KEEP_AUDIT',
    says: 'How long it is kept who changed what; false keeps it for good.',
    default: '90d',
    read: asNumberOrNever,
    check: durationOrNever,
  }),
  port: option<number, number>({
    flag: '--port <n>',
    env: 'PORT',
    says: 'The port of the status page; the next free one if it is taken, any free one for 0.',
    default: 4700,
    read: asNumber,
    check: integer(0, 65_535),
  }),
  logLevel: option<string, LogLevel>({
    flag: '--log-level <level>',
    env: 'LOG_LEVEL',
    says: 'The least level that is logged: DEBUG, INFO, WARNING or ERROR.',
    default: 'WARNING',
    read: asText,
    check: level,
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

type GivenOf<O> = O extends Option<infer Given, infer _> ? Given : never;
type ValueOf<O> = O extends Option<infer _, infer Value> ? Value : never;

/** What a config file may hold. */
export type Config<J extends Jobs = Jobs> = { readonly [Name in OptionName]?: GivenOf<(typeof OPTIONS)[Name]> } & {
  /** The job types, by name; each made by `job()`. */
  readonly jobs?: J;
  /** Schedules that the program needs: registered by `backline start` and `backline work`, as `schedules` of a `JobManager` are. */
  readonly schedules?: readonly ScheduleRequest<NoInfer<J>>[];
};

/** Every setting after its check; null where nothing is set and there is no default. Durations are milliseconds. */
export type Settings = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };
