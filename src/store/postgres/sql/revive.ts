/** New lives of what ended without completing: of jobs, and of batches with those of their jobs that did not complete. */
import { REVIVABLE, type Status } from '../../../job/states.ts';
import { jobOf, number, text, toChange } from '../../rows.ts';
import type { Target } from '../../store.ts';
import { numbers, type Row, sql, texts } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { chunkOf } from './target.ts';
import { putBack } from './waiting.ts';

const DONE_ROWS = sql`
  SELECT d.seq, b.id, b.type, b.queue, d.status, b.unique_key, b.parent_job_id, b.run_at, b.policy
  FROM backline.job_done d JOIN backline.job_body b ON b.seq = d.seq
  WHERE d.seq = ANY ($seqs::bigint[]) AND d.status = ANY ($statuses::text[]) ORDER BY d.seq FOR UPDATE OF d`;
/** A key that is in use again makes its job unable to come back: then the row is left out. */
const RETAKE_KEYS = sql`
  INSERT INTO backline.job_keys (key, job)
  SELECT key, job FROM unnest($keys::text[], $jobs::text[]) WITH ORDINALITY AS g(key, job, ord) ORDER BY ord
  ON CONFLICT DO NOTHING RETURNING job`;
const REVIVE = sql`
  WITH gone AS (DELETE FROM backline.job_done WHERE seq = ANY ($seqs::bigint[]) RETURNING seq, claim)
  UPDATE backline.job_body b SET life = b.life + 1, claim = g.claim, attempts = 0, crashes = 0, run_at = $now::bigint, queued_at = $now::bigint,
    started_at = NULL, deadline_at = NULL, expires_at = NULL, progress = 0, error = NULL, held = false
  FROM gone g WHERE b.seq = g.seq`;

/**
 * It runs at once, as it did when it was new, and has the whole time again. Sealed: whoever added to it has been refused since it
 * ended.
 */
const REVIVE_BATCH = sql`
  WITH gone AS (DELETE FROM backline.job_done WHERE seq = $seq RETURNING seq),
    body AS (UPDATE backline.job_body b SET life = b.life + 1 FROM gone g WHERE b.seq = g.seq RETURNING b.*)
  INSERT INTO backline.job_batches (seq, id, type, queue, run_at, parent_job_id, life, policy, open, started_at, deadline_at)
  SELECT seq, id, type, queue, run_at, parent_job_id, life, policy, false, $now::bigint, $now::bigint + total_ms FROM body`;
const CHILDREN = sql`
  SELECT seq FROM backline.job_done WHERE parent_job_id = $id AND status = ANY ($statuses::text[]) ORDER BY seq`;

export const reviveChunk = async (txn: Transaction, target: Target, after: number, now: number) => {
  const { rows, next } = await chunkOf(txn, target, REVIVABLE, after);
  return { revived: await revive(txn, await lockDone(txn, rows), now), next };
};

/** Those that have still ended so, in order of seq. */
const lockDone = async (txn: Transaction, rows: readonly Row[]): Promise<Row[]> => {
  if (rows.length === 0) return [];
  const seqs = numbers(rows.map((row) => number(row['seq'])));
  return txn.all(DONE_ROWS, { seqs, statuses: texts(REVIVABLE) });
};

/**
 * In order, and each batch with its jobs, those of batches within it included: in one transaction, however many they are, because
 * a policy that sees half of them failed would end the batch again. Jobs that stand beside each other are one run.
 */
const revive = async (txn: Transaction, given: readonly Row[], now: number): Promise<number> => {
  let revived = 0;
  const known = new Set<number>();
  const stack = [...given].reverse();
  while (stack.length > 0) {
    const run: Row[] = [];
    const isBatch = (row: Row) => row['policy'] !== null;
    while (stack.length > 0 && !isBatch(stack.at(-1)!)) {
      const row = stack.pop()!;
      if (!known.has(number(row['seq']))) run.push(row);
      known.add(number(row['seq']));
    }
    revived += await reviveJobs(txn, run, now);
    const batch = stack.pop();
    if (!batch || known.has(number(batch['seq']))) continue;
    known.add(number(batch['seq']));
    if ((await keepKeys(txn, [batch])).length === 0) continue;
    await reviveBatch(txn, batch, now);
    revived++;
    const children = await txn.all(CHILDREN, { id: text(batch['id']), statuses: texts(REVIVABLE) });
    for (const row of (await lockDone(txn, children)).reverse()) stack.push(row);
  }
  return revived;
};

const reviveBatch = async (txn: Transaction, row: Row, now: number): Promise<void> => {
  await txn.run(REVIVE_BATCH, { seq: row['seq']!, now });
  const from = text(row['status']) as Status;
  txn.moved(jobOf(row), from, 'running', now);
  txn.tell(() => toChange({ ...row, attempts: 0 }, 'status', from, 'running', now));
  txn.touches.look(text(row['id']), now);
};

const reviveJobs = async (txn: Transaction, rows: readonly Row[], now: number): Promise<number> => {
  const going = await keepKeys(txn, rows);
  if (going.length === 0) return 0;
  const revived = going.map((row) => number(row['seq']));
  await txn.run(REVIVE, { seqs: numbers(revived), now });
  await putBack(txn, revived);
  for (const row of going) {
    const from = text(row['status']) as Status;
    txn.moved(jobOf(row), from, 'queued', now);
    txn.tell(() => toChange({ ...row, attempts: 0, run_at: now }, 'status', from, 'queued', now));
  }
  return going.length;
};

/** @returns those that have no key, or have it again. */
const keepKeys = async (txn: Transaction, rows: readonly Row[]): Promise<readonly Row[]> => {
  const keyed = rows.filter((row) => row['unique_key'] !== null);
  if (keyed.length === 0) return rows;
  const keys = texts(keyed.map((row) => text(row['unique_key'])));
  const jobs = texts(keyed.map((row) => text(row['id'])));
  const got = new Set((await txn.all(RETAKE_KEYS, { keys, jobs })).map((row) => text(row['job'])));
  return rows.filter((row) => row['unique_key'] === null || got.has(text(row['id'])));
};
