/**
 * Batches: their state is derived from their children's rows in the transaction in which one of them moved.
 *
 * 1. Whatever ends, adds or removes a job calls `Transaction.moved`, which notes the parent; so no verb can forget a batch.
 * 2. Before the commit the rows of the noted batches are locked, the youngest first as everywhere, and held until then; one that may
 *    be touched later by the end of another is not locked before that. Only a later
 *    statement looks at the children: so it sees all that was committed by those who held the row before, and of two transactions
 *    that end the last two children at once, the second ends the batch. Whoever adds a child locks the row before it does.
 * 3. Is a child unfinished (a probe of indexes)? Must they be counted (an end, a percent or a policy may be due)? What does the policy
 *    say (src/job/batch.ts)? A batch that ends is itself a child that ended: the loop goes on until nothing is noted any more.
 * 4. Who holds a batch waits for no job: others may hold that job and wait for the batch. What cannot be cancelled for this
 *    reason is left to them if they end it, and looked at again after the commit.
 */
import {
  type BatchCounts,
  type BatchState,
  lossesToSpare,
  movesToSpare,
  noBatchCounts,
  noteOf,
  progressOf,
  type Verdict,
  verdictOf,
} from '../../../job/batch.ts';
import { type FinalStatus, isFinal, type Status } from '../../../job/states.ts';
import { jobOf, number, numberOrNull, text, toChange } from '../../rows.ts';
import { callbackJobs, MAX_CANCELS, mustCount, stateOf } from '../../settling.ts';
import type { AdjustOutcome } from '../../store.ts';
import { both, type Touch } from '../../touches.ts';
import { numbers, type Row, sql, texts } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { cancelChildren, hasOne } from './cancel.ts';
import { insertJobs } from './insert.ts';

/** Longer than any settling takes: who waits so long waits for a caller's own transaction, and lets others through meanwhile. */
const PATIENCE = sql`SELECT set_config('lock_timeout', '2s', true)`;

/** Locks the batches, and takes off what moved. A change even where only the lock is wanted: no older snapshot can overlook it. */
const STEP = sql`
  WITH given AS MATERIALIZED (
      SELECT * FROM unnest($ids::text[], $moves::bigint[], $losses::bigint[]) AS g(id, moves, losses)),
    locked AS MATERIALIZED (
      SELECT o.seq, g.moves, g.losses FROM given g JOIN backline.job_batches o ON o.id = g.id ORDER BY o.seq DESC FOR UPDATE OF o)
  UPDATE backline.job_batches o SET moves = o.moves - l.moves, losses = o.losses - l.losses
  FROM locked l WHERE o.seq = l.seq RETURNING o.*`;

/** Whether a batch has a child that is unfinished: a look-up in each place where one may stand. */
const hasUnfinished = (id: string): string =>
  `(${['job_running', 'job_ready', 'job_aside', 'job_batches'].map((place) => hasOne(place, id)).join('\n OR ')})`;

const UNFINISHED = sql`SELECT id FROM unnest($ids::text[]) AS g(id) WHERE ${hasUnfinished('g.id')}`;

/** The batches among what was touched, each with its parent's number: who has to wait for whom. */
const FAMILY = sql`
  SELECT o.id, o.seq, p.seq AS parent FROM backline.job_batches o
  LEFT JOIN backline.job_batches p ON p.id = o.parent_job_id WHERE o.id = ANY ($ids::text[])`;

/** A batch to settle, as its row is now, locked. */
interface Pending {
  readonly row: Row;
  readonly touch: Touch;
  readonly hasUnfinished: boolean;
  /** The number of its parent, which its end will touch. */
  readonly parent: number | null;
}

/** What is left to do in one transaction. */
interface Settling {
  /** Touched, and not locked yet. */
  readonly waiting: Map<string, Touch>;
  readonly pending: Map<number, Pending>;
}

/**
 * Settles every batch that this transaction touched, until none is touched any more. The youngest first, which is never a parent of
 * another: so a batch is judged when all within it is settled. @param within a caller's own transaction, whose settings are not ours.
 */
export const settleBatches = async (txn: Transaction, { within }: { within: boolean }): Promise<void> => {
  if (txn.touches.size === 0) return;
  const settling: Settling = { waiting: new Map(), pending: new Map() };
  const { waiting, pending } = settling;
  await Promise.all([within ? null : txn.run(PATIENCE), take(txn, settling)]);
  for (let cancels = MAX_CANCELS; pending.size + waiting.size > 0; await take(txn, settling)) {
    if (pending.size === 0) continue;
    const youngest = Math.max(...pending.keys());
    const next = pending.get(youngest)!;
    pending.delete(youngest);
    cancels -= await settle(txn, next, cancels);
  }
};

/** Locks what may be locked by now, and puts it among the pending. The last two statements are on their way at once; the second sees more. */
const take = async (txn: Transaction, settling: Settling): Promise<void> => {
  const { waiting, pending } = settling;
  // What has more to cancel than one transaction should is settled again after the commit.
  for (const [id, touch] of txn.touches.take())
    if (!txn.unsettled.has(id)) waiting.set(id, waiting.has(id) ? both(waiting.get(id)!, touch) : touch);
  if (waiting.size === 0) return;
  const parents = await ripe(txn, settling);
  const touched = [...parents.keys()].map((id) => [id, waiting.get(id)!] as const);
  for (const [id] of touched) waiting.delete(id);
  if (touched.length === 0) return;
  const ids = texts(touched.map(([id]) => id));
  const moves = numbers(touched.map(([, touch]) => touch.moves));
  const losses = numbers(touched.map(([, touch]) => touch.losses));
  const [rows, unfinished] = await Promise.all([txn.all(STEP, { ids, moves, losses }), txn.all(UNFINISHED, { ids })]);
  const open = new Set(unfinished.map((row) => text(row['id'])));
  const touches = new Map(touched);
  for (const row of rows) {
    const [seq, id] = [number(row['seq']), text(row['id'])];
    const before = pending.get(seq)?.touch;
    const touch = touches.get(id)!;
    const parent = parents.get(id)!;
    pending.set(seq, { row, touch: before ? both(before, touch) : touch, hasUnfinished: open.has(id), parent });
  }
};

/**
 * Those that may be locked now, each with its parent's number. A batch that ends touches its parent, which is older: so whatever is as
 * old as the parent of one that is not settled yet must wait, or two transactions would wait for each other.
 */
const ripe = async (txn: Transaction, { waiting, pending }: Settling): Promise<Map<string, number | null>> => {
  const ids = [...waiting.keys()];
  // Alone, it is older than all that was locked before.
  if (ids.length === 1 && pending.size === 0) return new Map([[ids[0]!, null]]);
  const rows = await txn.all(FAMILY, { ids: texts(ids) });
  const batches = new Set(rows.map((row) => text(row['id'])));
  // Most parents are no batches, or have ended.
  for (const id of ids) if (!batches.has(id)) waiting.delete(id);
  const parents = [...pending.values(), ...rows.map((row) => ({ parent: numberOrNull(row['parent']) }))];
  const oldest = Math.max(-1, ...parents.map(({ parent }) => parent ?? -1));
  return new Map(
    rows.filter((row) => number(row['seq']) > oldest).map((row) => [text(row['id']), numberOrNull(row['parent'])]),
  );
};

/** @returns how many children it cancelled. */
const settle = async (txn: Transaction, pending: Pending, maxCancels: number): Promise<number> => {
  const { row, touch, hasUnfinished } = pending;
  // The step that locked it has taken off what moved.
  const spare = { moves: number(row['moves']), losses: number(row['losses']) };
  return mustCount(row, touch, hasUnfinished, spare) ? judge(txn, row, touch.at, maxCancels) : 0;
};

/** Counts the children, and does what their batch's policy says. */
const judge = async (txn: Transaction, row: Row, at: number, maxCancels: number): Promise<number> => {
  const counts = await countChildren(txn, text(row['id']));
  const state = stateOf(row, counts, at);
  const verdict = verdictOf(state);
  if (verdict.kind === 'ends') {
    await end(txn, row, counts, verdict.status, verdict.error, at);
    return 0;
  }
  await saveProgress(txn, row, state, verdict, at);
  return verdict.kind === 'cancel-rest' ? cancelRest(txn, row, verdict.reason, at, maxCancels) : 0;
};

/** The children of a batch: how many in all, and of those that have ended how many in what. Two ranges of an index. */
export const childCounts = (id: string): string => `
  SELECT NULL AS status, count(*) AS n FROM backline.job_body WHERE parent_job_id = ${id}
  UNION ALL SELECT status, count(*) FROM backline.job_done WHERE parent_job_id = ${id} GROUP BY status`;
const COUNTS = sql`${childCounts('$id')}`;

const countChildren = async (txn: Transaction, id: string): Promise<BatchCounts> => {
  const counts = noBatchCounts();
  for (const { status, n } of await txn.all(COUNTS, { id }))
    counts[status === null ? 'total' : (status as FinalStatus)] = number(n);
  return counts;
};

const LOOKED = sql`
  UPDATE backline.job_batches SET moves = $moves::bigint, losses = $losses::bigint, timed_out_at = $timedOutAt::bigint,
    progress = $progress::int, note = $note
  WHERE seq = $seq`;

/** It never falls, whatever is added. */
const saveProgress = async (
  txn: Transaction,
  row: Row,
  { counts, policy, timedOutAt }: BatchState,
  verdict: Verdict,
  at: number,
): Promise<void> => {
  const progress = Math.max(number(row['progress']), progressOf(counts));
  const note = noteOf(counts);
  const [moves, losses] = [movesToSpare(counts, progress, verdict), lossesToSpare(policy, counts)];
  await txn.run(LOOKED, { moves, losses, timedOutAt, progress, note, seq: row['seq']! });
  if (progress !== row['progress'] || note !== row['note'])
    txn.tell(() => toChange(batchRow(row), 'progress', 'running', 'running', at, { progress, note }));
};

const LOOK_AGAIN = sql`UPDATE backline.job_batches SET moves = 0 WHERE seq = $seq`;

/** What is left waits for the next transaction; if that never comes, because of a crash, for `expire`. */
const cancelRest = async (txn: Transaction, row: Row, reason: string, at: number, max: number): Promise<number> => {
  const { cancelled, left } = await cancelChildren(txn, text(row['id']), reason, at, max);
  if (left) {
    await txn.run(LOOK_AGAIN, { seq: row['seq']! });
    txn.unsettled.set(text(row['id']), { at, waits: cancelled < max });
  }
  return cancelled;
};

/** The claim stays 0: nobody ever held it. */
const END = sql`
  WITH gone AS (DELETE FROM backline.job_batches WHERE seq = $seq RETURNING *),
    unkeyed AS (
      DELETE FROM backline.job_keys k USING gone g JOIN backline.job_body b ON b.seq = g.seq WHERE k.key = b.unique_key AND k.job = g.id)
  INSERT INTO backline.job_done (seq, status, claim, attempts, crashes, progress, started_at, deadline_at, completed_at, cancel_requested_at,
    result, error, parent_job_id)
  SELECT seq, $to, 0, 0, 0, CASE WHEN $to = 'completed' THEN 100 ELSE progress END, started_at, deadline_at, $at::bigint,
    cancel_requested_at, $result, $error, parent_job_id FROM gone`;

const end = async (
  txn: Transaction,
  row: Row,
  counts: BatchCounts,
  to: FinalStatus,
  error: string | null,
  at: number,
): Promise<void> => {
  const result = JSON.stringify(counts);
  await txn.run(END, { seq: row['seq']!, to, result, error, at });
  txn.moved(jobOf(row), 'running', to, at);
  txn.rollups.count(jobOf(row), to, at);
  txn.tell(() =>
    toChange(batchRow(row), 'status', 'running', to, at, to === 'completed' ? { result } : { error: error }),
  );
  await callBack(txn, row, counts, to, at);
};

/** Nobody ever tried it. */
const batchRow = (row: Row): Row => ({ ...row, attempts: 0 });

const CALLBACKS = sql`SELECT kind, body FROM backline.job_callbacks WHERE job = $seq`;

const callBack = async (
  txn: Transaction,
  row: Row,
  counts: BatchCounts,
  to: FinalStatus,
  at: number,
): Promise<void> => {
  const called = callbackJobs(row, await txn.all(CALLBACKS, { seq: row['seq']! }), counts, to, at);
  if (called.length === 0) return;
  const refused = new Set<string>();
  await insertJobs(
    txn,
    called.map((job) => ({ job, now: at, refused })),
  );
};

const SEAL = sql`UPDATE backline.job_batches SET open = false WHERE id = $id`;
const FIND = sql`SELECT status, policy FROM backline.jobs WHERE id = $id`;

/** No more children are to come. Harmless for a batch that is sealed already. */
export const sealBatch = async (txn: Transaction, id: string, now: number): Promise<AdjustOutcome> => {
  const sealed = await txn.run(SEAL, { id });
  if (sealed > 0) {
    txn.touches.look(id, now);
    return { kind: 'done' };
  }
  const row = await txn.get(FIND, { id });
  if (!row) return { kind: 'missing' };
  if (row['policy'] === null) return { kind: 'no-batch' };
  const status = text(row['status']) as Status;
  return isFinal(status) ? { kind: 'refused', status } : sealBatch(txn, id, now);
};

/**
 * Batches that are due: out of time, with more to cancel, or done without anybody having seen it, as after a change by hand. There
 * are few that run, and each costs a probe or two. SKIP LOCKED: who holds one settles it.
 */
const DUE = sql`
  SELECT o.id FROM backline.job_batches o
  WHERE (o.deadline_at <= $now::bigint AND o.timed_out_at IS NULL) OR o.moves <= 0
    OR ((NOT o.open OR o.cancel_requested_at IS NOT NULL) AND NOT ${hasUnfinished('o.id')})
  ORDER BY o.seq DESC LIMIT 100 FOR UPDATE OF o SKIP LOCKED`;

export const touchDueBatches = async (txn: Transaction, now: number): Promise<void> => {
  for (const { id } of await txn.all(DUE, { now })) txn.touches.look(text(id), now);
};
