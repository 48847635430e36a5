/** The file-drop door and its system, as real processes: what an operator does to them, and what must hold whatever happens. */
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobManager, type JobStatus, readStatus, submitJob } from 'backline';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { catalogText, generateCatalog } from '../../examples/songwriter-credits/generate.ts';
import { CreditsService } from './credits-service.ts';

let folder: string;
let services: CreditsService[];
const jobs = () => join(folder, 'jobs');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-journey-'));
  await mkdir(jobs());
  services = [];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await rm(folder, { recursive: true });
});

const DAEMON = ['--daemon', '--jobs-dir=jobs', '--results-dir=results', '--database=sqlite:backline.db'];
const start = (args: readonly string[] = DAEMON, environment = {}) => {
  const service = new CreditsService(folder, args, environment);
  services.push(service);
  return service;
};

const makeCatalog = async (name: string, rows: number) => {
  const path = join(folder, name);
  await writeFile(path, [...catalogText(rows)].join(''));
  return path;
};

const until = <T>(look: () => T | Promise<T>, timeout = 25_000) => vi.waitFor(look, { timeout, interval: 10 });
const ended = (id: string, status: 'completed' | 'failed'): Promise<JobStatus> =>
  until(async () => {
    const found = await readStatus(jobs(), id);
    expect(found).toMatchObject({ status });
    expect(await readdir(jobs())).not.toContain(`${id}.job`);
    return found as JobStatus;
  });

/** Reads every status file again and again; each must be whole at every moment. */
const readAllTheTime = () => {
  const seen = { reads: 0, words: new Set<string>(), progress: new Set<number>() };
  let reading = true;
  const done = (async () => {
    while (reading) {
      for (const name of (await readdir(jobs())).filter((one) => one.endsWith('.status'))) {
        const status = JSON.parse(await readFile(join(jobs(), name), 'utf8')) as JobStatus;
        seen.reads++;
        seen.words.add(status.status);
        seen.progress.add(status.progress);
        if (status.status === 'running') expect(status).not.toHaveProperty('end_time');
      }
      await new Promise(setImmediate);
    }
  })();
  return {
    stop: async () => {
      reading = false;
      await done;
      return seen;
    },
  };
};

const checkCredits = async (status: JobStatus, rows: number) => {
  const known = generateCatalog().known(rows);
  expect(status.result).toMatchObject({
    import: { rows, imported: rows, skipped: 0 },
    identification: { identified: known, unidentified: rows - known },
    output: { rows },
  });
  const { credits } = (status.result as { output: { credits: string } }).output;
  const lines = (await readFile(credits, 'utf8')).trim().split('\n').slice(1);
  expect(lines.map((line) => Number(line.split(',')[0]))).toEqual(Array.from({ length: rows }, (_, i) => i + 2));
};

const jobsIn = async (database: string) => {
  await using manager = new JobManager(`sqlite:${join(folder, database)}`, { worker: false });
  await manager.start();
  return (await manager.list()).jobs.map(({ status, attempts }) => ({ status, attempts }));
};

describe('a service', () => {
  test('killed again and again at random moments loses and doubles nothing', { timeout: 120_000 }, async () => {
    const sizes = [30_000, 1, 20_000, 700];
    const ids: string[] = [];
    const reader = readAllTheTime();
    for (const [n, rows] of sizes.entries())
      ids.push(await submitJob(jobs(), { catalog_path: await makeCatalog(`${n}.csv`, rows) }, { id: `catalog-${n}` }));
    for (let kills = 0; kills < 5; kills++) {
      const service = start();
      await service.says(/Watching/);
      // Any moment will do, and another one each time: in the import, in the identification, between status and job, at the end.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
      expect(await service.end('SIGKILL')).toBe('SIGKILL');
    }
    const last = start();
    // All may have been done before the last kill; it can only be asked to end once it is up.
    await last.says(/Watching/);
    for (const [n, id] of ids.entries()) await checkCredits(await ended(id, 'completed'), sizes[n]!);
    expect(await last.end('SIGTERM')).toBe(0);
    const seen = await reader.stop();
    expect([...seen.words].sort()).toEqual(['completed', 'running']);
    expect(seen.reads).toBeGreaterThan(100);
    expect((await jobsIn('backline.db')).map(({ status }) => status)).toEqual(sizes.map(() => 'completed'));
    const left = await readdir(jobs());
    expect(left.filter((name) => !name.endsWith('.tmp')).sort()).toEqual(ids.map((id) => `${id}.status`).sort());
  });

  test('shows progress while it works, and takes files that are there before and after its start', async () => {
    const reader = readAllTheTime();
    await submitJob(jobs(), { catalog_path: await makeCatalog('before.csv', 60_000) }, { id: 'before' });
    const service = start([
      '--daemon',
      '--jobs-dir',
      'jobs',
      '--results-dir',
      'results',
      '--database',
      'sqlite:backline.db',
    ]);
    await service.says(/Watching/);
    await submitJob(jobs(), { catalog_path: await makeCatalog('after.csv', 10) }, { id: 'after' });
    await checkCredits(await ended('after', 'completed'), 10);
    await checkCredits(await ended('before', 'completed'), 60_000);
    const { progress } = await reader.stop();
    expect([...progress].filter((percent) => percent > 0 && percent < 100).length).toBeGreaterThan(1);
    expect(service.alive).toBe(true);
  });

  test('waits for the rest of a file that is half written', async () => {
    const service = start();
    await service.says(/Watching/);
    const path = await makeCatalog('catalog.csv', 5);
    await writeFile(join(jobs(), 'half.job'), '{"catalog_path": ');
    await submitJob(jobs(), { catalog_path: path }, { id: 'other' });
    await ended('other', 'completed');
    expect(await readStatus(jobs(), 'half')).toBeNull();
    await appendFile(join(jobs(), 'half.job'), `${JSON.stringify(path)}}`);
    await ended('half', 'completed');
  });

  test('of two on one folder, with a database each, one works; the other takes over when it is killed', async () => {
    const first = start();
    await first.says(/Watching/);
    const second = start([...DAEMON.slice(0, -1), '--database=sqlite:other.db']);
    await second.says(/looked after by process \d+ on .+; standing by/);
    await submitJob(jobs(), { catalog_path: await makeCatalog('catalog.csv', 50) }, { id: 'one' });
    await ended('one', 'completed');
    expect(await jobsIn('other.db')).toEqual([]);
    await first.end('SIGKILL');
    await second.says(/Watching/);
    await submitJob(jobs(), { catalog_path: join(folder, 'catalog.csv') }, { id: 'two' });
    await checkCredits(await ended('two', 'completed'), 50);
    expect(await jobsIn('other.db')).toEqual([{ status: 'completed', attempts: 1 }]);
  });

  test('takes its folder from the flag, else from the environment, and makes it', async () => {
    const rest = ['--database=:memory:', '--results-dir=results'];
    const flag = start(['--daemon', '--jobs-dir=by/flag', ...rest], { JOB_SCHEDULER_DIR: 'by/variable' });
    await flag.says(/Watching by\/flag/);
    const variable = start(['--daemon', ...rest], { JOB_SCHEDULER_DIR: 'by/variable' });
    await variable.says(/Watching by\/variable/);
    const neither = start(['--daemon', ...rest]);
    await neither.says(/Watching data\/jobs/);
    expect((await readdir(join(folder, 'by'))).sort()).toEqual(['flag', 'variable']);
  });

  test('refuses to start without its database, in one sentence, and leaves the file alone', async () => {
    await writeFile(join(folder, 'file'), '');
    await submitJob(jobs(), { catalog_path: 'a.csv' }, { id: 'x' });
    const service = start([...DAEMON.slice(0, -1), '--database=sqlite:file/backline.db']);
    expect(await service.end()).toBe(1);
    expect(service.stderr).toMatch(/^✗ .*file\/backline\.db/m);
    expect(service.stderr).not.toMatch(/^\s+at /m);
    expect(await readdir(jobs())).toEqual(['x.job']);
  });
});

describe('bad job files', () => {
  const huge = `{"catalog_path": "${'a'.repeat(1_100_000)}"}`;
  const BAD: readonly (readonly [string, string | Buffer, string])[] = [
    ['empty', '', 'content'],
    ['half', '{"catalog_path": "/a', 'content'],
    ['text', 'catalog.csv', 'content'],
    ['utf8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]), 'content'],
    ['list', '[{"catalog_path": "/a"}]', 'content'],
    ['none', '{}', 'catalog_path'],
    ['null', '{"catalog_path": null}', 'catalog_path'],
    ['number', '{"catalog_path": 1}', 'catalog_path'],
    ['blank', '{"catalog_path": ""}', 'catalog_path'],
    ['zero', '{"catalog_path": "a\\u0000"}', 'catalog_path'],
    ['audio', '{"catalog_path": "/a", "audio_base_path": 3}', 'audio_base_path'],
    ['date', '{"catalog_path": "/a", "submitted_at": "today"}', 'submitted_at'],
    ['infinite', '{"catalog_path": "/a", "submitted_at": 1e999}', 'submitted_at'],
    ['proto', '{"catalog_path": "/a", "__proto__": {"x": 1}}', '__proto__'],
    ['huge', huge, 'size'],
  ];

  test('each gets a status that says why, is kept, and does not end the service', { timeout: 60_000 }, async () => {
    const service = start();
    await service.says(/Watching/);
    for (const [id, content] of BAD) await writeFile(join(jobs(), `${id}.job`), content);
    await symlink('/etc/hostname', join(jobs(), 'link.job'));
    await mkdir(join(jobs(), 'dir.job'));
    for (const name of ['x.txt', 'x.json', 'x.job.tmp', '.x.job']) await writeFile(join(jobs(), name), '{}');
    for (const [id, content, field] of BAD) {
      const { error, ...status } = await ended(id, 'failed');
      expect({ id, ...status }).toMatchObject({ id, state: 'refused', job_id: null });
      expect({ id, ...error }).toMatchObject({ id, code: 'BAD_JOB_FILE', field, allowed: expect.any(String) });
      expect(await readFile(join(jobs(), `${id}.job.bad`))).toEqual(Buffer.from(content));
    }
    expect((await ended('link', 'failed')).error?.found).toBe('is a symbolic link');
    expect((await ended('dir', 'failed')).error?.found).toBe('is a directory');
    await submitJob(jobs(), { catalog_path: await makeCatalog('good.csv', 3) }, { id: 'good' });
    await checkCredits(await ended('good', 'completed'), 3);
    expect(service.alive).toBe(true);
    expect(await readdir(jobs())).toEqual(expect.arrayContaining(['x.txt', 'x.json', 'x.job.tmp', '.x.job']));
    expect(await jobsIn('backline.db')).toEqual([{ status: 'completed', attempts: 1 }]);
  });

  test('a catalog that is missing, or no catalog, fails its job with a code', async () => {
    start();
    await writeFile(join(folder, 'no.csv'), 'a,b\n1,2\n');
    await submitJob(jobs(), { catalog_path: join(folder, 'none.csv') }, { id: 'missing' });
    await submitJob(jobs(), { catalog_path: join(folder, 'no.csv') }, { id: 'columns' });
    await submitJob(jobs(), { catalog_path: folder }, { id: 'folder' });
    expect((await ended('missing', 'failed')).error).toMatchObject({ code: 'CATALOG_NOT_FOUND' });
    expect((await ended('columns', 'failed')).error).toMatchObject({
      code: 'CATALOG_COLUMN_MISSING',
      message: expect.stringMatching(/no column for title and artist.*"a", "b"/),
    });
    expect((await ended('folder', 'failed')).error).toMatchObject({ code: 'CATALOG_UNREADABLE' });
  });
});

describe('a one-time run', () => {
  test('prints the figures of one catalog and ends', async () => {
    await makeCatalog('catalog.csv', 300);
    const run = start(['catalog.csv', '--results-dir', 'results']);
    expect(await run.end()).toBe(0);
    const result = JSON.parse(run.stdout) as JobStatus['result'];
    await checkCredits({ result } as JobStatus, 300);
    const again = start(['catalog.csv', '--results-dir', 'results']);
    expect(await again.end()).toBe(0);
    expect(JSON.parse(again.stdout)).toEqual(result);
  });

  test('of a catalog that is not there fails in one sentence', async () => {
    const run = start(['none.csv']);
    expect(await run.end()).toBe(1);
    expect(run.stderr).toMatch(/^✗ catalog_path none\.csv does not exist\.$/m);
    expect(run.stdout).toBe('');
  });

  test.each([
    [[], 2, /Neither a catalog nor --daemon/],
    [['--demon'], 2, /--demon/],
    [['--help'], 0, /^$/],
  ])('with %j ends by itself', async (args, code, says) => {
    const run = start(args);
    expect(await run.end()).toBe(code);
    expect(run.stderr).toMatch(says);
  });
});
