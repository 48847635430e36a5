/** Compares what was read of both sides of a move, record by record, and adds both up: in counts that people understand, and in a checksum. */
import type { Hash } from 'node:crypto';
import { JOBS, keyOf, type Row, type Table } from './side.ts';

/** How many jobs there are of one kind. */
export interface Counted {
  readonly status: string;
  readonly queue: string;
  readonly type: string;
  readonly source: number;
  readonly target: number;
}

const MOST_DIFFERENCES = 5;

interface Sums {
  rows: number;
  readonly source: Hash;
  readonly target: Hash;
}

export class Comparison {
  /** What is wrong, without values: they may be secrets. The first few. */
  readonly differences: string[] = [];
  readonly #newHash: () => Hash;
  readonly #sums = new Map<string, Sums>();
  readonly #counts = new Map<string, { source: number; target: number }>();

  constructor(newHash: () => Hash) {
    this.#newHash = newHash;
  }

  /** Rows of the same range of keys of both sides, in order. */
  add(table: Table, source: readonly Row[], target: readonly Row[]): void {
    const sums = this.#sumsOf(table);
    sums.rows += source.length;
    const wanted = this.#sumUp(table, source, sums.source, 'source');
    const found = this.#sumUp(table, target, sums.target, 'target');
    for (const [key, [line, row]] of wanted) {
      const other = found.get(key);
      if (!other) this.#differs(`${table.name} ${key} is missing`);
      else if (other[0] !== line) this.#differs(`${table.name} ${key} differs in ${unequal(table, row, other[1])}`);
    }
    for (const key of found.keys()) if (!wanted.has(key)) this.#differs(`${table.name} ${key} is too many`);
  }

  result() {
    const byKind = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      counts: byKind.map(([kind, sides]): Counted => {
        const [status, queue, type] = JSON.parse(kind) as [string, string, string];
        return { status, queue, type, ...sides };
      }),
      checksums: Object.fromEntries(
        [...this.#sums].map(([name, { rows, source, target }]) => [
          name,
          { rows, source: source.digest('hex'), target: target.digest('hex') },
        ]),
      ),
    };
  }

  #sumUp(table: Table, rows: readonly Row[], hash: Hash, side: 'source' | 'target'): Map<string, [line: string, Row]> {
    const lines = new Map<string, [string, Row]>();
    for (const row of rows) {
      const line = lineOf(row);
      hash.update(line).update('\n');
      lines.set(keyOf(table, row).join(' '), [line, row]);
      if (table === JOBS) this.#count(row, side);
    }
    return lines;
  }

  #count(row: Row, side: 'source' | 'target'): void {
    const kind = JSON.stringify([row[STATUS], row[QUEUE], row[TYPE]]);
    const counts = this.#counts.get(kind) ?? { source: 0, target: 0 };
    counts[side]++;
    this.#counts.set(kind, counts);
  }

  #sumsOf({ name }: Table): Sums {
    const known = this.#sums.get(name) ?? { rows: 0, source: this.#newHash(), target: this.#newHash() };
    this.#sums.set(name, known);
    return known;
  }

  #differs(what: string): void {
    if (this.differences.length < MOST_DIFFERENCES) this.differences.push(what);
    else if (this.differences.length === MOST_DIFFERENCES) this.differences.push('and more');
  }
}

const placeOf = (name: string): number => JOBS.columns.findIndex(([column]) => column === name);
const [STATUS, QUEUE, TYPE] = [placeOf('status'), placeOf('queue'), placeOf('type')];

/** One text per record. The character 0, which PostgreSQL cannot hold, counts as what stands there in its place. */
const lineOf = (row: Row): string =>
  JSON.stringify(row.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value)));

const unequal = ({ columns }: Table, a: Row, b: Row): string =>
  columns.flatMap(([name], i) => (lineOf([a[i]!]) === lineOf([b[i]!]) ? [] : [name])).join(', ');
