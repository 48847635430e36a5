import { fileOnly, unknownStore } from '../job/errors.ts';
import { maskSecrets } from '../util/mask.ts';
import type { Side } from './side.ts';
import type { FileReport, MigrationPlan } from './sqlite/inspect.ts';
import type { RepairReport } from './sqlite/repair.ts';
import type { Store } from './store.ts';

export interface OpenOptions {
  readonly durability?: 'disk' | 'process';
  /** How long to wait for other programs' write transactions, in milliseconds. */
  readonly busyMs?: number;
  /** Make the database if there is none. Default true. @throws NO_DATABASE with false. */
  readonly create?: boolean;
  readonly onRepaired?: (report: RepairReport) => void;
}

/** The path of a SQLite address: `sqlite:path`, `:memory:`, or a bare path. @throws UNKNOWN_STORE for any other scheme. */
export const sqlitePath = (url: string): string => {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]+):(.*)$/is.exec(url) ?? [];
  if (scheme === undefined) return url;
  if (scheme.toLowerCase() !== 'sqlite' || rest === '') throw unknownStore(maskSecrets(url));
  return rest!.replace(/^\/\/(?=\/|[^/])/, '');
};

/** Whether an address is that of a PostgreSQL server, and no file's. */
export const isPostgres = (url: string): boolean => /^postgres(ql)?:/i.test(url);

/** Opens the store that an address names; its driver is loaded only now. */
export const openStore = async (url: string, options: OpenOptions = {}): Promise<Store> => {
  if (isPostgres(url)) return (await import('./postgres/open.ts')).openPostgres(url, options);
  const path = sqlitePath(url);
  const { openSqlite } = await import('./sqlite/open.ts');
  return openSqlite(path, options);
};

/** What opening this address would migrate; changes nothing. @throws NO_DATABASE, UNKNOWN_STORE. */
export const planMigrations = async (url: string): Promise<MigrationPlan> =>
  isPostgres(url)
    ? (await import('./postgres/inspect.ts')).planPostgres(url)
    : (await import('./sqlite/inspect.ts')).planSqlite(sqlitePath(url));

/** Checks the database without repairing it: from end to end, or `quick`, which leaves out what takes long. @throws NO_DATABASE, NOT_OUR_DATABASE, UNKNOWN_STORE. */
export const checkStore = async (url: string, options: { quick?: boolean } = {}): Promise<FileReport> =>
  isPostgres(url)
    ? (await import('./postgres/inspect.ts')).checkPostgres(url, options.quick === true)
    : (await import('./sqlite/inspect.ts')).checkSqlite(sqlitePath(url), options.quick === true);

/** Repairs a damaged database that no other process has open; the damaged one is kept. @throws STORE_DAMAGED, FILE_ONLY. */
export const repairStore = async (url: string): Promise<RepairReport> => {
  if (isPostgres(url))
    throw fileOnly('Repair', maskSecrets(url), "Keep a copy of the server's files, and restore a backup.");
  return (await import('./sqlite/open.ts')).repairSqlite(sqlitePath(url));
};

/** Opens a database as one end of a move, marked or not. @throws what `openStore` throws; NO_DATABASE without `create`. */
export const openSide = async (url: string, create: boolean): Promise<Side> =>
  isPostgres(url)
    ? (await import('./postgres/move.ts')).openPostgresSide(url, create)
    : (await import('./sqlite/move.ts')).openSqliteSide(sqlitePath(url), create);
