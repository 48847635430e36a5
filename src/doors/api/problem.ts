/** Errors as they leave: RFC 9457 problem details with our code, and the status of each code. Never a stack. */
import { ORPCError } from '@orpc/client';
import { BacklineError } from '../../job/backline-error.ts';
import { unexpected } from '../../job/errors.ts';
import type { Problem } from './shapes.ts';

/** Status → the codes it is for. A code that is not among them is our own mistake: 500. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  400: [
    ...[
      'BAD_REQUEST',
      'BAD_JSON',
      'INVALID_OPTION',
      'UNKNOWN_OPTION',
      'UNKNOWN_JOB_TYPE',
      'BUILT_IN_TYPE',
      'INVALID_PAYLOAD',
    ],
    ...['BAD_CURSOR', 'BAD_WHERE', 'FILTER_TOO_WIDE', 'ASYNC_SCHEMA_IN_TRANSACTION', 'BAD_TRANSACTION'],
    ...['INVALID_CRON', 'INVALID_TIME_ZONE', 'TIME_WITHOUT_ZONE', 'INVALID_CALENDAR', 'BAD_JOB_FILE', 'USAGE'],
    ...['UNKNOWN_STORE', 'FILE_ONLY', 'BAD_UPLOAD', 'SECRET_IN_NAME'],
  ],
  401: ['NOT_AUTHENTICATED'],
  403: ['NOT_PERMITTED', 'ORIGIN_REFUSED', 'BEYOND_REACH'],
  404: [
    'NOT_FOUND',
    'JOB_NOT_FOUND',
    'SCHEDULE_NOT_FOUND',
    'NOTHING_MATCHED',
    'NO_DATABASE',
    'UNREADABLE',
    'UPLOAD_NOT_FOUND',
    'TOKEN_NOT_FOUND',
  ],
  405: ['METHOD_NOT_ALLOWED'],
  408: ['BODY_TOO_SLOW', 'UPLOAD_TOO_SLOW'],
  // The request is fine, but not as things stand.
  409: [
    ...[
      'DUPLICATE_JOB_ID',
      'DUPLICATE_KEY',
      'PARENT_NOT_FOUND',
      'BATCH_ENDED',
      'NOT_A_BATCH',
      'NOT_FOR_BATCHES',
      'NOT_ALLOWED_NOW',
    ],
    ...[
      'BULK_CHANGED',
      'JOB_FAILED',
      'JOB_TIMED_OUT',
      'JOB_CANCELLED',
      'RESULT_TIMEOUT',
      'BATCH_FAILED',
      'JOB_EXPIRED',
    ],
    ...['ATTEMPT_TIMED_OUT', 'ATTEMPT_IDLE', 'DEADLINE_PASSED', 'CANCEL_REQUESTED', 'LEASE_LOST', 'WORKER_STOPPING'],
    ...['HANDLER_STILL_RUNNING', 'CRASHED_TOO_OFTEN', 'FUNCTION_LOST', 'TRANSACTION_ROLLED_BACK', 'INVALID_RESULT'],
    ...['FILE_EXISTS', 'TARGET_NOT_EMPTY', 'MOVE_CONFLICT', 'MOVE_FINISHED', 'WORKERS_ALIVE', 'MANAGER_EXISTS'],
    ...['SCHEDULE_EXISTS', 'SCHEDULE_CHANGED', 'SCHEDULE_FULL', 'NOT_AVAILABLE_HERE', 'NO_PROCESSOR', 'NEEDS_DATABASE'],
    ...['UPLOADS_OFF', 'UPLOAD_EXISTS', 'SECRET_UNREADABLE'],
  ],
  413: ['PAYLOAD_TOO_LARGE', 'BODY_TOO_LARGE', 'UPLOAD_TOO_LARGE'],
  415: ['UNSUPPORTED_MEDIA_TYPE'],
  421: ['HOST_REFUSED'],
  422: ['IDEMPOTENCY_KEY_REUSED'],
  429: ['TOO_MANY_LISTENERS', 'TOO_MANY_UPLOADS', 'TOO_MANY_REQUESTS'],
  500: [
    ...['UNEXPECTED', 'BAD_CONFIG_FILE', 'MOVE_DIFFERS', 'PORT_TAKEN', 'CANNOT_LISTEN', 'DRIVER_MISSING'],
    ...['BAD_SECRET_KEY', 'KEY_FILE_OPEN'],
    ...['WORKER_EXITED', 'WORKER_SIGNALLED', 'WORKER_OUT_OF_MEMORY', 'WORKER_ENDED_WITHOUT_RESULT', 'WORKER_SILENT'],
    ...['WORKER_GARBAGE', 'WORKER_LINE_TOO_LONG', 'WORKER_PROTOCOL', 'WORKER_NOT_READY', 'WORKER_MODULE'],
  ],
  502: ['API_UNREACHABLE', 'NOT_OUR_API', 'NO_PORT', 'PORT_CLOSED'],
  // Not now: the store or the service is away, and may come back.
  503: [
    ...['STORE_UNAVAILABLE', 'STORE_BUSY', 'STORE_READ_ONLY', 'STORE_DAMAGED', 'STORE_NEWER', 'STORE_CLOSED'],
    ...['NOT_OUR_DATABASE', 'NETWORK_FILE_SYSTEM', 'DATABASE_TOO_OLD', 'STORE_MOVED', 'MOVE_UNFINISHED'],
    ...[
      'NOT_STARTED',
      'MANAGER_CLOSED',
      'CLOSED_WHILE_WAITING',
      'DOOR_CLOSING',
      'LISTENERS_FULL',
      'SECRET_KEY_MISSING',
    ],
  ],
  507: ['STORE_FULL', 'UPLOAD_NO_SPACE'],
};

const STATUS: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES).flatMap(([status, codes]) => codes.map((code): [string, number] => [code, Number(status)])),
);

/** The codes that have a status; a test compares them with all there are. */
export const codesWithStatus = (): string[] => [...STATUS.keys()];

export const statusOf = (code: string): number => STATUS.get(code) ?? 500;

/** Where the reference tells of a code. */
const typeOf = (code: string): string => `/api/docs#${code}`;

/** `JOB_NOT_FOUND` → `Job not found`. */
const titleOf = (code: string): string => {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const problemOf = ({ code, details }: BacklineError, instance?: string): Problem => {
  const { message, field, found, allowed, next } = details;
  const parts = { field, found, allowed, next, instance };
  return {
    ...{ type: typeOf(code), title: titleOf(code), status: statusOf(code), code, detail: message },
    ...Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)),
  };
};

/** Whatever was thrown, as an error that may be shown: what is not ours stays inside. */
export const asOurs = (thrown: unknown): BacklineError =>
  thrown instanceof BacklineError ? thrown : unexpected(thrown);

/** An error in the form in which oRPC carries it: `data` is the problem. */
export const toWire = (thrown: unknown): ORPCError<string, Problem> => {
  const error = asOurs(thrown);
  return new ORPCError(error.code, { status: statusOf(error.code), message: error.message, data: problemOf(error) });
};
