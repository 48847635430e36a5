/** Where one job stands. Nothing here writes. */
import { type Holder, MOST_AHEAD, MOST_HOLDERS, type Places, type Standing } from '../../../job/standing.ts';
import { number, numberOrNull, text, textOrNull, workerName } from '../../rows.ts';
import { type Connection, type Row, sql, type Value } from '../driver.ts';
import { getJob, workersOf } from './read.ts';

const OWNER = sql`SELECT lease_owner FROM jobs WHERE seq = ?`;
const QUEUE = sql`SELECT * FROM job_queues WHERE name = ?`;
const KEY = sql`SELECT max_running FROM job_limits WHERE key = ?`;

/** A batch has no owner, and takes no place. */
const running = (column: 'queue' | 'limit_key') =>
  `FROM jobs WHERE status = 'running' AND ${column} = ? AND lease_owner > ''`;
const holders = (column: 'queue' | 'limit_key') =>
  sql`SELECT id, type, lease_owner, started_at ${running(column)} ORDER BY started_at, seq LIMIT ${String(MOST_HOLDERS)}`;
const HOLDERS = { queue: holders('queue'), limit_key: holders('limit_key') };
const RUNNING = {
  queue: sql`SELECT count(*) AS n ${running('queue')}`,
  limit_key: sql`SELECT count(*) AS n ${running('limit_key')}`,
};

/** By gate, so that each has its index. What is parked behind another key holds nobody up. */
const before = (gate: string, and = '') => `
  SELECT * FROM (
    SELECT 1 FROM jobs WHERE status = 'queued' AND gate = ${gate} AND queue = @queue AND run_at <= @now ${and}
      AND (priority, run_at, seq) < (@priority, @runAt, @seq) LIMIT ${String(MOST_AHEAD)})`;
const AHEAD = sql`
  SELECT count(*) AS n FROM (
    SELECT * FROM (${before('0')} UNION ALL ${before('1')} UNION ALL ${before('2', 'AND limit_key = @key')} UNION ALL ${before('3')})
    LIMIT ${String(MOST_AHEAD)})`;

/** @returns null if there is no such job. */
export const standingOf = (db: Connection, id: string, now: number): Standing | null => {
  // One moment: another process may commit between two statements.
  db.exec('SAVEPOINT standing');
  try {
    return read(db, id, now);
  } finally {
    db.exec('RELEASE standing');
  }
};

const read = (db: Connection, id: string, now: number): Standing | null => {
  const job = getJob(db, id);
  if (!job) return null;
  const owner = textOrNull(db.get(OWNER, job.seq)!['lease_owner']);
  const queue = db.get(QUEUE, job.queue);
  const { seq, priority, runAt, limitKey } = job;
  const waits = job.status === 'queued' || job.status === 'created';
  const asked = { queue: job.queue, key: limitKey, priority, runAt, seq, now };
  return {
    job,
    owner: job.status === 'running' ? owner : null,
    queue: {
      name: job.queue,
      pause: queue?.['paused'] === 1 ? pauseOf(queue) : null,
      places: placesOf(db, 'queue', job.queue, numberOrNull(queue?.['max_running'])),
    },
    key:
      limitKey === null
        ? null
        : placesOf(db, 'limit_key', limitKey, numberOrNull(db.get(KEY, limitKey)?.['max_running'])),
    ahead: waits ? number(db.get(AHEAD, asked)!['n']) : 0,
    workers: workersOf(db),
  };
};

const pauseOf = (row: Row) => ({
  reason: textOrNull(row['paused_reason']),
  by: textOrNull(row['paused_by']),
  since: numberOrNull(row['paused_at']),
  until: numberOrNull(row['paused_until']),
});

const placesOf = (db: Connection, column: keyof typeof HOLDERS, name: Value, max: number | null): Places => ({
  max,
  running: number(db.get(RUNNING[column], name)!['n']),
  holders: db.all(HOLDERS[column], name).map(toHolder),
});

const toHolder = (row: Row): Holder => ({
  id: text(row['id']),
  type: text(row['type']),
  worker: workerName(row['lease_owner']),
  startedAt: numberOrNull(row['started_at']),
});
