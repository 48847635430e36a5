/** Chores: orphans, expiry, retention, removal, pauses. */
import { crashedTooOften, jobExpired } from '../../../job/errors.ts';
import { FINAL, type FinalStatus, isFinal, REMOVABLE, type Status } from '../../../job/states.ts';
import { jobOf, number, text, toChange, workerName } from '../../rows.ts';
import type { Orphan, QueueChange, Retention, Target } from '../../store.ts';
import { type Row, sql, type Value } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { seqsOf, tellCancelled, WRITE_ATTEMPT } from './change.ts';
import { keysOf, unpark } from './limit.ts';
import { COLUMNS, chunkOf } from './target.ts';

/** The beat guards: a worker that has shown itself since it was looked at is not dead. */
const DECLARE_DEAD = sql`DELETE FROM job_workers WHERE owner = ? AND beat = ?`;

/** A running job is an orphan if and only if its owner has no row; a batch has no owner at all. */
const ORPHANS = sql`
  SELECT ${COLUMNS}, claim, life, crashes, max_crashes, started_at, cancel_reason
  FROM jobs INDEXED BY jobs_running
  WHERE status = 'running' AND lease_owner IS NOT NULL AND lease_owner NOT IN (SELECT owner FROM job_workers) LIMIT 500`;

/** The claim number grows, so that whatever the old owner still sends fails its guard. */
const RELEASE = sql`
  UPDATE jobs SET status = @to, claim = claim + 1, attempts = @attempts, crashes = @crashes, gate = 0, error = @error, note = NULL,
    timeout_at = NULL, queued_at = CASE WHEN @to = 'queued' THEN @now ELSE queued_at END,
    completed_at = CASE WHEN @to = 'queued' THEN NULL ELSE @now END
  WHERE seq = @seq AND claim = @claim AND status = 'running'`;

export const declareDead = (txn: Transaction, gone: readonly { owner: string; beat: number }[]): void => {
  for (const { owner, beat } of gone)
    if (txn.run(DECLARE_DEAD, owner, beat) > 0) failpoints.hit?.('worker-declared-dead');
};

/** Gives back a chunk of running jobs whose worker is gone; their attempt does not count, the crash does. */
export const releaseChunk = (txn: Transaction, now: number): Orphan[] => {
  const rows = txn.all(ORPHANS);
  const orphans = rows.map((row) => release(txn, row, now));
  unpark(txn, keysOf(rows));
  return orphans;
};

const release = (txn: Transaction, row: Row, now: number): Orphan => {
  const crashes = number(row['crashes']) + 1;
  const worker = workerName(row['lease_owner']) ?? 'unknown';
  const quarantined = crashes >= number(row['max_crashes']);
  const died = { name: 'WorkerDied', message: `The worker ${worker} died while it ran this job.` };
  const cancelled = row['cancel_requested_at'] !== null;
  const to = cancelled ? 'cancelled' : quarantined ? 'failed' : 'queued';
  const error = cancelled
    ? text(row['cancel_reason'])
    : quarantined
      ? crashedTooOften(crashes, worker).message
      : died.message;
  const attempts = number(row['attempts']) - 1;
  const { seq, claim } = row as { seq: Value; claim: Value };
  txn.run(RELEASE, { seq, claim, to, attempts, crashes, error, now });
  txn.run(WRITE_ATTEMPT, {
    job: seq,
    claim,
    attempt: row['attempts']!,
    life: row['life']!,
    startedAt: row['started_at']!,
    endedAt: now,
    worker: row['lease_owner']!,
    outcome: 'crashed',
    error: JSON.stringify(died),
  });
  failpoints.hit?.('orphan-released');
  txn.moved(jobOf(row), 'running', to, now);
  txn.rollups.ended(jobOf(row), to === 'queued' ? 'retried' : to, number(row['started_at']), now);
  txn.tell(() => toChange({ ...row, attempts }, 'status', 'running', to, now, { error }));
  return { id: text(row['id']), type: text(row['type']), crashes, quarantined: to === 'failed' };
};

/** Only what has never started: a job that waits for its retry has. */
const EXPIRED = sql`
  SELECT seq FROM jobs
  WHERE expires_at IS NOT NULL AND status IN ('created', 'queued') AND expires_at <= ? AND started_at IS NULL
  ORDER BY expires_at LIMIT 500`;
const ROWS = sql`
  SELECT ${COLUMNS}, expires_at FROM jobs
  WHERE seq IN (SELECT value FROM json_each(?)) AND status IN ('created', 'queued')`;
const EXPIRE = sql`UPDATE jobs SET status = 'cancelled', gate = 0, completed_at = ?, error = ? WHERE seq = ?`;

export const expireDue = (txn: Transaction, now: number): number =>
  expireRows(
    txn,
    txn.all(EXPIRED, now).map((row) => number(row['seq'])),
    now,
  );

export const expireRows = (txn: Transaction, seqs: readonly number[], now: number): number => {
  const rows = txn.all(ROWS, JSON.stringify(seqs));
  for (const row of rows) {
    const reason = jobExpired(number(row['expires_at'])).message;
    txn.run(EXPIRE, now, reason, row['seq']!);
    tellCancelled(txn, [row], reason, now);
  }
  unpark(txn, keysOf(rows));
  return rows.length;
};

/** One state at a time, and named as the partial index names it: else every finished row would be sorted. */
const finished = (status: FinalStatus) => `status = '${status}' AND status NOT IN ('queued', 'running')`;

/** What a batch still counts stays until the batch has ended. The few that run are looked up once per statement. */
export const KEPT_BY_BATCH = `parent_job_id IS NOT NULL AND parent_job_id IN (
  SELECT id FROM jobs INDEXED BY jobs_running WHERE status = 'running' AND lease_owner IS NULL)`;

/**
 * Only the 2,000 oldest are looked at, so that many rows which are old but finished late cost nothing. A parent stays until its
 * children are gone; it is not among the 2,000, because it may have to stay for ever.
 */
const old = (status: FinalStatus) => sql`
  SELECT ${COLUMNS} FROM (
    SELECT * FROM jobs
    WHERE ${finished(status)} AND NOT (${KEPT_BY_BATCH})
      AND NOT EXISTS (SELECT 1 FROM jobs c WHERE c.parent_job_id = jobs.id) ORDER BY seq LIMIT 2000) old
  WHERE completed_at < ? LIMIT 500`;
const oldest = (status: FinalStatus) => sql`
  SELECT ${COLUMNS} FROM jobs
  WHERE ${finished(status)} AND NOT (${KEPT_BY_BATCH})
    AND NOT EXISTS (SELECT 1 FROM jobs c WHERE c.parent_job_id = jobs.id)
  ORDER BY seq LIMIT min(+?, 500)`;
const OLD = {
  completed: old('completed'),
  cancelled: old('cancelled'),
  failed: old('failed'),
  timeout: old('timeout'),
};
const OLDEST = FINAL.map(oldest);
const FINISHED = sql`SELECT coalesce(sum(n), 0) AS n FROM job_counts WHERE status IN ('completed', 'cancelled', 'failed', 'timeout')`;
const CLOSE_WINDOWS = sql`
  DELETE FROM job_key_windows WHERE key IN (SELECT key FROM job_key_windows WHERE until <= ? LIMIT 1000)`;

const FORGET_REQUESTS = sql`
  DELETE FROM job_requests WHERE key IN (SELECT key FROM job_requests WHERE until <= ? LIMIT 1000)`;

/** One chunk of retention. @returns how many rows went; 0 when nothing is left to do. */
export const pruneChunk = (txn: Transaction, { doneBefore, failedBefore, keep }: Retention, now: number): number => {
  txn.run(CLOSE_WINDOWS, now);
  txn.run(FORGET_REQUESTS, now);
  const rows: Row[] = [];
  if (doneBefore !== null) rows.push(...txn.all(OLD.completed, doneBefore), ...txn.all(OLD.cancelled, doneBefore));
  if (failedBefore !== null) rows.push(...txn.all(OLD.failed, failedBefore), ...txn.all(OLD.timeout, failedBefore));
  if (rows.length === 0 && keep !== null) rows.push(...excess(txn, keep));
  deleteRows(txn, rows, now);
  if (rows.length > 0) failpoints.hit?.('job-pruned');
  return rows.length;
};

/** What is over the number to keep: the oldest of all final states together. */
const excess = (txn: Transaction, keep: number): Row[] => {
  const over = Number(txn.get(FINISHED)!['n']) - keep;
  if (over <= 0) return [];
  const rows = OLDEST.flatMap((statement) => txn.all(statement, over));
  return rows.sort((a, b) => number(a['seq']) - number(b['seq'])).slice(0, Math.min(over, 500));
};

const DELETES = [
  sql`DELETE FROM job_tags WHERE (tag, job) IN (
    SELECT t.value, j.seq FROM jobs j, json_each(j.tags) t WHERE j.tags IS NOT NULL AND j.seq IN (SELECT value FROM json_each(?)))`,
  sql`DELETE FROM job_payloads WHERE seq IN (SELECT value FROM json_each(?))`,
  sql`DELETE FROM job_attempts WHERE job IN (SELECT value FROM json_each(?))`,
  sql`DELETE FROM job_batches WHERE job IN (SELECT value FROM json_each(?))`,
  sql`DELETE FROM job_callbacks WHERE job IN (SELECT value FROM json_each(?))`,
  sql`DELETE FROM job_logs WHERE job IN (SELECT value FROM json_each(?))`,
  sql`DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(?))`,
];

const deleteRows = (txn: Transaction, rows: readonly Row[], now: number): void => {
  if (rows.length === 0) return;
  const seqs = seqsOf(rows);
  for (const statement of DELETES) txn.run(statement, seqs);
  for (const row of rows) {
    const status = text(row['status']) as Status;
    txn.moved(jobOf(row), status, null, now);
    txn.tell(() => toChange(row, 'removed', status, status, now));
  }
  unpark(txn, keysOf(rows));
};

const CHILDREN = sql`SELECT seq FROM jobs WHERE parent_job_id = ? LIMIT 1001`;
const IS_KEPT = sql`SELECT 1 FROM jobs WHERE seq = ? AND ${KEPT_BY_BATCH}`;
/**
 * One chunk, from the newest on: so the children of a family come before their parents. What has ended in a batch that runs is
 * still counted by it, and stays.
 */
export const removeChunk = (txn: Transaction, target: Target, before: number, now: number) => {
  const { rows, next } = chunkOf(txn, target, REMOVABLE, before, 'newest');
  const going = new Set<Value>();
  for (const row of rows) {
    const isCounted =
      row['parent_job_id'] !== null && isFinal(text(row['status']) as Status) && txn.get(IS_KEPT, row['seq']!);
    if (!isCounted && txn.all(CHILDREN, row['id']!).every((child) => going.has(child['seq']!))) going.add(row['seq']!);
  }
  const removed = rows.filter((row) => going.has(row['seq']!));
  deleteRows(txn, removed, now);
  if (removed.length > 0) failpoints.hit?.('job-removed');
  return { removed: removed.length, next };
};

const SET_QUEUE = sql`
  INSERT INTO job_queues (name, paused, paused_reason, paused_by, paused_until, paused_at, max_running)
  VALUES (@name, @paused, @reason, @actor, @until, @at, @maxRunning)
  ON CONFLICT DO UPDATE SET
    paused = CASE WHEN @setPause THEN @paused ELSE paused END,
    paused_reason = CASE WHEN @setPause THEN @reason ELSE paused_reason END,
    paused_by = CASE WHEN @setPause THEN @actor ELSE paused_by END,
    paused_until = CASE WHEN @setPause THEN @until ELSE paused_until END,
    paused_at = CASE WHEN @setPause THEN @at ELSE paused_at END,
    max_running = CASE WHEN @setLimit THEN @maxRunning ELSE max_running END`;

export const setQueue = (txn: Transaction, name: string, { pause, maxRunning }: QueueChange, now: number): void => {
  txn.run(SET_QUEUE, {
    name,
    paused: pause ? 1 : 0,
    reason: pause?.reason ?? null,
    actor: pause?.actor ?? null,
    until: pause?.until ?? null,
    at: pause ? now : null,
    maxRunning: maxRunning ?? null,
    setPause: pause === undefined ? 0 : 1,
    setLimit: maxRunning === undefined ? 0 : 1,
  });
  failpoints.hit?.('queue-changed');
};
