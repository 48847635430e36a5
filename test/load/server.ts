/** The database of a scenario. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embedded18, type Server, startServer } from '../conformance/postgres.ts';

export type Kind = 'postgres' | 'sqlite';

export interface Database {
  readonly kind: Kind;
  readonly url: string;
  /** Null where the database is a file. */
  readonly server: Server | null;
  dispose(): Promise<void>;
}

export const openDatabase = async (kind: Kind, flags: readonly string[] = []): Promise<Database> => {
  if (kind === 'sqlite') {
    const file = join(tmpdir(), `backline-load-${randomUUID()}.db`);
    const dispose = async () => {
      for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
    };
    return { kind, url: `sqlite:${file}`, server: null, dispose };
  }
  const server = await startServer(embedded18, flags);
  return { kind, url: `${server.url()}?schema=load`, server, dispose: () => server.dispose() };
};
