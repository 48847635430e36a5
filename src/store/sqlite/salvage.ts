/** Makes a copy of a damaged file that SQLite is willing to open, so that what is readable in it can be read. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';

/** As prepareConnection in open.ts sets it. */
const PAGE_BYTES = 4096;
/** Where the first page says how many pages there are, and which change of the file that was. Source: sqlite.org/fileformat */
const CHANGE_COUNTER_AT = 24;
const PAGE_COUNT_AT = 28;
const VALID_FOR_AT = 92;

/**
 * Copies `file` with its log to `copy`.
 *
 * - With `newSchema`, the pages that say where the tables begin are replaced by those of `fresh`, an empty database of the same
 *   schema: in files of one schema the tables begin in the same places.
 * - A file that was cut off is filled up with empty pages, because SQLite refuses it otherwise.
 * - Of a file that is gone or empty, the log may still hold all there was.
 */
export const workingCopy = (file: string, copy: string, fresh: string, newSchema: boolean): void => {
  copyFileSync(hasOnlyLog(file) ? fresh : file, copy);
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
  const handle = openSync(copy, 'r+');
  try {
    const pages = Math.ceil(fstatSync(handle).size / PAGE_BYTES);
    if (newSchema && pages > 1) writeSchema(handle, fresh, pages);
    const said = readPage(handle, 1).readUInt32BE(PAGE_COUNT_AT);
    if (said > pages && said < pages * MAX_GROWTH + MIN_GROWTH) ftruncateSync(handle, said * PAGE_BYTES);
  } finally {
    closeSync(handle);
  }
};

/** SQLite deletes a log that it finds without its database, and with it the jobs in it. */
export const hasOnlyLog = (file: string): boolean => sizeOf(file) === 0 && sizeOf(`${file}-wal`) > 0;

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

/** A page count beyond this is damage itself, and would fill the disk. */
const MAX_GROWTH = 1000;
const MIN_GROWTH = 10_000;

/** The first page, and the pages below it where the schema does not fit on one. */
const writeSchema = (handle: number, fresh: string, pages: number): void => {
  const source = openSync(fresh, 'r');
  try {
    const first = readPage(source, 1);
    first.writeUInt32BE(pages, PAGE_COUNT_AT);
    first.copy(first, VALID_FOR_AT, CHANGE_COUNTER_AT, CHANGE_COUNTER_AT + 4);
    writePage(handle, 1, first);
    for (const page of childrenOf(first)) writePage(handle, page, readPage(source, page));
  } finally {
    closeSync(source);
  }
};

/** The pages that the first page names as its children; none if it is a leaf. Source: sqlite.org/fileformat, section 1.6 */
const childrenOf = (first: Buffer): number[] => {
  const HEADER = 100;
  const INTERIOR = 5;
  if (first.readUInt8(HEADER) !== INTERIOR) return [];
  const cells = first.readUInt16BE(HEADER + 3);
  const left = Array.from({ length: cells }, (_, i) => first.readUInt32BE(first.readUInt16BE(HEADER + 12 + 2 * i)));
  return [...left, first.readUInt32BE(HEADER + 8)];
};

const readPage = (handle: number, page: number): Buffer => {
  const bytes = Buffer.alloc(PAGE_BYTES);
  readSync(handle, bytes, 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  return bytes;
};

const writePage = (handle: number, page: number, bytes: Buffer): void => {
  writeSync(handle, bytes, 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
};
