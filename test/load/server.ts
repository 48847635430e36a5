/** The database of a scenario. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debian15, embedded18, query, type Server, startServer } from '../conformance/postgres.ts';
import { until } from '../wait.ts';
import { startSwitch } from './switch.ts';

export type Kind = 'postgres' | 'sqlite';

export interface Database {
  readonly kind: Kind;
  readonly url: string;
  /** Null where the database is a file. */
  readonly server: Server | null;
  /** Where another server follows: the first dies, and the other takes its place under the same address. */
  failOver?(): Promise<void>;
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

/** How long the follower is read-only after the first is gone: so long it takes until somebody notices. */
const NOTICE_MS = 3000;
const FOLLOWS = `SELECT count(*) AS n FROM pg_stat_replication WHERE state = 'streaming'`;

/** A server and one that follows it synchronously: what is acknowledged is on both. Clients come through a switch, as behind a proxy. */
export const openFollowed = async (): Promise<Database> => {
  const flags = ['wal_level=replica', 'max_wal_senders=4', 'hot_standby=on'];
  const first = await startServer(debian15, flags);
  const second = await startServer(debian15, flags, tmpdir(), first.port);
  await until(async () => Number((await query(first.url(), FOLLOWS))[0]!['n']) === 1, 'the second follows the first');
  await query(first.url(), `ALTER SYSTEM SET synchronous_standby_names = '*'`);
  await query(first.url(), 'SELECT pg_reload_conf()');
  const address = await startSwitch(first.port);
  return {
    kind: 'postgres',
    url: `postgres://postgres@127.0.0.1:${address.port}/postgres?schema=load`,
    server: first,
    failOver: async () => {
      await first.stop('SIGQUIT');
      address.lead(second.port);
      await sleep(NOTICE_MS);
      await query(second.url(), 'SELECT pg_promote()');
    },
    dispose: async () => {
      await address.close();
      await Promise.all([first.dispose(), second.dispose()]);
    },
  };
};
