/** Reads what moves from a schema, as records of no database, in chunks by key. */

import { number } from '../rows.ts';
import {
  type ChunkSize,
  JOBS,
  type Key,
  type Kind,
  type Numbers,
  type Table,
  timesText,
  type Row as Values,
} from '../side.ts';
import { type Connection, type Row, sql, type Value } from './driver.ts';
import { SUMS } from './rollups.ts';

const JOB_ROWS = sql`(
  SELECT j.seq, j.id, j.type, j.queue, j.status, j.payload, j.priority, j.run_at, j.max_attempts, j.max_crashes, j.limit_key, j.unique_key,
    j.parent_job_id, j.tenant, j.replay_of, array_to_json(j.tags)::text AS tags, j.user_initiated, j.timeout_ms, j.total_ms, j.expires_at,
    j.created_at, j.queued_at, j.life, j.claim, j.attempts, j.crashes, j.progress, j.started_at, j.deadline_at, j.timeout_at,
    j.completed_at, j.cancel_requested_at, j.lease_owner, j.note, coalesce(r.cancel_reason, o.cancel_reason) AS cancel_reason, j.result,
    j.error, j.policy, o.open, o.timed_out_at, j.schedule_id, j.slot_at
  FROM backline.jobs j LEFT JOIN backline.job_running r ON r.seq = j.seq LEFT JOIN backline.job_batches o ON o.seq = j.seq)`;

/** What was appended and not folded yet belongs to its minute. */
const MINUTE_ROWS = sql`(
  SELECT minute, queue, type, ${SUMS}
  FROM (SELECT * FROM backline.job_minutes UNION ALL SELECT * FROM backline.job_minute_deltas) d GROUP BY minute, queue, type)`;

const ROWS: Readonly<Record<string, string>> = { jobs: JOB_ROWS, job_minutes: MINUTE_ROWS };

const LAST_SEQ = sql`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM backline.job_body_seq_seq`;
const LATE = sql`
  SELECT coalesce(sum(n), 0)::bigint AS n
  FROM (SELECT * FROM backline.job_counts UNION ALL SELECT * FROM backline.job_count_deltas) c WHERE status = 'late'`;

/**
 * First how far the rows go that are small enough together, by their lengths, which are read without the values; then the rows.
 * The first is always among them.
 */
export const readRows = async (
  db: Connection,
  table: Table,
  after: Key | null,
  { rows, bytes }: ChunkSize,
): Promise<Values[]> => {
  const keys = table.key.join(', ');
  const long = table.columns.filter(([, kind]) => kind === 'text');
  const length = long.map(([name]) => `coalesce(octet_length(${name}), 0)`).join(' + ');
  const reach = `
    SELECT ${keys} FROM (
      SELECT ${keys}, sum(size) OVER (ORDER BY ${keys}) - size AS before FROM (
        SELECT ${keys}, ${length} AS size FROM ${rowsOf(table)} t ${whereOf(table, after, null)} ORDER BY ${keys} LIMIT $rows::int) sizes) sums
    WHERE before < $bytes::bigint ORDER BY ${table.key.map((name) => `${name} DESC`).join(', ')} LIMIT 1`;
  const last = await db.get(reach, { ...paramsOf('after', after), rows, bytes });
  return last
    ? rangeOf(
        db,
        table,
        after,
        table.key.map((name) => last[name] as string | number),
      )
    : [];
};

export const rangeOf = async (db: Connection, table: Table, after: Key | null, last: Key): Promise<Values[]> => {
  const names = table.columns.map(([name, kind]) =>
    kind === 'times' ? `array_to_json(${name})::text AS ${name}` : name,
  );
  const statement = `
    SELECT ${names.join(', ')} FROM ${rowsOf(table)} t ${whereOf(table, after, last)} ORDER BY ${table.key.join(', ')}`;
  const rows = await db.all(statement, { ...paramsOf('after', after), ...paramsOf('last', last) });
  return rows.map((row) => toValues(table, row));
};

const rowsOf = ({ name }: Table): string => ROWS[name] ?? `backline.${name}`;

const whereOf = (table: Table, after: Key | null, last: Key | null): string => {
  const key = `(${table.key.join(', ')})`;
  const values = (name: string) =>
    `(${table.key.map((column, i) => `$${name}${i}::${typeOf(table, column)}`).join(', ')})`;
  const compared = [after && `${key} > ${values('after')}`, last && `${key} <= ${values('last')}`].filter(Boolean);
  return compared.length > 0 ? `WHERE ${compared.join(' AND ')}` : '';
};

const paramsOf = (name: string, key: Key | null): Record<string, Value> =>
  Object.fromEntries((key ?? []).map((value, i) => [`${name}${i}`, value]));

/** How a kind of value is written into a statement. */
export const TYPES: Readonly<Record<Kind, string>> = {
  integer: 'bigint',
  text: 'text',
  flag: 'boolean',
  times: 'text',
};

const typeOf = ({ columns }: Table, column: string): string => TYPES[columns.find(([name]) => name === column)![1]];

const toValues = (table: Table, row: Row): Values =>
  table.columns.map(([name, kind]) => {
    const value = row[name] as Value;
    if (value === null) return null;
    if (kind === 'flag') return value === true;
    if (kind === 'times') return timesText(String(value));
    if (kind === 'integer') return number(value);
    return table === JOBS && name === 'tags' ? JSON.stringify(JSON.parse(String(value))) : String(value);
  });

export const numbersOf = async (db: Connection): Promise<Numbers> => ({
  lastSeq: number((await db.get(LAST_SEQ))!['last']),
  lateResults: number((await db.get(LATE))!['n']),
});
