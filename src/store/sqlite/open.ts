/** Opens a database file: refuses what cannot be right, checks it, repairs it, migrates it. */
import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BacklineError } from '../../job/backline-error.ts';
import { networkFileSystem, noDatabase, notOurDatabase, storeDamaged, storeUnavailable } from '../../job/errors.ts';
import { sleep } from '../../util/sleep.ts';
import { type Migration, migrate, mustBeKnown } from '../migrate.ts';
import { type Mark, refusalOf } from '../side.ts';
import { type Connection, connect, explain, isBusy, isDamage, sql } from './driver.ts';
import { failpoints } from './failpoints.ts';
import { markOf } from './mark.ts';
import { jobs } from './migrations/0001-jobs.ts';
import { schedules } from './migrations/0002-schedules.ts';
import { access } from './migrations/0003-access.ts';
import { type RepairReport, repair } from './repair.ts';
import { hasOnlyLog } from './salvage.ts';
import { SqliteStore } from './store.ts';

export const MIGRATIONS: readonly Migration[] = [jobs, schedules, access];

export interface SqliteOptions {
  /** `disk`: what was promised survives a power cut. `process`: it survives a killed process only. */
  readonly durability: 'disk' | 'process';
  /** How long to wait for other programs' write transactions, in milliseconds. */
  readonly busyMs: number;
  /** Make the file if there is none; default true. */
  readonly create?: boolean;
  /** A damaged file was repaired at start; the damaged one was kept. */
  readonly onRepaired?: (report: RepairReport) => void;
}

const DEFAULTS: SqliteOptions = { durability: 'disk', busyMs: 30_000 };

/** Files up to this size are checked whole at every start; larger ones by `backline check`. */
const CHECK_BYTES = 256 * 1024 * 1024;
/** How long SQLite itself waits for a lock while a file is opened; longer waits leave the event loop free in between. */
const LOCK_MS = 250;
const RETRY_MS = 10;

/**
 * @param path a file, or `:memory:`.
 * @throws NETWORK_FILE_SYSTEM, NOT_OUR_DATABASE, STORE_NEWER, STORE_DAMAGED if nothing could be read, STORE_UNAVAILABLE;
 *   STORE_MOVED, MOVE_UNFINISHED for one that takes part in a move.
 */
export const openSqlite = async (path: string, given: Partial<SqliteOptions> = {}): Promise<SqliteStore> => {
  const options = {
    ...given,
    durability: given.durability ?? DEFAULTS.durability,
    busyMs: given.busyMs ?? DEFAULTS.busyMs,
  };
  const file = path === ':memory:' ? path : resolve(path);
  if (options.create === false && file !== ':memory:' && !existsSync(file)) throw noDatabase(file);
  if (file !== ':memory:') {
    prepareFolder(file);
    if (hasOnlyLog(file))
      throw storeDamaged(file, `it is gone or empty, but its log ${file}-wal is there and may hold jobs`);
  }
  return new SqliteStore(await openWhenFree(file, options), file, options);
};

/**
 * Tries until no other process is in the way: one that writes, or one that makes the file or reads its log back, where SQLite says
 * "busy" at once (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
 */
const openWhenFree = async (file: string, options: SqliteOptions): Promise<Connection> => {
  const since = performance.now();
  for (;;) {
    try {
      return openMigrated(file, options);
    } catch (error) {
      const waitedMs = Math.round(performance.now() - since);
      if (!isBusy(error) || waitedMs >= options.busyMs) throw explain(error, file, waitedMs);
      await sleep(RETRY_MS);
    }
  }
};

const openMigrated = (file: string, options: SqliteOptions): Connection => {
  const db = openChecked(file, options);
  try {
    migrateSqlite(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const openChecked = (file: string, options: SqliteOptions): Connection => {
  try {
    const db = connectPrepared(file);
    const damage = file === ':memory:' || statSync(file).size > CHECK_BYTES ? null : damageOf(db);
    if (damage === null) return db;
    db.close();
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  const report = repair(file, prepareConnection, migrateSqlite);
  options.onRepaired?.(report);
  return connectPrepared(file);
};

const prepareFolder = (file: string): void => {
  try {
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file) && !statSync(file).isFile()) throw notOurDatabase(file, 'it is not a file');
  } catch (error) {
    throw error instanceof BacklineError ? error : storeUnavailable(file, error);
  }
  const kind = NETWORK[statfsSync(dirname(file)).type];
  if (kind) throw networkFileSystem(file, kind);
};

/** Magic numbers of file systems whose locks do not hold between machines. Source: Linux statfs(2). */
const NETWORK: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x01021997: '9P',
  0x73757245: 'Coda',
  0x5346414f: 'AFS',
};

const connectPrepared = (file: string): Connection => {
  const db = connect(file);
  try {
    mustBeOurs(db, file);
    prepareConnection(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** Asked before anything is written, be it the mode of the journal: a file that is refused is not changed. */
const mustBeOurs = (db: Connection, where: string): void => {
  db.exec(`PRAGMA busy_timeout = ${LOCK_MS}`);
  if (db.get(FOREIGN_JOBS)) throw notOurDatabase(where, 'it has a table "jobs" of another program');
  if (db.get(HAS_VERSIONS)) mustBeKnown(where, Number(db.get(VERSION)!['version']), MIGRATIONS);
  const mark = markOf(db);
  if (mark) throw refusalOf(where, mark);
};

/** The order matters: page size and auto_vacuum before the first table, then WAL. */
const prepareConnection = (db: Connection): void => {
  for (const pragma of [
    `busy_timeout = ${LOCK_MS}`,
    'page_size = 4096',
    'auto_vacuum = incremental',
    'journal_mode = wal',
    'synchronous = normal',
    'wal_autocheckpoint = 4000',
    'journal_size_limit = 67108864',
    'cache_size = -16384',
    'foreign_keys = on',
  ])
    db.exec(`PRAGMA ${pragma}`);
};

/** The first thing SQLite finds wrong, or null. */
const damageOf = (db: Connection): string | null => {
  const first = db.get('PRAGMA quick_check(1)')?.['quick_check'];
  return first === 'ok' ? null : String(first);
};

const VERSION_TABLE = sql`CREATE TABLE IF NOT EXISTS job_schema (version integer primary key, name text not null, applied_at integer not null)`;
const VERSION = sql`SELECT coalesce(max(version), 0) AS version FROM job_schema`;
const APPLIED = sql`INSERT INTO job_schema VALUES (?, ?, unixepoch() * 1000)`;
const HAS_VERSIONS = sql`SELECT 1 FROM sqlite_schema WHERE name = 'job_schema'`;
const FOREIGN_JOBS = sql`SELECT 1 FROM sqlite_schema WHERE name = 'jobs' AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'job_schema')`;

/** Applies missing migrations, all in one transaction under the write lock. @returns their names. */
export const migrateSqlite = (db: Connection, where: string): string[] => {
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been here since the first look.
    mustBeOurs(db, where);
    db.exec(VERSION_TABLE);
    const applied = migrate(
      {
        where,
        version: () => Number(db.get(VERSION)!['version']),
        apply: ({ version, name, sql: steps }) => {
          db.exec(steps);
          db.run(APPLIED, version, name);
          failpoints.hit?.('migration-step');
        },
      },
      MIGRATIONS,
    );
    db.exec('COMMIT');
    return applied;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
};

/** Opens a file that is known to be damaged, and repairs it. @throws STORE_DAMAGED if no row can be read. */
export const repairSqlite = (path: string): RepairReport => {
  const file = resolve(path);
  if (!existsSync(file) && !hasOnlyLog(file)) throw storeDamaged(file, 'it does not exist');
  mustNotBeMarked(file);
  return repair(file, prepareConnection, migrateSqlite);
};

/** The repaired file would be without its mark: its jobs could run a second time. */
const mustNotBeMarked = (file: string): void => {
  let db: Connection | undefined;
  let mark: Mark | null = null;
  try {
    db = connect(file, true);
    mark = markOf(db);
  } catch {
    // Too damaged to tell.
  } finally {
    db?.close();
  }
  if (mark) throw refusalOf(file, mark);
};
