/**
 * Batches: their state is derived from their children's rows in the transaction in which one of them moved.
 *
 * 1. Whatever ends, adds or removes a job calls `Transaction.moved`, which notes the parent; so no verb can forget a batch.
 * 2. Before the commit each noted parent is settled: is a child unfinished (a probe of jobs_children)? Must they be counted (an
 *    end, a percent or a policy may be due)? What does the policy say (src/job/batch.ts)?
 * 3. A batch that ends is itself a child that ended: the loop goes on until nothing is noted any more.
 *
 * Measured with 100,000 children that end ten at a time: 10 µs per child more than under a plain parent, of which 6 are the counts;
 * one takes 6 ms, and there are about 100 in all. A batch of any size costs the same per child.
 */
import {
  type BatchCounts,
  type BatchInfo,
  type BatchState,
  type CallbackKind,
  type FailurePolicy,
  lossesToSpare,
  movesToSpare,
  noBatchCounts,
  noteOf,
  progressOf,
  type Verdict,
  verdictOf,
} from '../../../job/batch.ts';
import type { FinalStatus, Status } from '../../../job/states.ts';
import { flag, jobOf, number, text, textOrNull, toChange } from '../../rows.ts';
import { callbackId, callbackJobs, MAX_CANCELS, mustCount, stateOf } from '../../settling.ts';
import type { AdjustOutcome } from '../../store.ts';
import { both, type Touch } from '../../touches.ts';
import { type Connection, type Row, sql, type Value } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { cancelRows } from './change.ts';
import { insertJobs } from './insert.ts';
import { COLUMNS, IS_BATCH } from './target.ts';

const BATCH = sql`
  SELECT ${COLUMNS}, life, progress, note, cancel_reason, deadline_at, b.policy, b.open, b.timed_out_at, b.moves, b.losses
  FROM jobs JOIN job_batches b ON b.job = jobs.seq
  WHERE id = ? AND status = 'running' AND lease_owner IS NULL`;
const UNFINISHED = sql`
  SELECT 1 FROM jobs WHERE parent_job_id = ? AND status IN ('created', 'queued', 'running') LIMIT 1`;
const COUNTS = sql`SELECT status, count(*) AS n FROM jobs INDEXED BY jobs_children WHERE parent_job_id = ? GROUP BY status`;

/** A batch to settle, as its row is now. */
interface Pending {
  readonly row: Row;
  readonly touch: Touch;
}

/**
 * Settles every batch that this transaction touched, until none is touched any more. Before every commit. The youngest first, which
 * is never a parent of another: so a batch is judged when all within it is settled.
 */
export const settleBatches = (txn: Transaction): void => {
  if (txn.touches.size === 0) return;
  const pending: Pending[] = [];
  let cancels = MAX_CANCELS;
  do {
    take(txn, pending);
    const next = pending.pop();
    if (next) cancels -= settle(txn, next, cancels);
  } while (pending.length > 0 || txn.touches.size > 0);
};

/** Puts what was touched among the pending, in the order of their age. */
const take = (txn: Transaction, pending: Pending[]): void => {
  for (const [id, touch] of txn.touches.take()) {
    // What has more to cancel than one transaction should is settled again after the commit.
    const row = txn.unsettled.has(id) ? undefined : txn.get(BATCH, id);
    if (!row) continue;
    const at = placeOf(pending, number(row['seq']));
    const known = pending[at];
    if (known?.row['seq'] === row['seq']) pending[at] = { row, touch: both(known!.touch, touch) };
    else pending.splice(at, 0, { row, touch });
  }
};

/** Where the first is that is not older. */
const placeOf = (pending: readonly Pending[], seq: number): number => {
  let [from, to] = [0, pending.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (number(pending[middle]!.row['seq']) < seq) from = middle + 1;
    else to = middle;
  }
  return from;
};

const STEP = sql`UPDATE job_batches SET moves = moves - ?, losses = losses - ? WHERE job = ?`;

/** @returns how many children it cancelled. */
const settle = (txn: Transaction, { row, touch }: Pending, maxCancels: number): number => {
  const { moves, losses, at } = touch;
  const hasUnfinished = flag(row['open']) || txn.get(UNFINISHED, row['id']!) !== undefined;
  const spare = { moves: number(row['moves']) - moves, losses: number(row['losses']) - losses };
  if (!mustCount(row, touch, hasUnfinished, spare)) {
    txn.run(STEP, moves, losses, row['seq']!);
    return 0;
  }
  return judge(txn, row, at, maxCancels);
};

/** Counts the children, and does what their batch's policy says. */
const judge = (txn: Transaction, row: Row, at: number, maxCancels: number): number => {
  const counts = countChildren(txn.db, text(row['id']));
  const state = stateOf(row, counts, at);
  const verdict = verdictOf(state);
  if (verdict.kind === 'ends') {
    end(txn, row, counts, verdict.status, verdict.error, at);
    return 0;
  }
  saveProgress(txn, row, state, verdict, at);
  return verdict.kind === 'cancel-rest' ? cancelRest(txn, row, verdict.reason, at, maxCancels) : 0;
};

export const countChildren = (db: Connection, id: string): BatchCounts => {
  const counts = noBatchCounts();
  for (const { status, n } of db.all(COUNTS, id)) {
    counts.total += number(n);
    if (Object.hasOwn(counts, text(status))) counts[status as FinalStatus] = number(n);
  }
  return counts;
};

const LOOKED = sql`UPDATE job_batches SET moves = ?, losses = ?, timed_out_at = ? WHERE job = ?`;
const PROGRESS = sql`UPDATE jobs SET progress = ?, note = ? WHERE seq = ? AND status = 'running' AND lease_owner IS NULL`;

/** It never falls, whatever is added. */
const saveProgress = (
  txn: Transaction,
  row: Row,
  { counts, policy, timedOutAt }: BatchState,
  verdict: Verdict,
  at: number,
): void => {
  const progress = Math.max(number(row['progress']), progressOf(counts));
  txn.run(LOOKED, movesToSpare(counts, progress, verdict), lossesToSpare(policy, counts), timedOutAt, row['seq']!);
  const note = noteOf(counts);
  if (progress === row['progress'] && note === row['note']) return;
  txn.run(PROGRESS, progress, note, row['seq']!);
  txn.tell(() => toChange(row, 'progress', 'running', 'running', at, { progress, note }));
};

const REST = sql`
  SELECT ${COLUMNS} FROM jobs
  WHERE parent_job_id = ? AND status IN ('created', 'queued', 'running') AND (status <> 'running' OR cancel_requested_at IS NULL)
  LIMIT +?`;
const LOOK_AGAIN = sql`UPDATE job_batches SET moves = 0 WHERE job = ?`;

/** What is over the number waits for the next transaction; if that never comes, because of a crash, for `expire`. */
const cancelRest = (txn: Transaction, row: Row, reason: string, at: number, max: number): number => {
  const rows = txn.all(REST, row['id']!, max + 1);
  if (rows.length > max) {
    rows.pop();
    txn.run(LOOK_AGAIN, row['seq']!);
    txn.unsettled.set(text(row['id']), at);
  }
  if (rows.length > 0) cancelRows(txn, rows, reason, at);
  return rows.length;
};

/** The claim stays 0: nobody ever held it. */
const END = sql`
  UPDATE jobs SET status = @to, progress = CASE WHEN @to = 'completed' THEN 100 ELSE progress END, note = NULL,
    result = @result, error = @error, completed_at = @at
  WHERE seq = @seq AND status = 'running' AND lease_owner IS NULL`;

const end = (
  txn: Transaction,
  row: Row,
  counts: BatchCounts,
  to: FinalStatus,
  error: string | null,
  at: number,
): void => {
  const result = JSON.stringify(counts);
  txn.run(END, { seq: row['seq']!, to, result, error, at });
  failpoints.hit?.('batch-settled');
  txn.moved(jobOf(row), 'running', to, at);
  txn.rollups.count(jobOf(row), to, at);
  const said = to === 'completed' ? { result } : { error };
  txn.tell(() => toChange(row, 'status', 'running', to, at, said));
  callBack(txn, row, counts, to, at);
};

const CALLBACKS = sql`SELECT kind, body FROM job_callbacks WHERE job = ?`;

const callBack = (txn: Transaction, row: Row, counts: BatchCounts, to: FinalStatus, at: number): void => {
  const called = callbackJobs(row, txn.all(CALLBACKS, row['seq']!), counts, to, at);
  if (called.length === 0) return;
  insertJobs(txn, called, at);
  failpoints.hit?.('callback-inserted');
};

const SEAL = sql`UPDATE job_batches SET open = 0 WHERE job = ?`;

const FIND = sql`SELECT seq, id, status, ${IS_BATCH} AS is_batch FROM jobs WHERE id = ?`;

/** No more children are to come. Harmless for a batch that is sealed already. */
export const sealBatch = (txn: Transaction, id: string, now: number): AdjustOutcome => {
  const row = txn.get(FIND, id);
  if (!row) return { kind: 'missing' };
  if (row['is_batch'] !== 1) return { kind: 'no-batch' };
  const status = text(row['status']) as Status;
  if (status !== 'running') return { kind: 'refused', status };
  txn.run(SEAL, row['seq']!);
  txn.touches.look(id, now);
  failpoints.hit?.('job-adjusted');
  return { kind: 'done' };
};

/**
 * Batches that are due: out of time, with more to cancel, or done without anybody having seen it, as after a change by hand. There
 * are few running rows, and each costs a probe or two.
 */
const DUE = sql`
  SELECT id FROM jobs INDEXED BY jobs_running CROSS JOIN job_batches b ON b.job = seq
  WHERE status = 'running' AND lease_owner IS NULL AND (
    (deadline_at <= @now AND b.timed_out_at IS NULL) OR b.moves = 0
    OR ((b.open = 0 OR cancel_requested_at IS NOT NULL) AND NOT EXISTS (
      SELECT 1 FROM jobs c WHERE c.parent_job_id = jobs.id AND c.status IN ('created', 'queued', 'running'))))
  LIMIT 100`;

export const touchDueBatches = (txn: Transaction, now: number): void => {
  for (const { id } of txn.all(DUE, { now })) txn.touches.look(text(id), now);
};

const BESIDE = sql`SELECT policy, open FROM job_batches WHERE job = ?`;
const CALLS = sql`SELECT kind, id, type FROM job_callbacks WHERE job = ?`;

/** What a page shows of a row that is a batch. What has ended says itself how; what runs is counted. */
export const batchInfoOf = (db: Connection, row: Row): BatchInfo | null => {
  const isBatch = row['claim'] === 0 && row['started_at'] !== null;
  const beside = isBatch ? db.get(BESIDE, row['seq']!) : undefined;
  if (!beside) return null;
  const result = textOrNull(row['result'] as Value);
  const counts = result === null ? countChildren(db, text(row['id'])) : (JSON.parse(result) as BatchCounts);
  const life = number(row['life']);
  return {
    policy: JSON.parse(text(beside['policy'])) as FailurePolicy,
    open: beside['open'] === 1 && row['status'] === 'running',
    ...counts,
    callbacks: db.all(CALLS, row['seq']!).map(({ kind, id, type }) => ({
      on: kind as CallbackKind,
      type: text(type),
      id: callbackId(text(id), life),
    })),
  };
};
