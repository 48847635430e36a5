import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DropEvent, JobManager, JobScheduler, type Logger, type RunningServer, startServer } from 'backline';
import { loadCreditsIndex } from './credits-index.ts';
import { catalogJob } from './handler.ts';
import { MusicBrainz } from './musicbrainz.ts';
import type { Settings } from './settings.ts';

/** Catalogs worked on at a time; more would only slow each other down. */
const AT_ONCE = 2;

/** Runs until it is told to stop. Everything it needs is opened before the first file is taken. */
export const runService = async (settings: Settings, say: (line: string) => void): Promise<void> => {
  const { jobsDir, resultsDir, database } = settings;
  const index = await loadCreditsIndex();
  const musicbrainz = settings.musicbrainz ? new MusicBrainz(settings.musicbrainz) : null;
  const jobs = { catalog: catalogJob({ resultsDir, index, musicbrainz }) };
  const manager = new JobManager(database, {
    jobs,
    maxConcurrentJobs: AT_ONCE,
    progressUpdateInterval: 250,
    handleSignals: false,
    logger: plainLogger(say),
  });
  const scheduler = new JobScheduler(manager, { jobsDir, jobType: 'catalog', onEvent: (event) => say(lineOf(event)) });
  manager.on('job-progress', ({ progress, note }) => say(`${progress.toFixed(0).padStart(3)} %  ${note ?? ''}`));
  const stop = untilSignal();
  let page: RunningServer | undefined;
  try {
    await manager.start();
    await scheduler.start();
    page = await startServer(manager, { host: '127.0.0.1', port: settings.port });
    if (settings.port !== 0 && page.port !== settings.port) say(`Port ${settings.port} is taken; using ${page.port}.`);
    say(welcome(settings, index.size, page.url));
    await stop;
    say('Stopping: what is unfinished goes on at the next start.');
  } finally {
    await scheduler.close();
    await manager.close();
    await page?.close();
  }
};

const untilSignal = (): Promise<void> =>
  new Promise((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });

const lineOf = ({ kind, message }: DropEvent): string => (kind === 'problem' ? `Problem: ${message}` : message);

/** Warnings and errors of the manager, for a terminal. */
const plainLogger = (say: (line: string) => void): Logger => {
  const line = (fields: { error?: unknown; err?: unknown }, message: string) => {
    const error = fields.error ?? fields.err;
    say(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : error}`);
  };
  return { debug: () => {}, info: () => {}, warn: line, error: line };
};

const SAMPLE = fileURLToPath(new URL('./data/sample-catalog.csv', import.meta.url));

const welcome = (settings: Settings, works: number, url: string): string => {
  const { jobsDir, resultsDir, database, musicbrainz } = settings;
  const here = (path: string) => (relative('', path).startsWith('..') ? resolve(path) : relative('', path) || '.');
  const sample = resolve(jobsDir, 'sample');
  return [
    '',
    `Songwriter credits: the service runs as process ${process.pid}; Ctrl+C stops it.`,
    `  page       ${url}`,
    `  API        ${url}/api   its reference: ${url}/api/docs`,
    `  jobs       ${here(jobsDir)}   *.job files in, *.status files out`,
    `  results    ${here(resultsDir)}`,
    `  database   ${database}`,
    `  sources    tags of audio files, ${works} well-known works, ${musicbrainz ? musicbrainz.url : 'no web service (MUSICBRAINZ_URL)'}`,
    '',
    'Try it, in another terminal:',
    `  echo '{"catalog_path": "${here(SAMPLE)}"}' > ${here(`${sample}.job`)} && sleep 3 && cat ${here(`${sample}.status`)}`,
    '',
  ].join('\n');
};
