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
