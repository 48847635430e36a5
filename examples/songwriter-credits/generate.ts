/**
 * Writes a catalog of any size: `node generate.ts 50000 > big.csv`. The same numbers give the same rows, and it is known how many
 * of them are in the credits index.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { INDEX_FILE } from './credits-index.ts';

export interface GeneratedCatalog {
  readonly header: string;
  /** Row n, from 0, without a line end. */
  readonly row: (n: number) => string;
  /** Whether row n is a work of the index. */
  readonly isKnown: (n: number) => boolean;
  /** How many of the first n rows are. */
  readonly known: (n: number) => number;
}

/** Every third row or so is a well-known work; the others are made up. */
const KNOWN_SHARE = 1 / 3;

export const generateCatalog = (seed = 1): GeneratedCatalog => {
  const works = parse(readFileSync(INDEX_FILE), { bom: true, columns: true }) as { title: string; artists: string }[];
  const isKnown = (n: number) => random(seed, n) < KNOWN_SHARE;
  const row = (n: number): string => {
    const work = works[Math.floor(random(seed + 1, n) * works.length)];
    if (!work || !isKnown(n))
      return `Untitled ${n},Nobody ${n % 997},Demo Tapes ${n % 89},${1 + (n % 7)}:${String(n % 60).padStart(2, '0')}`;
    const artists = work.artists.split(' | ');
    const artist = artists[Math.floor(random(seed + 2, n) * artists.length)] ?? '';
    return [work.title, artist, '', `${2 + (n % 5)}:${String(n % 60).padStart(2, '0')}`].map(quote).join(',');
  };
  const known = (n: number) => Array.from({ length: n }, (_, i) => i).filter(isKnown).length;
  return { header: 'title,artist,album,duration', row, isKnown, known };
};

const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A number from 0 to 1 that depends on its arguments alone. */
const random = (seed: number, n: number): number => {
  let hash = Math.imul(n + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
};

/** Rows of a catalog in pieces of a few thousand lines, for a stream. */
export function* catalogText(rows: number, seed = 1): Generator<string> {
  const catalog = generateCatalog(seed);
  yield `${catalog.header}\n`;
  for (let from = 0; from < rows; from += 2000)
    yield Array.from({ length: Math.min(2000, rows - from) }, (_, i) => `${catalog.row(from + i)}\n`).join('');
}

const main = async (): Promise<void> => {
  const rows = Number(process.argv[2] ?? 50_000);
  if (!Number.isInteger(rows) || rows < 0) {
    process.stderr.write(`"${process.argv[2]}" is no number of rows. Usage: node generate.ts 50000 > big.csv\n`);
    process.exitCode = 2;
    return;
  }
  const { pipeline } = await import('node:stream/promises');
  await pipeline(catalogText(rows), process.stdout);
};

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
