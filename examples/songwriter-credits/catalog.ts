/** Reads a catalog: a CSV file of any size, one row at a time, with whatever is wrong in it counted and not fatal. */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Column, type Columns, findColumns } from './columns.ts';
import { type CsvFormat, CsvRecords } from './csv-records.ts';
import { CatalogError } from './errors.ts';

export interface CatalogRow {
  /** Line in the file on which the row ends. */
  readonly line: number;
  readonly title: string;
  readonly artist: string;
  readonly album?: string;
  readonly isrc?: string;
  /** Seconds. */
  readonly duration?: number;
  readonly filename?: string;
}

/** A row, or why there is none; `doubts` are fields that were left out because they make no sense. */
export type CatalogItem =
  | { readonly row: CatalogRow; readonly doubts: readonly Column[] }
  | { readonly line: number; readonly reason: string };

export interface Catalog {
  readonly columns: Columns;
  /** 0 to 1. */
  readonly read: () => number;
  readonly items: AsyncIterable<CatalogItem>;
}

/**
 * Opens a catalog and reads its first line.
 * @throws CATALOG_NOT_FOUND, CATALOG_UNREADABLE, CATALOG_NOT_TEXT, CATALOG_EMPTY, CATALOG_COLUMN_MISSING.
 */
export const openCatalog = async (path: string, signal?: AbortSignal): Promise<Catalog> => {
  const name = basename(path);
  const { format, size } = await inspect(path);
  const records = new CsvRecords(path, format, signal);
  const items = records.items();
  const first = await items.next();
  if (first.done) throw new CatalogError('CATALOG_EMPTY', `${name} is empty: it has no header row.`);
  if (!('record' in first.value))
    throw new CatalogError('CATALOG_UNREADABLE', `The header row of ${name} cannot be read: ${first.value.reason}.`);
  const columns = findColumns(
    first.value.record.map((column) => column.trim()),
    name,
  );
  const rows = async function* (): AsyncGenerator<CatalogItem> {
    for await (const item of items) yield 'record' in item ? toItem(item.record, item.line, columns) : item;
  };
  return { columns, read: () => (size === 0 ? 1 : records.bytesRead / size), items: rows() };
};

/** One record → one row. */
const toItem = (record: readonly string[], line: number, { position }: Columns): CatalogItem => {
  const field = (column: Column): string => {
    const at = position[column];
    return at === undefined ? '' : (record[at] ?? '').trim();
  };
  const [title, artist] = [field('title'), field('artist')];
  if (title === '' || artist === '') return { line, reason: `no ${title === '' ? 'title' : 'artist'}` };
  const doubts: Column[] = [];
  const isrc = orDoubt(toIsrc(field('isrc')), 'isrc', doubts);
  const duration = orDoubt(toSeconds(field('duration')), 'duration', doubts);
  const [album, filename] = [field('album'), field('filename')];
  return {
    doubts,
    row: {
      line,
      title,
      artist,
      ...(album === '' ? {} : { album }),
      ...(isrc === undefined ? {} : { isrc }),
      ...(duration === undefined ? {} : { duration }),
      ...(filename === '' ? {} : { filename }),
    },
  };
};

const orDoubt = <T>(value: T | null | undefined, column: Column, doubts: Column[]): T | undefined => {
  if (value === null) doubts.push(column);
  return value ?? undefined;
};

/** undefined: none; null: no ISRC. Hyphens and lower case are common and harmless. */
const toIsrc = (text: string): string | null | undefined => {
  if (text === '') return undefined;
  const isrc = text.replace(/^isrc/i, '').replace(/[\s-]/g, '').toUpperCase();
  return /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/.test(isrc) ? isrc : null;
};

/** `225`, `225.4`, `3:45` or `1:02:03` → seconds. */
const toSeconds = (text: string): number | null | undefined => {
  if (text === '') return undefined;
  if (!/^\d{1,6}(:\d{1,2}){0,2}(\.\d+)?$/.test(text)) return null;
  return text.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0);
};

const SNIFFED_BYTES = 65_536;

/** Looks at the start of the file: whether it is text at all, and what separates its columns. */
const inspect = async (path: string): Promise<{ format: CsvFormat; size: number }> => {
  const name = basename(path);
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const stats = await file.stat();
    if (!stats.isFile()) throw new CatalogError('CATALOG_UNREADABLE', `catalog_path ${path} is no ordinary file.`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    return { format: formatOf(buffer.subarray(0, bytesRead), name), size: stats.size };
  } catch (error) {
    if (error instanceof CatalogError) throw error;
    const code = (error as { code?: string }).code;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CatalogError('CATALOG_NOT_FOUND', `catalog_path ${path} does not exist.`, { cause: error });
    throw new CatalogError('CATALOG_UNREADABLE', `catalog_path ${path} cannot be read (${code}).`, { cause: error });
  } finally {
    await file?.close();
  }
};

const formatOf = (start: Buffer, name: string): CsvFormat => {
  const wide = start[0] === 0xff && start[1] === 0xfe;
  if (!wide && start.includes(0))
    throw new CatalogError('CATALOG_NOT_TEXT', `${name} is no text file. Export the catalog as CSV, in UTF-8.`);
  const text = start.toString(wide ? 'utf16le' : 'utf8');
  const header =
    text
      .replace(/"[^"]*"/g, '')
      .trimStart()
      .split(/\r\n|\r|\n/, 1)[0] ?? '';
  const count = (delimiter: string) => header.split(delimiter).length;
  const delimiter = [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
  return { delimiter, wide };
};
