/** WorkerPool, what people import: its options, and how a child is started from them. */
import { basename } from 'node:path';
import {
  type Check,
  type Checked,
  checkOptions,
  type Duration,
  flag,
  func,
  integer,
  listOf,
  text,
  timerDuration,
} from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';
import { Child, type ChildSettings } from './child.ts';
import { environment, environmentOf, type WorkerEnvironment } from './environment.ts';
import { CHILD_MAIN, module, nodeArguments, pythonWorkerFolder } from './module.ts';
import type { Runner } from './runner.ts';
import { UnitPool } from './unit-pool.ts';

export interface WorkerPoolOptions {
  /** The program that does the work, and its arguments: `['/usr/bin/python3', 'worker.py']`. Either this or `module`. */
  readonly command?: readonly string[];
  /** A module with handlers, by path or file URL, run by this Node: its default export, or its export `jobs`. */
  readonly module?: string | URL;
  /** What errors and events call the pool. Default: the name of the program or module. */
  readonly name?: string;
  /** The largest number of processes. They start when they are needed, and stay. Default 4. */
  readonly maxWorkers?: number;
  /** A process that works and writes nothing for so long is killed. Milliseconds or text; default 5 minutes. */
  readonly workerTimeout?: Duration;
  /** Replace processes that died. Default true. */
  readonly restartWorkers?: boolean;
  /** More arguments for the program or module. */
  readonly workerArgs?: readonly string[];
  /** The folder they run in. Default: that of this process. */
  readonly cwd?: string;
  /** What they see of the environment. Default: no more than a program needs (PATH, HOME, the language, the time zone …). */
  readonly env?: WorkerEnvironment;
  /** How much they yield to other programs, 0 to 19. Default: as this process. */
  readonly niceness?: number;
  /** MiB that a process may hold, with all it started. More: killed while it works, replaced between two jobs. Default: no bound. */
  readonly maxMemoryMb?: number;
  /** A process is replaced after so many jobs. Default: never. */
  readonly maxJobsPerWorker?: number;
  /** How long a process may take until it is ready. Milliseconds or text; default 10 s. */
  readonly startTimeout?: Duration;
  /** After so many failed starts in a row the pool is out of service, until a start works. Default 3. */
  readonly maxStartFailures?: number;
  /** The longest line a process may write, in bytes. Default 16 MiB. */
  readonly maxLineBytes?: number;
  /** Gets what the processes write to standard error, or `'inherit'` to pass it on. Default: only its end is kept, with what fails. */
  readonly onStderr?: 'inherit' | ((text: string) => void);
}

const path = text(10_000);

/** An argument may be empty. */
const argument: Check<string> = (value, field) => {
  if (typeof value !== 'string' || value.includes('\0')) throw invalidOption(field, value, 'text');
  return value;
};

const command: Check<string[]> = (value, field) => {
  const words = listOf(argument, 1000)(value, field);
  path(words[0], `${field}[0]`);
  return words;
};

const stderr: Check<(text: string) => void> = (value, field) => {
  if (value === 'inherit') return (text) => void process.stderr.write(text);
  return func(value, field) as (text: string) => void;
};

const OPTIONS = {
  command,
  module,
  name: text(200),
  maxWorkers: integer(1, 1000),
  workerTimeout: timerDuration(1),
  restartWorkers: flag,
  workerArgs: listOf(argument, 1000),
  cwd: path,
  env: environment,
  niceness: integer(0, 19),
  maxMemoryMb: integer(1, 16_777_216),
  maxJobsPerWorker: integer(1, Number.MAX_SAFE_INTEGER),
  startTimeout: timerDuration(1),
  maxStartFailures: integer(1, 1000),
  maxLineBytes: integer(1024, 512 * 1024 * 1024),
  onStderr: stderr,
} as const;

/**
 * Runs jobs in child processes: programs in any language that speak the protocol of docs/worker-protocol.md, or a module with handlers.
 * What does not stop is killed, with all it started. `Result` is what its handlers return.
 *
 * @example
 * const python = new WorkerPool<{ bpm: number }>({ command: ['python3', 'worker.py'], maxMemoryMb: 500 });
 * const jobs = { analyze: job({ runner: python }) };
 * @throws INVALID_OPTION, UNKNOWN_OPTION.
 */
export class WorkerPool<Result = unknown> extends UnitPool implements Runner {
  declare readonly result?: Result;
  readonly name: string;
  readonly kills = true;

  constructor(options: WorkerPoolOptions) {
    const checked = checkOptions(OPTIONS, options, 'WorkerPool');
    if ((checked.command === undefined) === (checked.module === undefined))
      throw invalidOption('command', options?.command, 'a program and its arguments; or else module');
    const settings = settingsOf(checked);
    super({
      max: checked.maxWorkers ?? 4,
      maxJobs: checked.maxJobsPerWorker ?? null,
      restart: checked.restartWorkers ?? true,
      maxFailures: checked.maxStartFailures ?? 3,
      start: () => new Child(settings),
    });
    this.name = settings.name;
  }
}

const settingsOf = (checked: Checked<typeof OPTIONS>): ChildSettings => {
  const [program, ...args] = checked.command ?? [process.execPath, ...nodeArguments(), CHILD_MAIN, checked.module!];
  return {
    name: checked.name ?? basename(checked.module ?? checked.command!.find(isScript) ?? program!),
    program: program!,
    args: [...args, ...(checked.workerArgs ?? [])],
    cwd: checked.cwd,
    env: withPython(environmentOf(checked.env), program!),
    niceness: checked.niceness ?? null,
    startMs: checked.startTimeout ?? 10_000,
    silentMs: checked.workerTimeout ?? 300_000,
    maxLineBytes: checked.maxLineBytes ?? 16 * 1024 * 1024,
    maxMemoryMb: checked.maxMemoryMb ?? null,
    onStderr: checked.onStderr ?? null,
  };
};

const isScript = (word: string, i: number): boolean => i > 0 && /^[^-].*\.\w+$/.test(word);

/** `import backline_worker` works without an installation. */
const withPython = (env: Record<string, string>, program: string): Record<string, string> => {
  if (!/^python[\d.]*(\.exe)?$/i.test(basename(program))) return env;
  const more = env['PYTHONPATH'] ? `${process.platform === 'win32' ? ';' : ':'}${env['PYTHONPATH']}` : '';
  return { ...env, PYTHONPATH: `${pythonWorkerFolder}${more}` };
};
