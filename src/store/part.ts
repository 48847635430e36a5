/**
 * Figures for somebody who sees only a part of the jobs. The counters know nothing of tenants, so these come from the rows themselves:
 * they cost as much as the part is large, and know of no job that was deleted since. What both databases say alike stands here.
 */
import { addHistogram, BUCKETS } from '../job/histogram.ts';
import { FINAL, STATUSES, type Status } from '../job/states.ts';
import type { QueueRow, StoreStats } from './store.ts';
import type { FlowRow } from './store-metrics.ts';

type Cell = string | number | bigint | boolean | null | Uint8Array | undefined;
type Row = Readonly<Record<string, Cell>>;

/** How a database writes what differs. */
export interface Dialect {
  readonly jobs: string;
  readonly attempts: string;
  readonly greatest: string;
  /** A row with since, until and step, as whole numbers. */
  readonly range: string;
}

/** The bucket of a number of milliseconds, as src/job/histogram.ts has them. */
const BUCKET = `CASE ${Array.from({ length: BUCKETS - 1 }, (_, i) => `WHEN ms < ${2 ** i} THEN ${i}`).join(' ')} ELSE ${BUCKETS - 1} END`;

/**
 * What happened to the jobs of `where`, in steps: each move with its moment. Since when an attempt could have begun is known of the
 * last one of each job; the others are counted without.
 */
export const flowSql = ({ jobs, attempts, greatest, range }: Dialect, where: string): string => `
  WITH span(since, until, step) AS (${range}),
    mine AS (SELECT * FROM ${jobs} WHERE ${where}),
    tried AS (
      SELECT m.queue, m.type, a.started_at, a.ended_at, a.outcome, a.claim < m.claim OR m.status IN ('created', 'queued') AS again
      FROM mine m JOIN ${attempts} a ON a.job = m.seq),
    moments(at, queue, type, what, ms) AS (
      SELECT created_at, queue, type, 'created', CAST(NULL AS bigint) FROM mine
      UNION ALL SELECT completed_at, queue, type, status, NULL FROM mine WHERE status IN (${FINAL.map((status) => `'${status}'`).join(', ')})
      UNION ALL SELECT started_at, queue, type, 'started', ${greatest}(0, started_at - ${greatest}(run_at, coalesce(queued_at, run_at)))
        FROM mine WHERE status IN ('running', 'completed') AND lease_owner IS NOT NULL
      UNION ALL SELECT completed_at, queue, type, 'ran', ${greatest}(0, completed_at - started_at)
        FROM mine WHERE status = 'completed' AND lease_owner IS NOT NULL
      UNION ALL SELECT started_at, queue, type, 'started', NULL FROM tried
      UNION ALL SELECT ended_at, queue, type, 'ran', ${greatest}(0, ended_at - started_at) FROM tried
        WHERE outcome IN ('failed', 'timeout', 'cancelled', 'crashed')
      UNION ALL SELECT ended_at, queue, type, 'retried', NULL FROM tried WHERE outcome IN ('failed', 'timeout', 'crashed') AND again)
  SELECT since + (at - since) / step * step AS at, queue, type, what, CASE WHEN ms IS NOT NULL THEN ${BUCKET} END AS bucket,
    count(*) AS n, coalesce(sum(ms), 0) AS ms
  FROM moments CROSS JOIN span WHERE at >= since AND at < until GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3`;

type Tally = { -readonly [Name in keyof FlowRow]: FlowRow[Name] };

const COUNTED = ['created', 'completed', 'failed', 'timeout', 'cancelled', 'retried'] as const;

/** The answer to `flowSql`. */
export const toFlowRows = (rows: readonly Row[]): FlowRow[] => {
  const tallies = new Map<string, Tally>();
  for (const row of rows) {
    const [at, queue, type] = [Number(row['at']), String(row['queue']), String(row['type'])];
    const [what, n, ms] = [row['what'], Number(row['n']), row['ms']];
    // Names have no spaces.
    const place = `${at} ${queue} ${type}`;
    const tally = tallies.get(place) ?? noFlow(at, queue, type);
    tallies.set(place, tally);
    const bucket = row['bucket'] === null ? null : Number(row['bucket']);
    if (what === 'started') {
      tally.started += n;
      if (bucket === null) continue;
      tally.waited += n;
      tally.waitMs += Number(ms);
      addTo(tally.waitTimes, bucket, n);
    } else if (what === 'ran') {
      tally.ran += n;
      tally.runMs += Number(ms);
      addTo(tally.runTimes, bucket!, n);
    } else tally[what as (typeof COUNTED)[number]] += n;
  }
  return [...tallies.values()];
};

const noFlow = (at: number, queue: string, type: string): Tally => ({
  ...{ at, queue, type, created: 0, started: 0, completed: 0, failed: 0, timeout: 0, cancelled: 0, retried: 0 },
  ...{ waited: 0, waitMs: 0, ran: 0, runMs: 0, waitTimes: [], runTimes: [] },
});

const addTo = (histogram: FlowRow['waitTimes'], bucket: number, n: number): void =>
  addHistogram(
    histogram as number[],
    Array.from({ length: bucket + 1 }, (_, i) => (i === bucket ? n : 0)),
  );

/** Rows of type, status and n. What belongs to the database as a whole is not told to who sees a part of it. */
export const toPartStats = (rows: readonly Row[]): StoreStats => {
  const byType = new Map<string, Record<Status, number>>();
  const byStatus = noCounts();
  for (const row of rows) {
    addCount(byType, String(row['type']), row);
    byStatus[row['status'] as Status] += Number(row['n']);
  }
  const total = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
  return { total, byStatus, byType: Object.fromEntries(byType), lateResults: 0, sizeBytes: 0 };
};

/**
 * The queues in which a part of the jobs is, from rows of queue, status, n and the oldest due. Whether such a queue is paused is told,
 * because it is why they do not run; by whom and why are words for others.
 */
export const toPartQueues = (all: readonly QueueRow[], rows: readonly Row[]): QueueRow[] => {
  const counts = new Map<string, Record<Status, number>>();
  const oldest = new Map<string, number>();
  for (const row of rows) {
    const queue = String(row['queue']);
    addCount(counts, queue, row);
    if (row['oldest_due'] !== null) oldest.set(queue, Number(row['oldest_due']));
  }
  return all
    .filter(({ name }) => counts.has(name))
    .map((queue) => ({
      ...queue,
      ...{ pausedReason: null, pausedBy: null, maxRunning: null },
      counts: counts.get(queue.name)!,
      oldestDueAt: oldest.get(queue.name) ?? null,
    }));
};

const addCount = (counts: Map<string, Record<Status, number>>, name: string, row: Row): void => {
  const of = counts.get(name) ?? noCounts();
  of[row['status'] as Status] += Number(row['n']);
  counts.set(name, of);
};

const noCounts = (): Record<Status, number> =>
  Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
