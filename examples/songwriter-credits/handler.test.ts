import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobManager } from 'backline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CatalogInput, type CatalogResult, catalogJob } from './handler.ts';
import { MusicBrainz } from './musicbrainz.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'credits-'));
});
afterEach(() => rm(base, { recursive: true }));

const CATALOG = [
  'title,artist,filename',
  'Yesterday,The Beatles,a.mp3',
  'Untitled,Nobody,../../secret.mp3',
  'Come Home,The Nobodies,none.mp3',
  ',Nobody,',
  'Hallelujah,Jeff Buckley,',
].join('\n');

const run = async (input: Partial<CatalogInput>, musicbrainz: MusicBrainz | null = null): Promise<CatalogResult> => {
  const jobs = { catalog: catalogJob({ resultsDir: join(base, 'results'), musicbrainz }) };
  await using manager = new JobManager(':memory:', { jobs, logger: false });
  await manager.start();
  const handle = await manager.enqueue('catalog', { catalog_path: join(base, 'catalog.csv'), ...input }, { id: 'one' });
  return (await manager.result(handle)) as CatalogResult;
};

test('a catalog becomes credits and figures that add up', async () => {
  await writeFile(join(base, 'catalog.csv'), CATALOG);
  const { import: imported, identification, output, ...rest } = await run({});
  expect(imported).toMatchObject({ rows: 5, imported: 4, skipped: 1, problems: [{ line: 5, reason: 'no title' }] });
  expect(identification).toEqual({ identified: 2, unidentified: 2, by: { tags: 0, index: 2, musicbrainz: 0 } });
  expect(rest).toEqual({});
  expect(await readFile(output.credits, 'utf8')).toBe(
    [
      'line,title,artist,album,isrc,songwriters,source,evidence',
      '2,Yesterday,The Beatles,,,John Lennon; Paul McCartney,index,Yesterday: songwriter credit of the published recording',
      '3,Untitled,Nobody,,,,,',
      '4,Come Home,The Nobodies,,,,,',
      '6,Hallelujah,Jeff Buckley,,,Leonard Cohen,index,Hallelujah: songwriter credit of the published recording',
      '',
    ].join('\n'),
  );
  expect(await readdir(join(base, 'results', 'one'))).toEqual(['credits.csv', 'summary.json']);
});

test('audio files are looked for in their folder only, and counted', async () => {
  await writeFile(join(base, 'catalog.csv'), CATALOG);
  await mkdir(join(base, 'audio'));
  await writeFile(join(base, 'audio', 'a.mp3'), 'no tags');
  const { audio } = await run({ audio_base_path: join(base, 'audio') });
  expect(audio).toEqual({ folder_found: true, read: 1, missing: 1, outside: 1, unreadable: 0 });
});

test('a folder of audio files that is not there is said and does not end the job', async () => {
  await writeFile(join(base, 'catalog.csv'), CATALOG);
  expect((await run({ audio_base_path: join(base, 'none') })).audio).toMatchObject({ folder_found: false, missing: 0 });
});

test('the web service is asked for what nothing else knows', async () => {
  await writeFile(join(base, 'catalog.csv'), CATALOG);
  const writer = { type: 'writer', artist: { name: 'Ada Lovelace' } };
  const server = createServer((request, response) => {
    const search = request.url?.includes('query=');
    const known = request.url?.includes('Nobodies');
    const recording = { id: 'r', title: 'Come Home', score: 99, 'artist-credit': [{ name: 'The Nobodies' }] };
    response.end(
      JSON.stringify(
        search ? { recordings: known ? [recording] : [] } : { relations: [{ work: { id: 'w', relations: [writer] } }] },
      ),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { identification, musicbrainz } = await run({}, new MusicBrainz({ url, perSecond: 1000 }));
  server.close();
  server.closeAllConnections();
  expect(identification).toEqual({ identified: 3, unidentified: 1, by: { tags: 0, index: 2, musicbrainz: 1 } });
  expect(musicbrainz).toEqual({ found: 1, none: 1, failed: 0, skipped: 0 });
});

test('a service that is not there costs its answers, not the job', async () => {
  await writeFile(join(base, 'catalog.csv'), CATALOG);
  const { identification, musicbrainz } = await run(
    {},
    new MusicBrainz({ url: 'http://127.0.0.1:1', perSecond: 1000, failures: 1 }),
  );
  expect(identification).toMatchObject({ identified: 2, unidentified: 2 });
  expect(musicbrainz).toMatchObject({ found: 0, none: 0 });
  expect(musicbrainz!.failed + musicbrainz!.skipped).toBe(2);
});

test.each([
  ['is not there', null, 'CATALOG_NOT_FOUND'],
  ['is empty', '', 'CATALOG_EMPTY'],
  ['has no titles', 'artist\nA\n', 'CATALOG_COLUMN_MISSING'],
])('a catalog that %s fails its job at once, with a code', async (_, content, code) => {
  if (content !== null) await writeFile(join(base, 'catalog.csv'), content);
  await expect(run({})).rejects.toMatchObject({ code: 'JOB_FAILED', cause: { code } });
});

test('a catalog without rows is done', async () => {
  await writeFile(join(base, 'catalog.csv'), 'title,artist\n');
  expect(await run({})).toMatchObject({
    import: { rows: 0, imported: 0 },
    identification: { identified: 0, unidentified: 0 },
    output: { rows: 0 },
  });
});
