/** One run of the program: scan, analyse, export. What an earlier run left unfinished goes on first, and nothing is done twice. */
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { AnalysisType } from './analysis/analyses.ts';
import type { Engine } from './engine.ts';
import type { ExportRow } from './library.ts';
import type { Progress } from './progress.ts';

export interface Session {
  /** Where the music is. */
  readonly music: string;
  readonly exports: string;
  /** What is to be found out; those of one group are found out together. */
  readonly analyses: readonly (readonly AnalysisType[])[];
  readonly progress: Progress;
  readonly say: (line: string) => void;
  /** Ends it early; the next run goes on. */
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly exports: readonly ExportRow[];
  /** Jobs that failed in this run, and why the first of them did. */
  readonly failed: { readonly count: number; readonly first: readonly string[] };
}

const LOOK_MS = 200;
const ACTIVE = ['created', 'queued', 'running'] as const;
const ENDED_BADLY = ['failed', 'timeout'] as const;
const SCAN = ['scan', 'file_stage'];
const ANALYSE = ['analyze', 'analyze_loudness'];
const EXPORT = ['export'];
const SHOWN_FAILURES = 5;

/** @throws what `signal` was aborted with. */
export const runSession = async (engine: Engine, session: Session): Promise<Outcome> => {
  const startedAt = Date.now();
  if (await goesOn(engine, session, 'scan', SCAN)) await settled(engine, session, 'scan', SCAN);
  await engine.createScanJob([session.music]);
  await settled(engine, session, 'scan', SCAN);
  if (await goesOn(engine, session, 'analyse', ANALYSE)) await settled(engine, session, 'analyse', ANALYSE);
  await analyseWhatLacks(engine, session);
  await settled(engine, session, 'analyse', ANALYSE);
  if (!(await goesOn(engine, session, 'export', EXPORT)))
    await engine.exportTracks(
      engine.library.tracks().map(({ id }) => id),
      { folder: session.exports },
    );
  await settled(engine, session, 'export', EXPORT);
  await engine.createCleanupJob();
  await settled(engine, session, 'clean up', ['cleanup']);
  session.progress.end();
  const exports = engine.library.exports().filter(({ path }) => dirname(path) === session.exports);
  return { exports, failed: await failuresSince(startedAt, engine) };
};

/** Whether an earlier run left some of these jobs. */
const goesOn = async ({ jobManager }: Engine, { say, progress }: Session, label: string, types: string[]) => {
  const left = await jobManager.count({ type: types, status: ACTIVE });
  if (left === 0) return false;
  progress.end();
  say(`${label.padEnd(10)} ${left} jobs of an earlier run go on`);
  return true;
};

/** One batch for each group, of the tracks that lack anything of it. */
const analyseWhatLacks = async (engine: Engine, { analyses }: Session): Promise<void> => {
  for (const group of analyses) {
    const ids = [...new Set(group.flatMap((type) => engine.library.tracksWithout(type)))];
    if (ids.length > 0) await engine.createAnalysisJobs(ids, [...group]);
  }
};

/** Waits until none of these jobs is left, and shows how many are done. */
const settled = async ({ jobManager }: Engine, { progress, signal }: Session, label: string, types: string[]) => {
  const endedBefore = await ended();
  for (;;) {
    signal.throwIfAborted();
    const waiting = await jobManager.count({ type: types, status: ACTIVE });
    const done = (await ended()) - endedBefore;
    progress.update(label, done, done + waiting);
    if (waiting === 0) return;
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => {});
  }

  async function ended(): Promise<number> {
    const { byType } = await jobManager.stats();
    return types.reduce((sum, type) => {
      const { completed = 0, failed = 0, timeout = 0, cancelled = 0 } = byType[type] ?? {};
      return sum + completed + failed + timeout + cancelled;
    }, 0);
  }
};

const failuresSince = async (time: number, { jobManager }: Engine): Promise<Outcome['failed']> => {
  const types = [...SCAN, ...ANALYSE, ...EXPORT, 'cleanup'];
  const first: string[] = [];
  let count = 0;
  for (let after: string | undefined, more = true; more; ) {
    const page = await jobManager.list({ type: types, status: ENDED_BADLY }, { limit: 1000, after });
    for (const { type, error, completedAt } of page.jobs) {
      if (completedAt === null || completedAt < time) continue;
      if (first.length < SHOWN_FAILURES) first.push(`${type}: ${error}`);
      count++;
    }
    more = page.next !== null;
    after = page.next ?? undefined;
  }
  return { count, first };
};
