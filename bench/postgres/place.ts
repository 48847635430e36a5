/** Where contenders on PostgreSQL keep their jobs: an address with a schema, which only ours understands as it is. */
import { createRequire } from 'node:module';

export interface Place {
  readonly connectionString: string;
  readonly schema: string;
}

export const placeOf = (address: string): Place => {
  const url = new URL(address);
  const schema = url.searchParams.get('schema')!;
  url.search = '';
  return { connectionString: url.href, schema };
};

interface Answer {
  readonly rows: Record<string, unknown>[];
}

/** What the bench uses of a client of pg. Its types are no part of this project. */
export interface PgClient {
  connect(): Promise<void>;
  query(query: string | { name: string; text: string; values: unknown[] }): Promise<Answer>;
  end(): Promise<void>;
}

interface Pg {
  readonly Client: new (options: { connectionString: string }) => PgClient;
}

export const connect = async (connectionString: string): Promise<PgClient> => {
  const { Client } = createRequire(import.meta.url)('pg') as Pg;
  const client = new Client({ connectionString });
  await client.connect();
  return client;
};

/**
 * Copies one row so many times, which takes a million rows seconds instead of minutes. `i` counts from 1, `s` is the row that is copied.
 * @param others what is not copied: an expression, or null for what the table fills in itself.
 */
export const multiply = async (
  client: PgClient,
  table: string,
  sample: string,
  n: number,
  others: Readonly<Record<string, string | null>>,
): Promise<void> => {
  const { rows } = await client.query(
    `SELECT attname FROM pg_attribute
     WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
  );
  const columns = rows.map(({ attname }) => String(attname)).filter((name) => others[name] !== null);
  await client.query(
    `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${columns.map((name) => others[name] ?? `s.${name}`).join(', ')}
     FROM ${table} s, generate_series(1, ${n}) AS i WHERE ${sample}`,
  );
};
