/** A folder, managers and schedulers on it, and a job type whose runs end when the test says so. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { z } from 'zod';
import type { DropEvent } from '../../src/doors/drop/room.ts';
import type { JobSchedulerOptions } from '../../src/doors/drop/scheduler-options.ts';
import { type JobStatus, readStatus } from '../../src/doors/drop/status-file.ts';
import { JobScheduler } from '../../src/doors/drop/watcher.ts';
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';
import { NoRetryError } from '../../src/job/outcome.ts';

interface Payload {
  readonly catalog_path: string;
}

/** One run of the handler; it waits until it is let go. */
interface Run {
  readonly path: string;
  readonly let: (how: 'go' | 'fail') => void;
  readonly progress: (percent: number, message?: string) => void;
}

/** Call it once per file, outside of tests: everything is made anew for each test and closed after it. */
export const useDoor = () => {
  let base = '';
  const open: { close(): Promise<void> }[] = [];
  const runs: Run[] = [];
  const events: DropEvent[] = [];

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'backline-drop-'));
    for (const list of [open, runs, events]) list.length = 0;
  });
  afterEach(async () => {
    for (const run of runs) run.let('go');
    for (const one of open.reverse()) await one.close();
    await rm(base, { recursive: true, force: true });
  });

  const catalog = job({
    input: z.object({ catalog_path: z.string(), strict: z.literal(true).optional() }),
    maxAttempts: 1,
    run: ({ catalog_path: path }: Payload, ctx) =>
      new Promise((done, fail) => {
        runs.push({
          path,
          let: (how) =>
            how === 'go' ? done({ import: { rows: 1 }, path }) : fail(new NoRetryError(`${path} is no good`)),
          progress: (percent, message) => ctx.progress({ done: percent, total: 100, ...(message ? { message } : {}) }),
        });
        ctx.signal.addEventListener('abort', () => fail(ctx.signal.reason));
      }),
  });
  const quick = { logger: false, pollInterval: 20, progressUpdateInterval: 0, shutdownTimeout: 0 } as const;

  const folder = () => base;
  const path = (name: string) => join(base, 'jobs', name);
  const until = <T>(look: () => T | Promise<T>) => vi.waitFor(look, { timeout: 10_000, interval: 5 });
  return {
    runs,
    folder,
    path,
    until,
    managerOn: async (database = ':memory:') => {
      const manager = new JobManager(database, { jobs: { catalog }, ...quick });
      open.push(manager);
      await manager.start();
      return manager;
    },
    schedulerOn: async (manager: JobManager<{ catalog: typeof catalog }>, options: JobSchedulerOptions = {}) => {
      const usual = { jobsDir: path(''), pollInterval: 20, settle: 10, patience: 300 };
      const scheduler = new JobScheduler(manager, { ...usual, onEvent: (event) => events.push(event), ...options });
      open.push(scheduler);
      await scheduler.start();
      return scheduler;
    },
    drop: (stem: string, content: unknown = { catalog_path: stem }) =>
      writeFile(path(`${stem}.job`), typeof content === 'string' ? content : JSON.stringify(content)),
    /** Without the door's own files. */
    names: async () => (await readdir(path(''))).filter((name) => !name.startsWith('.backline-drop')),
    statusThat: (stem: string, about: object): Promise<JobStatus> =>
      until(async () => {
        const status = await readStatus(path(''), stem);
        expect(status).toMatchObject(about);
        return status as JobStatus;
      }),
    isRunning: (count: number) => until(() => expect(runs).toHaveLength(count)),
    said: (kind: DropEvent['kind']) => events.filter((event) => event.kind === kind),
  };
};
