/**
 * Jobs that wait. Each has one row in `job_ready` or `job_aside`, and deleting it is the right to move the job: of two transactions
 * that want the same one, one gets the row, and the other finds nothing and looks again.
 */
import type { FinalStatus, Status } from '../../../job/states.ts';
import { jobOf, number, text, toChange } from '../../rows.ts';
import { numbers, type Row, sql, texts } from '../driver.ts';
import { toPlace } from '../rows.ts';
import type { Transaction } from '../transaction.ts';

/** Why a row stands in `job_aside`. */
export const PARKED = 2;
export const HELD = 4;

/**
 * job_ready has one index only, in claim order, so the body tells where its row stands. In order of seq: whoever takes several
 * locks them in the same order as everybody else.
 */
const TAKE_WAITING = sql`
  WITH named AS MATERIALIZED (
      SELECT seq, queue, type, priority, run_at FROM backline.job_body WHERE seq = ANY ($seqs::bigint[]) ORDER BY seq),
    ready AS (
      DELETE FROM backline.job_ready r USING named b
      WHERE r.queue = b.queue AND r.type = b.type AND r.priority = b.priority AND r.run_at = b.run_at AND r.seq = b.seq
      RETURNING r.seq, 0 AS gate, r.limit_key),
    aside AS (
      DELETE FROM backline.job_aside a USING named b WHERE a.seq = b.seq RETURNING a.seq, a.gate, a.limit_key)
  SELECT * FROM ready UNION ALL SELECT * FROM aside`;

export interface Taken {
  readonly seq: number;
  readonly from: 'created' | 'queued';
}

/** Takes the rows of those of the given jobs that wait, in no order. What it takes must end or be put back in this transaction. */
export const takeWaiting = async (txn: Transaction, seqs: readonly number[]): Promise<Taken[]> => {
  if (seqs.length === 0) return [];
  return toTaken(txn, await txn.all(TAKE_WAITING, { seqs: numbers(seqs) }));
};

/** @param rows that were deleted: seq, gate and limit_key. */
export const toTaken = (txn: Transaction, rows: readonly Row[]): Taken[] =>
  rows.map((row) => {
    const gate = number(row['gate']);
    if (gate === 0) txn.free(row['limit_key'] as string | null);
    return { seq: number(row['seq']), from: gate === HELD ? 'created' : 'queued' };
  });

/** The end of jobs whose waiting row was taken: what their last attempt left in the body is carried over. */
const END_WAITING = sql`
  WITH given AS MATERIALIZED (SELECT * FROM unnest($seqs::bigint[], $reasons::text[]) AS g(seq, reason)),
    ended AS (
      INSERT INTO backline.job_done (seq, status, claim, attempts, crashes, progress, started_at, deadline_at, completed_at, lease_owner, error,
        parent_job_id)
      SELECT b.seq, $status, b.claim, b.attempts, b.crashes, b.progress, b.started_at, b.deadline_at, $now::bigint, b.lease_owner, g.reason,
        b.parent_job_id
      FROM given g JOIN backline.job_body b ON b.seq = g.seq),
    unkeyed AS (
      DELETE FROM backline.job_keys k USING given g JOIN backline.job_body b ON b.seq = g.seq
      WHERE k.key = b.unique_key AND k.job = b.id)
  SELECT b.seq, b.id, b.type, b.queue, b.attempts, b.run_at, b.parent_job_id FROM given g JOIN backline.job_body b ON b.seq = g.seq ORDER BY b.seq`;

export const endWaiting = async (
  txn: Transaction,
  taken: readonly Taken[],
  status: FinalStatus,
  reasonOf: (seq: number) => string,
  now: number,
): Promise<void> => {
  if (taken.length === 0) return;
  const rows = await txn.all(END_WAITING, {
    seqs: numbers(taken.map(({ seq }) => seq)),
    reasons: texts(taken.map(({ seq }) => reasonOf(seq))),
    status,
    now,
  });
  const from = new Map(taken.map((one) => [one.seq, one.from]));
  for (const row of rows) {
    const seq = number(row['seq']);
    txn.moved(jobOf(row), from.get(seq)!, status, now);
    txn.rollups.count(jobOf(row), status, now);
    txn.tell(() => toChange(row, 'status', from.get(seq)!, status, now, { error: reasonOf(seq) }));
  }
};

/** Puts jobs whose row was taken (or that are new to waiting) where their body says: to the ready ones, or among the held. */
const PUT_BACK = sql`
  WITH named AS MATERIALIZED (SELECT * FROM backline.job_body WHERE seq = ANY ($seqs::bigint[]) ORDER BY seq),
    ready AS (
      INSERT INTO backline.job_ready (queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id)
      SELECT queue, type, priority, run_at, seq, limit_key, CASE WHEN started_at IS NULL THEN expires_at END, parent_job_id
      FROM named WHERE NOT held),
    aside AS (
      INSERT INTO backline.job_aside (seq, gate, queue, type, priority, run_at, limit_key, expires_at, parent_job_id)
      SELECT seq, ${String(HELD)}, queue, type, priority, run_at, limit_key, CASE WHEN started_at IS NULL THEN expires_at END, parent_job_id
      FROM named WHERE held)
  SELECT queue, type, priority, run_at, seq FROM named WHERE NOT held`;

/** A statement of its own after the one that changed the bodies: it must see them as they are now. */
export const putBack = async (txn: Transaction, seqs: readonly number[]): Promise<void> => {
  const rows = await txn.all(PUT_BACK, { seqs: numbers(seqs) });
  txn.readied?.push(...rows.map(toPlace));
};

const STATUS = sql`SELECT seq, status FROM backline.jobs WHERE seq = ANY ($seqs::bigint[])`;

/** Where jobs stand now: for those that another transaction moved first. */
export const statusesOf = async (txn: Transaction, seqs: readonly number[]): Promise<Map<number, Status>> => {
  const rows: Row[] = await txn.all(STATUS, { seqs: numbers(seqs) });
  return new Map(rows.map((row) => [number(row['seq']), text(row['status']) as Status]));
};
