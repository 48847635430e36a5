/** Opens a PostgreSQL schema: checks the server, makes or migrates the schema, measures the clock. */
import { BacklineError } from '../../job/backline-error.ts';
import { databaseTooOld, noDatabase, notOurDatabase } from '../../job/errors.ts';
import { sleep } from '../../util/sleep.ts';
import { type Migration, mustBeKnown } from '../migrate.ts';
import { refusalOf } from '../side.ts';
import { type Address, parseAddress } from './address.ts';
import {
  Connection,
  type CuttablePool,
  cutOff,
  leavingClient,
  loadPg,
  type PgClient,
  type PgConfig,
  type PgPool,
  Statements,
  sql,
} from './driver.ts';
import { explain } from './explain.ts';
import { locksOf } from './locks.ts';
import { markOf } from './mark.ts';
import { jobs } from './migrations/0001-jobs.ts';
import { schedules } from './migrations/0002-schedules.ts';
import { access } from './migrations/0003-access.ts';
import { heldOpen, measureClock } from './reader.ts';
import { PostgresStore, type StoreOptions } from './store.ts';

export const MIGRATIONS: readonly Migration[] = [jobs, schedules, access];

export interface PostgresOptions extends StoreOptions {
  /** Make the schema if there is none; default true. */
  readonly create?: boolean;
}

const DEFAULTS: StoreOptions = { durability: 'disk', busyMs: 30_000 };

const OLDEST_SERVER = 13;
/** Three transactions at once, and room for questions. */
const MOST_CONNECTIONS = 6;
const IDLE_MS = 30_000;
const CONNECT_MS = 5000;
const QUERY_MS = 120_000;
const KEEP_ALIVE_MS = 10_000;
const STARTING_MS = 250;

/**
 * @param url `postgres://user:password@host:5432/database?schema=backline`.
 * @throws DRIVER_MISSING, UNKNOWN_STORE, INVALID_OPTION, STORE_UNAVAILABLE, DATABASE_TOO_OLD, NOT_OUR_DATABASE, STORE_NEWER, NO_DATABASE;
 *   STORE_MOVED, MOVE_UNFINISHED for one that takes part in a move.
 */
export const openPostgres = async (url: string, given: Partial<PostgresOptions> = {}): Promise<PostgresStore> => {
  const options = {
    durability: given.durability ?? DEFAULTS.durability,
    busyMs: given.busyMs ?? DEFAULTS.busyMs,
    manyBlocks: given.manyBlocks,
  };
  const address = parseAddress(url);
  const config = configOf(address);
  const pool = poolOf(config);
  const statements = new Statements(address.schema);
  try {
    const clockOffsetMs = await whenStarted(options.busyMs, () =>
      using(pool, statements, async (db) => {
        await mustBeSupported(db, address.where);
        await migratePostgres(db, address, given.create ?? true);
        await mustNotBeMarked(db, address);
        return measureClock(db);
      }),
    );
    return new PostgresStore({ address, config, pool, statements, clockOffsetMs }, options);
  } catch (error) {
    await heldOpen(() => pool.end()).catch(() => {});
    throw explain(error, address.where);
  }
};

const configOf = ({ connectionString }: Address): PgConfig => ({
  connectionString,
  application_name: 'backline',
  connectionTimeoutMillis: CONNECT_MS,
  query_timeout: QUERY_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  pipeline: true,
});

const poolOf = (config: PgConfig): CuttablePool => {
  const pg = loadPg();
  const limits = { max: MOST_CONNECTIONS, allowExitOnIdle: true, idleTimeoutMillis: IDLE_MS };
  const pool = new pg.Pool({ ...config, ...limits, Client: leavingClient(pg) });
  // An error without a listener would end the process; whoever uses the connection hears of it by its query.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const open = new Set<PgClient>();
  pool.on('connect', (client) => open.add(client));
  pool.on('remove', (client) => open.delete(client));
  const cut = (): void => {
    for (const client of open) cutOff(client);
  };
  return Object.assign(pool, { cut });
};

/** A server that says it is just starting, or has no connection to spare, is waited for. */
const whenStarted = async <T>(busyMs: number, open: () => Promise<T>): Promise<T> => {
  for (const since = performance.now(); ; ) {
    try {
      return await open();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if ((code !== '57P03' && code !== '53300') || performance.now() - since > busyMs) throw error;
      await sleep(STARTING_MS);
    }
  }
};

const using = async <T>(pool: PgPool, statements: Statements, work: (db: Connection) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  try {
    const answer = await work(new Connection(client, statements));
    client.release!();
    return answer;
  } catch (error) {
    // Whatever it was, such a connection may be in the middle of something.
    client.release!(error);
    throw error;
  }
};

/** Opens a connection for one look, and closes it. @throws what `openPostgres` throws. */
export const visit = async <T>(url: string, look: (db: Connection) => Promise<T>): Promise<T> => {
  const address = parseAddress(url);
  const pool = poolOf(configOf(address));
  try {
    return await using(pool, new Statements(address.schema), look);
  } catch (error) {
    throw explain(error, address.where);
  } finally {
    await heldOpen(() => pool.end()).catch(() => {});
  }
};

const mustNotBeMarked = async (db: Connection, { where, schema }: Address): Promise<void> => {
  const mark = await markOf(db, schema);
  if (mark) throw refusalOf(where, mark);
};

/** Connections for a move, whose statements take as long as they take. @throws what `openPostgres` throws. */
export const connectTo = async (url: string, create: boolean): Promise<CuttablePool> => {
  const address = parseAddress(url);
  const pool = poolOf({ ...configOf(address), query_timeout: 0 });
  try {
    await whenStarted(DEFAULTS.busyMs, () =>
      using(pool, new Statements(address.schema), async (db) => {
        await mustBeSupported(db, address.where);
        await migratePostgres(db, address, create);
      }),
    );
    return pool;
  } catch (error) {
    await heldOpen(() => pool.end()).catch(() => {});
    throw explain(error, address.where);
  }
};

const SERVER = sql`SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name`;

const mustBeSupported = async (db: Connection, where: string): Promise<void> => {
  const row = await db.get(SERVER);
  if (Number(row!['version']) < OLDEST_SERVER * 10_000)
    throw databaseTooOld(where, String(row!['name']), OLDEST_SERVER);
};

/** Asked of the catalogue as it is: to_regclass answers from a cache that knows nothing of what was committed while we waited for a lock. */
const TABLES = sql`
  SELECT coalesce(bool_or(c.relname = 'job_schema'), false) AS ours, coalesce(bool_or(c.relname = 'jobs'), false) AS jobs
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $schema`;
const VERSION = sql`SELECT coalesce(max(version), 0) AS version FROM backline.job_schema`;
const APPLIED = sql`
  INSERT INTO backline.job_schema (version, name, applied_at) VALUES ($version, $name, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;
const VERSIONS = sql`
  CREATE TABLE IF NOT EXISTS backline.job_schema (version integer primary key, name text not null, applied_at bigint not null)`;

/** The version of the schema; 0 if there is none. @throws NOT_OUR_DATABASE. */
export const versionOf = async (db: Connection, { where, schema }: Address): Promise<number> => {
  const tables = await db.get(TABLES, { schema });
  if (tables!['ours'] === true) return Number((await db.get(VERSION))!['version']);
  if (tables!['jobs'] === true) throw notOurDatabase(where, 'the schema has a table "jobs" of another program');
  return 0;
};

/** Applies missing migrations, all in one transaction under a lock. What is up to date is only read: no right to change it is needed. */
const migratePostgres = async (db: Connection, address: Address, create: boolean): Promise<void> => {
  const { where, schema } = address;
  const found = await versionOf(db, address);
  if (found === 0 && !create) throw noDatabase(where);
  mustBeKnown(where, found, MIGRATIONS);
  if (MIGRATIONS.every(({ version }) => version <= found)) return;
  await db.script(`BEGIN; SELECT pg_advisory_xact_lock(${locksOf(schema).migrate})`);
  try {
    // Another process may have been here since the first look.
    const now = await versionOf(db, address);
    mustBeKnown(where, now, MIGRATIONS);
    if (now === 0) await db.script(`CREATE SCHEMA IF NOT EXISTS ${new Statements(schema).quoted}; ${VERSIONS}`);
    for (const { version, name, sql: steps } of MIGRATIONS.filter((one) => one.version > now)) {
      await db.script(steps);
      await db.run(APPLIED, { version, name });
    }
    await db.script('COMMIT');
  } catch (error) {
    if (error instanceof BacklineError || 'code' in (error as object)) await db.script('ROLLBACK').catch(() => {});
    throw error;
  }
};
