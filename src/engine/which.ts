/** Which jobs, and which lines of their logs, a caller means. */
import { type Check, integer, isRecord } from '../job/check.ts';
import { filterTooWide, invalidOption } from '../job/errors.ts';
import { type CheckedFilter, checkFilter, isEmptyFilter, type JobFilter } from '../job/filter.ts';
import type { LogPosition } from '../store/store.ts';

/** A filter, or all jobs where all are meant. */
export type Which = JobFilter | { readonly all: true };

/** A filter that means every job must say so. */
export const wide = (which: Which, what: string): CheckedFilter => {
  // Beside other words, "all" would overrule them.
  if (isRecord(which) && which['all'] === true && Object.keys(which).length === 1) return {};
  const filter = checkFilter(which);
  if (isEmptyFilter(filter)) throw filterTooWide(what);
  return filter;
};

const position: Check<LogPosition> = (value, field) => {
  const { claim, n } = isRecord(value) ? value : {};
  if (!Number.isSafeInteger(claim) || !Number.isSafeInteger(n))
    throw invalidOption(field, value, 'a line that logs() returned');
  return { claim, n } as LogPosition;
};

/** Options of `Client.logs`. */
export const LOG_PAGE = { after: position, limit: integer(1, 10_000) };
