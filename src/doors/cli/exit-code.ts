/** What the command line ends with. Scripts depend on these numbers: they never change. */
import { BacklineError } from '../../job/backline-error.ts';

export const EXIT = {
  ok: 0,
  /** A job or a check failed, or something unforeseen happened. */
  failed: 1,
  /** The command, a setting or an input is wrong; nothing was done. */
  usage: 2,
  /** The database cannot be reached, read or written. */
  store: 3,
  /** The database and this version of backline do not fit together. */
  migration: 4,
  /** Nothing matched. */
  nothing: 5,
  /** Understood, and refused. */
  refused: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Shown under `backline --help`. */
export const EXIT_HELP =
  'Exit codes: 0 ok, 1 a job or check failed, 2 usage, 3 database not reachable, 4 needs migration, 5 nothing matched, 6 refused, 130 interrupted.';

const CODES: Readonly<Record<Exclude<keyof typeof EXIT, 'ok' | 'failed' | 'interrupted'>, readonly string[]>> = {
  usage: [
    'USAGE',
    'INVALID_OPTION',
    'UNKNOWN_OPTION',
    'UNKNOWN_JOB_TYPE',
    'INVALID_PAYLOAD',
    'PAYLOAD_TOO_LARGE',
    'BAD_WHERE',
    'BAD_CURSOR',
    'BAD_CONFIG_FILE',
    'FILTER_TOO_WIDE',
    'HOST_REFUSED',
    'BAD_SECRET_KEY',
    'KEY_FILE_OPEN',
    'SECRET_IN_NAME',
    'SECRET_KEY_MISSING',
    'INVALID_CALENDAR',
    'INVALID_CRON',
    'INVALID_TIME_ZONE',
    'TIME_WITHOUT_ZONE',
    'UNKNOWN_STORE',
    'FILE_ONLY',
    'NEEDS_DATABASE',
    'BAD_JSON',
    'BAD_REQUEST',
    'BODY_TOO_LARGE',
  ],
  store: [
    'API_UNREACHABLE',
    'NOT_OUR_API',
    'DOOR_CLOSING',
    'DATABASE_TOO_OLD',
    'DRIVER_MISSING',
    'NO_DATABASE',
    'NETWORK_FILE_SYSTEM',
    'NOT_OUR_DATABASE',
    'STORE_BUSY',
    'STORE_CLOSED',
    'STORE_DAMAGED',
    'MOVE_UNFINISHED',
    'STORE_FULL',
    'STORE_MOVED',
    'STORE_READ_ONLY',
    'STORE_UNAVAILABLE',
  ],
  migration: ['STORE_NEWER'],
  nothing: ['JOB_NOT_FOUND', 'NOTHING_MATCHED', 'PARENT_NOT_FOUND', 'SCHEDULE_NOT_FOUND', 'TOKEN_NOT_FOUND'],
  refused: [
    'NOT_AUTHENTICATED',
    'BEYOND_REACH',
    'TOO_MANY_REQUESTS',
    'NOT_PERMITTED',
    'ORIGIN_REFUSED',
    'IDEMPOTENCY_KEY_REUSED',
    'BATCH_ENDED',
    'DUPLICATE_JOB_ID',
    'DUPLICATE_KEY',
    'FILE_EXISTS',
    'MOVE_CONFLICT',
    'MOVE_FINISHED',
    'NOT_A_BATCH',
    'NOT_ALLOWED_NOW',
    'NOT_FOR_BATCHES',
    'SCHEDULE_CHANGED',
    'SCHEDULE_EXISTS',
    'SCHEDULE_FULL',
    'TARGET_NOT_EMPTY',
    'WORKERS_ALIVE',
  ],
};

const BY_CODE = new Map(
  Object.entries(CODES).flatMap(([name, codes]) =>
    codes.map((code) => [code, EXIT[name as keyof typeof CODES]] as const),
  ),
);

export const exitCodeOf = (error: unknown): ExitCode =>
  (error instanceof BacklineError ? BY_CODE.get(error.code) : undefined) ?? EXIT.failed;
