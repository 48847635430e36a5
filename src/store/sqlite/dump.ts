/** Reads what moves from a database file, as records of no database, in chunks by key: the memory it takes does not grow with the file. */

import { number } from '../rows.ts';
import { type ChunkSize, JOBS, type Key, type Numbers, type Table, timesText, type Row as Values } from '../side.ts';
import { type Connection, type Row, sql, type Value } from './driver.ts';
import { IS_BATCH, PAYLOAD } from './sql/target.ts';

/** S1's columns may be empty: what a job without them has stands here. Seconds may be broken, milliseconds are whole. */
const JOB_ROWS = sql`(
  SELECT seq, id, type, queue, status, ${PAYLOAD} AS payload, priority, run_at, coalesce(max_attempts, 3) AS max_attempts, max_crashes,
    limit_key, unique_key, parent_job_id, tenant, replay_of, tags, coalesce(user_initiated, 1) <> 0 AS user_initiated,
    timeout_seconds * 1000 AS timeout_ms, total_seconds * 1000 AS total_ms, expires_at, created_at, queued_at, life, claim,
    coalesce(attempts, 0) AS attempts, crashes, coalesce(progress, 0) AS progress, started_at, deadline_at,
    CASE WHEN status IN ('created', 'queued') THEN NULL ELSE timeout_at END AS timeout_at, completed_at, cancel_requested_at, lease_owner,
    CASE WHEN status = 'running' THEN note END AS note, CASE WHEN status = 'running' THEN cancel_reason END AS cancel_reason, result, error,
    CASE WHEN ${IS_BATCH} THEN b.policy END AS policy, CASE WHEN ${IS_BATCH} AND status = 'running' THEN b.open END AS open,
    CASE WHEN ${IS_BATCH} AND status = 'running' THEN b.timed_out_at END AS timed_out_at,
    schedule_id, slot_at
  FROM jobs LEFT JOIN job_batches b ON b.job = jobs.seq)`;

const NUMBERS = sql`
  SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0) AS last,
    coalesce((SELECT value FROM job_meta WHERE name = 'late_results'), 0) AS late`;

/** A chunk may be one row longer in bytes than it should: what is in a row is known only when it is read. */
export const readRows = (db: Connection, table: Table, after: Key | null, { rows, bytes }: ChunkSize): Values[] => {
  const found: Values[] = [];
  let size = 0;
  for (const row of db.iterate(`${select(table, after, null)} LIMIT +?`, ...(after ?? []), rows)) {
    const values = toValues(table, row);
    found.push(values);
    for (const value of values) if (typeof value === 'string') size += value.length;
    if (size >= bytes) break;
  }
  return found;
};

export const rangeOf = (db: Connection, table: Table, after: Key | null, last: Key): Values[] =>
  db.all(select(table, after, last), ...(after ?? []), ...last).map((row) => toValues(table, row));

const select = (table: Table, after: Key | null, last: Key | null): string => {
  const names = table.columns.map(([name]) => name).join(', ');
  const compared = [after && '>', last && '<=']
    .filter(Boolean)
    .map((sign) => `${keyText(table)} ${sign} ${places(table)}`);
  const where = compared.length > 0 ? ` WHERE ${compared.join(' AND ')}` : '';
  return `SELECT ${names} FROM ${table === JOBS ? JOB_ROWS : table.name}${where} ORDER BY ${table.key.join(', ')}`;
};

const keyText = ({ key }: Table): string => (key.length === 1 ? key[0]! : `(${key.join(', ')})`);
const places = ({ key }: Table): string => (key.length === 1 ? '?' : `(${key.map(() => '?').join(', ')})`);

const toValues = (table: Table, row: Row): Values =>
  table.columns.map(([name, kind]) => {
    const value = row[name] as Value;
    if (value === null) return null;
    if (kind === 'flag') return value !== 0;
    if (kind === 'times') return timesText(String(value));
    return kind === 'integer' ? Math.round(Number(value)) : String(value);
  });

export const numbersOf = (db: Connection): Numbers => {
  const row = db.get(NUMBERS)!;
  return { lastSeq: number(row['last']), lateResults: number(row['late']) };
};
