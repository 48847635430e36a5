/** Looks at a database file without changing it: no migration, no repair, no writing. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { noDatabase, notOurDatabase } from '../../job/errors.ts';
import type { IntegrityReport } from '../store.ts';
import { type Connection, connect, explain, isDamage, sql } from './driver.ts';
import { checkFile, damageIn } from './integrity.ts';
import { MIGRATIONS } from './open.ts';

/** Which steps of the schema a database lacks. */
export interface MigrationPlan {
  readonly where: string;
  /** The version of its schema; 0 if there is none yet. */
  readonly found: number;
  /** The version that this library works with. */
  readonly known: number;
  /** The steps that its next opening will apply, in order. */
  readonly missing: readonly string[];
}

/** What a check of the whole file found. */
export interface FileReport extends IntegrityReport {
  readonly where: string;
  readonly sizeBytes: number;
  readonly jobs: number;
}

const HAS_TABLE = sql`SELECT 1 FROM sqlite_schema WHERE name = ?`;
const VERSION = sql`SELECT coalesce(max(version), 0) AS version FROM job_schema`;
const JOBS = sql`SELECT count(*) AS n FROM jobs`;

/** @throws NO_DATABASE, STORE_DAMAGED, STORE_UNAVAILABLE. */
export const planSqlite = (path: string): MigrationPlan =>
  readOnly(path, (db, where) => {
    const found = versionOf(db);
    const known = MIGRATIONS.at(-1)?.version ?? 0;
    const missing = MIGRATIONS.filter(({ version }) => version > found);
    return { where, found, known, missing: missing.map(({ version, name }) => `${version} ${name}`) };
  });

/**
 * Checks a file from end to end; damage is an answer, not an error. `quick` leaves out indexes and what must hold between tables.
 * @throws NO_DATABASE, NOT_OUR_DATABASE, STORE_UNAVAILABLE.
 */
export const checkSqlite = (path: string, quick = false): FileReport => {
  const where = resolve(path);
  try {
    return readOnly(path, (db) => {
      if (versionOf(db) === 0) throw notOurDatabase(where, 'it has no jobs in it');
      const jobs = Number(db.get(JOBS)!['n']);
      return { where, sizeBytes: sizeOf(db), jobs, ...(quick ? checkPages(db) : checkFile(db)) };
    });
  } catch (error) {
    const damage = isDamage(error) ? error : (error as { cause?: unknown }).cause;
    if (!isDamage(damage ?? {})) throw error;
    return { where, sizeBytes: statSync(where).size, jobs: 0, ok: false, problems: [(damage as Error).message] };
  }
};

const checkPages = (db: Connection): IntegrityReport => {
  const problems = damageIn(db, 'quick_check');
  return { ok: problems.length === 0, problems };
};

/** With what still stands in the write-ahead log. */
const sizeOf = (db: Connection): number =>
  Number(db.get('PRAGMA page_count')!.page_count) * Number(db.get('PRAGMA page_size')!.page_size);

const versionOf = (db: Connection): number =>
  db.get(HAS_TABLE, 'job_schema') ? Number(db.get(VERSION)!['version']) : 0;

const readOnly = <T>(path: string, look: (db: Connection, where: string) => T): T => {
  const where = resolve(path);
  if (!existsSync(where)) throw noDatabase(where);
  let db: Connection | undefined;
  try {
    db = connect(where, true);
    return look(db, where);
  } catch (error) {
    throw explain(error, where);
  } finally {
    db?.close();
  }
};
