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
import { keyAt, pathLiteral } from './target.ts';

const FIND = sql`
  SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = 'backline.job_body'::regclass AND i.indisvalid AND c.relname = $name`;

/** The planner knows nothing of the values before they were looked at. @returns whether anything changed. */
export const indexPayload = async (txn: Transaction, path: readonly string[], wanted: boolean): Promise<boolean> => {
  const name = indexOf(path);
  if (((await txn.get(FIND, { name })) !== undefined) === wanted) return false;
  if (!wanted) await txn.run(`DROP INDEX IF EXISTS backline.${name}`, {});
  else {
    await txn.run(`CREATE INDEX IF NOT EXISTS ${name} ON backline.job_body (${keyAt(pathLiteral(path))})`, {});
    await txn.run('ANALYZE backline.job_body', {});
  }
  return true;
};

/** The same filter, which says where an index can be used. */
export const withIndexes = async (db: Connection, filter: CheckedFilter): Promise<CheckedFilter> => {
  if (filter.payload === undefined) return filter;
  const has = async (path: readonly string[]) => (await db.get(FIND, { name: indexOf(path) })) !== undefined;
  const payload = await Promise.all(
    filter.payload.map(async (match) => ({ ...match, indexed: await has(match.path) })),
  );
  return { ...filter, payload };
};

/** Escapes that PostgreSQL cannot read as text would end the whole answer; see payloadMatch of target.ts. */
export const READABLE = `regexp_replace(a.error, '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffd', 'g')`;

/** By the index of final states, which holds the order. */
const failedBy = (status: string): string => `
  (SELECT seq, status, claim, error, completed_at FROM backline.job_done
    WHERE status = '${status}' AND ($before::bigint IS NULL OR seq < $before::bigint) ORDER BY seq DESC LIMIT $limit)`;
const FAILURES = sql`
  SELECT d.seq, b.id, b.type, b.queue, d.status, coalesce(d.error, '') AS message, d.completed_at,
    (${READABLE}::json) ->> 'name' AS name, (${READABLE}::json) ->> 'code' AS code
  FROM (SELECT * FROM (${failedBy('failed')} UNION ALL ${failedBy('timeout')}) u ORDER BY seq DESC LIMIT $limit) d
  JOIN backline.job_body b ON b.seq = d.seq
  LEFT JOIN backline.job_attempts a ON a.job = d.seq AND a.claim = d.claim
  ORDER BY d.seq DESC`;

export const failuresOf = async (db: Connection, before: number | null, limit: number): Promise<FailedJob[]> =>
  (await db.all(FAILURES, { before, limit })).map(toFailed);
