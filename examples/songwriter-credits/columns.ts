import { CatalogError } from './errors.ts';

/** What we read of a catalog, and the names that other programs give to it. The first name wins where several are there. */
const COLUMNS = {
  title: ['title', 'track title', 'track', 'track name', 'song', 'song title', 'song name', 'recording', 'name'],
  artist: ['artist', 'artists', 'artist name', 'track artist', 'main artist', 'performer', 'performers', 'band'],
  album: ['album', 'album title', 'album name', 'release', 'release title'],
  isrc: ['isrc', 'isrc code'],
  duration: ['duration', 'length', 'time', 'track length'],
  filename: ['filename', 'file', 'file name', 'file path', 'path', 'audio file'],
} as const;

export type Column = keyof typeof COLUMNS;

const REQUIRED: readonly Column[] = ['title', 'artist'];

/** Where each column is in a record, and what the catalog calls it. */
export interface Columns {
  readonly position: Readonly<Partial<Record<Column, number>>>;
  readonly called: Readonly<Partial<Record<Column, string>>>;
  /** Columns we have no use for. */
  readonly ignored: readonly string[];
}

/** @throws CATALOG_COLUMN_MISSING naming the column, what was found and which names are understood. */
export const findColumns = (header: readonly string[], file: string): Columns => {
  const names = header.map((name) =>
    name
      .toLowerCase()
      .replace(/[\s_-]+/g, ' ')
      .trim(),
  );
  const position: Partial<Record<Column, number>> = {};
  const called: Partial<Record<Column, string>> = {};
  for (const column of Object.keys(COLUMNS) as Column[]) {
    const at = COLUMNS[column].map((name) => names.indexOf(name)).find((index) => index >= 0);
    if (at === undefined) continue;
    position[column] = at;
    called[column] = header[at] ?? column;
  }
  const missing = REQUIRED.filter((column) => position[column] === undefined);
  if (missing.length > 0) throw missingColumns(missing, header, file);
  const used = new Set(Object.values(position));
  return { position, called, ignored: header.filter((name, index) => name !== '' && !used.has(index)) };
};

const missingColumns = (missing: readonly Column[], header: readonly string[], file: string): CatalogError => {
  const found = header
    .map((name) => `"${name.slice(0, 40)}"`)
    .slice(0, 20)
    .join(', ');
  const understood = missing.map((column) => `${column} may be called: ${COLUMNS[column].join(', ')}`).join('; ');
  return new CatalogError(
    'CATALOG_COLUMN_MISSING',
    `${file} has no column for ${missing.join(' and ')}. The first line has: ${found}. ${understood}.`,
  );
};
