/** The program: `npm run example:dj-library`. `--help` says how. */
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { AnalysisType } from './analysis/analyses.ts';
import { Engine } from './engine.ts';
import { generateSongs, readTruth } from './generate.ts';
import { Progress } from './progress.ts';
import { reportOf } from './report.ts';
import { runSession } from './session.ts';
import { HELP, readSettings, type Settings, UsageError } from './settings.ts';

const PYTHON = 'python3';
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The first signal ends it in good order, the second at once. */
const untilSignal = (): AbortSignal => {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Stopped());
    });
  return controller.signal;
};

class Stopped extends Error {}

const main = async (settings: Settings): Promise<void> => {
  const startedAt = performance.now();
  const signal = untilSignal();
  const progress = new Progress(process.stdout);
  await mkdir(settings.folder, { recursive: true });
  await prepareSongs(settings, progress, signal);
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: problem };
  const manager = { handleSignals: false, logger, shutdownTimeout: 2000 };
  const engine = new Engine({ database: settings.database, workers: settings.workers, python: PYTHON, manager });
  try {
    await engine.start();
    const { exports } = settings;
    const music = settings.music ?? settings.songs;
    const outcome = await runSession(engine, { music, exports, analyses: analysesHere(), progress, say, signal });
    say(reportOf(engine.library.tracks(), await readTruth(music), outcome));
    say(`Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  } finally {
    progress.end();
    await engine.close();
  }
};

const problem = (fields: { err?: unknown; error?: unknown }, message: string): void => {
  const error = fields.error ?? fields.err;
  process.stderr.write(`${message}: ${error instanceof Error ? error.message : error}\n`);
};

const prepareSongs = async ({ music, songs, tracks }: Settings, progress: Progress, signal: AbortSignal) => {
  if (music !== null) return;
  await generateSongs(songs, tracks, async (done) => {
    signal.throwIfAborted();
    progress.update('generate', done, tracks);
  });
  progress.end();
};

/** Tempo and key are found out in Node; loudness in Python, where there is one. */
const analysesHere = (): (readonly AnalysisType[])[] => {
  const hasPython = spawnSync(PYTHON, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;
  if (!hasPython) say(`There is no ${PYTHON} (3.9 or newer), so loudness is left out.`);
  return [['tempo', 'key'], ...(hasPython ? [['loudness'] as const] : [])];
};

try {
  const settings = readSettings(process.argv.slice(2));
  if (settings) await main(settings);
  else process.stdout.write(HELP);
} catch (error) {
  if (error instanceof Stopped) {
    say('Stopped. What is unfinished goes on at the next start.');
    process.exitCode = 130;
  } else {
    const { message, code } = error as { message?: unknown; code?: unknown };
    process.stderr.write(`✗ ${error instanceof Error ? message : String(error)}${code ? ` (${code})` : ''}\n`);
    if (error instanceof UsageError) process.stderr.write('  main.ts --help tells what there is.\n');
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
