/** Figures for somebody who sees only a part of the jobs; see src/store/part.ts. */
import type { CheckedFilter, Reach } from '../../../job/filter.ts';
import { type Dialect, flowSql, toFlowRows, toPartQueues, toPartStats } from '../../part.ts';
import type { MetricsRange, QueueRow, StoreMetrics, StoreStats } from '../../store.ts';
import type { Connection } from '../driver.ts';
import { queuesOf } from './read.ts';
import { whereOf } from './target.ts';

export const partStats = async (db: Connection, within: Reach): Promise<StoreStats> => {
  const { text, values } = whereOf({ within });
  const counted = `
    SELECT type, status, count(*) AS n FROM backline.jobs WHERE ${text} GROUP BY type, status ORDER BY type`;
  return toPartStats(await db.all(counted, values));
};

export const partQueues = async (db: Connection, now: number, within: Reach): Promise<QueueRow[]> => {
  const all = (await queuesOf(db, now)).filter(({ name }) => within.queues?.includes(name) ?? true);
  if (within.tenants === null) return all;
  const { text, values } = whereOf({ within });
  const counted = `
    SELECT queue, status, count(*) AS n, min(CASE WHEN status = 'queued' AND run_at <= $now::bigint THEN run_at END) AS oldest_due
    FROM backline.jobs WHERE ${text} GROUP BY queue, status`;
  return toPartQueues(all, await db.all(counted, { ...values, now }));
};

const DIALECT: Dialect = {
  jobs: 'backline.jobs',
  attempts: 'backline.job_attempts',
  greatest: 'greatest',
  range: 'SELECT $since::bigint, $until::bigint, $step::bigint',
};

export const partMetrics = async (
  db: Connection,
  { since, until, stepMs, queue, type }: MetricsRange,
  within: Reach,
): Promise<StoreMetrics> => {
  const filter: CheckedFilter = {
    within,
    ...(queue === null ? {} : { queue: [queue] }),
    ...(type === null ? {} : { type: [type] }),
  };
  const { text, values } = whereOf(filter);
  const rows = await db.all(flowSql(DIALECT, text), { ...values, since, until, step: stepMs });
  return { flow: toFlowRows(rows), depth: [] };
};
