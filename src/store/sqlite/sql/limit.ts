/**
 * Limits per key. Rows behind a full key are parked (gate 2), so that a saturated key costs the claim nothing, whatever stands
 * behind it. Every departure of a keyed job must call `unpark`; `sweepKeys` finds what was forgotten.
 */

import { text } from '../../rows.ts';
import { type Row, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

const MAX = sql`SELECT max_running FROM job_limits WHERE key = ?`;
const RUNNING = sql`SELECT count(*) AS n FROM jobs WHERE status = 'running' AND limit_key = ?`;

/**
 * Whether a new row must be parked: the key has no room, or `max` rows of this key and queue that sort before it are already
 * open. So a burst of 100,000 jobs of one key opens `max` rows and parks the rest.
 */
const FULL = sql`
  SELECT (SELECT count(*) FROM jobs WHERE status = 'running' AND limit_key = @key) >= @max
      OR (SELECT count(*) FROM (
            SELECT 1 FROM jobs
            WHERE status = 'queued' AND limit_key = @key AND gate = 0 AND queue = @queue AND (priority, run_at) <= (@priority, @runAt)
            LIMIT +@max)) >= @max AS full`;

/**
 * Opens the best parked rows of a key in every queue that has some: else a paused queue that holds the best one would block
 * the key in the others. The claim decides, and parks the rest again. `LIMIT +@n`: a bare parameter makes SQLite plan anew.
 */
const UNPARK = sql`
  UPDATE jobs SET gate = 0 WHERE seq IN (
    WITH RECURSIVE queues(queue) AS (
      SELECT min(queue) FROM jobs WHERE status = 'queued' AND gate = 2 AND limit_key = +@key
      UNION ALL
      SELECT (SELECT min(queue) FROM jobs WHERE status = 'queued' AND gate = 2 AND limit_key = +@key AND queue > queues.queue)
      FROM queues WHERE queues.queue IS NOT NULL)
    SELECT j.seq FROM queues JOIN jobs j ON j.seq IN (
      SELECT seq FROM jobs WHERE status = 'queued' AND gate = 2 AND limit_key = +@key AND queue = queues.queue
      ORDER BY priority, run_at, seq LIMIT +@n)
    WHERE queues.queue IS NOT NULL)`;

const SET = sql`INSERT INTO job_limits VALUES (?, ?) ON CONFLICT DO UPDATE SET max_running = excluded.max_running`;
const LIFT = sql`DELETE FROM job_limits WHERE key = ?`;

const PARKED_KEYS = sql`
  WITH RECURSIVE keys(key) AS (
    SELECT min(limit_key) FROM jobs WHERE status = 'queued' AND limit_key IS NOT NULL
    UNION ALL
    SELECT (SELECT min(limit_key) FROM jobs WHERE status = 'queued' AND limit_key IS NOT NULL AND limit_key > keys.key)
    FROM keys WHERE keys.key IS NOT NULL)
  SELECT key FROM keys
  WHERE key IS NOT NULL AND EXISTS (SELECT 1 FROM jobs WHERE status = 'queued' AND limit_key = keys.key AND gate = 2)`;

const UNLIMITED = 1_000_000;

/** How many jobs of a key may run at once. */
const maxOf = (txn: Transaction, key: string): number => Number(txn.get(MAX, key)?.['max_running'] ?? UNLIMITED);

export const keyIsFull = (
  txn: Transaction,
  job: { limitKey: string; queue: string; priority: number; runAt: number },
): boolean => {
  const max = maxOf(txn, job.limitKey);
  if (max === UNLIMITED) return false;
  const { limitKey: key, queue, priority, runAt } = job;
  return txn.get(FULL, { key, max, queue, priority, runAt })!['full'] === 1;
};

/** Opens as many parked rows as the key has room for. */
export const unpark = (txn: Transaction, keys: Iterable<string>): void => {
  for (const key of keys) {
    const n = maxOf(txn, key) - Number(txn.get(RUNNING, key)!['n']);
    if (n > 0) txn.run(UNPARK, { key, n: Math.min(n, 500) });
  }
};

/** The keys of rows that left the queue or the worker, to be unparked. */
export const keysOf = (rows: readonly Row[]): Set<string> => {
  const keys = new Set<string>();
  for (const row of rows) if (row['limit_key'] !== null) keys.add(text(row['limit_key']));
  return keys;
};

export const setKeyLimit = (txn: Transaction, key: string, maxRunning: number | null): void => {
  if (maxRunning === null) txn.run(LIFT, key);
  else txn.run(SET, key, maxRunning);
  unpark(txn, [key]);
};

export const sweepKeys = (txn: Transaction): void => {
  unpark(
    txn,
    txn.all(PARKED_KEYS).map((row) => text(row['key'])),
  );
};
