/** What came out, as a table; and how much of it is right, where that is known. */
import { basename, relative } from 'node:path';
import type { Truth } from './generate.ts';
import type { AnalysedTrack } from './library.ts';
import type { Outcome } from './session.ts';

export interface Score {
  readonly tracks: number;
  /** Within one percent of the truth, of its half or of its double: the same music, counted in other beats. */
  readonly tempo: number;
  /** Those of them that are in the octave of the truth. */
  readonly octave: number;
  readonly key: number;
}

const TOLERANCE = 0.01;

export const scoreOf = (tracks: readonly AnalysedTrack[], truth: Truth): Score => {
  const score = { tracks: 0, tempo: 0, octave: 0, key: 0 };
  for (const { path, bpm, key } of tracks) {
    const right = truth[basename(path)];
    if (!right) continue;
    const isNear = (factor: number) => bpm !== null && Math.abs(bpm / (right.tempo * factor) - 1) <= TOLERANCE;
    score.tracks++;
    if ([0.5, 1, 2].some(isNear)) score.tempo++;
    if (isNear(1)) score.octave++;
    if (key === right.key) score.key++;
  }
  return score;
};

const SAMPLE = 8;

export const reportOf = (
  tracks: readonly AnalysedTrack[],
  truth: Truth | null,
  { exports, failed }: Outcome,
): string => {
  const lines = ['', ...tableOf(tracks.slice(0, SAMPLE), truth)];
  if (tracks.length > SAMPLE) lines.push(`… and ${tracks.length - SAMPLE} more`);
  lines.push('', row('tracks', String(tracks.length)));
  const score = truth && scoreOf(tracks, truth);
  if (score && score.tracks > 0) {
    lines.push(row('tempo right', `${share(score.tempo, score.tracks)}, ${score.octave} of them in the same octave`));
    lines.push(row('key right', share(score.key, score.tracks)));
  }
  if (failed.count > 0) lines.push(row('failed', `${failed.count} jobs`), ...failed.first.map((one) => `  ${one}`));
  lines.push(...exports.map(({ path, tracks: n }) => row('exported', `${here(path)}  ${n} tracks`)), '');
  return lines.join('\n');
};

const share = (n: number, all: number): string => `${n} of ${all} (${((100 * n) / all).toFixed(1)} %)`;

const row = (label: string, value: string): string => `${label.padEnd(12)} ${value}`;

const here = (path: string): string => {
  const way = relative('', path);
  return way.startsWith('..') ? path : way;
};

const tableOf = (tracks: readonly AnalysedTrack[], truth: Truth | null): string[] => {
  const cells = tracks.map(({ title, artist, bpm, key, rmsDb, path }) => {
    const right = truth?.[basename(path)];
    return [
      artist === null ? title : `${artist} - ${title}`,
      bpm === null ? '-' : bpm.toFixed(1),
      key ?? '-',
      rmsDb === null ? '-' : `${rmsDb.toFixed(1)} dB`,
      ...(truth ? [right ? `${right.tempo.toFixed(1)}  ${right.key}` : ''] : []),
    ];
  });
  const all = [['track', 'tempo', 'key', 'loudness', ...(truth ? ['truth'] : [])], ...cells];
  const widths = all[0]!.map((_, i) => Math.min(44, Math.max(...all.map((one) => one[i]!.length))));
  return all.map((one) =>
    one
      .map((cell, i) => cell.slice(0, widths[i]).padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
};
