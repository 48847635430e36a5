import { type Check, type Checked, checkOptions, flag, instant, integer, listOf, text } from './check.ts';
import { idCheck, priorityCheck, queueCheck, tenantCheck, typeCheck } from './enqueue-options.ts';
import { invalidOption } from './errors.ts';
import { FINGERPRINT_LENGTH } from './fingerprint.ts';
import { STATUSES, type Status } from './states.ts';

/** Which jobs are meant. Every part must hold; a list means "any of these". */
export interface JobFilter {
  readonly id?: string | readonly string[];
  /** The numbers of insertion. */
  readonly seq?: number | readonly number[];
  readonly status?: Status | readonly Status[];
  readonly type?: string | readonly string[];
  readonly queue?: string | readonly string[];
  readonly priority?: number | readonly number[];
  readonly parent?: string;
  /** Id of the schedule that made them. */
  readonly schedule?: string;
  readonly tenant?: string | readonly string[];
  readonly tag?: string;
  readonly userInitiated?: boolean;
  /** Made at or after, and before: a Date, epoch milliseconds or ISO text with an offset. */
  readonly createdAfter?: Date | number | string;
  readonly createdBefore?: Date | number | string;
  /** Text within the error message, letters of either case. */
  readonly error?: string;
  /** Failed and timed-out jobs with this error, whatever numbers stand in its message; see `failures()`. */
  readonly fingerprint?: string;
  /** Whether it is a batch. */
  readonly batch?: boolean;
  /** Values at paths of the payload: `{ 'user.id': 42 }`. */
  readonly payload?: Readonly<Record<string, string | number | boolean | null>>;
}

export type JobOrder = 'newest' | 'oldest' | 'next';

export interface PageOptions {
  /** `newest` first (default), `oldest` first, or `next`: waiting jobs in the order in which they run. */
  readonly order?: JobOrder;
  /** Jobs per page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

const oneOrMore =
  <T>(check: Check<T>): Check<T[]> =>
  (value, field) =>
    Array.isArray(value) ? listOf(check, 1000)(value, field) : [check(value, field)];

const status: Check<Status> = (value, field) => {
  if (!STATUSES.includes(value as Status)) throw invalidOption(field, value, STATUSES.join(', '));
  return value as Status;
};

const fingerprint: Check<string> = (value, field) => {
  if (typeof value !== 'string' || !FINGERPRINT.test(value))
    throw invalidOption(field, value, `${FINGERPRINT_LENGTH} digits from 0 to f, as failures() has them`);
  return value;
};

const FINGERPRINT = new RegExp(`^[0-9a-f]{${FINGERPRINT_LENGTH}}$`);

export type PayloadMatch = {
  readonly path: readonly string[];
  readonly value: string | number | boolean | null;
  /** Said by a store to itself: it has an index for the path. */
  readonly indexed?: boolean;
};

/** `user.id` → its names. */
export const checkPath: Check<string[]> = (path, field) => {
  const parts = typeof path === 'string' ? path.split('.') : [];
  if (parts.length === 0 || parts.some((part) => !/^[\p{L}\p{N}_$-]{1,100}$/u.test(part)))
    throw invalidOption(field, path, 'names joined by dots, such as user.id or items.0.sku');
  return parts;
};

const payload: Check<PayloadMatch[]> = (value, field) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidOption(field, value, "paths and values, such as { 'user.id': 42 }");
  return Object.entries(value).map(([path, wanted]) => {
    const parts = checkPath(path, `${field} path`);
    if (wanted !== null && !['string', 'number', 'boolean'].includes(typeof wanted))
      throw invalidOption(`${field}.${path}`, wanted, 'text, a number, true, false or null');
    if (typeof wanted === 'number' && !Number.isFinite(wanted))
      throw invalidOption(`${field}.${path}`, wanted, 'a finite number');
    return { path: parts, value: wanted as PayloadMatch['value'] };
  });
};

const FILTER = {
  id: oneOrMore(idCheck),
  seq: oneOrMore(integer(1, Number.MAX_SAFE_INTEGER)),
  status: oneOrMore(status),
  type: oneOrMore(typeCheck),
  queue: oneOrMore(queueCheck),
  priority: oneOrMore(priorityCheck),
  parent: idCheck,
  schedule: idCheck,
  tenant: oneOrMore(tenantCheck),
  tag: text(100),
  userInitiated: flag,
  createdAfter: instant,
  createdBefore: instant,
  error: text(1000),
  fingerprint,
  batch: flag,
  payload,
} as const;

/** All that somebody may see: jobs of these queues and of these tenants; null for all. */
export interface Reach {
  readonly queues: readonly string[] | null;
  readonly tenants: readonly string[] | null;
}

/** What a bounded client may see beside that: the changes of many jobs that clients with the same reach have begun. */
export interface Within extends Reach {
  /** The tenant that these have: no one else's, and no name that anybody could give. */
  readonly own?: string;
}

/**
 * A filter after its check: lists where one or more are allowed, epoch milliseconds for times. `within` is no part of what people
 * ask: the store ANDs it with everything else, so that no page and no count holds what its reader may not see.
 */
export type CheckedFilter = Checked<typeof FILTER> & { readonly within?: Within };

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkFilter = (filter: unknown): CheckedFilter => checkOptions(FILTER, filter, 'filter');

export const isEmptyFilter = (filter: CheckedFilter): boolean => Object.keys(filter).length === 0;

const order: Check<JobOrder> = (value, field) => {
  if (value !== 'newest' && value !== 'oldest' && value !== 'next')
    throw invalidOption(field, value, 'newest, oldest, next');
  return value;
};

const PAGE = { order, limit: integer(1, 1000), after: text(500) } as const;

export interface CheckedPage {
  readonly order: JobOrder;
  readonly limit: number;
  readonly after: string | undefined;
}

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkPage = (page: unknown): CheckedPage => {
  const { order = 'newest', limit = 100, after } = checkOptions(PAGE, page, 'page');
  return { order, limit, after };
};
