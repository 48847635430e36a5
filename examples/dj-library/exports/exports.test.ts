import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import type { AnalysedTrack } from '../library.ts';
import { freshFolder } from '../testing.ts';
import { type ExportFormat, FORMAT, FORMATS } from './formats.ts';
import { partOf, writeWhole } from './write.ts';

const PLAIN: AnalysedTrack = {
  id: 'a',
  path: '/music/a.wav',
  size: 1000,
  modifiedAt: 1,
  addedAt: Date.UTC(2024, 1, 29),
  missingSince: null,
  title: 'A',
  artist: 'B',
  album: null,
  genre: null,
  year: null,
  seconds: 12.6,
  bpm: 120,
  firstBeat: 60.25,
  key: 'F# minor',
  peakDb: -1,
  rmsDb: -12.5,
};

const NASTY: AnalysedTrack = {
  ...PLAIN,
  path: '/music/100% "R&B" <#1>?/ünï, code\n.mp3',
  title: '<b>"R&B"</b>, \'x\' \u0001\ud800',
  artist: null,
  album: 'Line\nbreak',
  seconds: null,
  bpm: null,
  firstBeat: null,
  key: null,
};

const write = (format: ExportFormat, tracks: readonly AnalysedTrack[]): string => {
  const { head, track, end } = FORMAT[format];
  const info = { name: 'My & list', tracks: tracks.length };
  return head(info) + tracks.map(track).join('') + end(info);
};

test('M3U8 has a line per track, whatever its name', () => {
  expect(write('m3u8', [PLAIN, NASTY]).split('\n')).toEqual([
    '#EXTM3U',
    '#PLAYLIST:My & list',
    '#EXTINF:13,B - A',
    '/music/a.wav',
    `#EXTINF:-1,${NASTY.title}`,
    expect.stringMatching(/^file:\/\/\/music\/.*%0A\.mp3$/),
    '',
  ]);
});

test('CSV is read by others as it was meant', () => {
  const [plain, nasty] = parse(write('csv', [PLAIN, NASTY]), { columns: true }) as Record<string, string>[];
  expect(plain).toEqual({
    title: 'A',
    artist: 'B',
    album: '',
    genre: '',
    year: '',
    seconds: '12.6',
    bpm: '120',
    key: 'F# minor',
    camelot: '11A',
    peak_db: '-1',
    rms_db: '-12.5',
    path: '/music/a.wav',
  });
  expect(nasty).toMatchObject({ album: 'Line\nbreak', bpm: '', camelot: '', path: NASTY.path });
});

test('JSON is JSON, with nothing, one and many tracks', () => {
  for (const tracks of [[], [PLAIN], [PLAIN, NASTY, PLAIN]]) {
    const read = JSON.parse(write('json', tracks));
    expect(read.name).toBe('My & list');
    expect(read.tracks.map(({ path }: { path: string }) => path)).toEqual(tracks.map(({ path }) => path));
  }
});

/** Enough of a reader to see that elements are closed, attributes are whole, and nothing is unescaped. */
const elements = (xml: string): { name: string; attributes: Record<string, string> }[] => {
  const open: string[] = [];
  const found: ReturnType<typeof elements> = [];
  const rest = xml
    .replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, '')
    .replaceAll(/<(\/?)(\w+)((?: \w+="[^"<>]*")*)(\/?)>/g, (_, end, name, text: string, single) => {
      if (end) expect(open.pop()).toBe(name);
      else if (!single) open.push(name);
      const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => {
        expect(value).not.toMatch(/&(?!#\d+;)/);
        return [key, value!.replaceAll(/&#(\d+);/g, (__, code) => String.fromCharCode(Number(code)))];
      });
      if (!end) found.push({ name, attributes: Object.fromEntries(pairs) });
      return '';
    });
  expect(rest.trim()).toBe('');
  expect(open).toEqual([]);
  return found;
};

test('Rekordbox gets whole XML, with tempo, key and addresses that lead to the files', () => {
  const found = elements(write('rekordbox', [PLAIN, NASTY]));
  const [plain, nasty] = found.filter(({ name, attributes }) => name === 'TRACK' && attributes['Location']);
  expect(found.find(({ name }) => name === 'COLLECTION')?.attributes).toEqual({ Entries: '2' });
  expect(plain?.attributes).toEqual({
    TrackID: '1',
    Name: 'A',
    Artist: 'B',
    Kind: 'WAV File',
    Size: '1000',
    TotalTime: '13',
    AverageBpm: '120.00',
    DateAdded: '2024-02-29',
    Tonality: 'F#m',
    Location: 'file://localhost/music/a.wav',
  });
  expect(found.filter(({ name }) => name === 'TEMPO').map(({ attributes }) => attributes)).toEqual([
    { Inizio: '0.250', Bpm: '120.00', Metro: '4/4', Battito: '1' },
  ]);
  expect(nasty?.attributes['Name']).toBe('<b>"R&B"</b>, \'x\' \ufffd');
  expect(nasty?.attributes['Album']).toBe('Line\nbreak');
  const location = nasty!.attributes['Location']!;
  expect(location).toMatch(/^file:\/\/localhost\/music\/[!-~]+$/);
  expect(fileURLToPath(location)).toBe(NASTY.path);
  const list = found.filter(({ name }) => name === 'NODE').at(-1);
  expect(list?.attributes).toEqual({ Name: 'My & list', Type: '1', KeyType: '0', Entries: '2' });
  expect(found.filter(({ attributes }) => attributes['Key']).map(({ attributes }) => attributes['Key'])).toEqual([
    '1',
    '2',
  ]);
});

test('a list of nothing is whole in every format', () => {
  for (const format of FORMATS) expect(write(format, []).length).toBeGreaterThan(0);
  elements(write('rekordbox', []));
});

test('a file appears whole, in a folder that is made for it, and replaces the one before', async () => {
  const path = join(freshFolder(), 'new/list.csv');
  await writeWhole(path, partOf(path, '1'), ['old']);
  await writeWhole(path, partOf(path, '2'), ['n', 'ew']);
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(join(path, '..'))).toEqual(['list.csv']);
});

test('what is broken off leaves the old file and nothing else', async () => {
  const folder = freshFolder();
  const path = join(folder, 'list.csv');
  writeFileSync(path, 'old');
  const pieces = function* () {
    yield 'new';
    throw new Error('cancelled');
  };
  await expect(writeWhole(path, partOf(path, '1'), pieces())).rejects.toThrow('cancelled');
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['list.csv']);
});

test.runIf(process.platform === 'linux')('a full disk is told with the path, the code and what to do', async () => {
  const folder = freshFolder();
  const path = join(folder, 'list.csv');
  const part = partOf(path, '1');
  symlinkSync('/dev/full', part);
  const refusal = expect(writeWhole(path, part, ['x'.repeat(100_000)])).rejects;
  await refusal.toMatchObject({ name: 'LibraryError', code: 'ENOSPC', message: expect.stringContaining('Make room') });
  await expect(writeWhole(`${folder}/`, part, [])).rejects.toThrow(basename(folder));
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ['a folder below a file', 'file/list.csv', /ENOTDIR|EEXIST/],
  ['a folder in its place', 'folder', /EISDIR|ENOTEMPTY|EEXIST/],
])('%s is told with the path and the code', async (_, name, code) => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'folder'));
  const path = join(folder, name);
  const refusal = expect(writeWhole(path, partOf(path, '1'), ['x'])).rejects;
  await refusal.toMatchObject({ code: expect.stringMatching(code), message: expect.stringContaining(path) });
  expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
});
