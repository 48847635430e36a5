/** What workers and people do to jobs. Every statement repeats its guard; `changes = 0` means: somebody else was first. */
import type { Change } from '../../../job/change.ts';
import { ACTIVE, type Status } from '../../../job/states.ts';
import { endingOf } from '../../ending.ts';
import { jobOf, number, text, toChange } from '../../rows.ts';
import type {
  Adjustment,
  AdjustOutcome,
  ApplyOutcome,
  CancelOutcome,
  LogEntry,
  ProgressUpdate,
  Target,
} from '../../store.ts';
import { type Row, sql, type Value } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { keysOf, unpark } from './limit.ts';
import { COLUMNS, chunkOf, IS_BATCH } from './target.ts';

// The id beside seq and claim is a second lock on the same door.
const MINE = `seq = @seq AND claim = @claim AND id = @id AND status = 'running'`;

/** A requested cancel wins over everything but the cancel itself. */
const APPLY = sql`
  UPDATE jobs SET status = @to, attempts = @attempts, crashes = @crashes, run_at = @runAt, gate = @gate, result = @result, error = @error,
    progress = CASE WHEN @to = 'completed' THEN 100 ELSE progress END, note = NULL,
    queued_at = CASE WHEN @to = 'queued' THEN @at ELSE queued_at END,
    completed_at = CASE WHEN @to = 'queued' THEN NULL ELSE @at END, timeout_at = CASE WHEN @to = 'queued' THEN NULL ELSE timeout_at END
  WHERE ${MINE} AND (cancel_requested_at IS NULL OR @to = 'cancelled')`;

/** The common end, with as little as it takes. */
const COMPLETE = sql`
  UPDATE jobs SET status = 'completed', progress = 100, note = NULL, result = ?, error = NULL, completed_at = ?
  WHERE seq = ? AND claim = ? AND id = ? AND status = 'running' AND cancel_requested_at IS NULL`;

const WHY_NOT = sql`SELECT cancel_requested_at FROM jobs WHERE ${MINE}`;

export const WRITE_ATTEMPT = sql`INSERT OR REPLACE INTO job_attempts
  VALUES (@job, @claim, @attempt, @life, @startedAt, @endedAt, @worker, @outcome, @error)`;
const OWNER = sql`SELECT lease_owner FROM jobs WHERE seq = ?`;

export const applyChanges = (txn: Transaction, changes: readonly Change[]): ApplyOutcome[] => {
  const keys = new Set<string>();
  const outcomes = changes.map((change) => {
    const outcome = applyChange(txn, change);
    if (outcome === 'applied' && change.job.limitKey !== null) keys.add(change.job.limitKey);
    if (outcome === 'late') txn.addToMeta('late_results', 1);
    return outcome;
  });
  unpark(txn, keys);
  return outcomes;
};

const applyChange = (txn: Transaction, change: Change): ApplyOutcome => {
  const { job, to, at } = change;
  const applied =
    to === 'completed'
      ? txn.run(COMPLETE, change.result, at, job.seq, job.claim, job.id)
      : txn.run(APPLY, {
          seq: job.seq,
          claim: job.claim,
          id: job.id,
          to,
          attempts: change.attempts,
          crashes: change.crashes,
          runAt: change.runAt,
          gate: to === 'queued' && change.runAt > at ? 1 : 0,
          result: change.result,
          error: change.failure?.message ?? null,
          at,
        });
  if (applied === 0) {
    const row = txn.get(WHY_NOT, { seq: job.seq, claim: job.claim, id: job.id });
    return row && row['cancel_requested_at'] !== null ? 'cancel-requested' : 'late';
  }
  failpoints.hit?.('change-applied');
  if (to !== 'completed') writeAttempt(txn, change);
  txn.moved(job, 'running', to, at);
  const ended = to === 'queued' ? RETRIED[change.outcome] : to;
  if (ended) txn.rollups.ended(job, ended, job.startedAt, at);
  txn.tell(() => endingOf(change, change.failure?.message ?? null));
  return 'applied';
};

/** Which ends of an attempt count as one; what was put off or handed back did not end. */
const RETRIED: Partial<Record<Change['outcome'], 'retried'>> = {
  failed: 'retried',
  timeout: 'retried',
  crashed: 'retried',
};

/** The jobs row shows an attempt that completed, or runs; every other is kept beside it. */
const writeAttempt = (txn: Transaction, { job, outcome, at, failure }: Change): void => {
  txn.run(WRITE_ATTEMPT, {
    job: job.seq,
    claim: job.claim,
    attempt: job.attempts,
    life: job.life,
    startedAt: job.startedAt,
    endedAt: at,
    worker: txn.get(OWNER, job.seq)!['lease_owner'] ?? null,
    outcome,
    error: failure === null ? null : JSON.stringify(failure),
  });
  failpoints.hit?.('attempt-written');
};

const PROGRESS = sql`UPDATE jobs SET progress = @percent, note = @note WHERE ${MINE}`;

export const saveProgress = (txn: Transaction, updates: readonly ProgressUpdate[], now: number): void => {
  for (const { job, percent, note } of updates) {
    if (txn.run(PROGRESS, { percent, note, seq: job.seq, claim: job.claim, id: job.id }) === 0) continue;
    failpoints.hit?.('progress-written');
    txn.tell(() => {
      const { seq, id, type, queue, attempts, runAt } = job;
      const change = { kind: 'progress', seq, id, type, queue, attempts, runAt, at: now } as const;
      return { ...change, from: 'running', to: 'running', progress: percent, note };
    });
  }
};

const LOG = sql`INSERT OR IGNORE INTO job_logs VALUES (?, ?, ?, ?, ?, ?, ?)`;

export const appendLogs = (txn: Transaction, lines: readonly LogEntry[]): void => {
  for (const { seq, claim, n, at, level, message, fields } of lines)
    txn.run(LOG, seq, claim, n, at, level, message, fields);
  failpoints.hit?.('log-written');
};

const CANCEL_WAITING = sql`
  UPDATE jobs SET status = 'cancelled', completed_at = @now, error = @reason, gate = 0
  WHERE seq IN (SELECT value FROM json_each(@seqs)) AND status IN ('created', 'queued')`;
const CANCEL_RUNNING = sql`
  UPDATE jobs SET cancel_requested_at = @now, cancel_reason = @reason, note = 'cancel requested'
  WHERE seq IN (SELECT value FROM json_each(@seqs)) AND status = 'running' AND cancel_requested_at IS NULL`;

/** One chunk of a cancel. @returns what happened, and where the next chunk starts (null at the end). */
export const cancelChunk = (
  txn: Transaction,
  target: Target,
  after: number,
  reason: string,
  now: number,
): CancelOutcome & { next: number | null } => {
  const { rows, next } = chunkOf(txn, target, ACTIVE, after);
  return { ...cancelRows(txn, rows, reason, now), next };
};

/** Unfinished rows: what waits is cancelled, what runs is asked to stop, and a batch has its children cancelled. */
export const cancelRows = (txn: Transaction, rows: readonly Row[], reason: string, now: number): CancelOutcome => {
  const waiting = rows.filter((row) => row['status'] !== 'running');
  const running = rows.filter((row) => row['status'] === 'running' && row['cancel_requested_at'] === null);
  if (waiting.length > 0) txn.run(CANCEL_WAITING, { now, reason, seqs: seqsOf(waiting) });
  if (running.length > 0) txn.run(CANCEL_RUNNING, { now, reason, seqs: seqsOf(running) });
  failpoints.hit?.('cancel-written');
  tellCancelled(txn, waiting, reason, now);
  for (const row of running) {
    txn.tell(() => toChange(row, 'cancel-requested', 'running', 'running', now, { error: reason }));
    if (row['lease_owner'] === null) txn.touches.look(text(row['id']), now);
  }
  unpark(txn, keysOf(waiting));
  return { cancelled: waiting.length, requested: rows.length - waiting.length };
};

/** Waiting rows were cancelled: count and tell. */
export const tellCancelled = (txn: Transaction, rows: readonly Row[], reason: string, now: number): void => {
  for (const row of rows) {
    const from = text(row['status']) as Status;
    txn.moved(jobOf(row), from, 'cancelled', now);
    txn.rollups.count(jobOf(row), 'cancelled', now);
    txn.tell(() => toChange(row, 'status', from, 'cancelled', now, { error: reason }));
  }
};

const FIND = sql`SELECT ${COLUMNS}, held, ${IS_BATCH} AS is_batch FROM jobs WHERE id = ?`;
const ADJUST = sql`
  UPDATE jobs SET status = @status, priority = coalesce(@priority, priority), run_at = @runAt, gate = @gate, held = @held,
    queued_at = coalesce(queued_at, CASE WHEN @status = 'queued' THEN @now END)
  WHERE seq = @seq AND status IN ('created', 'queued')`;

/** A changed row is opened (gate 0): the claim puts it aside again if it must. */
export const adjustJob = (txn: Transaction, id: string, change: Adjustment, now: number): AdjustOutcome => {
  const row = txn.get(FIND, id);
  if (!row) return { kind: 'missing' };
  if (row['is_batch'] === 1) return { kind: 'batch' };
  const from = text(row['status']) as Status;
  if (from !== 'created' && from !== 'queued') return { kind: 'refused', status: from };
  const held = change.held ?? row['held'] === 1;
  const status: Status = held ? 'created' : 'queued';
  const runAt = change.runAt ?? number(row['run_at']);
  const gate = status === 'queued' && runAt > now ? 1 : 0;
  const priority = change.priority ?? null;
  txn.run(ADJUST, { seq: row['seq']!, status, priority, runAt, gate, held: held ? 1 : 0, now });
  failpoints.hit?.('job-adjusted');
  txn.moved(jobOf(row), from, status, now);
  txn.tell(() => toChange({ ...row, run_at: runAt }, 'status', from, status, now));
  unpark(txn, keysOf([row]));
  return { kind: 'done' };
};

export const seqsOf = (rows: readonly Row[]): string => JSON.stringify(rows.map((row) => row['seq'] as Value));
