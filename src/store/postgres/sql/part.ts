/** Figures of all jobs, or for somebody who sees only a part of them; see src/store/part.ts. */
import type { FailedJob } from '../../../job/failure-groups.ts';
import type { CheckedFilter, Reach } from '../../../job/filter.ts';
import { type Dialect, flowSql, toFlowRows, toPartQueues, toPartStats } from '../../part.ts';
import { toFailed } from '../../rows.ts';
import type { QueueRow, StoreStats } from '../../store.ts';
import type { MetricsRange, StoreMetrics } from '../../store-metrics.ts';
import type { Connection } from '../driver.ts';
import { metricsOf } from './metrics.ts';
import { queuesOf, statsOf } from './read.ts';
import { failuresOf, READABLE } from './search.ts';
import { whereOf } from './target.ts';

export const statsFor = async (db: Connection, within?: Reach): Promise<StoreStats> => {
  if (!within) return statsOf(db);
  const { text, values } = whereOf({ within });
  const counted = `
    SELECT type, status, count(*) AS n FROM backline.jobs WHERE ${text} GROUP BY type, status ORDER BY type`;
  return toPartStats(await db.all(counted, values));
};

export const queuesFor = async (db: Connection, now: number, within?: Reach): Promise<QueueRow[]> => {
  if (!within) return queuesOf(db, now);
  const all = (await queuesOf(db, now)).filter(({ name }) => within.queues?.includes(name) ?? true);
  if (within.tenants === null) return all;
  const { text, values } = whereOf({ within });
  const counted = `
    SELECT queue, status, count(*) AS n, min(CASE WHEN status = 'queued' AND run_at <= $now::bigint THEN run_at END) AS oldest_due
    FROM backline.jobs WHERE ${text} GROUP BY queue, status`;
  return toPartQueues(all, await db.all(counted, { ...values, now }));
};

export const failuresFor = async (
  db: Connection,
  before: number | null,
  limit: number,
  within?: Reach,
): Promise<FailedJob[]> => {
  if (!within) return failuresOf(db, before, limit);
  const { text, values } = whereOf({ within, status: ['failed', 'timeout'] });
  const failed = `
    SELECT j.*, (${READABLE}::json) ->> 'name' AS name, (${READABLE}::json) ->> 'code' AS code
    FROM (SELECT seq, id, type, queue, status, claim, coalesce(error, '') AS message, completed_at FROM backline.jobs
      WHERE ${text} AND ($before::bigint IS NULL OR seq < $before::bigint) ORDER BY seq DESC LIMIT $limit) j
    LEFT JOIN backline.job_attempts a ON a.job = j.seq AND a.claim = j.claim ORDER BY j.seq DESC`;
  return (await db.all(failed, { ...values, before, limit })).map(toFailed);
};

const DIALECT: Dialect = {
  jobs: 'backline.jobs',
  attempts: 'backline.job_attempts',
  greatest: 'greatest',
  range: 'SELECT $since::bigint, $until::bigint, $step::bigint',
};

export const metricsFor = async (db: Connection, range: MetricsRange, within?: Reach): Promise<StoreMetrics> => {
  if (!within) return metricsOf(db, range);
  const { since, until, stepMs, queue, type } = range;
  const filter: CheckedFilter = {
    within,
    ...(queue === null ? {} : { queue: [queue] }),
    ...(type === null ? {} : { type: [type] }),
  };
  const { text, values } = whereOf(filter);
  const rows = await db.all(flowSql(DIALECT, text), { ...values, since, until, step: stepMs });
  return { flow: toFlowRows(rows), depth: [] };
};
