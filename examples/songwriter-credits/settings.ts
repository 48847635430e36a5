import { parseArgs } from 'node:util';

/** How the program was asked to run. A flag wins over its environment variable, which wins over the default. */
export interface Settings {
  readonly daemon: boolean;
  readonly jobsDir: string;
  readonly resultsDir: string;
  readonly database: string;
  /** Of the status page, on this machine only. */
  readonly port: number;
  /** null: the web service is not asked. */
  readonly musicbrainz: {
    readonly url: string;
    readonly perSecond: number;
    readonly contact: string | undefined;
  } | null;
  /** For a one-time run. */
  readonly catalog: string | null;
  readonly audioBasePath: string | undefined;
}

export const HELP = `Finds out who wrote the songs of a catalog.

  main.ts CATALOG.csv [--audio-base-path DIR]   one catalog, once: the figures go to standard output
  main.ts --daemon [--jobs-dir DIR]             a service: watches a folder for *.job files

Options                   variable              default
  --jobs-dir DIR          JOB_SCHEDULER_DIR     data/jobs                where *.job files are dropped
  --results-dir DIR       CREDITS_RESULTS_DIR   data/results             where credits are written
  --database ADDRESS      DATABASE_URL          sqlite:data/backline.db  where the service keeps its jobs
  --port NUMBER           PORT                  4700                     the status page of the service
  --audio-base-path DIR                         none                     folder of the audio files, for a one-time run
  --musicbrainz-url URL   MUSICBRAINZ_URL       none                     such as https://musicbrainz.example/ws/2
                          MUSICBRAINZ_RATE      1                        requests a second
                          MUSICBRAINZ_CONTACT   none                     told to the service, so that it can reach you
  --help
`;

/** Something is wrong with the command line or a variable; the message says what. */
export class UsageError extends Error {}

const FLAGS = {
  daemon: { type: 'boolean' },
  help: { type: 'boolean' },
  'jobs-dir': { type: 'string' },
  'results-dir': { type: 'string' },
  database: { type: 'string' },
  port: { type: 'string' },
  'audio-base-path': { type: 'string' },
  'musicbrainz-url': { type: 'string' },
} as const;

/** @returns null if only help was asked for. @throws UsageError */
export const readSettings = (
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings | null => {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  if (positionals.length > 1) throw new UsageError(`One catalog at a time, found ${positionals.join(', ')}.`);
  if (values.daemon && positionals[0] !== undefined)
    throw new UsageError(`With --daemon, catalogs come as *.job files; found ${positionals[0]}.`);
  if (!values.daemon && positionals[0] === undefined) throw new UsageError('Neither a catalog nor --daemon is given.');
  // Compose files set variables that are not filled in to empty text.
  const choose = (flag: keyof typeof values, variable: string): string | undefined => {
    const given = values[flag] ?? environment[variable];
    if (values[flag] === '') throw new UsageError(`--${flag} is empty.`);
    return typeof given === 'string' && given !== '' ? given : undefined;
  };
  return {
    daemon: values.daemon ?? false,
    jobsDir: choose('jobs-dir', 'JOB_SCHEDULER_DIR') ?? 'data/jobs',
    resultsDir: choose('results-dir', 'CREDITS_RESULTS_DIR') ?? 'data/results',
    database: choose('database', 'DATABASE_URL') ?? 'sqlite:data/backline.db',
    port: portOf(choose('port', 'PORT')),
    musicbrainz: webService(choose('musicbrainz-url', 'MUSICBRAINZ_URL'), environment),
    catalog: positionals[0] ?? null,
    audioBasePath: choose('audio-base-path', ''),
  };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error instanceof Error ? error.message : String(error)).split('. ')[0]}.`);
  }
};

const portOf = (given = '4700'): number => {
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535)
    throw new UsageError(`The port is "${given}". Allowed: a whole number from 0 (any free one) to 65535.`);
  return Number(given);
};

const webService = (
  url: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Settings['musicbrainz'] => {
  if (url === undefined) return null;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new UsageError(`MUSICBRAINZ_URL is "${url}". Allowed: an address that begins with http:// or https://.`);
  const rate = environment['MUSICBRAINZ_RATE'] || '1';
  const perSecond = Number(rate);
  if (!(perSecond > 0 && perSecond <= 1000))
    throw new UsageError(`MUSICBRAINZ_RATE is "${rate}". Allowed: requests a second, from above 0 to 1000.`);
  return { url, perSecond, contact: environment['MUSICBRAINZ_CONTACT'] || undefined };
};
