/** What happened, per minute: the samples of depth, and the answer to what people ask. The counting itself is in src/store/rollups.ts. */
import { addHistogram } from '../../../job/histogram.ts';
import { MINUTE_MS } from '../../rollups.ts';
import { toDepth, toFlow } from '../../rows.ts';
import type { MetricsRange, StoreMetrics } from '../../store-metrics.ts';
import { type Connection, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

const CLEAR = sql`DELETE FROM job_depths WHERE minute = ?`;
/** Queues in which nothing waits or runs have no row; the row of no name is all queues together, and says that a sample was taken. */
const SAMPLE = sql`
  WITH depth AS (
    SELECT queue, sum(CASE WHEN status = 'running' THEN 0 ELSE n END) AS waiting, sum(CASE WHEN status = 'running' THEN n ELSE 0 END) AS running
    FROM job_counts WHERE status IN ('created', 'queued', 'running') GROUP BY queue)
  INSERT INTO job_depths
  SELECT +@minute, queue, waiting, running FROM depth WHERE waiting > 0 OR running > 0
  UNION ALL SELECT +@minute, '', coalesce(sum(waiting), 0), coalesce(sum(running), 0) FROM depth`;

/** Small enough to let others in between. */
const FORGET = [
  sql`DELETE FROM job_minutes WHERE (minute, queue, type) IN (
    SELECT minute, queue, type FROM job_minutes WHERE minute < ? ORDER BY minute LIMIT 2000)`,
  sql`DELETE FROM job_depths WHERE (minute, queue) IN (
    SELECT minute, queue FROM job_depths WHERE minute < ? ORDER BY minute LIMIT 2000)`,
];

/** @returns how many rows were forgotten. */
export const sampleDepths = (txn: Transaction, now: number, forgetBefore: number | null): number => {
  const minute = now - (now % MINUTE_MS);
  txn.run(CLEAR, minute);
  txn.run(SAMPLE, { minute });
  if (forgetBefore === null) return 0;
  return FORGET.reduce((sum, statement) => sum + txn.run(statement, forgetBefore), 0);
};

/** Drivers bind numbers as floating point where they are large: dividing those would keep the fraction. */
const STEP = `CAST(@since AS INTEGER) + (m.minute - CAST(@since AS INTEGER)) / CAST(@step AS INTEGER) * CAST(@step AS INTEGER)`;

/** The primary key begins with the minute. Histograms cannot be added in SQL: they come as one list. */
const FLOW = sql`
  SELECT ${STEP} AS at, queue, type, sum(created) AS created, sum(started) AS started, sum(completed) AS completed, sum(failed) AS failed,
    sum(timeout) AS timeout, sum(cancelled) AS cancelled, sum(retried) AS retried, sum(wait_ms) AS wait_ms, sum(ran) AS ran,
    sum(run_ms) AS run_ms, group_concat(wait_times) AS wait_times, group_concat(run_times) AS run_times
  FROM job_minutes m
  WHERE minute >= @since AND minute < @until AND (@queue IS NULL OR queue = @queue) AND (@type IS NULL OR type = @type)
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;

const DEPTH = sql`
  SELECT ${STEP} AS at, max(coalesce(d.waiting, 0)) AS waiting, max(coalesce(d.running, 0)) AS running
  FROM job_depths m LEFT JOIN job_depths d ON d.minute = m.minute AND d.queue = @queue
  WHERE m.queue = '' AND m.minute >= @since AND m.minute < @until
  GROUP BY 1 ORDER BY 1`;

export const metricsOf = (db: Connection, { since, until, stepMs, queue, type }: MetricsRange): StoreMetrics => {
  const range = { since, until, step: stepMs };
  return {
    flow: db
      .all(FLOW, { ...range, queue, type })
      .map((row) => toFlow(row, { waitTimes: sumOf(row['wait_times']), runTimes: sumOf(row['run_times']) })),
    depth: db.all(DEPTH, { ...range, queue: queue ?? '' }).map(toDepth),
  };
};

/** Lists of JSON, joined by commas. */
const sumOf = (joined: unknown): number[] => {
  const sum: number[] = [];
  if (typeof joined === 'string') for (const one of JSON.parse(`[${joined}]`) as number[][]) addHistogram(sum, one);
  return sum;
};
