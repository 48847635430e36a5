/**
 * What people search by beside the columns: the errors of failed jobs, and values within payloads, which have an index where somebody
 * asked for one.
 */
import type { FailedJob } from '../../../job/failure-groups.ts';
import type { CheckedFilter } from '../../../job/filter.ts';
import { indexOf } from '../../payload-index.ts';
import { toFailed } from '../../rows.ts';
import { type Connection, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { valueAt } from './target.ts';

const FIND = sql`SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?`;

/** Payloads lie in the row, or beside it: two indexes. */
const TABLES = [
  ['jobs', ''],
  ['job_payloads', '_large'],
] as const;

/** @returns whether anything changed. */
export const indexPayload = (txn: Transaction, path: readonly string[], wanted: boolean): boolean => {
  const name = indexOf(path);
  if ((txn.db.get(FIND, name) !== undefined) === wanted) return false;
  for (const [table, suffix] of TABLES)
    txn.db.exec(
      wanted ? `CREATE INDEX ${name}${suffix} ON ${table}(${valueAt(path)})` : `DROP INDEX IF EXISTS ${name}${suffix}`,
    );
  return true;
};

/** The same filter, which says where an index can be used. */
export const withIndexes = (db: Connection, filter: CheckedFilter): CheckedFilter =>
  filter.payload === undefined
    ? filter
    : {
        ...filter,
        payload: filter.payload.map((match) => ({
          ...match,
          indexed: db.get(FIND, indexOf(match.path)) !== undefined,
        })),
      };

/** By the index of final states, whose last column is the order. */
const failedBy = (status: string): string => `
  SELECT * FROM (
    SELECT seq, id, type, queue, status, claim, coalesce(error, '') AS message, completed_at FROM jobs
    WHERE status = '${status}' AND status NOT IN ('queued', 'running') AND seq < @before ORDER BY seq DESC LIMIT +@limit)`;
const FAILURES = sql`
  SELECT j.*, json_extract(a.error, '$.name') AS name, json_extract(a.error, '$.code') AS code
  FROM (SELECT * FROM (${failedBy('failed')} UNION ALL ${failedBy('timeout')}) ORDER BY seq DESC LIMIT +@limit) j
  LEFT JOIN job_attempts a ON a.job = j.seq AND a.claim = j.claim ORDER BY j.seq DESC`;

export const failuresOf = (db: Connection, before: number | null, limit: number): FailedJob[] =>
  db.all(FAILURES, { before: before ?? Number.MAX_SAFE_INTEGER, limit }).map(toFailed);
