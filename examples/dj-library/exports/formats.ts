/** A list of tracks as text, in each of the formats: a head, one piece per track, and an end. */
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { camelotOf, shortKey } from '../analysis/key-names.ts';
import type { AnalysedTrack } from '../library.ts';

export const FORMATS = ['m3u8', 'csv', 'json', 'rekordbox'] as const;

export type ExportFormat = (typeof FORMATS)[number];

/** What is true of the whole list. */
export interface ListInfo {
  readonly name: string;
  readonly tracks: number;
}

export interface Format {
  readonly extension: string;
  readonly head: (info: ListInfo) => string;
  /** @param n from 0. */
  readonly track: (track: AnalysedTrack, n: number) => string;
  readonly end: (info: ListInfo) => string;
}

/** A name with a line break in it would be two lines; as an address it is one. */
const lineOf = (path: string): string => (/[\r\n]/.test(path) ? pathToFileURL(path).href : path);

const m3u8: Format = {
  extension: '.m3u8',
  head: ({ name }) => `#EXTM3U\n#PLAYLIST:${name}\n`,
  track: ({ path, seconds, artist, title }) =>
    `#EXTINF:${seconds === null ? -1 : Math.round(seconds)},${artist === null ? title : `${artist} - ${title}`}\n${lineOf(path)}\n`,
  end: () => '',
};

const COLUMNS: readonly (readonly [name: string, value: (track: AnalysedTrack) => string | number | null])[] = [
  ['title', ({ title }) => title],
  ['artist', ({ artist }) => artist],
  ['album', ({ album }) => album],
  ['genre', ({ genre }) => genre],
  ['year', ({ year }) => year],
  ['seconds', ({ seconds }) => seconds],
  ['bpm', ({ bpm }) => bpm],
  ['key', ({ key }) => key],
  ['camelot', ({ key }) => key && camelotOf(key)],
  ['peak_db', ({ peakDb }) => peakDb],
  ['rms_db', ({ rmsDb }) => rmsDb],
  ['path', ({ path }) => path],
];

const field = (value: string | number | null): string => {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const csv: Format = {
  extension: '.csv',
  head: () => `${COLUMNS.map(([name]) => name).join(',')}\r\n`,
  track: (track) => `${COLUMNS.map(([, value]) => field(value(track))).join(',')}\r\n`,
  end: () => '',
};

const json: Format = {
  extension: '.json',
  head: ({ name }) => `{"name":${JSON.stringify(name)},"tracks":[`,
  track: (track, n) => {
    const entries = COLUMNS.map(([name, value]) => [name, value(track)]);
    return `${n === 0 ? '' : ','}\n${JSON.stringify(Object.fromEntries(entries))}`;
  },
  end: () => '\n]}\n',
};

/** XML 1.0 has no way to write most control characters, escaped or not. */
const escapeXml = (value: string | number): string =>
  String(value)
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll(/[&<>"'\t\n\r]/g, (one) => `&#${one.charCodeAt(0)};`);

const element = (name: string, attributes: Readonly<Record<string, string | number | null>>): string =>
  Object.entries(attributes).reduce(
    (text, [key, value]) => (value === null ? text : `${text} ${key}="${escapeXml(value)}"`),
    `<${name}`,
  );

/** What Rekordbox imports (`File` → `Import` → `rekordbox xml`). */
const rekordbox: Format = {
  extension: '.xml',
  head: ({ tracks }) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0">\n${element('PRODUCT', { Name: 'Backline DJ library', Version: '1.0', Company: '' })}/>\n${element('COLLECTION', { Entries: tracks })}>\n`,
  track: (track, n) => {
    const { bpm, key, seconds, path, size, firstBeat } = track;
    const attributes = {
      TrackID: n + 1,
      Name: track.title,
      Artist: track.artist,
      Album: track.album,
      Genre: track.genre,
      Kind: `${extname(path).slice(1).toUpperCase()} File`,
      Size: size,
      TotalTime: seconds === null ? null : Math.round(seconds),
      Year: track.year,
      AverageBpm: bpm === null ? null : bpm.toFixed(2),
      DateAdded: new Date(track.addedAt).toISOString().slice(0, 10),
      Tonality: key === null ? null : shortKey(key),
      Location: `file://localhost${pathToFileURL(path).pathname}`,
    };
    if (bpm === null) return `${element('TRACK', attributes)}/>\n`;
    // The grid begins with the first beat of the file, even if the beats were followed from its middle on.
    const start = Math.max(0, firstBeat ?? 0) % (60 / bpm);
    const tempo = element('TEMPO', { Inizio: start.toFixed(3), Bpm: bpm.toFixed(2), Metro: '4/4', Battito: 1 });
    return `${element('TRACK', attributes)}>\n${tempo}/>\n</TRACK>\n`;
  },
  end: ({ name, tracks }) => {
    const keys = Array.from({ length: tracks }, (_, i) => `${element('TRACK', { Key: i + 1 })}/>\n`).join('');
    const list = `${element('NODE', { Name: name, Type: 1, KeyType: 0, Entries: tracks })}>\n${keys}</NODE>\n`;
    const root = `${element('NODE', { Type: 0, Name: 'ROOT', Count: 1 })}>\n${list}</NODE>\n`;
    return `</COLLECTION>\n<PLAYLISTS>\n${root}</PLAYLISTS>\n</DJ_PLAYLISTS>\n`;
  },
};

export const FORMAT: Readonly<Record<ExportFormat, Format>> = { m3u8, csv, json, rekordbox };
