/** Where one job stands. Nothing here writes. */
import { type Holder, MOST_AHEAD, MOST_HOLDERS, type Places, type Standing } from '../../../job/standing.ts';
import { number, numberOrNull, text, textOrNull, workerName } from '../../rows.ts';
import { type Connection, type Row, sql } from '../driver.ts';
import { getJob, workersOf } from './read.ts';
import { PARKED } from './waiting.ts';

const OWNER = sql`SELECT owner FROM backline.job_running WHERE seq = $seq`;
const QUEUE = sql`SELECT * FROM backline.job_queues WHERE name = $name`;
const KEY = sql`SELECT max_running FROM backline.job_limits WHERE key = $name`;

const holders = (column: 'queue' | 'limit_key') => sql`
  SELECT id, type, owner, started_at, count(*) OVER () AS n FROM backline.job_running WHERE ${column} = $name
  ORDER BY started_at, seq LIMIT ${String(MOST_HOLDERS)}`;
const HOLDERS = { queue: holders('queue'), limit_key: holders('limit_key') };

/** Lane by lane, so that what is delayed is not walked. What is parked behind another key holds nobody up. */
const AHEAD = sql`
  WITH RECURSIVE lanes(type, priority) AS (
    (SELECT type, priority FROM backline.job_ready WHERE queue = $queue ORDER BY type, priority LIMIT 1)
    UNION ALL
    SELECT n.* FROM lanes l CROSS JOIN LATERAL (
      SELECT type, priority FROM backline.job_ready
      WHERE queue = $queue AND (type, priority) > (l.type, l.priority) ORDER BY type, priority LIMIT 1) n)
  SELECT count(*) AS n FROM (
    SELECT 1 FROM lanes l CROSS JOIN LATERAL (
      SELECT 1 FROM backline.job_ready r
      WHERE r.queue = $queue AND r.type = l.type AND r.priority = l.priority AND r.run_at <= $now::bigint
        AND (l.priority < $priority::int OR (r.run_at, r.seq) < ($runAt::bigint, $seq::bigint))
      LIMIT ${String(MOST_AHEAD)}) r
    WHERE l.priority <= $priority::int
    UNION ALL
    SELECT 1 FROM backline.job_aside a
    WHERE a.gate = ${String(PARKED)} AND a.limit_key = $key AND a.queue = $queue AND a.run_at <= $now::bigint
      AND (a.priority, a.run_at, a.seq) < ($priority::int, $runAt::bigint, $seq::bigint)
    LIMIT ${String(MOST_AHEAD)}) before`;

/** @returns null if there is no such job. */
export const standingOf = async (db: Connection, id: string, now: number): Promise<Standing | null> => {
  // One moment: others commit between two statements.
  await db.script('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await read(db, id, now);
  } finally {
    await db.script('ROLLBACK');
  }
};

const read = async (db: Connection, id: string, now: number): Promise<Standing | null> => {
  const job = await getJob(db, id);
  if (!job) return null;
  const queue = await db.get(QUEUE, { name: job.queue });
  const owner = job.status === 'running' ? await db.get(OWNER, { seq: job.seq }) : undefined;
  const { seq, priority, runAt, limitKey } = job;
  const waits = job.status === 'queued' || job.status === 'created';
  const asked = { queue: job.queue, key: limitKey, priority, runAt, seq, now };
  const key = limitKey === null ? undefined : await db.get(KEY, { name: limitKey });
  return {
    job,
    owner: textOrNull(owner?.['owner']),
    queue: {
      name: job.queue,
      pause: queue?.['paused'] === true ? pauseOf(queue) : null,
      places: await placesOf(db, 'queue', job.queue, numberOrNull(queue?.['max_running'])),
    },
    key: limitKey === null ? null : await placesOf(db, 'limit_key', limitKey, numberOrNull(key?.['max_running'])),
    ahead: waits ? number((await db.get(AHEAD, asked))!['n']) : 0,
    workers: await workersOf(db),
  };
};

const pauseOf = (row: Row) => ({
  reason: textOrNull(row['paused_reason']),
  by: textOrNull(row['paused_by']),
  since: numberOrNull(row['paused_at']),
  until: numberOrNull(row['paused_until']),
});

const placesOf = async (
  db: Connection,
  column: keyof typeof HOLDERS,
  name: string,
  max: number | null,
): Promise<Places> => {
  const rows = await db.all(HOLDERS[column], { name });
  return { max, running: number(rows[0]?.['n'] ?? 0), holders: rows.map(toHolder) };
};

const toHolder = (row: Row): Holder => ({
  id: text(row['id']),
  type: text(row['type']),
  worker: workerName(row['owner']),
  startedAt: numberOrNull(row['started_at']),
});
