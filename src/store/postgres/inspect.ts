/** Looks at a PostgreSQL schema without changing it. */
import { noDatabase } from '../../job/errors.ts';
import type { FileReport, MigrationPlan } from '../sqlite/inspect.ts';
import { parseAddress } from './address.ts';
import { type Connection, sql } from './driver.ts';
import { MIGRATIONS, versionOf, visit } from './open.ts';
import { checkTables, statsOf } from './sql/read.ts';

/** @throws NO_DATABASE, STORE_UNAVAILABLE. */
export const planPostgres = (url: string): Promise<MigrationPlan> => {
  const address = parseAddress(url);
  const { where } = address;
  return visit(url, async (db) => {
    const found = await versionOf(db, address);
    if (found === 0) throw noDatabase(where);
    const known = MIGRATIONS.at(-1)?.version ?? 0;
    const missing = MIGRATIONS.filter(({ version }) => version > found);
    return { where, found, known, missing: missing.map(({ version, name }) => `${version} ${name}`) };
  });
};

const READABLE = sql`SELECT 1 FROM backline.jobs LIMIT 1`;

/** What must hold between the tables; `quick` only looks whether they can be read. @throws NO_DATABASE, NOT_OUR_DATABASE, STORE_UNAVAILABLE. */
export const checkPostgres = (url: string, quick = false): Promise<FileReport> => {
  const address = parseAddress(url);
  const { where } = address;
  return visit(url, async (db: Connection) => {
    if ((await versionOf(db, address)) === 0) throw noDatabase(where);
    const { total, sizeBytes } = await statsOf(db);
    if (quick) await db.get(READABLE);
    const report = quick ? { ok: true, problems: [] } : await checkTables(db);
    return { where, sizeBytes, jobs: total, ...report };
  });
};
