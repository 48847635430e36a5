/** The bench's own PostgreSQL: on the loopback, on a port of its own, with what was promised synced to disk, ended at the end. */
import { mkdirSync } from 'node:fs';
import { embedded18, query, startServer } from '../../test/conformance/postgres.ts';

/** As one would run it; the sizes are those of a small server. */
const SETTINGS = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=256MB',
  'max_wal_size=4GB',
  'jit=off',
];

export interface BenchServer {
  /** The address of a schema that does not exist yet. */
  place(): string;
  /** Removes what was made at that address, and beside it (`_full`, `_empty`). */
  clear(address: string): Promise<void>;
  end(): Promise<void>;
}

/** @param folder where its files lie; null for the system's own place. @throws if there is no server for this platform. */
export const startBenchServer = async (folder: string | null): Promise<BenchServer> => {
  if (folder !== null) mkdirSync(folder, { recursive: true });
  const server = await startServer(embedded18, SETTINGS, folder ?? undefined);
  let places = 0;
  return {
    place: () => `${server.url()}?schema=bench_${places++}`,
    clear: async (address) => {
      const schema = new URL(address).searchParams.get('schema')!;
      for (const end of ['', '_full', '_empty'])
        await query(server.url(), `DROP SCHEMA IF EXISTS ${schema}${end} CASCADE`);
    },
    end: () => server.dispose(),
  };
};
