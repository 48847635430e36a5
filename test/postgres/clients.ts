/** Sessions beside ours. */
import { createRequire } from 'node:module';
import type { PgClient } from '../conformance/postgres.ts';

const pg = createRequire(import.meta.url)('pg') as { Client: new (config: { connectionString: string }) => PgClient };

export const connectTo = async (url: string): Promise<PgClient> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** A session that looks at the database as it is now, until it is released. */
export const holdSnapshot = async (url: string): Promise<() => Promise<void>> => {
  const client = await connectTo(url);
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT txid_current()');
  return async () => {
    await client.query('COMMIT');
    await client.end();
  };
};
