/** One line per figure: as JSON for programs, as a table for people. */
import type { Figure } from './scenarios.ts';

export interface Line {
  readonly bench: string;
  /** The database, and what our promises survive: `sqlite/disk`, `sqlite/process` or `postgres/disk`. */
  readonly store: string;
  readonly ours: number;
  readonly unit: Figure['unit'];
  /** Name and version of the peer; null if it was skipped. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** Ours divided by the peer's. */
  readonly ratio: number | null;
  /** What the plain script reached; of threads and children, bare messages. */
  readonly limit: number;
  /** Ours divided by the limit. */
  readonly ofLimit: number;
}

export const line = (
  { bench, unit }: Figure,
  store: string,
  ours: number,
  peer: { name: string; value: number } | null,
  limit: number,
): Line => ({
  bench,
  store,
  ours: rounded(ours),
  unit,
  peer: peer?.name ?? null,
  peerValue: peer ? rounded(peer.value) : null,
  ratio: peer ? rounded(ours / peer.value) : null,
  limit: rounded(limit),
  ofLimit: rounded(ours / limit),
});

/** Three digits are more than such measures are worth. */
const rounded = (value: number): number => (value >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));

const HEAD = ['bench', 'store', 'unit', 'ours', 'peer', 'ours/peer', 'limit', 'ours/limit', 'against'];
const LAST = HEAD.length - 1;

export const table = (lines: readonly Line[]): string => {
  const rows = [
    HEAD,
    ...lines.map(({ bench, store, unit, ours, peer, peerValue, ratio, limit, ofLimit }) => [
      bench,
      store,
      unit,
      shown(ours),
      shown(peerValue),
      shown(ratio),
      shown(limit),
      shown(ofLimit),
      peer ?? '',
    ]),
  ];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < 3 || i === LAST ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const shown = (value: number | null): string =>
  value === null ? '–' : value.toLocaleString('en-US', { maximumFractionDigits: 3 });
