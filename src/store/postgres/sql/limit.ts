/**
 * Limits per key. Rows behind a full key are parked in `job_aside`, so that a saturated key costs the claim nothing, whatever stands
 * behind it. What holds this together while many transactions run at once:
 *
 * 1. Only a claim parks, only when the key is full, and only while it holds the key's lock alone: then no job of the key is leaving.
 * 2. Whoever takes jobs of a key out (from running, or from the open ones) shares the key's lock, and then brings as many parked ones
 *    forward, in every lane that has some; the claim parks again what was too many.
 * 3. `sweepKeys` finds what a caller's own transaction at a higher isolation level could not see.
 */

import { number, text } from '../../rows.ts';
import { numbers, sql, texts } from '../driver.ts';
import { type Locks, shareStripes } from '../locks.ts';
import { toPlace } from '../rows.ts';
import type { Transaction } from '../transaction.ts';
import { PARKED } from './waiting.ts';

/**
 * Brings the best parked rows of each key forward, in every queue and type that has some: else a paused queue, or a type that nobody
 * here knows, would block the key for the others. jobs_parked answers each look-up with its first row.
 */
const UNPARK = sql`
  WITH RECURSIVE given AS MATERIALIZED (SELECT * FROM unnest($keys::text[], $ns::int[]) AS g(key, n)),
    lanes(key, n, queue, type) AS (
      SELECT g.key, g.n, l.queue, l.type FROM given g CROSS JOIN LATERAL (
        SELECT queue, type FROM backline.job_aside WHERE gate = ${String(PARKED)} AND limit_key = g.key ORDER BY queue, type LIMIT 1) l
      UNION ALL
      SELECT g.key, g.n, l.queue, l.type FROM lanes g CROSS JOIN LATERAL (
        SELECT queue, type FROM backline.job_aside
        WHERE gate = ${String(PARKED)} AND limit_key = g.key AND (queue, type) > (g.queue, g.type) ORDER BY queue, type LIMIT 1) l),
    best AS MATERIALIZED (
      SELECT b.seq FROM lanes l CROSS JOIN LATERAL (
        SELECT seq FROM backline.job_aside
        WHERE gate = ${String(PARKED)} AND limit_key = l.key AND queue = l.queue AND type = l.type
        ORDER BY priority, run_at, seq LIMIT l.n FOR UPDATE SKIP LOCKED) b),
    gone AS (DELETE FROM backline.job_aside WHERE seq IN (SELECT seq FROM best) RETURNING *)
  INSERT INTO backline.job_ready (queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id)
  SELECT queue, type, priority, run_at, seq, limit_key, expires_at, parent_job_id FROM gone
  RETURNING queue, type, priority, run_at, seq`;

/** Brings parked jobs forward for those that this transaction took out. */
export const settleFreed = async (txn: Transaction, locks: Locks): Promise<void> => {
  if (txn.freed.size === 0) return;
  const freed = [...txn.freed];
  txn.freed.clear();
  await unpark(txn, locks, freed);
};

const MOST = 500;

/** Two statements: the second must see what was parked before the lock was ours. */
const unpark = async (txn: Transaction, locks: Locks, freed: readonly (readonly [string, number])[]): Promise<void> => {
  await shareStripes(
    txn,
    freed.map(([key]) => locks.stripe(key)),
  );
  const rows = await txn.all(UNPARK, {
    keys: texts(freed.map(([key]) => key)),
    ns: numbers(freed.map(([, count]) => Math.min(count, MOST))),
  });
  if (rows.length > 0) txn.woke = true;
  txn.readied?.push(...rows.map(toPlace));
};

const SET = sql`
  INSERT INTO backline.job_limits (key, max_running) VALUES ($key, $max)
  ON CONFLICT (key) DO UPDATE SET max_running = excluded.max_running`;
const LIFT = sql`DELETE FROM backline.job_limits WHERE key = $key`;
const ALONE = sql`SELECT pg_advisory_xact_lock($lock::bigint)`;

/** No claim may be on its way that has not seen the limit. */
export const claimAlone = async (txn: Transaction, locks: Locks): Promise<void> => {
  await txn.run(ALONE, { lock: locks.claim });
};

export const setKeyLimit = async (txn: Transaction, locks: Locks, key: string, max: number | null): Promise<void> => {
  await claimAlone(txn, locks);
  if (max === null) await txn.run(LIFT, { key });
  else await txn.run(SET, { key, max });
  await openRoom(txn, locks, [key]);
};

const ROOM = sql`
  SELECT g.key, coalesce(l.max_running, 1000000) - (SELECT count(*) FROM backline.job_running r WHERE r.limit_key = g.key) AS room
  FROM unnest($keys::text[]) AS g(key) LEFT JOIN backline.job_limits l ON l.key = g.key`;

const openRoom = async (txn: Transaction, locks: Locks, keys: readonly string[]): Promise<void> => {
  const rows = await txn.all(ROOM, { keys: texts(keys) });
  const open = rows.flatMap((row) =>
    number(row['room']) > 0 ? [[text(row['key']), number(row['room'])] as const] : [],
  );
  if (open.length > 0) await unpark(txn, locks, open);
};

/** A loose scan: one look-up per key, however many rows are parked behind it. */
const PARKED_KEYS = sql`
  WITH RECURSIVE keys(key) AS (
    (SELECT limit_key FROM backline.job_aside WHERE gate = ${String(PARKED)} ORDER BY limit_key LIMIT 1)
    UNION ALL
    SELECT n.limit_key FROM keys k CROSS JOIN LATERAL (
      SELECT limit_key FROM backline.job_aside WHERE gate = ${String(PARKED)} AND limit_key > k.key ORDER BY limit_key LIMIT 1) n)
  SELECT key FROM keys`;

export const sweepKeys = async (txn: Transaction, locks: Locks): Promise<void> => {
  const keys = (await txn.all(PARKED_KEYS)).map((row) => text(row['key']));
  if (keys.length > 0) await openRoom(txn, locks, keys);
};
