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
import { failuresOf } from './search.ts';
import { whereOf } from './target.ts';

export const statsFor = (db: Connection, within?: Reach): StoreStats => {
  if (!within) return statsOf(db);
  const { text, values } = whereOf({ within });
  const counted = `SELECT type, status, count(*) AS n FROM jobs WHERE ${text} GROUP BY type, status ORDER BY type`;
  return toPartStats(db.all(counted, ...values));
};

export const queuesFor = (db: Connection, now: number, within?: Reach): QueueRow[] => {
  if (!within) return queuesOf(db, now);
  const all = queuesOf(db, now).filter(({ name }) => within.queues?.includes(name) ?? true);
  if (within.tenants === null) return all;
  const { text, values } = whereOf({ within });
  const counted = `
    SELECT queue, status, count(*) AS n, min(CASE WHEN status = 'queued' AND gate = 0 AND run_at <= ? THEN run_at END) AS oldest_due
    FROM jobs WHERE ${text} GROUP BY queue, status`;
  return toPartQueues(all, db.all(counted, now, ...values));
};

export const failuresFor = (db: Connection, before: number | null, limit: number, within?: Reach): FailedJob[] => {
  if (!within) return failuresOf(db, before, limit);
  const { text, values } = whereOf({ within, status: ['failed', 'timeout'] });
  const failed = `
    SELECT j.*, json_extract(a.error, '$.name') AS name, json_extract(a.error, '$.code') AS code
    FROM (SELECT seq, id, type, queue, status, claim, coalesce(error, '') AS message, completed_at FROM jobs
      WHERE ${text} AND seq < ? ORDER BY seq DESC LIMIT +?) j
    LEFT JOIN job_attempts a ON a.job = j.seq AND a.claim = j.claim ORDER BY j.seq DESC`;
  return db.all(failed, ...values, before ?? Number.MAX_SAFE_INTEGER, limit).map(toFailed);
};

/** Drivers bind numbers as floating point where they are large: dividing those would keep the fraction. */
const DIALECT: Dialect = {
  jobs: 'jobs',
  attempts: 'job_attempts',
  greatest: 'max',
  range: 'SELECT CAST(? AS INTEGER), CAST(? AS INTEGER), CAST(? AS INTEGER)',
};

export const metricsFor = (db: Connection, range: MetricsRange, within?: Reach): StoreMetrics => {
  if (!within) return metricsOf(db, range);
  const { since, until, stepMs, queue, type } = range;
  const filter: CheckedFilter = {
    within,
    ...(queue === null ? {} : { queue: [queue] }),
    ...(type === null ? {} : { type: [type] }),
  };
  const { text, values } = whereOf(filter);
  return { flow: toFlowRows(db.all(flowSql(DIALECT, text), since, until, stepMs, ...values)), depth: [] };
};
