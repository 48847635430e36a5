/** One line per figure: as JSON for programs, as a table for people. */
import { median } from './median.ts';
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
  /**
   * The lowest and the highest ratio of a single round, to the peer, or to the limit where there is no peer: what lies within is noise.
   * Null if there was but one.
   */
  readonly band: readonly [low: number, high: number] | null;
  /** What the plain script reached; of threads and children, bare messages. */
  readonly limit: number;
  /** Ours divided by the limit; without a peer the median of the rounds, in each of which both took their turn. */
  readonly ofLimit: number;
}

export interface Peer {
  readonly name: string;
  readonly value: number;
  /** Ours divided by the peer's, round by round. */
  readonly ratios: readonly number[];
}

/** What was reached, by us and by the limit. */
export interface Reached {
  readonly ours: number;
  readonly limit: number;
  /** Ours divided by the limit's, round by round. */
  readonly ratios: readonly number[];
}

export const line = (
  { bench, unit }: Figure,
  store: string,
  { ours, limit, ratios }: Reached,
  peer: Peer | null,
): Line => ({
  bench,
  store,
  ours: rounded(ours),
  unit,
  peer: peer?.name ?? null,
  peerValue: peer ? rounded(peer.value) : null,
  ratio: peer ? rounded(ours / peer.value) : null,
  band: bandOf(peer ? peer.ratios : ratios),
  limit: rounded(limit),
  ofLimit: rounded(peer || ratios.length === 0 ? ours / limit : median(ratios)),
});

const bandOf = (ratios: readonly number[]): Line['band'] =>
  ratios.length < 2 ? null : [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))];

/** Three digits are more than such measures are worth. */
const rounded = (value: number): number => (value >= 1000 ? Math.round(value) : Number(value.toPrecision(3)));

const HEAD = ['bench', 'store', 'unit', 'ours', 'peer', 'ours/peer', 'of rounds', 'limit', 'ours/limit', 'against'];
const LAST = HEAD.length - 1;

export const table = (lines: readonly Line[]): string => {
  const rows = [
    HEAD,
    ...lines.map(({ bench, store, unit, ours, peer, peerValue, ratio, band, limit, ofLimit }) => [
      bench,
      store,
      unit,
      shown(ours),
      shown(peerValue),
      shown(ratio),
      band ? `${shown(band[0])}..${shown(band[1])}` : '–',
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
