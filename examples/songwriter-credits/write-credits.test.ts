import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CreditsIndex, loadCreditsIndex } from './credits-index.ts';
import { catalogText, generateCatalog } from './generate.ts';
import { importCatalog } from './import-catalog.ts';
import { type Checkpoint, RunFolder } from './run-folder.ts';
import { writeCredits } from './write-credits.ts';

const ROWS = 4000;
const never = new AbortController().signal;
const noProgress = () => {};

let base: string;
let folder: RunFolder;
let catalog: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'credits-'));
  folder = new RunFolder(join(base, 'run'));
  await folder.make();
  catalog = join(base, 'catalog.csv');
  await writeFile(catalog, [...catalogText(ROWS)].join(''));
});
afterEach(() => rm(base, { recursive: true }));

const sources = async () => ({ tags: null, index: await loadCreditsIndex(), musicbrainz: null });

/** Finishes the run, and checks that every row is there once, in order. */
const finishAndCheck = async () => {
  const { counts, part } = await writeCredits(folder, await sources(), never, noProgress);
  await folder.finish(part, {});
  const lines = (await readFile(folder.creditsFile, 'utf8')).trim().split('\n').slice(1);
  expect(lines.map((line) => Number(line.split(',')[0]))).toEqual(Array.from({ length: ROWS }, (_, i) => i + 2));
  const known = generateCatalog().known(ROWS);
  expect(counts).toMatchObject({
    identified: known,
    unidentified: ROWS - known,
    by: { tags: 0, index: known, musicbrainz: 0 },
  });
};

test('every row has a line with its writers, or with none', async () => {
  const stats = await importCatalog(catalog, folder, never, noProgress);
  expect(stats).toMatchObject({ rows: ROWS, imported: ROWS, skipped: 0, problems: [], columns: { title: 'title' } });
  await finishAndCheck();
  await folder.tidy();
  expect(await readdir(folder.path)).toEqual(['credits.csv', 'summary.json']);
});

test('a run that is stopped again and again ends with every row once', async () => {
  await importCatalog(catalog, folder, never, noProgress);
  for (let stops = 0; stops < 5; stops++) {
    const stop = new AbortController();
    const run = writeCredits(folder, await sources(), stop.signal, () => stop.abort(new RangeError('stopping')));
    await expect(run).rejects.toThrow('stopping');
  }
  const { counts } = (await folder.load<Checkpoint>('checkpoint'))!;
  expect(counts.identified + counts.unidentified).toBe(5 * 500);
  await finishAndCheck();
});

test('what a killed process wrote behind its last checkpoint is forgotten', async () => {
  await importCatalog(catalog, folder, never, noProgress);
  const stop = new AbortController();
  await writeCredits(folder, await sources(), stop.signal, () => stop.abort(new RangeError('stopping'))).catch(
    noProgress,
  );
  const { part } = (await folder.load<Checkpoint>('checkpoint'))!;
  await appendFile(join(folder.path, part), '502,half a li');
  await finishAndCheck();
});

test.each(['part', 'checkpoint'])('a run whose %s is lost begins anew', async (lost) => {
  await importCatalog(catalog, folder, never, noProgress);
  const stop = new AbortController();
  await writeCredits(folder, await sources(), stop.signal, () => stop.abort(new RangeError('stopping'))).catch(
    noProgress,
  );
  const { part } = (await folder.load<Checkpoint>('checkpoint'))!;
  await (lost === 'part' ? rm(join(folder.path, part)) : writeFile(join(folder.path, 'checkpoint.json'), '{"par'));
  await finishAndCheck();
});

test('two runs at once, one of a process that was believed dead, both end with every row once', async () => {
  await importCatalog(catalog, folder, never, noProgress);
  const late = writeCredits(folder, await sources(), never, noProgress);
  await finishAndCheck();
  const { part } = await late;
  await folder.finish(part, {});
  expect((await readFile(folder.creditsFile, 'utf8')).trim().split('\n')).toHaveLength(ROWS + 1);
});

test('an import that was broken off begins anew, and one that is whole is not read again', async () => {
  const stop = new AbortController();
  stop.abort(new RangeError('stopping'));
  await expect(importCatalog(catalog, folder, stop.signal, noProgress)).rejects.toThrow();
  expect(await folder.load('import')).toBeNull();
  const stats = await importCatalog(catalog, folder, never, noProgress);
  await rm(catalog);
  expect(await importCatalog(catalog, folder, never, noProgress)).toEqual(stats);
  await finishAndCheck();
});

test('fields with separators, quotes and line ends come out as they went in', async () => {
  await writeFile(catalog, 'title,artist,album\n"A ""B"", C","D\nE",F\n');
  await importCatalog(catalog, folder, never, noProgress);
  const work = { title: 'A "B", C', songwriters: ['G', 'H, I'], source: 'test' };
  const index = new CreditsIndex([{ work, artists: ['D\nE'] }]);
  const { part } = await writeCredits(folder, { tags: null, index, musicbrainz: null }, never, noProgress);
  expect(await readFile(join(folder.path, part), 'utf8')).toBe(
    'line,title,artist,album,isrc,songwriters,source,evidence\n3,"A ""B"", C","D\nE",F,,"G; H, I",index,"A ""B"", C: test"\n',
  );
});
