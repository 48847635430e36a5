/** Jobs in the transactions of query builders: the modules that docs/transactions.md shows, with the real libraries. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Context, type JobManager, job } from 'backline';
import Database from 'better-sqlite3';
import { drizzle as drizzleOnSqlite } from 'drizzle-orm/better-sqlite3';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { pgTable, text as pgText } from 'drizzle-orm/pg-core';
import { sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core';
import type { Knex } from 'knex';
import { Kysely, SqliteDialect } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { freshFile, refusalOf, startManager } from '../managers.ts';
import { ROOT } from '../source-scan.ts';
import { until } from '../wait.ts';

interface Tables {
  notes: { body: string };
}

type Work = (trx: unknown, client: object) => Promise<unknown>;
type InTransaction = (pool: object, work: Work) => Promise<unknown>;

const { Pool } = createRequire(import.meta.url)('pg') as {
  Pool: new (config: {
    connectionString: string;
    max: number;
  }) => {
    connect(): Promise<{ release(): void }>;
    end(): Promise<void>;
    on(event: 'error', listener: () => void): unknown;
  };
};

const notes = pgTable('notes', { body: pgText().notNull() });

const BUILDERS: readonly [string, (trx: unknown, body: string) => Promise<unknown>][] = [
  ['Kysely', (trx, body) => (trx as Kysely<Tables>).insertInto('notes').values({ body }).execute()],
  ['Drizzle', (trx, body) => (trx as NodePgDatabase).insert(notes).values({ body })],
  ['Knex', (trx, body) => (trx as Knex)('notes').insert({ body })],
];

let server: Server;
let folder: string;
let pool: InstanceType<typeof Pool>;

beforeAll(async () => {
  server = await startServer(embedded18);
  await query(server.url(), 'CREATE TABLE notes (body text not null)');
  pool = new Pool({ connectionString: server.url(), max: 2 });
  pool.on('error', () => {});
  folder = mkdtempSync(join(tmpdir(), 'backline-builders-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
});
afterAll(async () => {
  await pool?.end();
  await server?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** The first module under a heading of the page. */
const moduleOf = async (builder: string): Promise<InTransaction> => {
  const page = readFileSync(join(ROOT, 'docs/transactions.md'), 'utf8');
  const [, source] = new RegExp(`### ${builder}\\n\\n\`\`\`ts\\n([\\s\\S]*?)\`\`\``).exec(page)!;
  const file = join(folder, `${builder.toLowerCase()}.ts`);
  writeFileSync(file, source!);
  return ((await import(pathToFileURL(file).href)) as { transaction: InTransaction }).transaction;
};

const noted = async (): Promise<unknown[]> =>
  (await query(server.url(), 'SELECT body FROM notes ORDER BY body')).map(({ body }) => body);

describe.each(BUILDERS)('%s on PostgreSQL', (builder, insert) => {
  let transaction: InTransaction;
  let manager: JobManager;
  let run: (payload: unknown, ctx: Context) => unknown;

  beforeEach(async () => {
    await query(server.url(), 'TRUNCATE notes');
    transaction = await moduleOf(builder);
    run = (payload) => payload;
    const task = job({ run: (payload: unknown, ctx): unknown => run(payload, ctx) });
    manager = (await startManager({ jobs: { task } }, freshSchema(server))) as unknown as JobManager;
  });

  test('a transaction that commits brings the data and the job, and the job runs', async () => {
    const id = await transaction(pool, async (trx, tx) => {
      await insert(trx, 'mine');
      const handed = await manager.enqueue('task', { n: 1 }, { tx });
      expect(await manager.get(handed.id)).toBeNull();
      return handed.id;
    });
    expect(await manager.result(id as string)).toEqual({ n: 1 });
    expect(await noted()).toEqual(['mine']);
  });

  test('one that rolls back leaves neither', async () => {
    const failing = transaction(pool, async (trx, tx) => {
      await insert(trx, 'mine');
      await manager.enqueue('task', null, { tx, id: 'gone' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([await manager.get('gone'), await noted(), (await manager.stats()).total]).toEqual([null, [], 0]);
  });

  test('a refused job leaves the transaction as it was', async () => {
    await manager.enqueue('task', null, { id: 'taken', delay: '1h' });
    await transaction(pool, async (trx, tx) => {
      await insert(trx, 'before');
      expect(await refusalOf(() => manager.enqueue('task', null, { tx, id: 'taken' }))).toMatchObject({
        code: 'DUPLICATE_JOB_ID',
      });
      await insert(trx, 'after');
    });
    expect(await noted()).toEqual(['after', 'before']);
  });

  test('ctx.complete commits the result with the data; what is rolled back did not happen, and is tried again', async () => {
    run = (_, ctx) =>
      transaction(pool, async (trx, tx) => {
        await insert(trx, `attempt ${ctx.attempt}`);
        await ctx.complete(tx, ctx.attempt);
        if (ctx.attempt === 1) throw new Error('the data is wrong');
      });
    const { id } = await manager.enqueue('task');
    expect(await manager.result(id)).toBe(2);
    expect(await noted()).toEqual(['attempt 2']);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['failed', 'completed']);
  });
});

test('the pool itself, and a client without a transaction, are refused with the reason', async () => {
  const manager = await startManager({ jobs: { task: job({ run: () => 1 }) } }, freshSchema(server));
  const refusal = await refusalOf(() => manager.enqueue('task', undefined, { tx: pool }));
  expect([refusal.code, refusal.message]).toEqual(['BAD_TRANSACTION', expect.stringContaining('is a pool')]);
  const client = await pool.connect();
  const other = await refusalOf(() => manager.enqueue('task', undefined, { tx: client }));
  client.release();
  expect([other.code, other.message]).toEqual(['BAD_TRANSACTION', expect.stringContaining('no open transaction')]);
});

describe('on SQLite', () => {
  const start = async () => {
    const file = freshFile();
    const manager = await startManager({ jobs: { task: job({ run: (payload: unknown) => payload }) } }, file);
    const database = new Database(file);
    onTestFinished(() => void database.close());
    database.exec('CREATE TABLE notes (body text not null)');
    const bodies = () =>
      (database.prepare('SELECT body FROM notes').all() as Tables['notes'][]).map(({ body }) => body);
    return { manager, database, bodies };
  };

  test('Drizzle and a job commit together, or not at all', async () => {
    const { manager, database, bodies } = await start();
    const table = sqliteTable('notes', { body: sqliteText().notNull() });
    const db = drizzleOnSqlite({ client: database });
    let handed: Promise<{ id: string }> | undefined;
    db.transaction((trx) => {
      trx.insert(table).values({ body: 'mine' }).run();
      handed = manager.enqueue('task', 7, { tx: database });
    });
    expect(await manager.result((await handed)!)).toBe(7);
    const failing = () =>
      db.transaction((trx) => {
        trx.insert(table).values({ body: 'gone' }).run();
        void manager.enqueue('task', 8, { tx: database });
        throw new Error('no');
      });
    expect(failing).toThrow('no');
    expect([bodies(), (await manager.stats()).total]).toEqual([['mine'], 1]);
  });

  test('Kysely and a job commit together, or not at all', async () => {
    const { manager, database, bodies } = await start();
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
    const within = (body: string, fail: boolean) =>
      db.transaction().execute(async (trx) => {
        await trx.insertInto('notes').values({ body }).execute();
        const handed = await manager.enqueue('task', body, { tx: database });
        if (fail) throw new Error('no');
        return handed;
      });
    expect(await manager.result(await within('mine', false))).toBe('mine');
    await expect(within('gone', true)).rejects.toThrow('no');
    await until(async () => (await manager.stats()).byStatus.completed === 1);
    expect([bodies(), (await manager.stats()).total]).toEqual([['mine'], 1]);
  });
});
