/** A database file as one end of a move. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  moveConflict,
  noDatabase,
  notOurDatabase,
  storeNewer,
  targetNotEmpty,
  workersAlive,
} from '../../job/errors.ts';
import {
  aliveAmong,
  type ChunkSize,
  type Key,
  type Mark,
  type Position,
  type Row,
  type Side,
  TABLES,
  type Table,
} from '../side.ts';
import type { IntegrityReport } from '../store.ts';
import { type Connection, connect, explain, sql } from './driver.ts';
import { numbersOf, rangeOf, readRows } from './dump.ts';
import { planSqlite } from './inspect.ts';
import { checkFile } from './integrity.ts';
import { settleNumbers, writeRows } from './load.ts';
import { closeFence, markMoved, markOf, openFence, removeMark, writeMark } from './mark.ts';
import { openSqlite } from './open.ts';
import { workersOf } from './sql/read.ts';

/** How long SQLite itself waits for another process's transaction. */
const BUSY_MS = 30_000;

const JOBS = sql`SELECT count(*) AS n FROM jobs`;
const SETTINGS = sql`
  SELECT (SELECT count(*) FROM job_queues WHERE paused <> 0 OR max_running IS NOT NULL) + (SELECT count(*) FROM job_limits)
    + (SELECT count(*) FROM job_key_windows) + (SELECT count(*) FROM job_requests)
    + (SELECT count(*) FROM job_minutes) AS n`;
const NUMBERING = sql`DELETE FROM sqlite_sequence WHERE name = 'jobs'`;

/**
 * Nothing is repaired here: a move must not lose what a repair leaves out.
 * @throws NO_DATABASE without `create`, NOT_OUR_DATABASE, STORE_DAMAGED, STORE_NEWER.
 */
export const openSqliteSide = async (path: string, create: boolean): Promise<Side> => {
  const file = resolve(path);
  const isThere = existsSync(file) && statSync(file).size > 0;
  if (!isThere && !create) throw noDatabase(file);
  const { found, known } = isThere ? planSqlite(file) : { found: 0, known: 1 };
  if (found > known) throw storeNewer(file, found, known);
  if (found === 0 && !create) throw notOurDatabase(file, 'it has no jobs in it');
  if (found < known) await (await openSqlite(file, { busyMs: BUSY_MS })).close();
  return new SqliteSide(file);
};

class SqliteSide implements Side {
  readonly where: string;
  readonly #db: Connection;

  constructor(file: string) {
    this.where = file;
    this.#db = connect(file);
    this.#db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA synchronous = full; PRAGMA cache_size = -16384`);
  }

  async identity(): Promise<string> {
    const { dev, ino } = statSync(realpathSync(this.where), { bigint: true });
    return `file ${dev}:${ino}`;
  }

  mark = async (): Promise<Mark | null> => this.#read(markOf);
  workers = async (now: number): Promise<string | null> => this.#read((db) => aliveAmong(workersOf(db), now));
  contents = async (): Promise<string | null> => this.#read(contentsOf);
  check = async (): Promise<IntegrityReport> => this.#read(checkFile);
  size = async ({ name }: Table): Promise<number> =>
    this.#read((db) => Number(db.get(`SELECT count(*) AS n FROM ${name}`)!['n']));
  numbers = async () => this.#read(numbersOf);

  begin = async (mark: Omit<Mark, 'state' | 'position'>): Promise<void> =>
    this.#write((db) => {
      if (markOf(db)) throw moveConflict(this.where, 'another move has just begun');
      const alive = aliveAmong(workersOf(db), mark.at);
      if (alive !== null) throw workersAlive(this.where, alive);
      const contents = mark.role === 'target' ? contentsOf(db) : null;
      if (contents !== null) throw targetNotEmpty(this.where, contents);
      writeMark(db, mark);
    });

  moved = async (): Promise<void> => this.#write(markMoved);
  release = async (): Promise<void> => this.#write(removeMark);

  read = async (table: Table, after: Key | null, size: ChunkSize): Promise<Row[]> =>
    this.#read((db) => readRows(db, table, after, size));
  range = async (table: Table, after: Key | null, last: Key): Promise<Row[]> =>
    this.#read((db) => rangeOf(db, table, after, last));

  write = async (id: string, table: Table, rows: readonly Row[], from: Position, to: Position): Promise<void> =>
    this.#write((db) => {
      openFence(db, this.where, id, from);
      writeRows(db, table, rows);
      closeFence(db, to);
    });

  async settle(id: string, numbers: Awaited<ReturnType<Side['numbers']>>): Promise<void> {
    const { position } = (await this.mark())!;
    this.#write((db) => {
      openFence(db, this.where, id, position);
      settleNumbers(db, numbers);
      closeFence(db, position);
    });
  }

  async empty(): Promise<void> {
    const { id, position } = (await this.mark())!;
    this.#write((db) => {
      openFence(db, this.where, id, position);
      for (const name of [
        ...[...TABLES].reverse().map((table) => table.name),
        'job_payloads',
        'job_tags',
        'job_batches',
        'job_counts',
        'job_meta',
      ])
        db.exec(`DELETE FROM ${name}`);
      db.run(NUMBERING);
      closeFence(db, { table: TABLES[0]!.name, after: null, rows: 0 });
    });
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #read<T>(work: (db: Connection) => T): T {
    try {
      return work(this.#db);
    } catch (error) {
      throw explain(error, this.where);
    }
  }

  #write(work: (db: Connection) => void): void {
    this.#read((db) => {
      db.exec('BEGIN IMMEDIATE');
      try {
        work(db);
        db.exec('COMMIT');
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }
}

/** What would be in the way, in words. A queue of which nothing is said is not. */
const contentsOf = (db: Connection): string | null => {
  const jobs = Number(db.get(JOBS)!['n']);
  if (jobs > 0) return `${jobs} jobs`;
  return Number(db.get(SETTINGS)!['n']) > 0 ? 'pauses, limits, keys or figures' : null;
};
