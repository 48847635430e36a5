import type { IntegrityReport } from '../store.ts';
import { type Connection, sql } from './driver.ts';

/** One walk over the jobs, however many counters there are; a counter that is missing is wrong, too. */
const WRONG_COUNTS = sql`
  SELECT queue, status, type, sum(counted) AS counted, sum(found) AS found FROM (
    SELECT queue, status, type, n AS counted, 0 AS found FROM job_counts
    UNION ALL SELECT queue, status, type, 0, count(*) FROM jobs GROUP BY queue, status, type)
  GROUP BY queue, status, type HAVING sum(counted) <> sum(found) LIMIT 10`;
const LOST_PAYLOADS = sql`SELECT count(*) AS n FROM jobs WHERE large = 1 AND seq NOT IN (SELECT seq FROM job_payloads)`;
const WITHOUT_WORKER = sql`
  SELECT count(*) AS n FROM jobs WHERE status = 'running' AND lease_owner IS NULL AND seq NOT IN (SELECT job FROM job_batches)`;

/** SQLite's own check of the whole file, and ours of what must hold between tables. */
export const checkFile = (db: Connection): IntegrityReport => {
  const problems = damageIn(db, 'integrity_check');
  for (const row of db.all('PRAGMA foreign_key_check'))
    problems.push(`row ${row['rowid']} of ${row['table']} names a job that does not exist`);
  for (const { queue, status, type, counted, found } of db.all(WRONG_COUNTS))
    problems.push(`the counter of ${status} ${type} jobs in queue ${queue} says ${counted}, there are ${found}`);
  const lost = Number(db.get(LOST_PAYLOADS)!['n']);
  if (lost > 0) problems.push(`${lost} jobs have lost their payload`);
  const without = Number(db.get(WITHOUT_WORKER)!['n']);
  if (without > 0) problems.push(`${without} running jobs name no worker`);
  return { ok: problems.length === 0, problems };
};

/** What SQLite's own check finds. It tells several problems in one row, under a heading that says nothing. */
export const damageIn = (db: Connection, check: 'quick_check' | 'integrity_check'): string[] =>
  db
    .all(`PRAGMA ${check}(20)`)
    .flatMap((row) => String(row[check]).split('\n'))
    .filter((line) => line !== 'ok' && !line.startsWith('***'));
