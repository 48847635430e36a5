/**
 * What `getJobManager()` returns: a thin view of a JobManager, with the names that in-process schedulers have. Functions and named
 * job types are jobs of the same engine.
 */
import { randomBytes } from 'node:crypto';
import { BacklineError } from '../job/backline-error.ts';
import { checkInstant, checkOptions, type Duration, flag, timerDuration } from '../job/check.ts';
import type { InputOf, Jobs } from '../job/define.ts';
import { idCheck } from '../job/enqueue-options.ts';
import { duplicateJobId, invalidOption, notStarted } from '../job/errors.ts';
import { FINAL, isFinal } from '../job/states.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { newId } from '../util/ids.ts';
import { type ApplicationJob, toApplicationJob } from './application-job.ts';
import {
  checkFunctionOptions,
  checkRecurring,
  checkTypeOptions,
  type FunctionOptions,
  type FunctionRest,
  type RecurringFunction,
  type RecurringType,
  type TypeOptions,
} from './application-options.ts';
import { Recurring } from './application-recurring.ts';
import { failLostFunctions } from './chores/lost-functions.ts';
import { type FunctionPayload, Functions, isFunctionType } from './functions.ts';
import { JobManager } from './job-manager.ts';
import type { Logger } from './log.ts';
import type { ManagerOptions } from './manager-options.ts';
import { Repeater } from './service.ts';

/** Where jobs are kept, and everything that a JobManager takes but `worker`: it always runs jobs. */
export interface ApplicationOptions<J extends Jobs = Jobs> extends Omit<ManagerOptions<J>, 'worker'> {
  /** `sqlite:path` or a path: job types outlive this process. Default `:memory:`: nothing does. */
  readonly database?: string;
}

export interface ShutdownOptions {
  /** Wait for running jobs (default), or only begin to shut down. */
  readonly wait?: boolean;
  /** How long running jobs may go on when they are waited for. Default 5 minutes. */
  readonly timeout?: Duration;
}

/** A job type by its name, or a function of this process. */
type Work = string | ((...args: never[]) => unknown);

const SHUTDOWN_MS = 300_000;
const LOST_MS = 60_000;
const ENDS = ['job-completed', 'job-failed', 'job-timeout', 'job-cancelled', 'job-removed'] as const;

export class ApplicationJobs<J extends Jobs = Jobs> implements AsyncDisposable {
  /** The engine beneath, with its own names: `enqueue`, `result`, `on`, `getJobStatistics` … Close it by `shutdown`. */
  readonly manager: JobManager<J>;
  readonly #database: string;
  readonly #inMemory: boolean;
  readonly #functions: Functions;
  readonly #recurring: Recurring;
  readonly #logger: Logger | null;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #onEnd: () => void;
  #lostFunctions: Repeater | undefined;
  #starting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  /** @internal Use `getJobManager()`. */
  constructor(options: ApplicationOptions<J>, onEnd: () => void) {
    const { database = ':memory:', jobs, ...rest } = options;
    const taken = Object.keys(jobs ?? {}).find(isFunctionType);
    if (taken !== undefined) throw invalidOption('jobs', taken, 'other names: this one stands for functions');
    this.#database = database;
    this.#inMemory = /^(sqlite:)?:memory:$/.test(database);
    this.#functions = new Functions(this.#inMemory ? null : randomBytes(4).toString('hex'), rest.maxPayloadBytes);
    this.manager = new JobManager(database, {
      ...rest,
      jobs: { ...jobs, [this.#functions.type]: this.#functions.jobType() } as unknown as J,
    });
    this.#recurring = new Recurring(this.manager as unknown as JobManager, this.#functions);
    this.#logger = rest.logger || null;
    this.#clock = rest.clock ?? systemClock;
    this.#newId = () => newId(rest.ids ?? 'uuid-v7');
    this.#onEnd = onEnd;
    for (const name of ENDS) this.manager.on(name, ({ jobId }: { jobId: string }) => this.#functions.ended(jobId));
  }

  /** Opens the database and starts to run jobs. Must be called before jobs are added; they wait for it. Twice is harmless. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /**
   * Runs a function, or a job of a named type, as soon as there is a slot. Resolves when the job is stored, not when it has run.
   * @returns the job's id.
   * @throws NOT_STARTED, MANAGER_CLOSED, DUPLICATE_JOB_ID while the job that has the id has not ended, INVALID_OPTION,
   * UNKNOWN_OPTION, UNKNOWN_JOB_TYPE, INVALID_PAYLOAD.
   *
   * @example
   * await jobs.addImmediateJob(sendEmail, { args: ['ada@example.test'], jobId: 'welcome_1' });
   * await jobs.addImmediateJob('send-email', { payload: { to: 'ada@example.test' } });
   */
  addImmediateJob<Args extends readonly unknown[]>(
    func: (...args: Args) => unknown,
    ...options: FunctionRest<NoInfer<Args>>
  ): Promise<string>;
  addImmediateJob<Name extends keyof J & string>(type: Name, options?: TypeOptions<InputOf<J[Name]>>): Promise<string>;
  async addImmediateJob(work: Work, options?: FunctionOptions | TypeOptions): Promise<string> {
    await this.#ready('addImmediateJob()');
    return this.#add(work, undefined, options);
  }

  /**
   * Runs a function, or a job of a named type, once at a time: a Date, epoch milliseconds or ISO text with an offset or Z. A time
   * that has passed means at once. @throws as `addImmediateJob`; INVALID_OPTION for text without an offset.
   *
   * @example
   * await jobs.addScheduledJob(sendEmail, '2030-01-01T09:00:00+01:00', { args: ['ada@example.test'] });
   */
  addScheduledJob<Args extends readonly unknown[]>(
    func: (...args: Args) => unknown,
    runAt: Date | number | string,
    ...options: FunctionRest<NoInfer<Args>>
  ): Promise<string>;
  addScheduledJob<Name extends keyof J & string>(
    type: Name,
    runAt: Date | number | string,
    options?: TypeOptions<InputOf<J[Name]>>,
  ): Promise<string>;
  async addScheduledJob(
    work: Work,
    runAt: Date | number | string,
    options?: FunctionOptions | TypeOptions,
  ): Promise<string> {
    await this.#ready('addScheduledJob()');
    return this.#add(work, checkInstant(runAt, 'runAt'), options);
  }

  /**
   * Runs a function, or a job of a named type, again and again, at a fixed rate and without drift; the first time one interval from
   * now. A named type is durable: after a restart the same call goes on with it, and keeps its beat. Adding a function under an id that
   * recurs in this process is refused. @returns the id. @throws as `addImmediateJob`.
   *
   * @example
   * await jobs.addRecurringJob(poll, { intervalSeconds: 30, jobId: 'poll_inbox' });
   * await jobs.addRecurringJob('clean-up', { intervalSeconds: 3600, jobId: 'clean-up', payload: { keepDays: 7 } });
   */
  addRecurringJob<Args extends readonly unknown[]>(
    func: (...args: Args) => unknown,
    options: RecurringFunction<NoInfer<Args>>,
  ): Promise<string>;
  addRecurringJob<Name extends keyof J & string>(type: Name, options: RecurringType<InputOf<J[Name]>>): Promise<string>;
  async addRecurringJob(work: Work, given: object): Promise<string> {
    await this.#ready('addRecurringJob()');
    const isFunction = typeof work === 'function';
    if (!isFunction && (typeof work !== 'string' || isFunctionType(work)))
      throw invalidOption('func', work, 'a function, or the name of a job type');
    const { args, jobId, payload, ...rest } = checkRecurring(given, isFunction ? 'function' : 'type');
    const id = jobId ?? this.#newId();
    await this.#mustBeFree(id, isFunction);
    const what = isFunction
      ? { type: this.#functions.type, payload: this.#functions.add(work, args, true) }
      : { type: work, payload };
    try {
      await this.#recurring.register({ id, ...what, ...rest });
    } catch (error) {
      if (isFunction) this.#functions.drop(what.payload as FunctionPayload);
      throw error;
    }
    const name = isFunction ? (what.payload as FunctionPayload).function : work;
    const kept = isFunction
      ? 'its function is in memory and does not outlive this process'
      : `it is kept in ${this.#where}`;
    this.#say(
      'info',
      { jobId: id, name },
      `job ${id} was added: ${name} runs every ${rest.intervalMs / 1000} s; ${kept}`,
    );
    return id;
  }

  /** Takes a job out that waits or is paused; of one that recurs, all runs to come. @returns false if there is none: it never was, runs, or has ended. */
  async removeJob(jobId: string): Promise<boolean> {
    await this.#ready('removeJob()');
    const removed =
      isId(jobId) &&
      ((await this.#recurring.remove(jobId)) ||
        (await this.manager.removeAll({ id: jobId, status: ['created', 'queued'] })) > 0);
    if (removed) this.#say('info', { jobId }, `job ${jobId} was removed`);
    else this.#say('warn', { jobId }, `job ${jobId} was not removed: no such job waits`);
    return removed;
  }

  /** @returns the job, also after its end while it is kept; null if there is none. */
  async getJob(jobId: string): Promise<ApplicationJob | null> {
    await this.#ready('getJob()');
    if (!isId(jobId)) return null;
    const recurring = await this.#recurring.get(jobId);
    if (recurring) return recurring;
    const job = await this.manager.get(jobId);
    return job && toApplicationJob(job, this.#clock.now());
  }

  /** Every job that has not ended, oldest first; one that recurs is one job, however many of its runs are unfinished. */
  async getJobs(): Promise<ApplicationJob[]> {
    await this.#ready('getJobs()');
    const now = this.#clock.now();
    const [recurring, active] = await Promise.all([this.#recurring.list(), this.manager.getActiveJobs()]);
    const ids = new Set(recurring.map(({ id }) => id));
    const single = active.filter(({ scheduleId }) => scheduleId === null || !ids.has(scheduleId));
    return [...recurring, ...single.map((job) => toApplicationJob(job, now))].sort(byAge);
  }

  /** Keeps a job that waits, but does not run it. @returns false if there is none: it never was, runs, or has ended. */
  async pauseJob(jobId: string): Promise<boolean> {
    await this.#ready('pauseJob()');
    return this.#pause(jobId, true, () => this.manager.pauseJob(jobId));
  }

  /** Lets a paused job run again: at its time, or at once if that has passed. @returns as `pauseJob`. */
  async resumeJob(jobId: string): Promise<boolean> {
    await this.#ready('resumeJob()');
    return this.#pause(jobId, false, () => this.manager.resumeJob(jobId));
  }

  /**
   * Takes no more jobs, drops functions that have not begun, and closes the database; always settles. With `wait` it resolves when
   * running jobs have ended, else at once, while the rest goes on behind. `getJobManager()` makes a new one afterwards.
   * @throws INVALID_OPTION, UNKNOWN_OPTION.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const table = { wait: flag, timeout: timerDuration(0) };
    const { wait = true, timeout = SHUTDOWN_MS } = checkOptions(table, options, 'options');
    this.#ending ??= this.#end(wait, wait ? timeout : 0);
    if (wait) await this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #start(): Promise<void> {
    await this.manager.start();
    if (!this.#inMemory) await this.#endLost();
    this.#say('info', {}, `the job manager started; functions are kept in memory, job types in ${this.#where}`);
  }

  /** Now, now and then, and whenever a worker was lost. */
  async #endLost(): Promise<void> {
    const end = async () => {
      // First what makes more of them.
      await this.#recurring.forget('lost');
      await failLostFunctions(this.manager, this.#database);
    };
    const onError = (error: unknown) => this.#say('warn', { err: error }, 'functions of dead processes were not ended');
    await end().catch(onError);
    this.#lostFunctions = new Repeater(end, { everyMs: LOST_MS, keepAlive: false, onError });
    this.#lostFunctions.start();
    this.manager.on('worker-lost', () => this.#lostFunctions?.soon());
  }

  async #end(wait: boolean, timeoutMs: number): Promise<void> {
    this.#say(
      'info',
      {},
      wait ? 'the job manager waits for running jobs, then shuts down' : 'the job manager shuts down',
    );
    if (!wait) this.#onEnd();
    await this.#starting?.catch(() => {});
    void this.#lostFunctions?.stop();
    try {
      const which = { type: this.#functions.type, status: ['created', 'queued'] } as const;
      if (this.#starting) await this.#recurring.forget('own');
      if (this.#starting) await this.manager.cancelAll(which, { reason: 'the job manager was shut down' });
      await this.manager.close({ timeout: timeoutMs });
      this.#say('info', {}, 'the job manager has shut down');
    } catch (error) {
      this.#say('error', { err: error }, 'the job manager did not shut down in order');
      await this.manager.close({ timeout: 0 }).catch(() => {});
    } finally {
      this.#onEnd();
    }
  }

  async #ready(what: string): Promise<void> {
    if (!this.#starting) throw notStarted(what);
    await this.#starting;
  }

  async #add(work: Work, runAt: number | undefined, options: unknown): Promise<string> {
    if (typeof work === 'function') return this.#addFunction(work, runAt, options);
    if (typeof work !== 'string' || isFunctionType(work))
      throw invalidOption('func', work, 'a function, or the name of a job type');
    const { payload, jobId, rest } = checkTypeOptions(options);
    const enqueued = await this.manager.enqueue(work, payload as never, { ...rest, id: jobId, runAt } as never);
    const known = enqueued.outcome === 'inserted' ? 'was added' : `has this key (${enqueued.outcome})`;
    this.#added(enqueued.id, work, runAt, known, `it is kept in ${this.#where}`);
    return enqueued.id;
  }

  async #addFunction(func: Exclude<Work, string>, runAt: number | undefined, options: unknown): Promise<string> {
    const { args, jobId: id = this.#newId(), rest } = checkFunctionOptions(options);
    const payload = this.#functions.add(func, args);
    const insert = () => this.manager.enqueue(this.#functions.type, payload as never, { ...rest, id, runAt } as never);
    try {
      await insert().catch((error) => this.#again(id, error, insert));
    } catch (error) {
      this.#functions.drop(payload);
      throw error;
    }
    this.#functions.belongs(payload, id);
    this.#added(
      id,
      payload.function,
      runAt,
      'was added',
      'its function is in memory and does not outlive this process',
    );
    return id;
  }

  /** The id of a function that has ended is free again. */
  async #again(id: string, error: unknown, insert: () => Promise<unknown>): Promise<void> {
    if (codeOf(error) !== 'DUPLICATE_JOB_ID') throw error;
    const before = await this.manager.get(id);
    if (!before || !isFunctionType(before.type) || !isFinal(before.status)) throw error;
    await this.manager.removeAll({ id, type: before.type, status: FINAL });
    await insert();
  }

  /** An id is that of one job: recurring or not. */
  async #mustBeFree(id: string, isFunction: boolean): Promise<void> {
    const job = await this.manager.get(id);
    if (job && !isFinal(job.status)) throw duplicateJobId(id);
    if (isFunction && (await this.#recurring.isMine(id))) throw duplicateJobId(id);
  }

  async #pause(jobId: string, paused: boolean, single: () => Promise<void>): Promise<boolean> {
    const done = paused ? 'paused' : 'resumed';
    const changed = isId(jobId) ? await this.#recurring.pause(jobId, paused) : null;
    if (changed === null) return this.#change(jobId, done, single);
    this.#say(changed ? 'info' : 'warn', { jobId }, `job ${jobId} was ${changed ? '' : 'not '}${done}`);
    return changed;
  }

  async #change(jobId: string, done: string, change: () => Promise<void>): Promise<boolean> {
    try {
      await change();
      this.#say('info', { jobId }, `job ${jobId} was ${done}`);
      return true;
    } catch (error) {
      const refused = ['JOB_NOT_FOUND', 'NOT_ALLOWED_NOW'].includes(codeOf(error) ?? '') || !isId(jobId);
      if (!refused) throw error;
      this.#say('warn', { jobId }, `job ${jobId} was not ${done}: ${(error as Error).message}`);
      return false;
    }
  }

  get #where(): string {
    return this.#inMemory ? 'memory' : this.#database;
  }

  #added(jobId: string, name: string, runAt: number | undefined, known: string, kept: string): void {
    const when = runAt === undefined ? 'at once' : `at ${new Date(runAt).toISOString()}`;
    this.#say('info', { jobId, name }, `job ${jobId} ${known}: ${name} runs ${when}; ${kept}`);
  }

  #say(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
    if (this.#logger && this.#logger.isLevelEnabled?.(level) !== false) this.#logger[level](fields, message);
  }
}

const byAge = (a: ApplicationJob, b: ApplicationJob): number => a.createdAt.getTime() - b.createdAt.getTime();

const codeOf = (error: unknown): string | undefined => (error instanceof BacklineError ? error.code : undefined);

/** Text that no job can have as its id is the id of no job. @throws INVALID_OPTION for what is no text. */
const isId = (jobId: unknown): boolean => {
  try {
    idCheck(jobId, 'jobId');
    return true;
  } catch (error) {
    if (typeof jobId !== 'string') throw error;
    return false;
  }
};
