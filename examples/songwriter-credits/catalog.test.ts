import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CatalogRow, openCatalog } from './catalog.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credits-'));
});
afterEach(() => rm(folder, { recursive: true }));

const read = async (content: string | Buffer) => {
  const path = join(folder, 'catalog.csv');
  await writeFile(path, content);
  const catalog = await openCatalog(path);
  const rows: CatalogRow[] = [];
  const skipped: { line: number; reason: string }[] = [];
  const doubts: string[] = [];
  for await (const item of catalog.items) {
    if ('row' in item) {
      rows.push(item.row);
      doubts.push(...item.doubts);
    } else skipped.push(item);
  }
  expect(catalog.read()).toBe(1);
  return { rows, skipped, doubts, columns: catalog.columns };
};

describe('a catalog', () => {
  test('has rows with the fields that are there', async () => {
    const { rows, skipped } = await read(
      'title,artist,album,isrc,duration,filename\nHelp!,The Beatles,Help!,gb-aya-65-00001,2:18,a/help.mp3\nYesterday,The Beatles,,,125.4,\n',
    );
    expect(rows).toEqual([
      {
        line: 2,
        title: 'Help!',
        artist: 'The Beatles',
        album: 'Help!',
        isrc: 'GBAYA6500001',
        duration: 138,
        filename: 'a/help.mp3',
      },
      { line: 3, title: 'Yesterday', artist: 'The Beatles', duration: 125.4 },
    ]);
    expect(skipped).toEqual([]);
  });

  test.each([
    ['a byte order mark and Windows line ends', '\uFEFFtitle,artist\r\nA,B\r\nC,D\r\n'],
    ['old Mac line ends', 'title,artist\rA,B\rC,D'],
    ['empty lines', '\n\ntitle,artist\n\nA,B\n,\n   \nC,D\n\n'],
    ['blanks around', ' title , artist \n A ,  B\n C,D \n'],
    ['semicolons', 'title;artist\nA;B\nC;D\n'],
    ['tabs', 'title\tartist\nA\tB\nC\tD\n'],
    ['UTF-16', Buffer.from('\uFEFFtitle,artist\nA,B\nC,D\n', 'utf16le')],
    ['columns in another order and of other names', 'Performer,#,Track_Title\nB,1,A\nD,2,C\n'],
    ['no line end at its end', 'title,artist\nA,B\nC,D'],
  ])('with %s is read', async (_, content) => {
    const { rows } = await read(content);
    expect(rows.map(({ title, artist }) => [title, artist])).toEqual([
      ['A', 'B'],
      ['C', 'D'],
    ]);
  });

  test('with line ends, quotes and separators within quotes is read', async () => {
    const { rows } = await read('title,artist\n"Come\nTogether","A ""B"", C"\n');
    expect(rows).toEqual([{ line: 3, title: 'Come\nTogether', artist: 'A "B", C' }]);
  });

  test('says which of its columns were understood and which were not', async () => {
    const { columns } = await read('Song,Band,Label,Track Length\nA,B,C,3:00\n');
    expect(columns.called).toEqual({ title: 'Song', artist: 'Band', duration: 'Track Length' });
    expect(columns.ignored).toEqual(['Label']);
  });

  test('prefers the plain name where two columns could be meant', async () => {
    const { rows } = await read('song,title,artist\nwrong,right,B\n');
    expect(rows[0]?.title).toBe('right');
  });

  test('with bad rows loses those alone, and says where and why', async () => {
    const { rows, skipped } = await read('title,artist\nA,B\n,B\nC\n"x" y,D\nE,F,extra\n12" mix,G\n');
    expect(rows.map(({ title }) => title)).toEqual(['A', '"x" y', 'E', '12" mix']);
    expect(skipped).toEqual([
      { line: 3, reason: 'no title' },
      { line: 4, reason: 'no artist' },
    ]);
  });

  test('with a quote that is never closed loses that line alone', async () => {
    const { rows, skipped } = await read('title,artist\r\nA,B\r\n\r\n"C,D\r\nE,F\r\nG,H\r\n');
    expect(rows.map(({ title, line }) => [title, line])).toEqual([
      ['A', 2],
      ['E', 5],
      ['G', 6],
    ]);
    expect(skipped).toEqual([{ line: 4, reason: expect.stringContaining('never closed') }]);
  });

  test('with many rows around broken ones loses none of the others', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) =>
      i % 1000 === 500 ? `"broken ${i},x` : `song ${i},"artist, ${i}"`,
    );
    lines[4999] = '"open';
    const { rows, skipped } = await read(`title,artist\n${lines.join('\n')}`);
    const whole = lines.flatMap((line, i) => (line.startsWith('song') ? [`song ${i}`] : []));
    const found = new Set(rows.map(({ title }) => title));
    // A quote that opens closes at the next quote: the line behind it may be lost with it, and is then part of a bad row.
    expect(whole.filter((title) => !found.has(title)).length).toBeLessThanOrEqual(skipped.length + 10);
    expect(rows.length + skipped.length).toBeGreaterThan(4980);
  });

  test.each([
    ['in quotes that never close', (long: string) => `"${long}`],
    ['in quotes', (long: string) => `"${long.replaceAll('\n', ' ')}",Z`],
    ['without quotes', (long: string) => `${long.replaceAll('\n', ' ')},Z`],
  ])('with an endless row %s skips it, and reads on', async (_, endless) => {
    const { rows, skipped } = await read(`title,artist\nA,B\n${endless('word\n'.repeat(400_000))}\nC,D\nE,F\n`);
    expect(rows.map(({ title }) => title)).toEqual(['A', 'C', 'E']);
    expect(skipped[0]).toEqual({ line: 3, reason: expect.stringContaining('longer than') });
  });

  test('with fields that make no sense leaves those out', async () => {
    const { rows, doubts } = await read('title,artist,isrc,duration\nA,B,123,soon\n');
    expect(rows).toEqual([{ line: 2, title: 'A', artist: 'B' }]);
    expect(doubts).toEqual(['isrc', 'duration']);
  });

  test('with a header alone has no rows', async () => {
    expect((await read('title,artist\n')).rows).toEqual([]);
  });
});

describe('what is no catalog', () => {
  test('a missing column is named, with what was found and what is understood', async () => {
    await expect(read('titel,artist\nA,B\n')).rejects.toMatchObject({
      code: 'CATALOG_COLUMN_MISSING',
      message: expect.stringMatching(
        /no column for title\. The first line has: "titel", "artist"\. title may be called: title, track/,
      ),
    });
    await expect(read('a,b\n')).rejects.toThrow(/title and artist/);
  });

  test.each<[string, string | Buffer, string]>([
    ['an empty file', '', 'CATALOG_EMPTY'],
    ['blank lines', '\n\n \n', 'CATALOG_EMPTY'],
    ['a spreadsheet', Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0]), 'CATALOG_NOT_TEXT'],
  ])('%s is refused', async (_, content, code) => {
    await expect(read(content)).rejects.toMatchObject({ code });
  });

  test('a folder and a path that does not exist are refused, naming the path', async () => {
    await mkdir(join(folder, 'dir'));
    await expect(openCatalog(join(folder, 'dir'))).rejects.toMatchObject({ code: 'CATALOG_UNREADABLE' });
    const none = join(folder, 'none.csv');
    await expect(openCatalog(none)).rejects.toMatchObject({
      code: 'CATALOG_NOT_FOUND',
      message: expect.stringContaining(none),
    });
    await expect(openCatalog(join(folder, 'dir\0x'))).rejects.toMatchObject({ code: 'CATALOG_UNREADABLE' });
  });
});
