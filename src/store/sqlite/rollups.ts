/** What a transaction counted (src/store/rollups.ts), written with it. */
import { addHistogram } from '../../job/histogram.ts';
import type { Tally } from '../rollups.ts';
import { type Connection, sql } from './driver.ts';

const TIMES = sql`SELECT wait_times, run_times FROM job_minutes WHERE minute = ? AND queue = ? AND type = ?`;
const ADD = sql`
  INSERT INTO job_minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET created = created + excluded.created, started = started + excluded.started,
    completed = completed + excluded.completed, failed = failed + excluded.failed, timeout = timeout + excluded.timeout,
    cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
    wait_ms = wait_ms + excluded.wait_ms, ran = ran + excluded.ran, run_ms = run_ms + excluded.run_ms,
    wait_times = coalesce(excluded.wait_times, wait_times), run_times = coalesce(excluded.run_times, run_times)`;

/** One or two statements per queue and type. */
export const writeTallies = (db: Connection, tallies: readonly Tally[]): void => {
  for (const tally of tallies) {
    const { minute, queue, type, created, started, completed, failed, timeout, cancelled, retried } = tally;
    const { waitMs, ran, runMs, waits, runs } = tally;
    const old = started + ran > 0 ? db.get(TIMES, minute, queue, type) : undefined;
    const times = (more: number[], before: unknown) => (more.length === 0 ? null : added(more, before));
    db.run(
      ADD,
      minute,
      queue,
      type,
      created,
      started,
      completed,
      failed,
      timeout,
      cancelled,
      retried,
      waitMs,
      ran,
      runMs,
      times(waits, old?.['wait_times']),
      times(runs, old?.['run_times']),
    );
  }
};

const added = (more: number[], before: unknown): string => {
  if (typeof before === 'string') addHistogram(more, JSON.parse(before) as number[]);
  return JSON.stringify(more);
};
