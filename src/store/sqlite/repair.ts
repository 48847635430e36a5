/**
 * Repairs a damaged file. Nothing is thrown away: the bad file is kept, and what cannot be read is counted.
 *
 * 1. Make sure that no other process has the file open.
 * 2. Make a working copy that SQLite is willing to open (see salvage.ts).
 * 3. Copy every readable row into a new file; ranges that cannot be read are halved until only the unreadable rows are left out.
 * 4. Keep the damaged file under another name, and put the new one in its place.
 */
import { copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { BacklineError } from '../../job/backline-error.ts';
import { storeDamaged } from '../../job/errors.ts';
import { type Connection, connect, isBusy, type Row, sql } from './driver.ts';
import { hasOnlyLog, workingCopy } from './salvage.ts';
import { IS_BATCH } from './sql/target.ts';

export interface RepairReport {
  readonly file: string;
  /** Where the damaged file is kept. */
  readonly kept: string;
  /** Jobs that were read and carried over. */
  readonly recovered: number;
  /** Jobs that could not be read, as far as the numbering tells. */
  readonly unreadable: number;
  /** Jobs whose payload could not be read; they are set to `failed`. */
  readonly withoutPayload: number;
}

/** Tables and the number that their rows are found by; without one, a table is read whole or not at all. */
const TABLES: readonly (readonly [table: string, key: string | null])[] = [
  ['jobs', 'seq'],
  ['job_payloads', 'seq'],
  ['job_attempts', 'job'],
  ['job_logs', 'job'],
  ['job_batches', 'job'],
  ['job_callbacks', 'job'],
  ['job_key_windows', null],
  ['job_requests', null],
  ['job_access', null],
  ['job_audit', null],
  ['job_queues', null],
  ['job_limits', null],
  ['job_meta', null],
  ['job_minutes', null],
  ['job_depths', null],
  ['job_schedules', null],
  ['job_schedule_history', null],
];

type Counted = Omit<RepairReport, 'file' | 'kept'>;
type Prepare = (db: Connection) => void;
type Migrate = (db: Connection, where: string) => unknown;

/** @throws STORE_DAMAGED if another process has the file open, or if no table can be read; then nothing is changed. */
export const repair = (file: string, prepare: Prepare, migrate: Migrate): RepairReport => {
  if (!hasOnlyLog(file)) mustBeAlone(file);
  const [fresh, copy] = [`${file}.repairing`, `${file}.damaged-copy`];
  try {
    remove(fresh);
    const counted = copyReadable(file, copy, fresh, prepare, migrate);
    const kept = keep(file);
    // The old log must not be replayed over the new file.
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    renameSync(fresh, file);
    return { file, kept, ...counted };
  } finally {
    remove(fresh);
    remove(copy);
  }
};

const remove = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
};

/** The damaged file stays under its new name from now on; a crash after this loses nothing. */
const keep = (file: string): string => {
  const kept = `${file}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  try {
    if (existsSync(file)) linkSync(file, kept);
  } catch {
    // A file system without links.
    copyFileSync(file, kept);
  }
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${kept}-wal`);
  return kept;
};

const mustBeAlone = (file: string): void => {
  const db = connect(file);
  try {
    db.exec('PRAGMA busy_timeout = 2000; PRAGMA locking_mode = exclusive');
    db.exec('BEGIN IMMEDIATE');
    db.exec('ROLLBACK');
  } catch (error) {
    // Any other error: too damaged to lock, so nobody can work with it.
    if (isBusy(error)) throw storeDamaged(file, 'and another process has it open; stop that one first', error);
  } finally {
    db.close();
  }
};

const copyReadable = (file: string, copy: string, fresh: string, prepare: Prepare, migrate: Migrate) => {
  const target = connect(fresh);
  try {
    prepare(target);
    migrate(target, fresh);
    target.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    for (const newSchema of [false, true]) {
      remove(copy);
      workingCopy(file, copy, fresh, newSchema);
      const counted = copyFrom(copy, target);
      if (counted) return counted;
    }
    throw storeDamaged(file, 'no job in it can be read; restore a backup');
  } finally {
    target.close();
  }
};

/** @returns null if no job can be read. */
const copyFrom = (copy: string, target: Connection): Counted | null => {
  const source = connect(copy);
  try {
    const counted = copyAll(source, target);
    target.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return counted;
  } finally {
    source.close();
  }
};

const copyAll = (source: Connection, target: Connection): Counted | null => {
  // Children may be read before their parents.
  target.exec('PRAGMA foreign_keys = off');
  target.exec('BEGIN');
  const copied = new Map<string, { rows: number; lost: number; readable: boolean }>();
  const last = lastSeq(source);
  for (const [table, key] of TABLES) copied.set(table, copyTable(source, target, table, key, last));
  if (!copied.get('jobs')!.readable) {
    target.exec('ROLLBACK');
    return null;
  }
  const withoutPayload = target.run(MISSING_PAYLOAD);
  for (const statement of [WITHOUT_PAYLOAD, MISSING_PARENT, LOST_BATCHES, BAD_SCHEDULES, TAGS, COUNTS])
    target.run(statement);
  // A number that was given out, perhaps to a row that is lost, is not given out again.
  target.run(NUMBERING, last);
  target.exec('COMMIT');
  return { recovered: copied.get('jobs')!.rows, unreadable: copied.get('jobs')!.lost, withoutPayload };
};

const LOST = sql`large = 1 AND seq NOT IN (SELECT seq FROM job_payloads)`;
/** What has ended stays as it ended. */
const MISSING_PAYLOAD = sql`
  UPDATE jobs SET status = 'failed', gate = 0, completed_at = coalesce(completed_at, created_at),
    error = 'The database was damaged and the payload of this job could not be read.'
  WHERE ${LOST} AND status IN ('created', 'queued', 'running')`;
const WITHOUT_PAYLOAD = sql`UPDATE jobs SET large = 0 WHERE ${LOST}`;
const MISSING_PARENT = sql`
  UPDATE jobs SET parent_job_id = NULL WHERE parent_job_id IS NOT NULL AND parent_job_id NOT IN (SELECT id FROM jobs)`;
/** A batch must be able to end, even if nobody knows any more how it was to. */
const LOST_BATCHES = sql`
  INSERT OR IGNORE INTO job_batches (job, policy, open) SELECT seq, '"finish"', 0 FROM jobs WHERE ${IS_BATCH}`;
/** In a file that began with an older schema, later tables do not begin where a fresh one has them: what was read there may be anything. */
const BAD_SCHEDULES = sql`
  DELETE FROM job_schedules
  WHERE NOT (json_valid(job) AND json_valid(timing) AND json_valid(missed) AND typeof(done_until) = 'integer' AND typeof(version) = 'integer')`;
const TAGS = sql`
  INSERT OR IGNORE INTO job_tags
  SELECT t.value, j.seq FROM jobs j, json_each(j.tags) t WHERE j.tags IS NOT NULL AND json_valid(j.tags)`;
const COUNTS = sql`INSERT INTO job_counts SELECT queue, status, type, count(*) FROM jobs GROUP BY 1, 2, 3`;
const NUMBERING = sql`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'jobs'`;

/** The highest number ever given out, from whatever still tells. */
const lastSeq = (source: Connection): number => {
  let last = 0;
  for (const question of [
    sql`SELECT seq AS n FROM sqlite_sequence WHERE name = 'jobs'`,
    sql`SELECT max(seq) AS n FROM jobs`,
    sql`SELECT seq AS n FROM jobs INDEXED BY idx_jobs_created_at ORDER BY created_at DESC LIMIT 1`,
    sql`SELECT max(job) AS n FROM job_attempts`,
  ]) {
    try {
      last = Math.max(last, Number(source.get(question)?.['n'] ?? 0));
    } catch (error) {
      mustBeSqlite(error);
    }
  }
  return last;
};

const copyTable = (source: Connection, target: Connection, table: string, key: string | null, last: number) => {
  const result = { rows: 0, lost: 0, readable: false };
  const put = (rows: readonly Row[]) => {
    result.readable = true;
    for (const row of rows) result.rows += insertRow(target, table, row);
  };
  if (key === null) {
    const rows = tryAll(source, `SELECT * FROM ${table}`, []);
    if (rows) put(rows);
    return result;
  }
  const read = (from: number, to: number): void => {
    const rows = tryAll(source, `SELECT * FROM ${table} WHERE ${key} BETWEEN ? AND ? ORDER BY ${key}`, [from, to]);
    if (rows) return put(rows);
    if (from === to) {
      result.lost++;
      return;
    }
    const middle = Math.floor((from + to) / 2);
    read(from, middle);
    read(middle + 1, to);
  };
  for (let from = 1; from <= last; from += RANGE) read(from, Math.min(last, from + RANGE - 1));
  if (last === 0) result.readable = tryAll(source, `SELECT * FROM ${table} LIMIT 1`, []) !== null;
  return result;
};

/** Rows read at once; each may hold a payload of a megabyte. */
const RANGE = 256;

const tryAll = (source: Connection, text: string, values: number[]): Row[] | null => {
  try {
    return source.all(text, ...values);
  } catch (error) {
    mustBeSqlite(error);
    return null;
  }
};

/** Columns by name: an older file may lack some. A row that breaks a rule of the table is left out. @returns 1 or 0. */
const insertRow = (target: Connection, table: string, row: Row): number => {
  const names = Object.keys(row);
  const places = names.map(() => '?').join(', ');
  return target.run(`INSERT OR IGNORE INTO ${table} (${names.join(', ')}) VALUES (${places})`, ...Object.values(row));
};

const mustBeSqlite = (error: unknown): void => {
  if (error instanceof BacklineError || (error as { code?: unknown }).code === undefined) throw error;
};
