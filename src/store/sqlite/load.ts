/** Writes what moves into a database file; the counters are added up at the end. */
import { JOBS, type Numbers, type Table, type Row as Values } from '../side.ts';
import { type Connection, sql, type Value } from './driver.ts';

/** Payloads up to this size lie in the row itself, as those of new jobs do. */
const INLINE_CHARACTERS = 1024;

const INSERT_JOB = sql`
  INSERT INTO jobs (seq, id, type, queue, status, priority, run_at, gate, claim, life, attempts, max_attempts, crashes, max_crashes,
    lease_owner, limit_key, unique_key, progress, parent_job_id, replay_of, user_initiated, held, timeout_seconds, created_at, queued_at,
    started_at, completed_at, timeout_at, expires_at, total_seconds, deadline_at, cancel_requested_at, cancel_reason, tags, note, large,
    payload, result, error, schedule_id, slot_at, tenant)
  VALUES (@seq, @id, @type, @queue, @status, @priority, @run_at, @status = 'queued' AND @run_at > unixepoch('subsec') * 1000, @claim, @life, @attempts,
    @max_attempts, @crashes, @max_crashes, @lease_owner, @limit_key, @unique_key, @progress, @parent_job_id, @replay_of, @user_initiated,
    @status = 'created', @timeout_ms / 1000.0, @created_at, @queued_at, @started_at, @completed_at, @timeout_at, @expires_at,
    @total_ms / 1000.0, @deadline_at, @cancel_requested_at, @cancel_reason, @tags, @note, @large, @payload, @result, @error, @schedule_id, @slot_at,
    @tenant)`;
const INSERT_PAYLOAD = sql`INSERT INTO job_payloads VALUES (?, ?)`;
const INSERT_BATCH = sql`INSERT INTO job_batches (job, policy, open, timed_out_at) VALUES (@seq, @policy, coalesce(@open, 0), @timed_out_at)`;
const INSERT_TAGS = sql`INSERT OR IGNORE INTO job_tags SELECT value, ? FROM json_each(?)`;
const COUNT = [
  sql`DELETE FROM job_counts`,
  sql`INSERT INTO job_counts SELECT queue, status, type, count(*) FROM jobs GROUP BY 1, 2, 3`,
];
const LATE = sql`INSERT OR REPLACE INTO job_meta VALUES ('late_results', ?)`;
const FORGET_NUMBERING = sql`DELETE FROM sqlite_sequence WHERE name = 'jobs'`;
const NUMBERING = sql`INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)`;

export const writeRows = (db: Connection, table: Table, rows: readonly Values[]): void => {
  if (table === JOBS) for (const row of rows) insertJob(db, row);
  else for (const row of rows) db.run(insertInto(table), ...row.map(toColumn));
};

/** Its gate: what is due stands open, what is not waits for its time; what must wait behind a limit, the claim puts there. */
const insertJob = (db: Connection, row: Values): void => {
  const job = Object.fromEntries(JOBS.columns.map(([name], i) => [name, toColumn(row[i]!)]));
  const payload = String(job['payload']);
  const large = payload.length > INLINE_CHARACTERS;
  const { policy, open, timed_out_at, ...own } = job;
  db.run(INSERT_JOB, { ...own, large: large ? 1 : 0, payload: large ? 'null' : payload });
  if (policy !== null)
    db.run(INSERT_BATCH, { seq: job['seq']!, policy: policy!, open: open!, timed_out_at: timed_out_at! });
  if (large) db.run(INSERT_PAYLOAD, job['seq']!, payload);
  if (job['tags'] !== null) db.run(INSERT_TAGS, job['seq']!, job['tags']!);
};

const insertInto = ({ name, columns }: Table): string =>
  `INSERT OR REPLACE INTO ${name} (${columns.map(([column]) => column).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;

const toColumn = (value: Values[number]): Value => (typeof value === 'boolean' ? Number(value) : value);

export const settleNumbers = (db: Connection, { lastSeq, lateResults }: Numbers): void => {
  for (const statement of COUNT) db.run(statement);
  db.run(LATE, lateResults);
  db.run(FORGET_NUMBERING);
  db.run(NUMBERING, lastSeq);
};
