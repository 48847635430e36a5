/** Writes what moves into a schema: many rows are one statement, as new jobs are. The counters are added up at the end. */
import { BUCKETS } from '../../job/histogram.ts';
import { JOBS, type Kind, type Numbers, type Table, type Value, type Row as Values } from '../side.ts';
import { type Connection, flags, numbers, sql, texts } from './driver.ts';
import { TYPES } from './dump.ts';
import { HELD } from './sql/waiting.ts';

const arraysOf = ({ columns }: Table): string => columns.map(([name, kind]) => `$${name}::${TYPES[kind]}[]`).join(', ');
const namesOf = ({ columns }: Table): string => columns.map(([name]) => name).join(', ');

/** What has ended stands in job_done, what runs in job_running or job_batches, the rest where its body says; a claim parks what must be. */
const INSERT_JOBS = sql`
  WITH given AS MATERIALIZED (
      SELECT *, status IN ('completed', 'failed', 'cancelled', 'timeout') AS ended FROM unnest(${arraysOf(JOBS)}) AS g(${namesOf(JOBS)})),
    body AS (
      INSERT INTO backline.job_body (seq, id, type, queue, priority, run_at, payload, max_attempts, max_crashes, limit_key, unique_key,
        parent_job_id, replay_of, user_initiated, timeout_ms, total_ms, expires_at, created_at, tags, policy, held, queued_at, life, claim,
        attempts, crashes, progress, error, started_at, deadline_at, lease_owner, schedule_id, slot_at, tenant)
      SELECT seq, id, type, queue, priority, run_at, payload, max_attempts, max_crashes, limit_key, unique_key, parent_job_id, replay_of,
        user_initiated, timeout_ms, total_ms, expires_at, created_at, tags::text[], policy, status = 'created', queued_at, life, claim,
        attempts, crashes, progress, CASE WHEN NOT ended THEN error END, started_at, deadline_at, lease_owner,
        schedule_id, slot_at, tenant
      FROM given ORDER BY seq),
    ready AS (
      INSERT INTO backline.job_ready (queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id)
      SELECT queue, type, priority, run_at, seq, limit_key, CASE WHEN started_at IS NULL THEN expires_at END, parent_job_id
      FROM given WHERE status = 'queued'),
    aside AS (
      INSERT INTO backline.job_aside (seq, gate, queue, type, priority, run_at, limit_key, expires_at, parent_job_id)
      SELECT seq, ${String(HELD)}, queue, type, priority, run_at, limit_key, CASE WHEN started_at IS NULL THEN expires_at END, parent_job_id
      FROM given WHERE status = 'created'),
    running AS (
      INSERT INTO backline.job_running (seq, id, type, queue, priority, run_at, limit_key, unique_key, claim, life, attempts, crashes,
        max_crashes, owner, started_at, timeout_at, deadline_at, progress, note, cancel_requested_at, cancel_reason, parent_job_id)
      SELECT seq, id, type, queue, priority, run_at, limit_key, unique_key, claim, life, attempts, crashes, max_crashes, lease_owner,
        started_at, timeout_at, deadline_at, progress, note, cancel_requested_at, cancel_reason, parent_job_id
      FROM given WHERE status = 'running' AND policy IS NULL),
    batches AS (
      INSERT INTO backline.job_batches (seq, id, type, queue, run_at, parent_job_id, life, policy, open, started_at, deadline_at,
        timed_out_at, progress, note, cancel_requested_at, cancel_reason)
      SELECT seq, id, type, queue, run_at, parent_job_id, life, policy, open, started_at, deadline_at, timed_out_at, progress, note,
        cancel_requested_at, cancel_reason
      FROM given WHERE status = 'running' AND policy IS NOT NULL),
    done AS (
      INSERT INTO backline.job_done (seq, status, claim, attempts, crashes, progress, started_at, timeout_at, deadline_at, completed_at,
        lease_owner, cancel_requested_at, result, error, parent_job_id)
      SELECT seq, status, claim, attempts, crashes, progress, started_at, timeout_at, deadline_at, completed_at, lease_owner,
        cancel_requested_at, result, error, parent_job_id
      FROM given WHERE ended)
  INSERT INTO backline.job_keys (key, job) SELECT unique_key, id FROM given WHERE unique_key IS NOT NULL AND NOT ended ORDER BY unique_key`;

/** What a table says of itself already gives way: a queue is there as soon as somebody has named it. */
const insertInto = (table: Table): string => {
  const names = table.columns.map(([name, kind]) => (kind === 'times' ? `${name}::int[]` : name));
  const others = table.columns
    .filter(([name]) => !table.key.includes(name))
    .map(([name]) => `${name} = excluded.${name}`);
  return `
    INSERT INTO backline.${table.name} (${namesOf(table)})
    SELECT ${names.join(', ')} FROM unnest(${arraysOf(table)}) AS g(${namesOf(table)})
    ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${others.join(', ')}`;
};

export const writeRows = async (db: Connection, table: Table, rows: readonly Values[]): Promise<void> => {
  if (rows.length === 0) return;
  const params = Object.fromEntries(
    table.columns.map(([name, kind], i) => {
      const values = rows.map((row) => row[i]!);
      return [name, table === JOBS && name === 'tags' ? texts(values.map(tagsText)) : listOf(kind, values)];
    }),
  );
  await db.run(table === JOBS ? INSERT_JOBS : insertInto(table), params);
};

const listOf = (kind: Kind, values: readonly Value[]): string => {
  if (kind === 'integer') return numbers(values as (number | null)[]);
  if (kind === 'flag') return nullableFlags(values as (boolean | null)[]);
  return texts(kind === 'times' ? values.map(timesArray) : (values as (string | null)[]));
};

const nullableFlags = (values: readonly (boolean | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : flags([value]).slice(1, -1))).join(',')}}`;

const tagsText = (json: Value): string | null => (json === null ? null : texts(JSON.parse(String(json)) as string[]));

/** Histograms are added bucket by bucket here: each has all of them. */
const timesArray = (json: Value): string | null => {
  if (json === null) return null;
  const counts = JSON.parse(String(json)) as number[];
  return numbers(Array.from({ length: BUCKETS }, (_, i) => counts[i] ?? 0));
};

const NEXT_SEQ = sql`SELECT setval('backline.job_body_seq_seq', greatest($lastSeq::bigint, 1), $lastSeq::bigint > 0)`;
const NEXT_AUDIT = sql`
  SELECT setval(pg_get_serial_sequence('backline.job_audit', 'n'), greatest(max(n), 1), max(n) IS NOT NULL) FROM backline.job_audit`;
/** All of them anew: nothing is counted while rows are written. */
const COUNT = [
  sql`DELETE FROM backline.job_count_deltas`,
  sql`DELETE FROM backline.job_counts`,
  sql`INSERT INTO backline.job_counts SELECT queue, status, type, count(*) FROM backline.jobs GROUP BY queue, status, type`,
];
const LATE = sql`INSERT INTO backline.job_count_deltas VALUES ('', 'late', '', $lateResults::bigint)`;

export const settleNumbers = async (db: Connection, { lastSeq, lateResults }: Numbers): Promise<void> => {
  await db.run(NEXT_SEQ, { lastSeq });
  await db.run(NEXT_AUDIT);
  for (const statement of COUNT) await db.run(statement);
  await db.run(LATE, { lateResults });
};
