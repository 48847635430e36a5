/** The whole program as a process of its own: killed, stopped, and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { parse } from 'csv-parse/sync';
import { expect, onTestFinished, test } from 'vitest';
import { readTruth } from './generate.ts';
import { Library } from './library.ts';
import { scoreOf } from './report.ts';
import { freshFolder, until } from './testing.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

class Program {
  readonly process: ChildProcess;
  readonly #ended: Promise<unknown>;
  said = '';

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, ['--conditions=backline-source', MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.process, 'close');
    for (const stream of [this.process.stdout!, this.process.stderr!])
      stream.on('data', (text) => {
        this.said += text;
      });
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  /** @returns exit code, or the signal that ended it. */
  async end(signal?: NodeJS.Signals): Promise<number | string | null> {
    if (signal) this.process.kill(signal);
    await this.#ended;
    return this.process.exitCode ?? this.process.signalCode;
  }

  /** Processes that it has started; only Linux tells. */
  workers(): number[] {
    const file = `/proc/${this.process.pid}/task/${this.process.pid}/children`;
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
  }
}

/** How many rows a table has by now; none before there is a table. */
const rows = (folder: string, sql: string): number => {
  try {
    const db = new Database(join(folder, 'library.db'), { readonly: true, fileMustExist: true });
    try {
      return (db.prepare(sql).get() as { n: number }).n;
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
};

const ANALYSES = 'SELECT count(*) AS n FROM analyses';
const STAGED = 'SELECT count(*) AS n FROM tracks';

/** A process that has ended, also if nobody has collected it yet. */
const isGone = (pid: number): boolean => {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

test('killed again and again, it goes on each time, does nothing twice, and is right about the tempo', async () => {
  const folder = freshFolder();
  const args = ['--folder', folder, '--tracks', '24', '--workers', '1'];
  const moments = [
    [STAGED, 5],
    [ANALYSES, 10],
    [ANALYSES, 40],
  ] as const;
  for (const [sql, n] of moments) {
    const program = new Program(...args);
    await until(() => rows(folder, sql) >= n, 30_000);
    const workers = program.workers();
    expect(await program.end('SIGKILL')).toBe('SIGKILL');
    await until(() => workers.every(isGone));
  }
  expect(rows(folder, ANALYSES)).toBeLessThan(48);
  const last = new Program(...args);
  expect([await last.end(), last.said]).toEqual([0, expect.stringContaining('of an earlier run go on')]);

  const library = new Library(join(folder, 'library.db'));
  onTestFinished(() => library.close());
  const tracks = library.tracks();
  const score = scoreOf(tracks, (await readTruth(join(folder, 'songs')))!);
  expect(score.tracks).toBe(24);
  expect(score.tempo).toBeGreaterThanOrEqual(23);
  expect(score.key).toBeGreaterThanOrEqual(22);
  expect(last.said).toContain(`tempo right  ${score.tempo} of 24`);

  // One track, one analysis, one completed job: whatever was stored before a kill was not done again.
  for (const type of ['tempo', 'key'] as const) expect(library.tracksWithout(type)).toEqual([]);
  const twice = `SELECT count(*) AS n FROM (SELECT 1 FROM jobs WHERE type LIKE 'analyze%' AND status = 'completed'
    GROUP BY type, payload ->> 'trackId' HAVING count(*) > 1)`;
  expect(rows(folder, twice)).toBe(0);
  const unfinished = `SELECT count(*) AS n FROM jobs WHERE status <> 'completed'`;
  expect(rows(folder, unfinished)).toBe(0);
  const owners = `SELECT count(*) AS n FROM analyses a JOIN jobs j ON j.id = a.job_id AND j.status = 'completed'`;
  expect(rows(folder, owners)).toBe(library.counts().analyses);

  const exported = parse(readFileSync(join(folder, 'exports/library.csv')), { columns: true }) as { path: string }[];
  expect(exported.map(({ path }) => basename(path))).toEqual(tracks.map(({ path }) => basename(path)));
  expect(readdirSync(join(folder, 'exports')).sort()).toEqual(
    ['csv', 'json', 'm3u8', 'xml'].map((one) => `library.${one}`),
  );
}, 90_000);

test('an interrupt ends it in good order, and the next start goes on', async () => {
  const folder = freshFolder();
  const args = ['--folder', folder, '--tracks', '12', '--workers', '1'];
  const first = new Program(...args);
  await until(() => rows(folder, ANALYSES) >= 3, 30_000);
  const workers = first.workers();
  expect([await first.end('SIGINT'), first.said]).toEqual([130, expect.stringContaining('goes on at the next start')]);
  expect(workers.every(isGone)).toBe(true);
  const second = new Program(...args);
  expect([await second.end(), second.said]).toEqual([0, expect.stringContaining('tempo right  12 of 12')]);
}, 60_000);

test('it says what is wrong with its command line', async () => {
  const wrong = new Program('--trakcs', '5');
  expect([await wrong.end(), wrong.said]).toEqual([2, expect.stringMatching(/trakcs.*--help/s)]);
  const help = new Program('--help');
  expect([await help.end(), help.said]).toEqual([0, expect.stringContaining('--workers N')]);
});

test('your own music is scanned where it is, and what cannot be read is told', async () => {
  const folder = freshFolder();
  const music = freshFolder();
  const made = new Program('--folder', folder, '--tracks', '1');
  expect(await made.end()).toBe(0);
  const [song] = readdirSync(join(folder, 'songs')).filter((name) => name.endsWith('.wav'));
  copyFileSync(join(folder, 'songs', song!), join(music, 'Mine.wav'));
  writeFileSync(join(music, 'broken.wav'), 'no sound');
  const other = freshFolder();
  const program = new Program('--folder', other, '--music', music);
  expect([await program.end(), program.said]).toEqual([0, expect.stringMatching(/failed +\d+ jobs\n.*broken\.wav/)]);
  expect(program.said).not.toContain('tempo right');
  expect(program.said).toContain('2 tracks');
});
