/** docs/promises.md names each promise once, and tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROOT } from './source-scan.ts';

/** How many each of the five systems made, and how many of them it called its future. */
const PROMISES = { S0: [46, 0], S1: [126, 0], S2: [46, 5], S3: [51, 0], S4: [68, 5] } as const;

/** The issues that what is not there yet comes with. */
const LATER = ['HTTP', 'dashboard', 'schedules', 'PostgreSQL', 'Celery', 'dependencies and alerts'];

const pad = (n: number): string => String(n).padStart(2, '0');
const numbers = Object.entries(PROMISES).flatMap(([system, [now, future]]) => [
  ...Array.from({ length: now }, (_, i) => `${system}-${pad(i + 1)}`),
  ...Array.from({ length: future }, (_, i) => `${system}-F${i + 1}`),
]);

interface Row {
  readonly numbers: readonly string[];
  readonly promise: string;
  readonly shown: readonly string[];
}

/** `S1-34 to S1-36` is three numbers. */
const spread = (cell: string): string[] => {
  const [, system, from, to] = /^(S\d)-(\d+) to \1-(\d+)$/.exec(cell) ?? [];
  if (system === undefined) return [cell];
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${system}-${pad(Number(from) + i)}`);
};

const rows: Row[] = readFileSync(`${ROOT}/docs/promises.md`, 'utf8')
  .split('\n')
  .filter((line) => /^\| S\d-/.test(line))
  .map((line) => {
    const [number = '', promise = '', shown = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    return { numbers: spread(number), promise, shown: shown.split('<br>') };
  });

const texts = new Map<string, string | null>();
const textOf = (path: string): string | null => {
  if (!texts.has(path)) texts.set(path, existsSync(`${ROOT}/${path}`) ? readFileSync(`${ROOT}/${path}`, 'utf8') : null);
  return texts.get(path)!;
};

/** What is wrong with one proof, or nothing. */
const faultOf = (shown: string): string | null => {
  const later = /^later: (.+)$/.exec(shown)?.[1];
  if (later !== undefined) return LATER.includes(later) ? null : 'there is no such issue';
  const [, path, title] = /^`([^`]+)`(?:: (.+))?$/.exec(shown) ?? [];
  if (path === undefined) return 'is neither a file with a title nor something later';
  const text = textOf(path);
  if (text === null) return 'the file does not exist';
  if (title === undefined) return path.endsWith('.test.ts') ? 'names no test' : null;
  return hasTitle(text, title) ? null : 'the file has no test of that name';
};

/** As it stands in the source, with its quotes. */
const hasTitle = (text: string, title: string): boolean =>
  ["'", '"', '`'].some((quote) => text.includes(`${quote}${title}`));

describe('docs/promises.md', () => {
  test('has every promise once', () => {
    const found = rows.flatMap((row) => row.numbers);
    expect(numbers.filter((number) => !found.includes(number))).toEqual([]);
    expect(found.filter((number) => !numbers.includes(number))).toEqual([]);
    expect(found.filter((number, i) => found.indexOf(number) !== i)).toEqual([]);
  });

  test('says in words what each of them is', () => {
    expect(rows.filter(({ promise, shown }) => promise === '' || shown.length === 0)).toEqual([]);
  });

  test('names tests that exist, or the issue that they come with', () => {
    const faults = rows.flatMap((row) =>
      row.shown.flatMap((shown) => {
        const fault = faultOf(shown);
        return fault === null ? [] : [`${row.numbers[0]} ${shown}: ${fault}`];
      }),
    );
    expect(faults).toEqual([]);
  });
});
