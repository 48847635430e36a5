/** The bench runs, and says what it measured in the form that others read. How fast anything is, is never asserted. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { median } from '../bench/median.ts';
import { readOptions } from '../bench/options.ts';
import { type Line, line, table } from '../bench/report.ts';
import { ROOT } from './source-scan.ts';

const execute = promisify(execFile);
const readJson = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-bench-'));
  // PostgreSQL does not run as root, and must reach its own folder within.
  await chmod(folder, 0o755);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Never fetches anything: a peer that is not installed is skipped. */
const bench = async (...args: string[]) => {
  const all = ['bench/main.ts', '--dir', folder, '--no-install', ...args];
  try {
    return { code: 0, ...(await execute(process.execPath, all, { cwd: ROOT })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

const linesOf = (stdout: string): Line[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as Line);

const isInstalled = (name: string) => existsSync(join(ROOT, 'bench/node_modules', name));

describe('npm run bench', () => {
  test('prints one JSON object a line for each figure, at a thousandth of the size', { timeout: 240_000 }, async () => {
    const { code, stdout, stderr } = await bench('--json', '--rounds', '1', '--scale', '0.001', '--store', 'sqlite');
    expect(code, stderr).toBe(0);
    const lines = linesOf(stdout);
    expect(lines.map(({ bench: name, store, unit }) => `${name} ${store} ${unit}`)).toEqual([
      'enqueue sqlite/disk jobs/s',
      'enqueue sqlite/process jobs/s',
      'enqueue-32 sqlite/disk jobs/s',
      'enqueue-32 sqlite/process jobs/s',
      'enqueue-bulk sqlite/disk jobs/s',
      'enqueue-bulk sqlite/process jobs/s',
      'process sqlite/disk jobs/s',
      'process-2 sqlite/disk jobs/s',
      'latency-p50 sqlite/disk ms',
      'latency-p99 sqlite/disk ms',
      'latency-p50 sqlite/process ms',
      'latency-p99 sqlite/process ms',
      'memory-waiting sqlite/process MB',
      'process-waiting sqlite/process x empty',
      'process-finished sqlite/process x empty',
      'process-delayed sqlite/process x empty',
      'threads sqlite/process jobs/s',
      'threads-stored sqlite/process jobs/s',
      'children sqlite/process jobs/s',
      'children-stored sqlite/process jobs/s',
      'children-memory sqlite/process MB',
      'listeners sqlite/process jobs/s',
      'listeners-cpu sqlite/process ms',
      'listeners-memory sqlite/process MB',
    ]);
    for (const name of ['plainjob', 'piscina'].filter((one) => !isInstalled(one))) {
      console.info(`${name} is not installed (npm run bench does it), so only the form without it was checked.`);
      expect(stderr).toContain(`${name} is skipped: it is not installed`);
    }
    for (const one of lines) {
      expect(Object.keys(one)).toEqual(KEYS);
      for (const value of [one.ours, one.limit, one.ofLimit]) expect(value).toBeGreaterThanOrEqual(0);
      // There is no peer for child processes, nor for the live feed.
      const peer = one.bench.startsWith('threads')
        ? 'piscina'
        : /^(children|listeners)/.test(one.bench)
          ? null
          : 'plainjob';
      const named = peer !== null && isInstalled(peer);
      expect(one.peer).toBe(named ? `${peer} ${readJson('bench/package.json').dependencies[peer]}` : null);
      for (const value of [one.peerValue, one.ratio]) expect(typeof value).toBe(named ? 'number' : 'object');
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test('measures the same on a PostgreSQL of its own, a line for each peer', { timeout: 240_000 }, async () => {
    const { code, stdout, stderr } = await bench('--json', '--rounds', '1', '--scale', '0.001', '--store', 'postgres');
    expect(code, stderr).toBe(0);
    const { dependencies } = readJson('bench/package.json');
    const versioned = (name: string) => `${name} ${dependencies[name]}`;
    const peers = [
      ...['pg-boss', 'graphile-worker'].filter(isInstalled).map(versioned),
      ...['graphile-worker'].filter(isInstalled).map((name) => `${versioned(name)} batched`),
    ];
    if (peers.length < 3)
      console.info('Not all peers on PostgreSQL are installed (npm run bench does it): the others were measured.');
    const lines = linesOf(stdout);
    const figures = 'enqueue enqueue-32 enqueue-bulk process process-2 latency-p50 latency-p99 process-backlog'.split(
      ' ',
    );
    expect(lines.map((one) => [one.bench, one.store, one.peer])).toEqual(
      figures.flatMap((figure) => (peers.length === 0 ? [null] : peers).map((peer) => [figure, 'postgres/disk', peer])),
    );
    for (const one of lines) for (const value of [one.ours, one.limit, one.ofLimit]) expect(value).toBeGreaterThan(0);
    // The files of the server, too.
    expect(await readdir(folder)).toEqual([]);
  });

  test('prints a table for people', { timeout: 120_000 }, async () => {
    const { stdout } = await bench(
      ...['--store', 'sqlite', '--only', 'enqueue-bulk', '--rounds', '1', '--scale', '0.001'],
    );
    expect(stdout).toMatch(/^bench +store +unit +ours +peer/m);
    expect(stdout).toMatch(/^enqueue-bulk +sqlite\/disk +jobs\/s +[\d,.]+ /m);
    expect(stdout).toMatch(/^medians of 1 rounds/m);
  });

  test('ends with 2 and says what is allowed when it is called wrongly', async () => {
    const { code, stdout, stderr } = await bench('--only', 'enqeue');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--only does not know "enqeue". Use: enqueue, enqueue-32, ');
  });
});

const KEYS = ['bench', 'store', 'ours', 'unit', 'peer', 'peerValue', 'ratio', 'band', 'limit', 'ofLimit'];

describe('the parts of the bench', () => {
  test('a line holds the ratios to the peer and to the script', () => {
    const figure = { bench: 'process', unit: 'jobs/s' } as const;
    expect(
      line(
        figure,
        'sqlite/disk',
        { ours: 30_000.4, limit: 40_000, ratios: [1, 0.5] },
        { name: 'plainjob 0.0.14', value: 6000, ratios: [5.2, 4.8, 5] },
      ),
    ).toEqual({
      bench: 'process',
      store: 'sqlite/disk',
      ours: 30_000,
      unit: 'jobs/s',
      peer: 'plainjob 0.0.14',
      peerValue: 6000,
      ratio: 5,
      band: [4.8, 5.2],
      limit: 40_000,
      ofLimit: 0.75,
    });
  });

  test('without a peer, its fields are null and the table shows a dash', () => {
    const one = line(
      { bench: 'latency-p50', unit: 'ms' },
      'sqlite/process',
      { ours: 0.5, limit: 0.25, ratios: [2] },
      null,
    );
    expect(one).toMatchObject({ peer: null, peerValue: null, ratio: null, limit: 0.25, ofLimit: 2 });
    expect(table([one])).toMatch(/latency-p50 +sqlite\/process +ms +0\.5 +– +– +– +0\.25 +2$/m);
  });

  test('without a peer, the ratio to the limit is the median of rounds in which both took their turn', () => {
    const figure = { bench: 'listeners', unit: 'jobs/s' } as const;
    // The machine was slow in one round, for both.
    const one = line(figure, 'sqlite/process', { ours: 400, limit: 100, ratios: [0.95, 4, 0.98] }, null);
    expect(one).toMatchObject({ ofLimit: 0.98, band: [0.95, 4] });
  });

  test('of a single round there is no band', () => {
    const peer = { name: 'pg-boss 12.38.0', value: 2, ratios: [2] };
    expect(
      line({ bench: 'enqueue', unit: 'jobs/s' }, 'postgres/disk', { ours: 4, limit: 4, ratios: [1] }, peer),
    ).toMatchObject({
      ratio: 2,
      band: null,
    });
  });

  test.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
  ])('the median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test.each([
    [['--rounds', '1.5'], '--rounds must be a whole number from 1 to 100, not "1.5".'],
    [['--rounds', ''], '--rounds must be a whole number from 1 to 100, not "".'],
    [['--scale', 'NaN'], '--scale must be a number from 0.001 to 10, not "NaN".'],
    [['--fast'], "Unknown option '--fast'"],
    [['--store', 'mysql'], '--store does not know "mysql". Use: sqlite, postgres.'],
    [['--store', 'postgres', '--only', 'threads'], '--only does not know "threads". Use: enqueue, enqueue-32,'],
  ])('%j is refused', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  test('--only keeps the order in which things are measured', () => {
    const { scenarios } = readOptions(['--only', 'latency, enqueue']);
    expect(scenarios.map(({ store, name }) => `${store} ${name}`)).toEqual([
      'sqlite enqueue',
      'sqlite latency',
      'postgres enqueue',
      'postgres latency',
    ]);
    const { scenarios: stored } = readOptions(['--only', 'latency, enqueue', '--store', 'postgres']);
    expect(stored.map(({ store }) => store)).toEqual(['postgres', 'postgres']);
  });

  test.each(['better-sqlite3', 'pg'])('the peers run on the %s that Backline uses', (driver) => {
    const ours = readJson(`node_modules/${driver}/package.json`).version;
    expect(readJson('bench/package.json').dependencies[driver]).toBe(ours);
  });

  test('the lock file names no host', () => {
    expect(readFileSync(join(ROOT, 'bench/package-lock.json'), 'utf8')).not.toMatch(/https?:|resolved/);
  });
});
