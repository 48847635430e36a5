/** ThreadPool, what people import: its options, and how a thread is started from them. */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { checkOptions, type Duration, integer, text, timerDuration } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';
import { environment, environmentOf, type WorkerEnvironment } from './environment.ts';
import { module, THREAD_ARGUMENTS, THREAD_MAIN } from './module.ts';
import type { Runner } from './runner.ts';
import { Thread } from './thread.ts';
import { UnitPool } from './unit-pool.ts';

export interface ThreadPoolOptions {
  /** A module with handlers, by path or file URL: its default export, or its export `jobs`. */
  readonly module: string | URL;
  /** What errors and events call the pool. Default: the name of the module. */
  readonly name?: string;
  /** The largest number of threads. They start when they are needed, and stay. Default: one less than there are processors, at least 1. */
  readonly maxThreads?: number;
  /**
   * MiB that the heap of one thread may hold, buffers included. More: the thread is ended while it works, replaced between two jobs.
   * Default: Node's own bound, at which a thread may take the process with it.
   */
  readonly maxMemoryMb?: number;
  /** A thread is replaced after so many jobs. Default: never. */
  readonly maxJobsPerThread?: number;
  /** How long a thread may take until it is ready. Milliseconds or text; default 10 s. */
  readonly startTimeout?: Duration;
  /** After so many failed starts in a row the pool is out of service, until a start works. Default 3. */
  readonly maxStartFailures?: number;
  /** What they see of the environment. Default: no more than a program needs (PATH, HOME, the language, the time zone …). */
  readonly env?: WorkerEnvironment;
}

const OPTIONS = {
  module,
  name: text(200),
  maxThreads: integer(1, 1000),
  maxMemoryMb: integer(1, 16_777_216),
  maxJobsPerThread: integer(1, Number.MAX_SAFE_INTEGER),
  startTimeout: timerDuration(1),
  maxStartFailures: integer(1, 1000),
  env: environment,
} as const;

/**
 * Runs jobs in threads of this process: for work that keeps a processor busy. A thread that does not stop is ended. `Result` is
 * what its handlers return.
 *
 * @example
 * const threads = new ThreadPool<{ bpm: number }>({ module: new URL('./analyze.ts', import.meta.url) });
 * const jobs = { analyze: job({ runner: threads }) };
 * @throws INVALID_OPTION, UNKNOWN_OPTION.
 */
export class ThreadPool<Result = unknown> extends UnitPool implements Runner {
  declare readonly result?: Result;
  readonly name: string;
  readonly kills = true;

  constructor(options: ThreadPoolOptions) {
    const checked = checkOptions(OPTIONS, options, 'ThreadPool');
    if (checked.module === undefined) throw invalidOption('module', undefined, 'the path or file URL of a module');
    const settings = {
      name: checked.name ?? basename(checked.module),
      main: THREAD_MAIN,
      module: checked.module,
      execArgv: THREAD_ARGUMENTS,
      env: environmentOf(checked.env),
      startMs: checked.startTimeout ?? 10_000,
      maxMemoryMb: checked.maxMemoryMb ?? null,
    };
    super({
      max: checked.maxThreads ?? Math.max(1, availableParallelism() - 1),
      maxJobs: checked.maxJobsPerThread ?? null,
      restart: true,
      maxFailures: checked.maxStartFailures ?? 3,
      start: () => new Thread(settings),
    });
    this.name = settings.name;
  }
}
