/** What happened, per minute: the samples of depth, and the answer to what people ask. The counting itself is in src/store/rollups.ts. */
import { MINUTE_MS } from '../../rollups.ts';
import { text, toDepth, toFlow } from '../../rows.ts';
import type { MetricsRange, StoreMetrics } from '../../store-metrics.ts';
import { type Connection, sql, type Value } from '../driver.ts';
import { foldAllMinutes } from '../folding.ts';
import type { Locks } from '../locks.ts';
import { SUMS } from '../rollups.ts';
import type { Transaction } from '../transaction.ts';

const CLEAR = sql`DELETE FROM backline.job_depths WHERE minute = $minute::bigint`;
/**
 * Queues in which nothing waits or runs have no row; the row of no name is all queues together, and says that a sample was taken.
 * Another process may take one of the same minute.
 */
const SAMPLE = sql`
  WITH depth AS (
    SELECT queue, sum(n) FILTER (WHERE status <> 'running') AS waiting, sum(n) FILTER (WHERE status = 'running') AS running
    FROM (SELECT * FROM backline.job_counts UNION ALL SELECT * FROM backline.job_count_deltas) c
    WHERE status IN ('created', 'queued', 'running') GROUP BY queue)
  INSERT INTO backline.job_depths
  SELECT $minute::bigint, queue, coalesce(waiting, 0), coalesce(running, 0) FROM (
    SELECT * FROM depth WHERE waiting > 0 OR running > 0 UNION ALL SELECT '', sum(waiting), sum(running) FROM depth) d ORDER BY queue
  ON CONFLICT (minute, queue) DO UPDATE SET waiting = excluded.waiting, running = excluded.running`;

/** Small enough to let others in between. */
const FORGET = [
  sql`DELETE FROM backline.job_minutes WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM backline.job_minutes WHERE minute < $before::bigint ORDER BY minute LIMIT 2000 FOR UPDATE SKIP LOCKED))`,
  sql`DELETE FROM backline.job_depths WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM backline.job_depths WHERE minute < $before::bigint ORDER BY minute LIMIT 2000 FOR UPDATE SKIP LOCKED))`,
];

/** @returns how many rows were forgotten. */
export const sampleDepths = async (
  txn: Transaction,
  locks: Locks,
  now: number,
  forgetBefore: number | null,
): Promise<number> => {
  const minute = now - (now % MINUTE_MS);
  await txn.run(CLEAR, { minute });
  await txn.run(SAMPLE, { minute });
  if (forgetBefore === null) return 0;
  // What is forgotten must not come back.
  await foldAllMinutes(txn, locks);
  let forgotten = 0;
  for (const statement of FORGET) forgotten += await txn.run(statement, { before: forgetBefore });
  return forgotten;
};

const STEP = '$since::bigint + (m.minute - $since::bigint) / $step::bigint * $step::bigint';

/** The primary key begins with the minute. */
const FLOW = sql`
  SELECT at, queue, type, created, started, completed, failed, timeout, cancelled, retried, wait_ms, ran, run_ms,
    array_to_json(wait_times)::text AS wait_times, array_to_json(run_times)::text AS run_times
  FROM (
    SELECT ${STEP} AS at, queue, type, ${SUMS}
    FROM (SELECT * FROM backline.job_minutes UNION ALL SELECT * FROM backline.job_minute_deltas) m
    WHERE minute >= $since::bigint AND minute < $until::bigint AND ($queue::text IS NULL OR queue = $queue::text)
      AND ($type::text IS NULL OR type = $type::text)
    GROUP BY 1, 2, 3) f
  ORDER BY at, queue, type`;

const DEPTH = sql`
  SELECT ${STEP} AS at, max(coalesce(d.waiting, 0)) AS waiting, max(coalesce(d.running, 0)) AS running
  FROM backline.job_depths m LEFT JOIN backline.job_depths d ON d.minute = m.minute AND d.queue = $queue::text
  WHERE m.queue = '' AND m.minute >= $since::bigint AND m.minute < $until::bigint
  GROUP BY 1 ORDER BY 1`;

export const metricsOf = async (
  db: Connection,
  { since, until, stepMs, queue, type }: MetricsRange,
): Promise<StoreMetrics> => {
  const range = { since, until, step: stepMs };
  const [flow, depth] = await Promise.all([
    db.all(FLOW, { ...range, queue, type }),
    db.all(DEPTH, { ...range, queue: queue ?? '' }),
  ]);
  return {
    flow: flow.map((row) =>
      toFlow(row, { waitTimes: toTimes(row['wait_times']!), runTimes: toTimes(row['run_times']!) }),
    ),
    depth: depth.map(toDepth),
  };
};

/** Without the empty buckets at the end. */
const toTimes = (value: Value): number[] => {
  const times = value === null ? [] : (JSON.parse(text(value)) as number[]);
  return times.slice(0, times.findLastIndex((n) => n > 0) + 1);
};
