/** What people ask. Nothing here writes. */
import { badCursor } from '../../../job/errors.ts';
import type { CheckedFilter, CheckedPage } from '../../../job/filter.ts';
import type { Attempt, Job, LogLine } from '../../../job/job.ts';
import { number, text, toAttempt, toLogLine, toQueue, toWorker } from '../../rows.ts';
import { StatusCounts, statsFrom } from '../../status-counters.ts';
import type { JobPage, LogPosition, QueueRow, StoreStats, WorkerRow } from '../../store.ts';
import { type Connection, type Row, sql, type Value } from '../driver.ts';
import { toJob } from '../rows.ts';
import { batchInfoOf } from './batch.ts';
import { withIndexes } from './search.ts';
import { whereOf } from './target.ts';

const JOB = `SELECT jobs.*, CASE WHEN large THEN (SELECT payload FROM job_payloads p WHERE p.seq = jobs.seq) END AS large_payload FROM jobs`;
const GET = sql`${JOB} WHERE id = ?`;

export const getJob = (db: Connection, id: string): Job | null => {
  const row = db.get(GET, id);
  return row ? toJob(row, batchInfoOf(db, row)) : null;
};

/** Keyset paging: a page costs the same wherever it lies. */
export const listJobs = (db: Connection, filter: CheckedFilter, page: CheckedPage): JobPage =>
  page.order === 'next' ? listNext(db, filter, page) : listBySeq(db, filter, page);

const listBySeq = (db: Connection, filter: CheckedFilter, { order, limit, after }: CheckedPage): JobPage => {
  const where = whereOf(withIndexes(db, filter));
  const [compare, direction] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC'];
  const values = [...where.values];
  let from = '';
  if (after !== undefined) {
    from = `AND seq ${compare} ?`;
    values.push(cursor(after, 1)[0]!);
  }
  const rows = db.all(`${JOB} WHERE ${where.text} ${from} ORDER BY seq ${direction} LIMIT +?`, ...values, limit + 1);
  return toPage(db, rows, limit, (row) => [row['seq']!]);
};

const ALL_QUEUES = sql`SELECT name FROM job_queues`;

/** What runs next: the claim's own order, one range per queue, merged. */
const listNext = (db: Connection, filter: CheckedFilter, { limit, after }: CheckedPage): JobPage => {
  const where = whereOf({ ...filter, queue: undefined, status: undefined });
  const queues = filter.queue ?? db.all(ALL_QUEUES).map((row) => text(row['name']));
  const from = after === undefined ? null : cursor(after, 3);
  const statement = `${JOB} WHERE queue = ? AND status = 'queued' AND gate = 0 AND ${where.text}
    ${from ? 'AND (priority, run_at, seq) > (?, ?, ?)' : ''} ORDER BY priority, run_at, seq LIMIT +?`;
  const rows = queues.flatMap((queue) => db.all(statement, queue, ...where.values, ...(from ?? []), limit + 1));
  rows.sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
  return toPage(db, rows.slice(0, limit + 1), limit, keyOf);
};

const keyOf = (row: Row): Value[] => [row['priority']!, row['run_at']!, row['seq']!];

const compareKeys = (a: Value[], b: Value[]): number => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return Number(a[i]) - Number(b[i]);
  return 0;
};

const toPage = (db: Connection, rows: Row[], limit: number, key: (row: Row) => Value[]): JobPage => ({
  jobs: rows.slice(0, limit).map((row) => toJob(row, batchInfoOf(db, row))),
  next: rows.length > limit ? key(rows[limit - 1]!).join('.') : null,
});

const cursor = (after: string, parts: number): number[] => {
  const numbers = /^-?\d+(\.-?\d+)*$/.test(after) ? after.split('.').map(Number) : [];
  if (numbers.length !== parts || !numbers.every(Number.isSafeInteger)) throw badCursor(after);
  return numbers;
};

/** From the counters where they know the answer; else by looking at every row that could match. */
export const countJobs = (db: Connection, filter: CheckedFilter): number => {
  const counted = ['status', 'type', 'queue', 'within'];
  const known = Object.keys(filter).every((name) => counted.includes(name)) && !filter.within?.tenants;
  const { text: where, values } = whereOf(withIndexes(db, filter));
  const statement = known
    ? `SELECT coalesce(sum(n), 0) AS n FROM job_counts WHERE ${where}`
    : `SELECT count(*) AS n FROM jobs WHERE ${where}`;
  return number(db.get(statement, ...values)!['n']);
};

const KEPT_ATTEMPTS = sql`
  SELECT a.claim, a.attempt, a.life, a.started_at, a.ended_at, a.worker, a.outcome, a.error
  FROM job_attempts a JOIN jobs j ON j.seq = a.job WHERE j.id = +? ORDER BY a.claim`;
/** The attempt that the row itself shows: the one that runs, or the one that completed. */
const SHOWN_ATTEMPT = sql`
  SELECT claim, attempts AS attempt, life, started_at, completed_at AS ended_at, lease_owner AS worker, status AS outcome, NULL AS error
  FROM jobs WHERE id = ? AND status IN ('running', 'completed') AND lease_owner IS NOT NULL`;

export const attemptsOf = (db: Connection, id: string): Attempt[] =>
  [...db.all(KEPT_ATTEMPTS, id), ...db.all(SHOWN_ATTEMPT, id)].map(toAttempt);

const LOGS = sql`
  SELECT claim, n, at, level, message, fields FROM job_logs
  WHERE job = (SELECT seq FROM jobs WHERE id = ?) AND (claim, n) > (?, ?) ORDER BY claim, n LIMIT +?`;

export const logsOf = (db: Connection, id: string, after: LogPosition | null, limit: number): LogLine[] =>
  db.all(LOGS, id, after?.claim ?? -1, after?.n ?? -1, limit).map(toLogLine);

const WORKERS = sql`
  SELECT w.*, (SELECT count(*) FROM jobs j WHERE j.status = 'running' AND j.lease_owner = w.owner) AS running
  FROM job_workers w ORDER BY w.started_at, w.owner`;

export const workersOf = (db: Connection): WorkerRow[] => db.all(WORKERS).map(toWorker);

/** The oldest job that could run: the earliest of each priority, so that no queue is walked. */
const QUEUES = sql`
  SELECT q.*, (
    SELECT min(due) FROM (
      SELECT (SELECT min(run_at) FROM jobs WHERE queue = q.name AND status = 'queued' AND gate = 0 AND priority = p.value) AS due
      FROM json_each('[1,2,3,4,5,6,7,8,9,10]') p)) AS oldest_due
  FROM job_queues q ORDER BY q.name`;
const QUEUE_COUNTS = sql`SELECT queue, status, sum(n) AS n FROM job_counts GROUP BY queue, status`;

export const queuesOf = (db: Connection, now: number): QueueRow[] => {
  const counts = new StatusCounts();
  for (const row of db.all(QUEUE_COUNTS)) counts.add(text(row['queue']), row);
  return db.all(QUEUES).map((row) => toQueue(row, counts.of(text(row['name'])), now));
};

const TYPE_COUNTS = sql`SELECT type, status, sum(n) AS n FROM job_counts GROUP BY type, status`;
const LATE = sql`SELECT coalesce(sum(value), 0) AS n FROM job_meta WHERE name = 'late_results'`;
const SIZE = sql`SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()`;

export const statsOf = (db: Connection): StoreStats =>
  statsFrom(db.all(TYPE_COUNTS), number(db.get(LATE)!['n']), number(db.get(SIZE)!['n']));
