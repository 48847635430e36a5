/** PgBouncer for tests: Debian's, in transaction mode, on the loopback, as a plain user, ended by its process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { query, type Server } from '../conformance/postgres.ts';
import { until } from '../wait.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

/** Why there is no PgBouncer here, or null. */
export const withoutPgBouncer = existsSync(PROGRAM) ? null : `there is no PgBouncer at ${PROGRAM}`;

export interface Pooler {
  url(database?: string): string;
  /** Ends it as a crash would, with all connections through it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** A pool of `size` connections to the server, each lent for one transaction. */
export const startPooler = async (server: Server, size: number): Promise<Pooler> => {
  const folder = mkdtempSync(join(tmpdir(), 'backline-pooler-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, settings(server.port, port, size));
  writeFileSync(join(folder, 'users.txt'), '"postgres" ""\n');
  // It refuses to run as root.
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  const as = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  if (as.uid !== undefined) for (const path of [folder, file]) chownSync(path, as.uid, as.gid);
  const url = (database = 'postgres') => `postgres://postgres@127.0.0.1:${port}/${database}`;
  let child: ChildProcess | undefined;
  const killNow = () => child?.kill('SIGKILL');
  process.once('exit', killNow);
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGKILL');
    await ended;
  };
  const start = async (): Promise<void> => {
    child = spawn(PROGRAM, ['-q', file], { ...as, cwd: folder, stdio: 'ignore' });
    await until(() => query(url(), 'SELECT 1').catch(() => null), 'the pooler answers');
  };
  await start();
  return {
    url,
    kill,
    start,
    dispose: async () => {
      await kill();
      process.off('exit', killNow);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const settings = (serverPort: number, port: number, size: number): string => `
[databases]
* = host=127.0.0.1 port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = users.txt
pool_mode = transaction
default_pool_size = ${size}
max_client_conn = 200
`;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
