/** Chores: orphans, expiry, retention, removal, pauses. */
import type { Change } from '../../../job/change.ts';
import { crashedTooOften, jobExpired } from '../../../job/errors.ts';
import { REMOVABLE, type Status } from '../../../job/states.ts';
import { jobOf, number, numberOrNull, text, toChange, workerName } from '../../rows.ts';
import type { Orphan, QueueChange, Retention, Target } from '../../store.ts';
import { numbers, type Row, sql, texts, type Value } from '../driver.ts';
import type { Locks } from '../locks.ts';
import { toClaimed } from '../rows.ts';
import type { Transaction } from '../transaction.ts';
import { applyOnce } from './change.ts';
import { claimAlone } from './limit.ts';
import { chunkOf } from './target.ts';
import { endWaiting, takeWaiting } from './waiting.ts';

/** The beat guards: a worker that has shown itself since it was looked at is not dead. A claim that it is just making is waited for. */
const DECLARE_DEAD = sql`
  DELETE FROM backline.job_workers w USING unnest($owners::text[], $beats::bigint[]) AS g(owner, beat)
  WHERE w.owner = g.owner AND w.beat = g.beat`;

/** A running job is an orphan if and only if its owner has no row. SKIP LOCKED: its end is just being written, or its rescue. */
const ORPHANS = sql`
  SELECT r.seq, r.id, r.type, r.queue, r.priority, r.attempts, r.run_at, r.limit_key, r.claim, r.life, r.crashes, r.max_crashes, r.owner,
    r.started_at, r.deadline_at, r.cancel_requested_at, r.cancel_reason, r.parent_job_id
  FROM backline.job_running r WHERE NOT EXISTS (SELECT 1 FROM backline.job_workers w WHERE w.owner = r.owner)
  ORDER BY r.seq LIMIT 500 FOR UPDATE OF r SKIP LOCKED`;

/** Chunks in one transaction: a worker that comes back at once under its old name must not find its old jobs still running. */
const CHUNKS = 40;

/** Declares workers dead and gives back what has no worker, a bounded number. @returns whether all was given back. */
export const releaseOrphans = async (
  txn: Transaction,
  gone: readonly { readonly owner: string; readonly beat: number }[],
  now: number,
): Promise<{ orphans: Orphan[]; done: boolean }> => {
  if (gone.length > 0) {
    const sorted = [...gone].sort((a, b) => (a.owner < b.owner ? -1 : 1));
    const [owners, beats] = [texts(sorted.map(({ owner }) => owner)), numbers(sorted.map(({ beat }) => beat))];
    await txn.run(DECLARE_DEAD, { owners, beats });
  }
  const orphans: Orphan[] = [];
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const rows = await txn.all(ORPHANS);
    const releases = rows.map((row) => releaseOf(row, now));
    const applied = await applyOnce(txn, releases, 1);
    for (const [i, { orphan }] of releases.entries()) if (applied.has(i)) orphans.push(orphan);
    if (rows.length < 500) return { orphans, done: true };
  }
  return { orphans, done: false };
};

/** The attempt does not count, the crash does. */
const releaseOf = (row: Row, now: number): { change: Change; message: string; orphan: Orphan } => {
  const crashes = number(row['crashes']) + 1;
  const worker = workerName(row['owner']) ?? 'unknown';
  const quarantined = crashes >= number(row['max_crashes']);
  const died = { name: 'WorkerDied', message: `The worker ${worker} died while it ran this job.` };
  const cancelled = row['cancel_requested_at'] !== null;
  const to: Status = cancelled ? 'cancelled' : quarantined ? 'failed' : 'queued';
  const job = { ...toClaimed(row), payload: '' };
  const change: Change = {
    job,
    to,
    outcome: 'crashed',
    at: now,
    runAt: job.runAt,
    attempts: job.attempts - 1,
    crashes,
    result: null,
    failure: died,
  };
  const message = cancelled
    ? text(row['cancel_reason'])
    : quarantined
      ? crashedTooOften(crashes, worker).message
      : died.message;
  return { change, message, orphan: { id: job.id, type: job.type, crashes, quarantined: to === 'failed' } };
};

/** Only what has never started has a time to expire at in these rows. */
const EXPIRED = sql`
  (SELECT seq, expires_at FROM backline.job_ready WHERE expires_at <= $now::bigint ORDER BY expires_at LIMIT 500)
  UNION ALL
  (SELECT seq, expires_at FROM backline.job_aside WHERE expires_at <= $now::bigint ORDER BY expires_at LIMIT 500)`;

export const expireDue = async (txn: Transaction, now: number): Promise<number> => {
  const times = new Map<number, number>();
  for (const row of await txn.all(EXPIRED, { now })) times.set(number(row['seq']), number(row['expires_at']));
  const taken = await takeWaiting(txn, [...times.keys()]);
  await endWaiting(txn, taken, 'cancelled', (seq) => jobExpired(times.get(seq)!).message, now);
  return taken.length;
};

/** What a batch still counts stays until the batch has ended. */
export const keptByBatch = (parent: string): string =>
  `EXISTS (SELECT 1 FROM backline.job_batches o WHERE o.id = ${parent})`;

/**
 * Only the 2,000 oldest are looked at, so that many rows which are old but finished late cost nothing. A parent stays until its
 * children are gone; it is not among the 2,000, because it may have to stay for ever.
 */
const OLD = sql`
  SELECT seq FROM (
    SELECT d.seq, d.completed_at FROM backline.job_done d JOIN backline.job_body b ON b.seq = d.seq
    WHERE d.status = $status AND NOT EXISTS (SELECT 1 FROM backline.job_body c WHERE c.parent_job_id = b.id)
      AND NOT ${keptByBatch('b.parent_job_id')}
    ORDER BY d.seq LIMIT 2000) old
  WHERE completed_at < $before::bigint ORDER BY seq LIMIT 500`;
const OLDEST = sql`
  SELECT d.seq FROM backline.job_done d JOIN backline.job_body b ON b.seq = d.seq
  WHERE NOT EXISTS (SELECT 1 FROM backline.job_body c WHERE c.parent_job_id = b.id) AND NOT ${keptByBatch('b.parent_job_id')}
  ORDER BY d.seq LIMIT $most::int`;
const FINISHED = sql`
  SELECT coalesce(sum(n), 0)::bigint AS n
  FROM (SELECT * FROM backline.job_counts UNION ALL SELECT * FROM backline.job_count_deltas) c
  WHERE status IN ('completed', 'cancelled', 'failed', 'timeout')`;
const CLOSE_WINDOWS = sql`
  DELETE FROM backline.job_key_windows WHERE key IN (
    SELECT key FROM backline.job_key_windows WHERE until <= $now::bigint ORDER BY until LIMIT 1000 FOR UPDATE SKIP LOCKED)`;

const FORGET_REQUESTS = sql`
  DELETE FROM backline.job_requests WHERE key IN (
    SELECT key FROM backline.job_requests WHERE until <= $now::bigint ORDER BY until LIMIT 1000 FOR UPDATE SKIP LOCKED)`;

/** One chunk of retention. @returns how many rows went; 0 when nothing is left to do. */
export const pruneChunk = async (
  txn: Transaction,
  { doneBefore, failedBefore, keep }: Retention,
  now: number,
): Promise<number> => {
  await txn.run(CLOSE_WINDOWS, { now });
  await txn.run(FORGET_REQUESTS, { now });
  const seqs: number[] = [];
  const older = async (status: string, before: number) => {
    for (const row of await txn.all(OLD, { status, before })) seqs.push(number(row['seq']));
  };
  if (doneBefore !== null) for (const status of ['completed', 'cancelled']) await older(status, doneBefore);
  if (failedBefore !== null) for (const status of ['failed', 'timeout']) await older(status, failedBefore);
  if (seqs.length === 0 && keep !== null) {
    const over = number((await txn.get(FINISHED))!['n']) - keep;
    if (over > 0) for (const row of await txn.all(OLDEST, { most: Math.min(over, 500) })) seqs.push(number(row['seq']));
  }
  return deleteJobs(txn, seqs, now, 'done');
};

/** FOR UPDATE: a child that is being inserted is waited for, and then seen. */
const LOCK = sql`SELECT seq FROM backline.job_body WHERE seq = ANY ($seqs::bigint[]) ORDER BY seq FOR UPDATE`;
const KEPT = sql`
  SELECT d.seq FROM backline.job_done d WHERE d.seq = ANY ($seqs::bigint[]) AND ${keptByBatch('d.parent_job_id')}`;
const TAKE_DONE = sql`DELETE FROM backline.job_done WHERE seq = ANY ($seqs::bigint[]) RETURNING seq, status`;
const PARENTS_OF = sql`
  SELECT p.seq, c.seq AS child FROM backline.job_body p JOIN backline.job_body c ON c.parent_job_id = p.id WHERE p.seq = ANY ($seqs::bigint[])`;
const UNKEY = sql`
  DELETE FROM backline.job_keys k USING backline.job_body b WHERE b.seq = ANY ($seqs::bigint[]) AND k.key = b.unique_key AND k.job = b.id`;
const DELETE = sql`
  WITH attempts AS (DELETE FROM backline.job_attempts WHERE job = ANY ($seqs::bigint[])),
    callbacks AS (DELETE FROM backline.job_callbacks WHERE job = ANY ($seqs::bigint[])),
    logs AS (DELETE FROM backline.job_logs WHERE job = ANY ($seqs::bigint[]))
  DELETE FROM backline.job_body WHERE seq = ANY ($seqs::bigint[]) RETURNING seq, id, type, queue, attempts, run_at, parent_job_id`;

/** Deletes jobs that do not run and have no child that stays, and that no batch counts. @returns how many. */
const deleteJobs = async (
  txn: Transaction,
  given: readonly number[],
  now: number,
  which: 'done' | 'any',
): Promise<number> => {
  if (given.length === 0) return 0;
  await txn.run(LOCK, { seqs: numbers(given) });
  const kept = new Set((await txn.all(KEPT, { seqs: numbers(given) })).map((row) => number(row['seq'])));
  const going = await childless(
    txn,
    given.filter((seq) => !kept.has(seq)),
  );
  const from = new Map<number, Status>();
  for (const row of await txn.all(TAKE_DONE, { seqs: numbers(going) }))
    from.set(number(row['seq']), text(row['status']) as Status);
  if (which === 'any') for (const taken of await takeWaiting(txn, going)) from.set(taken.seq, taken.from);
  const seqs = numbers([...from.keys()]);
  await txn.run(UNKEY, { seqs });
  const rows = await txn.all(DELETE, { seqs });
  rows.sort((a, b) => number(b['seq']) - number(a['seq']));
  for (const row of rows) {
    const status = from.get(number(row['seq']))!;
    txn.moved(jobOf(row), status, null, now);
    txn.tell(() => toChange(row, 'removed', status, status, now));
  }
  return rows.length;
};

/** From the youngest on: a parent goes if all its children go. */
const childless = async (txn: Transaction, seqs: readonly number[]): Promise<number[]> => {
  const children = new Map<number, number[]>();
  for (const row of await txn.all(PARENTS_OF, { seqs: numbers(seqs) })) {
    const parent = number(row['seq']);
    children.set(parent, [...(children.get(parent) ?? []), number(row['child'])]);
  }
  const going = new Set<number>();
  for (const seq of [...seqs].sort((a, b) => b - a))
    if ((children.get(seq) ?? []).every((child) => going.has(child))) going.add(seq);
  return [...going];
};

/** One chunk, from the newest on: so the children of a family come before their parents. */
export const removeChunk = async (txn: Transaction, target: Target, before: number, now: number) => {
  const { rows, next } = await chunkOf(txn, target, REMOVABLE, before, 'newest');
  const removed = await deleteJobs(
    txn,
    rows.map((row) => number(row['seq'])),
    now,
    'any',
  );
  return { removed, next };
};

const SET_QUEUE = sql`
  INSERT INTO backline.job_queues AS q (name, paused, paused_reason, paused_by, paused_until, paused_at, max_running)
  VALUES ($name, $paused::boolean, $reason, $actor, $until, $at, $maxRunning)
  ON CONFLICT (name) DO UPDATE SET
    paused = CASE WHEN $setPause::boolean THEN excluded.paused ELSE q.paused END,
    paused_reason = CASE WHEN $setPause::boolean THEN excluded.paused_reason ELSE q.paused_reason END,
    paused_by = CASE WHEN $setPause::boolean THEN excluded.paused_by ELSE q.paused_by END,
    paused_until = CASE WHEN $setPause::boolean THEN excluded.paused_until ELSE q.paused_until END,
    paused_at = CASE WHEN $setPause::boolean THEN excluded.paused_at ELSE q.paused_at END,
    max_running = CASE WHEN $setLimit::boolean THEN excluded.max_running ELSE q.max_running END`;

/** Alone: a claim that is on its way must not miss a pause or a limit that was acknowledged. */
export const setQueue = async (
  txn: Transaction,
  locks: Locks,
  name: string,
  { pause, maxRunning }: QueueChange,
  now: number,
): Promise<void> => {
  await claimAlone(txn, locks);
  const values: Record<string, Value> = {
    name,
    paused: Boolean(pause),
    reason: pause?.reason ?? null,
    actor: pause?.actor ?? null,
    until: pause?.until ?? null,
    at: pause ? now : null,
    maxRunning: maxRunning ?? null,
    setPause: pause !== undefined,
    setLimit: maxRunning !== undefined,
  };
  await txn.run(SET_QUEUE, values);
  txn.woke = true;
};

const FOLD = sql`
  WITH gone AS (
    DELETE FROM backline.job_count_deltas WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM backline.job_count_deltas LIMIT 20000 FOR UPDATE SKIP LOCKED)) RETURNING *),
    folded AS (
      INSERT INTO backline.job_counts AS c (queue, status, type, n)
      SELECT queue, status, type, sum(n) FROM gone GROUP BY queue, status, type ORDER BY queue, status, type
      ON CONFLICT (queue, status, type) DO UPDATE SET n = c.n + excluded.n)
  SELECT count(*) AS n FROM gone`;

/** Adds what transactions appended to the counters up. @returns how many rows were folded. */
export const foldCounts = async (txn: Transaction): Promise<number> => numberOrNull((await txn.get(FOLD))?.['n']) ?? 0;
