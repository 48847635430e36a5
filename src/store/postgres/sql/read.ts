/** What people ask. Nothing here writes. */
import { badCursor } from '../../../job/errors.ts';
import type { CheckedFilter, CheckedPage } from '../../../job/filter.ts';
import type { Attempt, Job, LogLine } from '../../../job/job.ts';
import { number, text, toAttempt, toLogLine, toQueue, toWorker } from '../../rows.ts';
import { StatusCounts, statsFrom } from '../../status-counters.ts';
import type { IntegrityReport, JobPage, LogPosition, QueueRow, StoreStats, WorkerRow } from '../../store.ts';
import { type Connection, type Row, sql, texts, type Value } from '../driver.ts';
import { toJob } from '../rows.ts';
import { childCounts } from './batch.ts';
import { withIndexes } from './search.ts';
import { whereOf } from './target.ts';

/** What rows.ts needs of a batch, which is counted while it runs; in the same statement, so that it is of the same moment. */
const BATCH = `
  CASE WHEN policy IS NOT NULL THEN json_build_object(
    'counts', CASE WHEN ended IS NULL THEN (
      SELECT json_object_agg(coalesce(c.status, 'total'), c.n) FROM (${childCounts('jobs.id')}) c) END,
    'callbacks', (
      SELECT json_agg(json_build_object('on', k.kind, 'type', k.type, 'id', CASE WHEN jobs.life = 1 THEN k.id ELSE k.id || ':' || jobs.life END)
        ORDER BY k.kind) FROM backline.job_callbacks k WHERE k.job = jobs.seq))::text END`;
const JOB = `SELECT jobs.*, array_to_json(tags)::text AS tag_list, ${BATCH} AS batch FROM backline.jobs`;
const GET = sql`${JOB} WHERE id = $id`;

export const getJob = async (db: Connection, id: string): Promise<Job | null> => {
  const row = await db.get(GET, { id });
  return row ? toJob(row) : null;
};

/** Keyset paging: a page costs the same wherever it lies. */
export const listJobs = (db: Connection, filter: CheckedFilter, page: CheckedPage, now: number): Promise<JobPage> =>
  page.order === 'next' ? listNext(db, filter, page, now) : listBySeq(db, filter, page);

const listBySeq = async (
  db: Connection,
  filter: CheckedFilter,
  { order, limit, after }: CheckedPage,
): Promise<JobPage> => {
  const where = whereOf(await withIndexes(db, filter));
  const [compare, direction] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC'];
  const values: Record<string, Value> = { ...where.values, limit: limit + 1 };
  let from = '';
  if (after !== undefined) {
    from = `AND seq ${compare} $after`;
    values['after'] = cursor(after, 1)[0]!;
  }
  const rows = await db.all(`${JOB} WHERE ${where.text} ${from} ORDER BY seq ${direction} LIMIT $limit`, values);
  return toPage(rows, limit, (row) => [row['seq']!]);
};

/** What runs next: the claim's own order, the first of each lane, merged. */
const listNext = async (
  db: Connection,
  filter: CheckedFilter,
  { limit, after }: CheckedPage,
  now: number,
): Promise<JobPage> => {
  const where = whereOf({ ...filter, queue: undefined, status: undefined });
  const [priority, runAt, seq] = after === undefined ? [null, null, null] : cursor(after, 3);
  const statement = `
    WITH RECURSIVE lanes(queue, type, priority) AS (
        (SELECT queue, type, priority FROM backline.job_ready ORDER BY queue, type, priority LIMIT 1)
        UNION ALL
        SELECT n.* FROM lanes l CROSS JOIN LATERAL (
          SELECT queue, type, priority FROM backline.job_ready
          WHERE (queue, type, priority) > (l.queue, l.type, l.priority) ORDER BY queue, type, priority LIMIT 1) n),
      best AS (
        SELECT b.* FROM lanes l CROSS JOIN LATERAL (
          SELECT f.* FROM backline.job_ready r CROSS JOIN LATERAL (${JOB} WHERE jobs.seq = r.seq AND ${where.text}) f
          WHERE r.queue = l.queue AND r.type = l.type AND r.priority = l.priority AND r.run_at <= $now::bigint
            AND ($priority::int IS NULL OR (r.priority, r.run_at, r.seq) > ($priority::int, $runAt::bigint, $seq::bigint))
          ORDER BY r.run_at, r.seq LIMIT $limit::int) b
        WHERE $queues::text[] IS NULL OR l.queue = ANY ($queues::text[]))
    SELECT * FROM best ORDER BY priority, run_at, seq LIMIT $limit::int`;
  const queues = filter.queue ? texts(filter.queue) : null;
  const rows = await db.all(statement, {
    ...where.values,
    priority: priority!,
    runAt: runAt!,
    seq: seq!,
    queues,
    limit: limit + 1,
    now,
  });
  return toPage(rows, limit, (row) => [row['priority']!, row['run_at']!, row['seq']!]);
};

const toPage = (rows: Row[], limit: number, key: (row: Row) => Value[]): JobPage => ({
  jobs: rows.slice(0, limit).map(toJob),
  next: rows.length > limit ? key(rows[limit - 1]!).join('.') : null,
});

const cursor = (after: string, parts: number): number[] => {
  const found = /^-?\d+(\.-?\d+)*$/.test(after) ? after.split('.').map(Number) : [];
  if (found.length !== parts || !found.every(Number.isSafeInteger)) throw badCursor(after);
  return found;
};

/** What was folded, and what was appended since; the one status that is none of a job is left out. */
const COUNTS = `(SELECT * FROM backline.job_counts UNION ALL SELECT * FROM backline.job_count_deltas) c WHERE status <> 'late'`;

/** From the counters where they know the answer; else by looking at every row that could match. */
export const countJobs = async (db: Connection, filter: CheckedFilter): Promise<number> => {
  const { status, type, queue, within, ...rest } = filter;
  if (Object.keys(rest).length > 0 || within?.tenants) {
    const { text: where, values } = whereOf(await withIndexes(db, filter));
    return number((await db.get(`SELECT count(*) AS n FROM backline.jobs WHERE ${where}`, values))!['n']);
  }
  const list = (words: readonly string[] | undefined) => (words ? texts(words) : null);
  const row = await db.get(COUNT, {
    statuses: list(status),
    types: list(type),
    queues: list(queue),
    reach: list(within?.queues ?? undefined),
  });
  return number(row!['n']);
};

const COUNT = sql`
  SELECT coalesce(sum(n), 0)::bigint AS n FROM ${COUNTS} AND ($statuses::text[] IS NULL OR status = ANY ($statuses::text[]))
    AND ($types::text[] IS NULL OR type = ANY ($types::text[])) AND ($queues::text[] IS NULL OR queue = ANY ($queues::text[]))
    AND ($reach::text[] IS NULL OR queue = ANY ($reach::text[]))`;

/** Those that were kept, and the one that runs or has completed: each job has at most one of these. */
const ATTEMPTS = sql`
  SELECT a.claim, a.attempt, a.life, a.started_at, a.ended_at, a.worker, a.outcome, a.error
  FROM backline.job_body b JOIN backline.job_attempts a ON a.job = b.seq WHERE b.id = $id
  UNION ALL
  SELECT claim, attempts, life, started_at, completed_at, lease_owner, status, NULL FROM backline.jobs
  WHERE id = $id AND (runs OR ended = 'completed') AND policy IS NULL
  ORDER BY claim`;

export const attemptsOf = async (db: Connection, id: string): Promise<Attempt[]> =>
  (await db.all(ATTEMPTS, { id })).map(toAttempt);

const LOGS = sql`
  SELECT claim, n, at, level, message, fields FROM backline.job_logs
  WHERE job = (SELECT seq FROM backline.job_body WHERE id = $id) AND (claim, n) > ($claim, $n) ORDER BY claim, n LIMIT $limit`;

export const logsOf = async (
  db: Connection,
  id: string,
  after: LogPosition | null,
  limit: number,
): Promise<LogLine[]> =>
  (await db.all(LOGS, { id, claim: after?.claim ?? -1, n: after?.n ?? -1, limit })).map(toLogLine);

const WORKERS = sql`
  SELECT w.*, coalesce(r.running, 0) AS running FROM backline.job_workers w
  LEFT JOIN (SELECT owner, count(*) AS running FROM backline.job_running GROUP BY owner) r ON r.owner = w.owner
  ORDER BY w.started_at, w.owner`;

export const workersOf = async (db: Connection): Promise<WorkerRow[]> => (await db.all(WORKERS)).map(toWorker);

/** The oldest job that could run: the first of each lane, so that no queue is walked. */
const QUEUES = sql`
  WITH RECURSIVE lanes(queue, type, priority) AS (
    (SELECT queue, type, priority FROM backline.job_ready ORDER BY queue, type, priority LIMIT 1)
    UNION ALL
    SELECT n.* FROM lanes l CROSS JOIN LATERAL (
      SELECT queue, type, priority FROM backline.job_ready
      WHERE (queue, type, priority) > (l.queue, l.type, l.priority) ORDER BY queue, type, priority LIMIT 1) n)
  SELECT q.*, (
    SELECT min(f.run_at) FROM lanes l CROSS JOIN LATERAL (
      SELECT r.run_at FROM backline.job_ready r
      WHERE r.queue = l.queue AND r.type = l.type AND r.priority = l.priority AND r.run_at <= $now::bigint
      ORDER BY r.run_at LIMIT 1) f WHERE l.queue = q.name) AS oldest_due
  FROM backline.job_queues q ORDER BY q.name`;
const QUEUE_COUNTS = sql`SELECT queue, status, sum(n)::bigint AS n FROM ${COUNTS} GROUP BY queue, status`;

export const queuesOf = async (db: Connection, now: number): Promise<QueueRow[]> => {
  const counts = new StatusCounts();
  for (const row of await db.all(QUEUE_COUNTS)) counts.add(text(row['queue']), row);
  return (await db.all(QUEUES, { now })).map((row) => toQueue(row, counts.of(text(row['name'])), now));
};

const TYPE_COUNTS = sql`SELECT type, status, sum(n)::bigint AS n FROM ${COUNTS} GROUP BY type, status`;
const LATE = sql`
  SELECT coalesce(sum(n), 0)::bigint AS n
  FROM (SELECT * FROM backline.job_counts UNION ALL SELECT * FROM backline.job_count_deltas) c WHERE status = 'late'`;
const SIZE = sql`
  SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS n FROM pg_class c
  WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'backline.job_body'::regclass)`;

export const statsOf = async (db: Connection): Promise<StoreStats> => {
  const [types, late, size] = await Promise.all([db.all(TYPE_COUNTS), db.get(LATE), db.get(SIZE)]);
  return statsFrom(types, number(late!['n']), number(size!['n']));
};

/** What must hold between the tables; each query names what breaks it. One statement, so that all look at one moment. */
const PROBLEMS = sql`
  WITH places AS (
      SELECT seq FROM backline.job_ready UNION ALL SELECT seq FROM backline.job_aside
      UNION ALL SELECT seq FROM backline.job_running UNION ALL SELECT seq FROM backline.job_batches UNION ALL SELECT seq FROM backline.job_done),
    parents AS (
      SELECT seq, parent_job_id FROM backline.job_ready UNION ALL SELECT seq, parent_job_id FROM backline.job_aside
      UNION ALL SELECT seq, parent_job_id FROM backline.job_running UNION ALL SELECT seq, parent_job_id FROM backline.job_batches
      UNION ALL SELECT seq, parent_job_id FROM backline.job_done),
    found AS (
      SELECT 'job ' || b.id || ' stands in ' || count(p.seq) || ' places instead of one' AS problem
      FROM backline.job_body b LEFT JOIN places p ON p.seq = b.seq GROUP BY b.seq, b.id HAVING count(p.seq) <> 1
      UNION ALL
      SELECT 'a row without a job stands under number ' || p.seq FROM places p
      WHERE NOT EXISTS (SELECT 1 FROM backline.job_body b WHERE b.seq = p.seq)
      UNION ALL
      SELECT 'job ' || b.id || ' does not stand where its body says' FROM backline.job_ready r JOIN backline.job_body b ON b.seq = r.seq
      WHERE (r.queue, r.type, r.priority, r.run_at) <> (b.queue, b.type, b.priority, b.run_at) OR b.held
      UNION ALL
      SELECT 'job ' || b.id || ' has another parent where it stands' FROM parents p JOIN backline.job_body b ON b.seq = p.seq
      WHERE p.parent_job_id IS DISTINCT FROM b.parent_job_id
      UNION ALL
      SELECT 'job ' || j.id || ' stands where only batches stand, or a batch elsewhere' FROM backline.jobs j
      WHERE (j.policy IS NOT NULL) <> EXISTS (SELECT 1 FROM backline.job_batches o WHERE o.seq = j.seq) AND j.ended IS NULL
      UNION ALL
      SELECT 'the key ' || k.key || ' is taken by ' || k.job || ', which has ended or does not exist' FROM backline.job_keys k
      WHERE NOT EXISTS (SELECT 1 FROM backline.jobs j WHERE j.id = k.job AND j.ended IS NULL)
      UNION ALL
      SELECT 'the counter of ' || queue || ', ' || type || ', ' || status || ' is off by ' || sum(n) FROM (
        SELECT queue, type, status, n FROM ${COUNTS}
        UNION ALL SELECT queue, type, status, -1 FROM backline.jobs) c
      GROUP BY queue, type, status HAVING sum(n) <> 0)
  SELECT problem FROM found LIMIT 20`;

export const checkTables = async (db: Connection): Promise<IntegrityReport> => {
  const problems = (await db.all(PROBLEMS)).map((row) => text(row['problem']));
  return { ok: problems.length === 0, problems };
};
