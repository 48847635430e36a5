/**
 * The one file that knows the SQLite drivers: better-sqlite3, or node:sqlite where it cannot be loaded. Both are synchronous and
 * equally fast; what differs is hidden here.
 */
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import type { BacklineError } from '../../job/backline-error.ts';
import { storeBusy, storeDamaged, storeFull, storeReadOnly, storeUnavailable } from '../../job/errors.ts';
import { fingerprintOf } from '../../job/fingerprint.ts';
import { type Mark, refusalOf } from '../side.ts';

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;
type Params = readonly Value[] | readonly [Readonly<Record<string, Value>>];

export interface Statement {
  run(...params: Params): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...params: Params): unknown;
  all(...params: Params): unknown[];
  iterate(...params: Params): Iterable<unknown>;
}

/** What both drivers' connections have in common; also what a caller passes as `tx`. */
export interface Driver {
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  close(): void;
  function(name: string, options: { readonly deterministic: true }, body: (text: string) => string): unknown;
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
}

const MAX_STATEMENTS = 500;

/** A connection that prepares each statement once. */
export class Connection {
  readonly driver: Driver;
  readonly #statements = new Map<string, Statement>();

  constructor(driver: Driver) {
    this.driver = driver;
  }

  get inTransaction(): boolean {
    return this.driver.inTransaction ?? this.driver.isTransaction ?? this.#cannotBegin();
  }

  /** The built-in module of Node before 22.16 does not tell; a transaction inside another is refused. */
  #cannotBegin(): boolean {
    try {
      this.driver.exec('BEGIN');
    } catch {
      return true;
    }
    this.driver.exec('ROLLBACK');
    return false;
  }

  statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    // Filters make ever new texts; what is in use is soon prepared again.
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    const statement = this.driver.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  run(sql: string, ...params: Params): number {
    return Number(this.statement(sql).run(...params).changes);
  }

  get(sql: string, ...params: Params): Row | undefined {
    return this.statement(sql).get(...params) as Row | undefined;
  }

  all(sql: string, ...params: Params): Row[] {
    return this.statement(sql).all(...params) as Row[];
  }

  /** Row by row: the caller may stop, and holds one at a time. Nothing else can use the connection meanwhile. */
  iterate(sql: string, ...params: Params): Iterable<Row> {
    return this.statement(sql).iterate(...params) as Iterable<Row>;
  }

  exec(sql: string): void {
    this.driver.exec(sql);
  }

  close(): void {
    this.#statements.clear();
    this.driver.close();
  }
}

interface BetterSqlite {
  new (file: string, options?: { readonly?: boolean; fileMustExist?: boolean }): Driver;
}
interface NodeSqlite {
  DatabaseSync: new (file: string, options?: { readOnly?: boolean }) => Driver;
  /** From Node 22.16 on. */
  backup?(source: Driver, file: string): Promise<unknown>;
}

const require = createRequire(import.meta.url);

let constructors: { better: BetterSqlite | null; node: NodeSqlite | null } | undefined;

const load = (): NonNullable<typeof constructors> => {
  if (constructors) return constructors;
  const better = loadBetter();
  // Where the binary does not run, the built-in module does the same work.
  constructors = { better, node: better ? null : (require('node:sqlite') as NodeSqlite) };
  return constructors;
};

/** Null where the binary does not exist for this platform, or is too new for this Node. */
const loadBetter = (): BetterSqlite | null => {
  // It is built for Node-API 10 (Node 22.14); below, the first connection would not throw, but crash the process.
  if (Number(process.versions.napi) < 10) return null;
  try {
    const better = require('better-sqlite3') as BetterSqlite;
    // The binary is loaded by the first connection, not before.
    new better(':memory:').close();
    return better;
  } catch {
    return null;
  }
};

/** Opens a file, or `:memory:`. @throws the driver's own error; see `explain`. */
export const connect = (file: string, readOnly = false): Connection => {
  const { better, node } = load();
  const driver = better
    ? new better(file, { readonly: readOnly, fileMustExist: readOnly })
    : new node!.DatabaseSync(file, { readOnly });
  driver.function(FINGERPRINT, { deterministic: true }, fingerprintOf);
  return new Connection(driver);
};

/** The name of a function of SQL. Only questions use it: no index or trigger does, so any program may write to the file. */
export const FINGERPRINT = 'backline_fingerprint';

/**
 * Copies the database page by page while others write to it: in steps, with room for other work in between, or at once, for a
 * database in memory, where every commit starts the copy anew.
 * @throws STORE_UNAVAILABLE naming the file, or the driver's own error.
 */
export const copyTo = async ({ driver }: Connection, file: string, pace: 'in steps' | 'at once'): Promise<void> => {
  const { node } = load();
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw storeUnavailable(file, `there is no folder ${folder}`);
  if (!node) {
    const options = pace === 'at once' ? { progress: () => ALL_PAGES } : {};
    await (driver as Driver & { backup(file: string, options: object): Promise<unknown> }).backup(file, options);
  } else if (node.backup && pace === 'in steps') await node.backup(driver, file);
  else {
    // Its backup copies from another thread, and fails if the connection is used meanwhile. VACUUM reads one moment of the
    // database by itself, and does not work within a transaction.
    if (pace === 'in steps') driver.exec('COMMIT');
    rmSync(file, { force: true });
    driver.prepare('VACUUM INTO ?').run(file);
  }
};

const ALL_PAGES = 0x7fffffff;

/** SQLite's primary result code of an error, or undefined if it is none of SQLite's. Source: sqlite.org/rescode.html */
export const resultCode = (error: unknown): number | undefined => {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return errcode & 0xff;
  return typeof code === 'string' ? PRIMARY[/^SQLITE_[A-Z]+/.exec(code)?.[0] ?? ''] : undefined;
};

const PRIMARY: Readonly<Record<string, number>> = {
  SQLITE_ERROR: 1,
  SQLITE_PERM: 3,
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_CONSTRAINT: 19,
  SQLITE_NOTADB: 26,
};

export const isBusy = (error: unknown): boolean => resultCode(error) === 5 || resultCode(error) === 6;

export const isDamage = (error: unknown): boolean => resultCode(error) === 11 || resultCode(error) === 26;

/** A driver's error → ours; what is not SQLite's passes unchanged. */
export const explain = (error: unknown, where: string, waitedMs = 0): BacklineError | unknown => {
  switch (resultCode(error)) {
    case undefined:
      return error;
    case 19:
      return movedOf(error, where) ?? storeUnavailable(where, error);
    case 5:
    case 6:
      return storeBusy(where, waitedMs, error);
    case 8:
      return storeReadOnly(where, error);
    case 11:
    case 26:
      return storeDamaged(where, (error as Error).message, error);
    case 13:
      return storeFull(where, error);
    default:
      return storeUnavailable(where, error);
  }
};

/** What the triggers of a move say; see mark.ts. */
const movedOf = (error: unknown, where: string): BacklineError | null => {
  const [, mark] = /job_move (\{.*\})/.exec((error as Error).message) ?? [];
  return mark === undefined ? null : refusalOf(where, JSON.parse(mark) as Mark);
};

/** Marks SQL for editors; the text is passed on unchanged. Values never go into it, only fixed parts. */
export const sql = (parts: TemplateStringsArray, ...fixed: string[]): string => String.raw({ raw: parts }, ...fixed);
