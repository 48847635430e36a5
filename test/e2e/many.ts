/** Very many jobs at once, straight into the tables: handing them in would take minutes. The integrity check says whether they are right. */
import Database from 'better-sqlite3';
import { JobManager } from '../../src/engine/job-manager.ts';

/** Finished jobs of three queues over the last three days, one in ten failed; each with the number that it has. */
const JOBS = `
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @count)
  INSERT INTO jobs (id, type, queue, status, attempts, claim, life, payload, error, created_at, queued_at, run_at, started_at, completed_at, lease_owner)
  SELECT 'many-' || i, 'mail' || (i % 4), CASE i % 3 WHEN 0 THEN 'emails' WHEN 1 THEN 'imports' ELSE 'billing' END,
    CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'completed' END, 1, 1, 1, '{"user":{"id":' || i || '},"text":"hello"}',
    CASE WHEN i % 10 = 0 THEN 'SMTP 421 for user ' || i END,
    at, at, at, at + 20, at + 500, 'gone'
  FROM (SELECT i, CAST(@from + i * @step AS INTEGER) AS at FROM n)`;

const DAYS_MS = 3 * 86_400_000;

/** A database with its tables, and nothing in them. */
export const makeEmpty = async (file: string): Promise<void> => {
  const manager = new JobManager(file, { jobs: {}, worker: false, logger: false, handleSignals: false });
  await manager.start();
  await manager.close();
};

export const makeMany = async (file: string, count: number): Promise<void> => {
  await makeEmpty(file);
  const db = new Database(file);
  db.pragma('synchronous = off');
  db.pragma('cache_size = -200000');
  db.transaction(() => {
    db.prepare(JOBS).run({ count, from: Date.now() - DAYS_MS, step: DAYS_MS / count });
    db.exec(`INSERT INTO job_counts SELECT queue, status, type, count(*) FROM jobs GROUP BY 1, 2, 3`);
    db.exec(`INSERT OR IGNORE INTO job_queues (name) SELECT DISTINCT queue FROM jobs`);
  })();
  db.close();
};
