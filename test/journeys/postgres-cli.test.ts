/** Every command on a PostgreSQL server, as real processes: with a password, a schema of its own, and TLS. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { embedded18, query, type Server, startServer } from '../conformance/postgres.ts';
import { CONFIG, type Ended, Folder, type Line, linesOf, type Running } from './command-line.ts';

const PASSWORD = 's3cret/of ada';

/** Who may come, and how: by password, by TLS only, or as the tests themselves. */
const RULES = `
host      all ada      127.0.0.1/32 scram-sha-256
hostssl   all grace    127.0.0.1/32 trust
host      all postgres 127.0.0.1/32 trust
`;

let files: string;
let server: Server;
let withoutTls: string | undefined;

beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'backline-pg-rules-'));
  const own = (name: string): string => {
    if (process.getuid?.() === 0) chownSync(join(files, name), Number(idOfNobody()), 0);
    return join(files, name);
  };
  if (process.getuid?.() === 0) chownSync(files, Number(idOfNobody()), 0);
  writeFileSync(join(files, 'rules'), RULES);
  const flags = [`hba_file=${own('rules')}`];
  try {
    makeCertificate();
    flags.push('ssl=on', `ssl_cert_file=${own('cert.pem')}`, `ssl_key_file=${own('key.pem')}`);
  } catch (error) {
    withoutTls = `no certificate could be made: ${(error as Error).message.split('\n')[0]}`;
    process.stderr.write(`Left out: TLS to PostgreSQL; ${withoutTls}\n`);
  }
  server = await startServer(embedded18, flags);
  await query(server.url(), `CREATE ROLE ada LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE grace LOGIN`);
  await query(server.url(), 'GRANT CREATE ON DATABASE postgres TO ada, grace');
});

afterAll(async () => {
  await server?.dispose();
  rmSync(files, { recursive: true, force: true });
});

const idOfNobody = (): string => execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' });

/** Of this machine's own name, signed by itself. */
const makeCertificate = (): void => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];
  const args = ['req', '-x509', '-days', '2', ...key, '-out', 'cert.pem', ...subject];
  execFileSync('openssl', args, { cwd: files, stdio: ['ignore', 'ignore', 'pipe'] });
};

const urlOf = (user: string, password: string | null, rest = ''): string => {
  const who = `${user}${password === null ? '' : `:${encodeURIComponent(password)}`}`;
  return `postgres://${who}@127.0.0.1:${server.port}/postgres${rest}`;
};

let schemas = 0;
let folder: Folder;
let env: { DATABASE_URL: string };
let schema: string;
/** Everything that any command said. */
let said: string;

const enter = (): void => {
  folder = new Folder();
  folder.write('backline.config.ts', CONFIG);
  schema = `shop_${schemas++}`;
  env = { DATABASE_URL: urlOf('ada', PASSWORD, `?schema=${schema}`) };
  said = '';
};

const leave = async (): Promise<void> => {
  await folder.remove();
  expect(said).not.toMatch(/s3cret|UNEXPECTED|\n\s+at |[Ww]arning:/);
};

const heard = (ended: Ended): Ended => {
  said += ended.stdout + ended.stderr;
  return ended;
};
const run = async (...args: string[]): Promise<Ended> => heard(await folder.run(args, { env }));
const ask = async (...args: string[]): Promise<Line[]> => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: expect.any(String) });
  return linesOf(stdout);
};
const start = (...args: string[]): Running => folder.start(args, { env });
const work = async (...args: string[]): Promise<Running> => {
  const worker = start('work', '--json', ...args);
  await worker.says(/"kind":"started"/);
  return worker;
};

describe('commands that need no running service', () => {
  beforeAll(enter);
  afterAll(leave);

  test('without a schema of ours every command but those that make it says so, with the next step', async () => {
    for (const args of [['status'], ['check'], ['migrate'], ['jobs', 'ls'], ['backup', 'copy.db'], ['tail']]) {
      const { code, stderr } = await run(...args);
      expect([args, code, stderr]).toEqual([
        args,
        3,
        expect.stringMatching(/NO_DATABASE.*\n.*\n {2}→ .*backline start/),
      ]);
    }
    const doctor = await run('doctor');
    expect(doctor).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✗ store .*There is no database at postgres/),
    });
    expect(await query(server.url(), 'SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])).toEqual([]);
  });

  test('add makes the schema; all tables are in it, and none anywhere else', async () => {
    const input = Array.from({ length: 120 }, (_, i) => JSON.stringify({ a: i, b: 1 })).join('\n');
    const added = heard(await folder.run(['add', 'sum', '--many', '--queue', 'sums', '--tag', 'bulk'], { env, input }));
    expect([added.code, added.stdout.trim().split('\n').length]).toEqual([0, 120]);
    expect((await run('add', 'sum', '{"a":1}', '--id', 's-1', '--in', '1h', '--key', 'daily')).stdout).toBe('s-1\n');
    expect((await run('add', 'sum', '--id', 's-1')).code).toBe(6);
    expect((await run('add', 'sum', '--key', 'daily')).stdout).toBe('s-1\n');
    const tables = await query(
      server.url(),
      `SELECT DISTINCT table_schema AS name FROM information_schema.tables
       WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_schema !~ '^shop_\\d+$'`,
    );
    expect(tables).toEqual([]);
  });

  test('jobs are listed, shown, changed, cancelled, retried and removed', async () => {
    expect(await ask('jobs', 'ls', '--where', 'queue:sums payload.a:42')).toMatchObject([
      { type: 'sum', tags: ['bulk'] },
    ]);
    expect(await ask('jobs', 'ls', '--all', '--order', 'oldest')).toHaveLength(121);
    await ask('jobs', 'edit', 's-1', '--priority', '1', '--at', '2040-01-01T00:00:00Z', '--hold');
    expect(await ask('jobs', 'show', 's-1')).toMatchObject([{ priority: 1, held: true, status: 'created' }]);
    const where = ['--where', 'queue:sums payload.a:7', '--yes'];
    expect(await ask('jobs', 'cancel', ...where, '--reason', 'no need')).toMatchObject([{ done: 1 }]);
    expect(await ask('jobs', 'retry', ...where)).toMatchObject([{ done: 1 }]);
    expect(await ask('jobs', 'rm', ...where)).toMatchObject([{ done: 1 }]);
    expect((await run('jobs', 'ls', '--where', 'payload.a:7')).code).toBe(5);
    expect(await run('logs', 's-1')).toMatchObject({ code: 0, stderr: expect.stringMatching(/has logged nothing/) });
  });

  test('queues are paused, limited and resumed; status counts', async () => {
    await ask('queues', 'pause', 'sums', '--reason', 'night', '--until', '2h');
    await ask('queues', 'limit', 'sums', '3');
    const sums = async () => (await ask('queues', 'ls')).find(({ name }) => name === 'sums');
    expect(await sums()).toMatchObject({ paused: true, pausedReason: 'night', maxRunning: 3, counts: { queued: 119 } });
    await ask('queues', 'resume', 'sums');
    expect(await sums()).toMatchObject({ paused: false });
    expect(await ask('status')).toMatchObject([{ total: 120, byStatus: { queued: 119, created: 1 }, workers: 0 }]);
    expect(await run('status', '--wait-empty', '--timeout', '100ms')).toMatchObject({ code: 1 });
  });

  test('migrate has nothing to do, and check finds nothing', async () => {
    expect(await ask('migrate', '--plan')).toMatchObject([{ found: 3, known: 3, missing: [] }]);
    expect(await run('migrate')).toMatchObject({ code: 0, stdout: 'Schema 3: nothing to do.\n' });
    expect(await ask('check')).toMatchObject([{ ok: true, jobs: 120, problems: [] }]);
  });

  test('a backup is refused, and pg_dump named', async () => {
    const { code, stderr } = await run('backup', 'copy.db');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/FILE_ONLY.*\n.*\n {2}→ .*pg_dump/)]);
  });

  test('the doctor finds what a person should know, and tells the server from a file', async () => {
    const { code, stdout } = await run('doctor');
    expect(stdout).toMatch(/✓ store +postgres:\/\/\*\*\*@127\.0\.0\.1:\d+\/postgres\?schema=shop_\d+ \(/);
    expect(stdout).toMatch(/✓ schema.*✓ integrity.*✗ workers +0 alive, 119 jobs waiting in "sums"/s);
    expect([code, stdout]).toEqual([1, expect.not.stringMatching(/sqlite|disk/)]);
  });

  test('config shows the address without its password', async () => {
    expect((await ask('config')).find(({ name }) => name === 'database')).toMatchObject({
      value: `postgres://***@127.0.0.1:${server.port}/postgres?schema=${schema}`,
      place: 'DATABASE_URL',
    });
  });
});

describe('workers and a service', () => {
  beforeAll(enter);
  afterAll(leave);

  test('two workers serve their queues; add waits for results, tail and logs tell what happened', async () => {
    await run('add', 'sum', '{"a":1,"b":1}', '--id', 'first', '--queue', 'left');
    const tail = start('tail', '--json');
    await tail.says(/Listening/);
    const workers = [
      await work('--process-id', 'lefty', '--queue', 'left', '--concurrency', '2'),
      await work('--process-id', 'righty', '--queues', 'right,default'),
    ];
    const sum = await run('add', 'sum', '{"a":40,"b":2}', '--queue', 'right', '--wait');
    expect([sum.code, sum.stdout.split('\n')[1]]).toEqual([0, '42']);
    const failed = await run('add', 'fail', '--wait');
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/JOB_FAILED.*SMTP 421/s)]);
    expect(await ask('workers', 'ls')).toMatchObject([
      { name: 'lefty', queues: ['left'], slots: 2 },
      { name: 'righty', queues: ['right', 'default'] },
    ]);
    expect(await ask('status', '--wait-empty', '--timeout', '20s')).toMatchObject([{ workers: 2, slots: 12 }]);
    expect((await ask('jobs', 'show', 'first'))[0]).toMatchObject({ status: 'completed', result: 2 });
    expect((await run('logs', 'first')).stdout).toMatch(/adding/);
    await tail.says(/"jobId":"first".*"status":"completed"/);
    expect((await run('doctor')).stdout).toMatch(/✓ workers +2 alive/);
    for (const one of [...workers, tail]) expect(heard(await one.end('SIGTERM')).code).toBe(0);
    expect(await ask('workers', 'ls')).toEqual([]);
  });

  test('a worker that is told to stop hands back what runs, and the next one goes on with it', async () => {
    const first = await work('--shutdown-timeout', '100ms', '--grace', '100ms');
    const id = (await run('add', 'wait')).stdout.trim();
    const follower = start('logs', id, '--follow');
    await follower.says(/waiting/);
    expect(heard(await first.end('SIGTERM')).code).toBe(0);
    expect(await ask('jobs', 'show', id)).toMatchObject([{ status: 'queued', attempts: 0 }, { outcome: 'released' }]);
    const second = await work();
    folder.write('go', '');
    expect(heard(await follower.end()).stdout).toMatch(/going on\n$/);
    heard(await second.end('SIGINT'));
  });

  test('the service shows its page, and says where jobs are kept, without the password', async () => {
    const service = start('start', '--json');
    await service.says(/"kind":"started".*\n/);
    const { url, database } = linesOf(service.stdout)[0]!;
    expect(database).toBe(`postgres://***@127.0.0.1:${server.port}/postgres?schema=${schema}`);
    const sum = await run('add', 'sum', '{"a":1,"b":2}', '--wait');
    expect(sum.stdout).toMatch(/\n3\n$/);
    for (const path of ['/', '/status', '/status.json', '/readyz']) {
      const answer = await fetch(`${url}${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      said += await answer.text();
    }
    expect(heard(await service.end('SIGINT')).code).toBe(130);
  });

  test('while the server is away the page says so, without the password, and work goes on when it is back', async () => {
    const service = start('start', '--json', '--poll-interval', '100ms');
    await service.says(/"kind":"started".*\n/);
    const { url } = linesOf(service.stdout)[0]!;
    await server.stop();
    await service.says(/STORE_UNAVAILABLE|does not answer/);
    const page = await fetch(`${url}/status`);
    expect(page.status).toBe(503);
    said += await page.text();
    const away = await run('jobs', 'ls');
    expect([away.code, away.stderr]).toEqual([3, expect.stringMatching(/STORE_UNAVAILABLE/)]);
    await server.start();
    expect((await run('add', 'sum', '{"a":2,"b":2}', '--wait')).stdout).toMatch(/\n4\n$/);
    expect(heard(await service.end('SIGTERM')).code).toBe(0);
  });
});

describe('an address that is wrong', () => {
  beforeEach(enter);
  afterEach(leave);

  test.each<[string, () => string, number, RegExp]>([
    ['another password', () => urlOf('ada', 's3cret-but-wrong'), 3, /STORE_UNAVAILABLE.*authentication failed/],
    ['no password', () => urlOf('ada', null), 3, /STORE_UNAVAILABLE.*password/],
    ['no such role', () => urlOf('nobody', 's3cret'), 3, /STORE_UNAVAILABLE.*pg_hba/],
    [
      'no such database',
      () => urlOf('ada', PASSWORD).replace(/\/postgres$/, '/other'),
      3,
      /STORE_UNAVAILABLE.*"other"/,
    ],
    ['no server', () => 'postgres://ada:s3cret@127.0.0.1:1/x', 3, /STORE_UNAVAILABLE.*ECONNREFUSED/],
    [
      'a password in a parameter',
      () => 'postgres://ada@127.0.0.1:1/x?password=s3cret',
      3,
      /STORE_UNAVAILABLE.*password=\*\*\*/,
    ],
    ['a password that is not encoded', () => 'postgres://ada:s3cret/@db/x', 2, /UNKNOWN_STORE.*%2F/s],
    ['a hash in the password', () => 'postgres://ada:#s3cret@db/x', 2, /UNKNOWN_STORE.*%23/s],
    ['numbers and a slash in the password', () => 'postgres://ada:12/s3cret@db/x', 2, /UNKNOWN_STORE/],
    ['no slashes', () => 'postgres:ada:s3cret@db/x', 2, /UNKNOWN_STORE/],
    ['a bad port', () => 'postgres://ada:s3cret@db:port/x', 2, /UNKNOWN_STORE/],
    ['a bad schema', () => urlOf('ada', PASSWORD, '?schema=Shop'), 2, /INVALID_OPTION.*schema is "Shop"/],
    [
      'a certificate that is not there',
      () => urlOf('ada', PASSWORD, '?sslmode=verify-full&sslrootcert=no.pem'),
      3,
      /no\.pem/,
    ],
  ])('%s is told with its code, and shows no password', async (_, url, exit, message) => {
    env = { DATABASE_URL: url() };
    const [listed, config] = await Promise.all([run('jobs', 'ls'), run('config')]);
    expect([listed.code, listed.stderr]).toEqual([exit, expect.stringMatching(message)]);
    expect(config.stdout).toMatch(/^database +postgres/m);
  });

  test('the schema of another program is left as it is', async () => {
    await query(server.url(), `CREATE SCHEMA ${schema} AUTHORIZATION ada; CREATE TABLE ${schema}.jobs (mine text)`);
    const { code, stderr } = await run('add', 'sum');
    expect([code, stderr]).toEqual([3, expect.stringMatching(/NOT_OUR_DATABASE.*\n.*\n {2}→ .*\?schema=/)]);
  });
});

describe('TLS', () => {
  beforeAll(enter);
  afterAll(leave);

  const tls = (rest: string) => urlOf('grace', null, `?schema=${schema}${rest}`);

  test('is used as the address says: the server is trusted by its certificate, and by nothing less', async ({
    skip,
  }) => {
    if (withoutTls) skip(withoutTls);
    const trusting = tls(`&sslmode=verify-full&sslrootcert=${join(files, 'cert.pem')}`);
    env = { DATABASE_URL: trusting };
    const worker = await work();
    expect((await run('add', 'sum', '{"a":1,"b":1}', '--wait')).stdout).toMatch(/\n2\n$/);
    const connections = await query(
      server.url(),
      `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'grace'`,
    );
    expect(connections).toEqual([{ ssl: true }]);
    heard(await worker.end('SIGTERM'));
    for (const [rest, message] of [
      ['', /pg_hba/],
      ['&sslmode=verify-full', /self.signed certificate/],
      [`&sslmode=verify-full&sslrootcert=${join(files, 'rules')}`, /STORE_UNAVAILABLE/],
    ] as const) {
      env = { DATABASE_URL: tls(rest) };
      const { code, stderr } = await run('jobs', 'ls');
      expect([code, stderr]).toEqual([3, expect.stringMatching(message)]);
    }
    env = { DATABASE_URL: tls('&sslmode=no-verify') };
    expect((await run('jobs', 'ls')).code).toBe(0);
  });
});
