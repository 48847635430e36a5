/** Cancels: what waits ends, what runs is asked to stop, and a batch has its children cancelled (see batch.ts). */
import { ACTIVE } from '../../../job/states.ts';
import { number, text, toChange } from '../../rows.ts';
import type { Target } from '../../store.ts';
import { numbers, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { chunkOf } from './target.ts';
import { endWaiting, takeWaiting, toTaken } from './waiting.ts';

/** @param named the rows to ask, locked. */
const asking = (table: 'job_running' | 'job_batches', attempts: string, named: string) => sql`
  WITH named AS MATERIALIZED (${named}),
    asked AS (
      UPDATE backline.${table} r SET cancel_requested_at = $now::bigint, cancel_reason = $reason, note = 'cancel requested'
      FROM named n WHERE r.seq = n.seq AND r.cancel_requested_at IS NULL
      RETURNING r.seq, r.id, r.type, r.queue, ${attempts} AS attempts, r.run_at)
  SELECT n.seq, a.seq IS NOT NULL AS asked, a.id, a.type, a.queue, a.attempts, a.run_at
  FROM named n LEFT JOIN asked a ON a.seq = n.seq ORDER BY n.seq`;

const ASK_RUNNING = asking(
  'job_running',
  'r.attempts',
  'SELECT seq FROM backline.job_running WHERE seq = ANY ($seqs::bigint[]) ORDER BY seq FOR UPDATE',
);
/** The youngest first, as everybody locks batches. */
const ASK_BATCHES = asking(
  'job_batches',
  '0',
  'SELECT seq FROM backline.job_batches WHERE seq = ANY ($seqs::bigint[]) ORDER BY seq DESC FOR UPDATE',
);

const ask = async (
  txn: Transaction,
  statement: string,
  params: { readonly [name: string]: string | number },
  reason: string,
  now: number,
): Promise<{ found: number[]; asked: string[] }> => {
  const rows = await txn.all(statement, { ...params, now, reason });
  const asked = rows.filter((row) => row['asked'] === true);
  for (const row of asked)
    txn.tell(() => toChange(row, 'cancel-requested', 'running', 'running', now, { error: reason }));
  return { found: rows.map((row) => number(row['seq'])), asked: asked.map((row) => text(row['id'])) };
};

/** How often jobs are looked at again that others move back and forth meanwhile. */
export const LOOKS = 5;

/** One chunk of a cancel. @returns what happened, and where the next chunk starts (null at the end). */
export const cancelChunk = async (txn: Transaction, target: Target, after: number, reason: string, now: number) => {
  const { rows, next } = await chunkOf(txn, target, ACTIVE, after);
  const seqsOf = (isBatch: boolean) =>
    rows.filter((row) => (row['policy'] !== null) === isBatch).map((row) => number(row['seq']));
  let left = seqsOf(false);
  let [cancelled, requested] = [0, 0];
  // What waited a moment ago may run by now, and the other way round.
  for (let look = 0; look < LOOKS && left.length > 0; look++) {
    const taken = await takeWaiting(txn, left);
    await endWaiting(txn, taken, 'cancelled', () => reason, now);
    cancelled += taken.length;
    const gone = new Set(taken.map(({ seq }) => seq));
    left = left.filter((seq) => !gone.has(seq));
    if (left.length === 0) break;
    const { found } = await ask(txn, ASK_RUNNING, { seqs: numbers(left) }, reason, now);
    requested += found.length;
    for (const seq of found) gone.add(seq);
    left = left.filter((seq) => !gone.has(seq));
    if (left.length > 0) left = await notOver(txn, left);
  }
  // After the jobs: whoever ends one has it first, and then its batch.
  const batches = seqsOf(true);
  if (batches.length > 0) {
    const { found, asked } = await ask(txn, ASK_BATCHES, { seqs: numbers(batches) }, reason, now);
    requested += found.length;
    for (const id of asked) txn.touches.look(id, now);
  }
  return { cancelled, requested, next };
};

const OVER = sql`
  SELECT g.seq FROM unnest($seqs::bigint[]) AS g(seq) JOIN backline.job_body b ON b.seq = g.seq
  WHERE NOT EXISTS (SELECT 1 FROM backline.job_done d WHERE d.seq = g.seq)`;

const notOver = async (txn: Transaction, seqs: readonly number[]): Promise<number[]> =>
  (await txn.all(OVER, { seqs: numbers(seqs) })).map((row) => number(row['seq']));

const children = (table: string, and: string): string => `
  SELECT seq FROM backline.${table} WHERE parent_job_id = $parent${and} ORDER BY seq LIMIT $most::int FOR UPDATE SKIP LOCKED`;
const NOT_ASKED = ' AND cancel_requested_at IS NULL';

/** By the row's own place, which holds while it is locked. */
const takeFrom = (table: 'job_ready' | 'job_aside', gate: string) => sql`
  DELETE FROM backline.${table} WHERE ctid = ANY (ARRAY(${children(table, '').replace('SELECT seq', 'SELECT ctid')}))
  RETURNING seq, ${gate} AS gate, limit_key`;
const TAKES = [takeFrom('job_ready', '0'), takeFrom('job_aside', 'gate')];
const ASK_RUNNING_CHILDREN = asking('job_running', 'r.attempts', children('job_running', NOT_ASKED));
const ASK_CHILD_BATCHES = asking('job_batches', '0', children('job_batches', NOT_ASKED));

/** Whether a parent has a child there. Not EXISTS, which has no order: see the index jobs_ready_children. */
export const hasOne = (place: string, parent: string, and = ''): string =>
  `(SELECT c.seq FROM backline.${place} c WHERE c.parent_job_id = ${parent}${and} ORDER BY c.seq DESC LIMIT 1) IS NOT NULL`;

const LEFT = sql`
  SELECT ${hasOne('job_ready', '$parent')} OR ${hasOne('job_aside', '$parent')}
    OR ${hasOne('job_running', '$parent', NOT_ASKED)} OR ${hasOne('job_batches', '$parent', NOT_ASKED)} AS found`;

/**
 * Cancels children of a batch that is locked, up to a number. Nobody is waited for: of a job that another transaction has in hand,
 * it is left. @returns how many there were, and whether some are left.
 */
export const cancelChildren = async (
  txn: Transaction,
  parent: string,
  reason: string,
  now: number,
  max: number,
): Promise<{ cancelled: number; left: boolean }> => {
  let cancelled = 0;
  for (const statement of TAKES) {
    if (cancelled === max) break;
    const rows = await txn.all(statement, { parent, most: max - cancelled });
    await endWaiting(txn, toTaken(txn, rows), 'cancelled', () => reason, now);
    cancelled += rows.length;
  }
  if (cancelled < max)
    cancelled += (await ask(txn, ASK_RUNNING_CHILDREN, { parent, most: max - cancelled }, reason, now)).asked.length;
  if (cancelled < max) {
    const { asked } = await ask(txn, ASK_CHILD_BATCHES, { parent, most: max - cancelled }, reason, now);
    for (const id of asked) txn.touches.look(id, now);
    cancelled += asked.length;
  }
  return { cancelled, left: (await txn.get(LEFT, { parent }))!['found'] === true };
};
