/** Every command that needs no running service, as a real process on a real file. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, type Ended, Folder, linesOf } from './command-line.ts';

const error = (ended: Ended): Record<string, unknown> =>
  linesOf(ended.stderr).find(({ kind }) => kind === 'error') ?? {};

describe('in an empty folder', () => {
  let folder: Folder;

  beforeAll(() => {
    folder = new Folder();
  });

  afterAll(() => folder.remove());

  test('the help names every command on standard output', async () => {
    const { code, stdout, stderr } = await folder.run(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of 'start work add jobs logs tail queues schedules workers status migrate check backup move doctor config cron'.split(
      ' ',
    ))
      expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    expect(stdout).toMatch(/Exit codes: 0 ok, 1 .*130 interrupted/);
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await folder.run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  test('the doctor says that there is no database', async () => {
    const { code, stdout } = await folder.run(['doctor']);
    expect(stdout).toMatch(/✓ node.*✗ store .*no database/s);
    expect(code).toBe(1);
  });

  test('an error shows its stack with --debug only', async () => {
    expect((await folder.run(['status', '--debug'])).stderr).toMatch(/\n\s+at /);
  });
});

describe('with a config file', () => {
  let folder: Folder;

  beforeAll(() => {
    folder = new Folder();
  });

  afterAll(() => folder.remove());

  test.each<[string, string, RegExp]>([
    [
      'a mistake in its syntax',
      'export default {\n  port: \n};',
      /BAD_CONFIG_FILE.*cannot be loaded: Expression expected \(line 3\)/,
    ],
    ['TypeScript that is not erasable', 'enum A { B }\nexport default {};', /cannot be loaded: .*enum/],
    [
      'an unknown setting',
      'export default { prot: 1 };',
      /UNKNOWN_OPTION.*backline\.config\.ts has no option "prot".*Did you mean "port"/s,
    ],
    ['a bad setting', 'export default { port: Number.NaN };', /INVALID_OPTION.*port in backline\.config\.ts is NaN/],
    [
      'a negative duration',
      "export default { shutdownTimeout: '-5s' };",
      /shutdownTimeout in backline\.config\.ts is "-5s"/,
    ],
    ['a job type without a handler', 'export default { jobs: { a: {} } };', /INVALID_OPTION.*a\.run is undefined/],
    [
      'a job type with an unknown option',
      'export default { jobs: { a: { run() {}, retires: 1 } } };',
      /job type "a" has no option "retires"/,
    ],
    ['a bad name of a job type', 'export default { jobs: { "../a": { run() {} } } };', /INVALID_OPTION.*\.\.\/a/],
    ['no default export', 'export const port = 1;', /must export its settings/],
  ])('%s is refused with 2', async (_, text, message) => {
    folder.write('backline.config.ts', text);
    const { code, stdout, stderr } = await folder.run(['config']);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('`config` shows each value and where it came from, without secrets', async () => {
    folder.write('backline.config.ts', `${CONFIG.replace('port: 0,', 'port: 5000, jobsDir: "drop",')}`);
    const env = { PORT: '5001', DATABASE_URL: 'postgres://ada:s3cret@db.example.test/jobs' };
    const [text, json] = await Promise.all([
      folder.run(['config', '--concurrency', '3'], { env }),
      folder.run(['config', '--concurrency', '3', '--json'], { env }),
    ]);
    expect(text.stdout).toMatch(/^port +5001 +PORT$/m);
    const settings = Object.fromEntries(linesOf(json.stdout).map((line) => [line['name'], line]));
    expect(settings).toMatchObject({
      maxConcurrentJobs: { value: '3', from: 'flag', place: '--concurrency' },
      port: { value: '5001', from: 'environment', place: 'PORT' },
      jobsDir: { value: 'drop', from: 'file', place: 'backline.config.ts' },
      lease: { value: '20s', from: 'default' },
      database: { value: 'postgres://***@db.example.test/jobs' },
    });
    expect(linesOf(json.stdout).at(-1)).toMatchObject({
      kind: 'config-file',
      jobs: ['sum', 'fail', 'wait', 'catalog'],
      schedules: [],
    });
    expect(text.stdout + text.stderr + json.stdout).not.toContain('s3cret');
  });

  test('an unknown job type is refused with a suggestion; without a config file every type is taken', async () => {
    folder.write('backline.config.ts', CONFIG);
    const refused = await folder.run(['add', 'smu', '{}', '--json']);
    expect(refused.code).toBe(2);
    expect(error(refused)).toMatchObject({ code: 'UNKNOWN_JOB_TYPE', next: 'Did you mean "sum"?' });
    const other = new Folder();
    expect(await other.run(['add', 'smu', '{}'])).toMatchObject({ code: 0 });
    await other.remove();
  });
});

describe('jobs of a stored database', () => {
  let folder: Folder;

  beforeAll(async () => {
    folder = new Folder();
    const input = Array.from({ length: 120 }, (_, i) => JSON.stringify({ user: { id: i } })).join('\n');
    const { code, stdout } = await folder.run(['add', 'mail', '-', '--many', '--queue', 'emails', '--tag', 'bulk'], {
      input,
    });
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 120]);
  });

  afterAll(() => folder.remove());

  test('add prints the id of the job, and options reach it', async () => {
    const { code, stdout } = await folder.run([
      ...[
        'add',
        'report',
        '{"n":1}',
        '--id',
        'r-1',
        '--queue',
        'slow',
        '--priority',
        '2',
        '--in',
        '1h',
        '--max-attempts',
        '7',
      ],
      ...['--timeout', '10m', '--tag', 'a', '--tag', 'b', '--system', '--limit-key', 'customer-1'],
    ]);
    expect([code, stdout]).toEqual([0, 'r-1\n']);
    expect(await folder.ask('jobs', 'show', 'r-1')).toMatchObject([
      {
        v: 1,
        kind: 'job',
        id: 'r-1',
        type: 'report',
        payload: { n: 1 },
        queue: 'slow',
        status: 'queued',
        priority: 2,
        maxAttempts: 7,
        timeoutMs: 600_000,
        tags: ['a', 'b'],
        userInitiated: false,
        limitKey: 'customer-1',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
    ]);
  });

  test('the number of retries of the environment holds where nothing else is said', async () => {
    const id = (await folder.run(['add', 'report'], { env: { MAX_RETRIES: '0', JOB_TIMEOUT: '2' } })).stdout.trim();
    expect(await folder.ask('jobs', 'show', id)).toMatchObject([{ maxAttempts: 1, timeoutMs: 2000 }]);
  });

  test('a key returns the job that has it', async () => {
    const first = (await folder.run(['add', 'report', '--key', 'daily'])).stdout;
    const again = await folder.run(['add', 'report', '--key', 'daily']);
    expect(again).toMatchObject({ code: 0, stdout: first, stderr: expect.stringMatching(/key was taken/) });
    expect((await folder.run(['add', 'report', '--key', 'daily', '--on-conflict', 'reject'])).code).toBe(6);
  });

  test('ls pages through everything with --all, and says what it leaves out without', async () => {
    const all = await folder.ask('jobs', 'ls', '--where', 'queue:emails', '--all', '--order', 'oldest');
    expect(all.map(({ payload }) => (payload as { user: { id: number } }).user.id)).toEqual(
      Array.from({ length: 120 }, (_, i) => i),
    );
    const some = await folder.run(['jobs', 'ls', '--where', 'queue:emails']);
    expect(some.stdout.trim().split('\n')).toHaveLength(51);
    expect(some.stderr).toMatch(/50 of 120 jobs; --all shows every one/);
  });

  test('ls finds jobs by their payload', async () => {
    expect(await folder.ask('jobs', 'ls', '--where', 'payload.user.id:42')).toMatchObject([
      { type: 'mail', tags: ['bulk'] },
    ]);
  });

  test('a reader that stops early leaves no trace of an error', async () => {
    const { code, stdout, stderr } = await folder.shell(
      '{ $BACKLINE jobs ls --all --json; echo "it ended with $?" >&2; } | head -n 1',
    );
    expect(linesOf(stdout)).toMatchObject([{ kind: 'job' }]);
    expect([code, stderr]).toEqual([0, 'it ended with 0\n']);
  });

  test('edit changes a job that waits; hold and release do what they say', async () => {
    const id = (await folder.run(['add', 'report', '--in', '1h'])).stdout.trim();
    await folder.ask('jobs', 'edit', id, '--priority', '1', '--at', '2040-01-01T00:00:00+01:00', '--hold');
    expect(await folder.ask('jobs', 'show', id)).toMatchObject([
      { priority: 1, runAt: '2039-12-31T23:00:00.000Z', held: true, status: 'created' },
    ]);
    await folder.ask('jobs', 'edit', id, '--release');
    expect(await folder.ask('jobs', 'show', id)).toMatchObject([{ held: false, status: 'queued' }]);
  });

  test('a filter first shows what it would do, and does it with --yes', async () => {
    const where = ['--where', 'queue:emails payload.user.id:7'];
    const preview = await folder.run(['jobs', 'cancel', ...where]);
    expect(preview).toMatchObject({ code: 0, stdout: '1 would be cancelled.\n' });
    expect(preview.stderr).toMatch(/Oldest .*Z, newest .*Z\.\nRun again with --yes to do it\./);
    expect(await folder.ask('jobs', 'cancel', ...where, '--yes', '--dry-run')).toMatchObject([
      { kind: 'preview', ready: 1, done: 0 },
    ]);
    expect(await folder.ask('jobs', 'cancel', ...where, '--yes', '--reason', 'not needed')).toMatchObject([
      { kind: 'changed', done: 1 },
    ]);
    expect(await folder.ask('jobs', 'ls', ...where)).toMatchObject([{ status: 'cancelled', error: 'not needed' }]);
    const skipping = await folder.run(['jobs', 'retry', '--where', 'queue:emails']);
    expect(skipping.stdout).toBe('1 would be retried, 119 skipped (queued).\n');
    expect(await folder.ask('jobs', 'retry', ...where, '--yes')).toMatchObject([{ done: 1 }]);
    expect((await folder.run(['jobs', 'retry', ...where, '--yes'])).code).toBe(6);
    expect(await folder.ask('jobs', 'rm', ...where, '--yes')).toMatchObject([{ done: 1 }]);
    expect((await folder.run(['jobs', 'ls', ...where])).code).toBe(5);
  });

  test('ids are acted on at once, each with its own answer', async () => {
    const id = (await folder.run(['add', 'report', '--in', '1h'])).stdout.trim();
    const ended = await folder.run(['jobs', 'cancel', id, 'nobody', '--json']);
    expect(ended.code).toBe(5);
    expect(linesOf(ended.stdout)).toMatchObject([{ kind: 'change', id, outcome: 'cancelled' }]);
    expect(error(ended)).toMatchObject({ code: 'JOB_NOT_FOUND' });
    expect((await folder.run(['jobs', 'retry', id])).stdout).toBe(`${id} retried\n`);
  });

  test('explain says why a job does not run, and what can be done about it', async () => {
    const id = (await folder.run(['add', 'report', '--queue', 'later', '--in', '1h'])).stdout.trim();
    await folder.ask('queues', 'pause', 'later', '--reason', 'moving house');
    expect(await folder.ask('explain', id)).toMatchObject([
      {
        kind: 'explanation',
        id,
        status: 'scheduled',
        at: expect.stringMatching(/Z$/),
        reasons: [
          { code: 'delayed', runAt: expect.stringMatching(/Z$/) },
          { code: 'queue-paused', by: 'command line', reason: 'moving house', since: expect.stringMatching(/Z$/) },
          { code: 'no-worker' },
        ],
      },
    ]);
    const { stdout } = await folder.run(['explain', id]);
    expect(stdout).toMatch(/^◷ scheduled {2}report {2}\S+ {2}in later\n {2}Its time is 20/);
    expect(stdout).toMatch(/is paused by command line since .*Z: moving house\.\n {4}→ backline queues resume later\n/);
    expect((await folder.run(['explain', 'nobody'])).code).toBe(5);
  });

  test('queues are paused, limited and resumed', async () => {
    await folder.ask('queues', 'pause', 'emails', '--reason', 'the server is down', '--until', '2h');
    await folder.ask('queues', 'limit', 'emails', '3');
    const find = async () => (await folder.ask('queues', 'ls')).find(({ name }) => name === 'emails');
    expect(await find()).toMatchObject({
      paused: true,
      pausedReason: 'the server is down',
      maxRunning: 3,
      pausedUntil: expect.stringMatching(/Z$/),
    });
    expect((await folder.run(['queues', 'ls'])).stdout).toMatch(/^emails .*paused until .*: the server is down$/m);
    await folder.ask('queues', 'resume', 'emails');
    await folder.ask('queues', 'limit', 'emails', 'none');
    expect(await find()).toMatchObject({ paused: false, maxRunning: null });
  });

  test('status counts, and compares with --max-failed', async () => {
    expect(await folder.ask('status', '--max-failed', '0')).toMatchObject([
      { kind: 'status', byStatus: { failed: 0 }, workers: 0 },
    ]);
    const waited = await folder.run(['status', '--wait-empty', '--timeout', '100ms']);
    expect(waited).toMatchObject({ code: 1, stderr: expect.stringMatching(/the time is over/) });
  });

  test('workers ls says that there is none', async () => {
    expect(await folder.run(['workers', 'ls'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(/No worker.*backline work/),
    });
  });

  test('the doctor finds that nobody works', async () => {
    const { code, stdout, stderr } = await folder.run(['doctor']);
    expect(stdout).toMatch(/✓ schema +3 = library 3/);
    expect(stdout).toMatch(/✓ integrity/);
    expect(stdout).toMatch(/✗ workers +0 alive, \d+ jobs? waiting in "\w+" \(oldest .*\)\n {4}→ backline work/);
    expect(stderr).toMatch(/1 problem/);
    expect(code).toBe(1);
  });

  test('migrate has nothing to do', async () => {
    expect(await folder.ask('migrate', '--plan')).toMatchObject([
      { kind: 'migration', found: 3, known: 3, missing: [], applied: [] },
    ]);
    expect(await folder.run(['migrate'])).toMatchObject({ code: 0, stdout: 'Schema 3: nothing to do.\n' });
  });

  test('check finds nothing, and changes nothing', async () => {
    const before = statSync(folder.at('data/backline.db')).mtimeMs;
    const [report] = await folder.ask('check');
    expect(report).toMatchObject({ kind: 'check', ok: true, problems: [] });
    expect(report!['jobs']).toBeGreaterThan(100);
    expect(statSync(folder.at('data/backline.db')).mtimeMs).toBe(before);
  });

  test('a backup is verified, opens as a database, and overwrites nothing by mistake', async () => {
    const [backup] = await folder.ask('backup', 'copy.db', '--verify');
    expect(backup).toMatchObject({ kind: 'backup', verified: true });
    const [{ total }] = (await folder.ask('status')) as unknown as [{ total: number }];
    expect(backup!['jobs']).toBe(total);
    expect(readdirSync(folder.path).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
    expect(await folder.ask('status', '--database', 'copy.db')).toMatchObject([{ total }]);
    for (const file of ['copy.db', 'data', 'data/backline.db']) {
      const ended = await folder.run(['backup', file, '--json']);
      expect(ended.code).toBe(6);
      expect(error(ended)).toMatchObject({ code: 'FILE_EXISTS' });
    }
    expect((await folder.run(['backup', 'data/backline.db', '--force'])).code).toBe(6);
    expect((await folder.run(['backup', 'copy.db', '--force'])).code).toBe(0);
    const nowhere = await folder.run(['backup', 'no/such/folder/copy.db']);
    expect(nowhere.code).not.toBe(0);
    expect(nowhere.stderr).not.toMatch(/UNEXPECTED|\n\s+at /);
  });
});

describe('a damaged database', () => {
  let folder: Folder;

  beforeAll(async () => {
    folder = new Folder();
    const input = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ text: `payload number ${i}` })).join('\n');
    await folder.run(['add', 'mail', '--many'], { input });
    await folder.ask('backup', 'whole.db');
    const bytes = readFileSync(folder.at('whole.db'));
    // Two pages in the middle of the file are written over.
    bytes.fill(0xa5, Math.floor(bytes.length / 8192) * 4096, Math.floor(bytes.length / 8192) * 4096 + 8192);
    writeFileSync(folder.at('bad.db'), bytes);
  });

  afterAll(() => folder.remove());

  test('is found by check and by the doctor, and left as it is', async () => {
    const before = readFileSync(folder.at('bad.db'));
    const [checked, doctor] = await Promise.all([
      folder.run(['check', '--database', 'bad.db']),
      folder.run(['doctor', '--database', 'bad.db']),
    ]);
    expect(checked).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/is damaged/),
      stderr: expect.stringMatching(/check --repair/),
    });
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/✗ integrity.*\n {4}→ .*check --repair/) });
    expect(readFileSync(folder.at('bad.db')).equals(before)).toBe(true);
  });

  test('is repaired with --repair: rows are kept, and so is the damaged file', async () => {
    copyFileSync(folder.at('bad.db'), folder.at('mended.db'));
    const { code, stdout } = await folder.run(['check', '--repair', '--database', 'mended.db', '--json']);
    expect(code).toBe(0);
    const repair = linesOf(stdout).find(({ kind }) => kind === 'repair')!;
    expect(repair['recovered']).toBeGreaterThan(1000);
    expect(existsSync(repair['kept'] as string)).toBe(true);
    expect((await folder.run(['check', '--database', 'mended.db'])).code).toBe(0);
  });

  test('a file that is no database is refused by every command, and left as it is', async () => {
    folder.write('notes.txt', 'Dear diary, this is not a database. '.repeat(1000));
    for (const args of [['status'], ['check'], ['doctor'], ['migrate'], ['jobs', 'ls']]) {
      const { code, stderr } = await folder.run([...args, '--database', 'notes.txt']);
      expect([args, [1, 3].includes(code as number)]).toEqual([args, true]);
      expect(stderr).not.toMatch(/UNEXPECTED|\n\s+at /);
    }
    expect(readFileSync(folder.at('notes.txt'), 'utf8')).toMatch(/^Dear diary/);
  });
});
