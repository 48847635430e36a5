/** New lives of what ended without completing: of jobs, and of batches with those of their jobs that did not complete. */
import { REVIVABLE, type Status } from '../../../job/states.ts';
import { jobOf, text, toChange } from '../../rows.ts';
import type { Target } from '../../store.ts';
import { type Row, sql } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { COLUMNS, chunkOf, IS_BATCH } from './target.ts';

/** A key that is in use again makes its job unable to come back: then the row is left out. */
const REVIVE = sql`
  UPDATE OR IGNORE jobs SET status = 'queued', life = life + 1, attempts = 0, crashes = 0, gate = 0, run_at = @now, queued_at = @now,
    started_at = NULL, completed_at = NULL, timeout_at = NULL, deadline_at = NULL, expires_at = NULL, cancel_requested_at = NULL, cancel_reason = NULL,
    progress = 0, note = NULL, result = NULL, error = NULL, held = 0
  WHERE seq = @seq AND status = @status`;

/** It runs at once, as it did when it was new, and has the whole time again. */
const REVIVE_BATCH = sql`
  UPDATE jobs SET status = 'running', life = life + 1, started_at = @now, completed_at = NULL, deadline_at = @now + total_seconds * 1000,
    cancel_requested_at = NULL, cancel_reason = NULL, progress = 0, note = NULL, result = NULL, error = NULL
  WHERE seq = @seq AND status = @status`;
/** Sealed: whoever added to it has been refused since it ended. */
const BEGIN_AGAIN = sql`UPDATE job_batches SET open = 0, timed_out_at = NULL WHERE job = ?`;
const CHILDREN = sql`
  SELECT ${COLUMNS}, ${IS_BATCH} AS is_batch FROM jobs
  WHERE parent_job_id = ? AND status IN (${REVIVABLE.map((status) => `'${status}'`).join(', ')}) ORDER BY seq`;

export const reviveChunk = (txn: Transaction, target: Target, after: number, now: number) => {
  const { rows, next } = chunkOf(txn, target, REVIVABLE, after);
  return { revived: rows.reduce((sum, row) => sum + revive(txn, row, now), 0), next };
};

/**
 * One job; or a batch with its jobs, those of batches within it included: in one transaction, however many they are, because a
 * policy that sees half of them failed would end the batch again.
 */
const revive = (txn: Transaction, top: Row, now: number): number => {
  let revived = 0;
  for (const rows = [top]; rows.length > 0; ) {
    const row = rows.pop()!;
    const from = text(row['status']) as Status;
    const isBatch = row['is_batch'] === 1;
    if (txn.run(isBatch ? REVIVE_BATCH : REVIVE, { seq: row['seq']!, status: from, now }) === 0) continue;
    revived++;
    failpoints.hit?.('job-revived');
    const to = isBatch ? 'running' : 'queued';
    txn.moved(jobOf(row), from, to, now);
    txn.tell(() => toChange({ ...row, attempts: 0, ...(isBatch ? {} : { run_at: now }) }, 'status', from, to, now));
    if (!isBatch) continue;
    txn.run(BEGIN_AGAIN, row['seq']!);
    txn.touches.look(text(row['id']), now);
    rows.push(...txn.all(CHILDREN, row['id']!).reverse());
  }
  return revived;
};
