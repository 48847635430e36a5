import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** How the program was asked to run. */
export interface Settings {
  /** Songs, database and exports. */
  readonly folder: string;
  readonly database: string;
  readonly exports: string;
  /** Where the music is; null: songs are generated in `songs`. */
  readonly music: string | null;
  readonly songs: string;
  readonly tracks: number;
  readonly workers: number;
}

export const HELP = `A DJ library: scans music, finds tempo, key and loudness of each track, and exports the list.

  npm run example:dj-library -- [options]

Options
  --folder DIR     songs, database and exports         default data/dj-library
  --music DIR      your own music                      default: songs are generated, with known tempo and key
  --tracks N       how many songs are generated        default 200
  --workers N      processes that analyse at a time    default: one per processor, at most 4
  --help

It can be stopped or killed at any time; the next start goes on where it was.
`;

/** Something is wrong with the command line; the message says what. */
export class UsageError extends Error {}

/** @returns null if only help was asked for. @throws UsageError */
export const readSettings = (args: readonly string[]): Settings | null => {
  const values = parse(args);
  if (values.help) return null;
  for (const name of ['folder', 'music'] as const) if (values[name] === '') throw new UsageError(`--${name} is empty.`);
  if (values.music !== undefined && values.tracks !== undefined)
    throw new UsageError('--tracks says how many songs to generate, and with --music none are.');
  const folder = resolve(values.folder ?? 'data/dj-library');
  return {
    folder,
    database: join(folder, 'library.db'),
    exports: join(folder, 'exports'),
    music: values.music === undefined ? null : resolve(values.music),
    songs: join(folder, 'songs'),
    tracks: whole('--tracks', values.tracks ?? '200', 99_999),
    workers: whole('--workers', values.workers ?? String(Math.min(4, availableParallelism())), 64),
  };
};

const parse = (args: readonly string[]) => {
  try {
    const text = { type: 'string' } as const;
    const options = { folder: text, music: text, tracks: text, workers: text, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(`${(error instanceof Error ? error.message : String(error)).split('. ')[0]}.`);
  }
};

const whole = (flag: string, given: string, max: number): number => {
  if (!/^[1-9]\d*$/.test(given) || Number(given) > max)
    throw new UsageError(`${flag} is "${given}". Allowed: a whole number from 1 to ${max}.`);
  return Number(given);
};
