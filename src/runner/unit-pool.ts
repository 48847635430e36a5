/**
 * What threads and child processes have in common: a pool of units, each of which runs one job at a time.
 *
 * 1. A job takes a unit that is free, or starts one while there are fewer than `max`, or waits for the first that becomes free.
 * 2. A unit that dies is replaced; what fails again and again is started ever more rarely, one at a time.
 * 3. After `maxFailures` failures in a row the pool is out of service: what waits for a unit is handed back, nothing more is
 *    taken, and one probe start follows each backoff. The first probe that works brings it back; the failures are forgotten when
 *    a job has ended well, so that what starts and then fails is out of service again at once, and for longer.
 * 4. What has ended its share of jobs, or is no longer fit, is retired; its place is free when it has really ended.
 */

import type { Failure } from '../job/job.ts';
import { RemoteError, Stop, toFailure } from '../job/outcome.ts';
import type { Task } from './runner.ts';

/** A thread or a child process. */
export interface Unit {
  /** Resolves when it can take jobs; rejects if it never will. */
  readonly ready: Promise<void>;
  /** Resolves just before its last job is told so: with the reason why it has ended, or null if it was asked to. Never rejects. */
  readonly ended: Promise<unknown>;
  /** Whether it may be given a job. */
  readonly fit: boolean;
  /** Settles when the work has really ended: with its result, or with what became of it. */
  run(task: Task): Promise<unknown>;
  /** Ends it: at once if it works, else with a little time to end by itself. */
  end(): void;
}

/** What a unit rejects with that died in the moment it was given a job: not the fault of this job, so another unit gets it. */
export class NotBegun {
  readonly reason: Error;

  constructor(reason: Error) {
    this.reason = reason;
  }
}

export interface UnitPoolOptions {
  readonly max: number;
  readonly maxJobs: number | null;
  /** Replace those that died. */
  readonly restart: boolean;
  readonly maxFailures: number;
  readonly start: () => Unit;
}

interface Member {
  readonly unit: Unit;
  readonly startedAt: number;
  state: 'starting' | 'free' | 'working' | 'ending';
  jobs: number;
  /** Why it has ended; undefined while it lives. */
  ended?: { readonly why: unknown };
}

interface Waiter {
  readonly give: (member: Member) => void;
  readonly refuse: (error: unknown) => void;
}

const HEARTBEAT_MS = 100;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;
/** So many new jobs one after the other under which their unit died: it is not the jobs. */
const MAX_NEW_DEATHS = 5;

export class UnitPool {
  readonly #options: UnitPoolOptions;
  readonly #members = new Set<Member>();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<() => void>();
  /** Failures in a row. */
  #failures = 0;
  #failedAt = 0;
  #newDeaths = 0;
  #down = false;
  /** Runs until the next start is allowed. */
  #backoff: NodeJS.Timeout | undefined;
  /** As many were ready at once; so many are kept warm. */
  #warm = 0;
  /** Those that died and are not replaced. */
  #lost = 0;
  #problem: unknown = null;
  #closed = false;
  #told: number;

  constructor(options: UnitPoolOptions) {
    this.#options = options;
    this.#told = options.max;
  }

  get slots(): number {
    if (this.#closed) return 0;
    return this.#down ? this.#count('free', 'working') : this.#options.max - this.#lost;
  }

  /** Why the pool is out of service; null while it is not. */
  get problem(): unknown {
    return this.slots === 0 ? this.#problem : null;
  }

  onSlots(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async run(task: Task): Promise<unknown> {
    try {
      return await this.#runOn(await this.#acquire(task.ctx), task);
    } catch (error) {
      if (!(error instanceof NotBegun)) throw error;
    }
    try {
      return await this.#runOn(await this.#acquire(task.ctx), task);
    } catch (error) {
      // Twice is no accident.
      throw error instanceof NotBegun ? error.reason : error;
    }
  }

  async #runOn(member: Member, task: Task): Promise<unknown> {
    try {
      const result = await member.unit.run(task);
      this.#wentWell(member);
      return result;
    } catch (error) {
      if (!member.ended) this.#wentWell(member);
      // What was killed because its job was stopped, or has hardly begun, says nothing.
      else if (!task.ctx.signal.aborted && !(error instanceof NotBegun)) this.#diedAtWork(task.job, error);
      throw error;
    } finally {
      this.#release(member);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#backoff);
    this.#handBack();
    const members = [...this.#members];
    for (const { unit } of members) unit.end();
    await Promise.all(members.map(({ unit }) => unit.ended));
    this.#tell();
  }

  #acquire({ signal, heartbeat }: Task['ctx']): Promise<Member> {
    if (this.slots === 0) return Promise.reject(this.#released());
    if (signal.aborted) return Promise.reject(signal.reason);
    const free = this.#waiters.size === 0 ? this.#free()[0] : undefined;
    if (free) {
      free.state = 'working';
      return Promise.resolve(free);
    }
    return new Promise((resolve, reject) => {
      // A job that waits for its unit to start is not idle; how long a start may take has a bound of its own.
      const alive = setInterval(heartbeat, HEARTBEAT_MS);
      const settle = (finish: () => void) => {
        clearInterval(alive);
        heartbeat();
        signal.removeEventListener('abort', stop);
        this.#waiters.delete(waiter);
        finish();
      };
      const stop = () => settle(() => reject(signal.reason));
      const waiter: Waiter = {
        give: (member) => settle(() => resolve(member)),
        refuse: (error) => settle(() => reject(error)),
      };
      signal.addEventListener('abort', stop);
      this.#waiters.add(waiter);
      this.#next();
    });
  }

  /** Gives free units to those that wait, the one that worked last first, and starts what is missing. */
  #next(): void {
    const free = this.#waiters.size === 0 ? [] : this.#free();
    for (const waiter of [...this.#waiters]) {
      const member = free.shift();
      if (!member) break;
      member.state = 'working';
      waiter.give(member);
    }
    while (this.#wantsMore() && this.#mayStart()) this.#start();
  }

  /** Those that can take a job, the warmest first. */
  #free(): Member[] {
    return [...this.#members].filter(({ state, unit }) => state === 'free' && unit.fit).reverse();
  }

  #wantsMore(): boolean {
    const coming = this.#count('starting', 'free');
    const kept = this.#options.restart && this.#members.size < this.#warm;
    return this.#waiters.size > coming || kept || (this.#down && this.#count('starting') === 0);
  }

  #mayStart(): boolean {
    if (this.#closed || this.#backoff || this.#members.size >= this.#options.max - this.#lost) return false;
    // After a failure one at a time: that it fails again is learned from one as well.
    return this.#failures === 0 || this.#count('starting') === 0;
  }

  #start(): void {
    const unit = this.#options.start();
    const member: Member = { unit, startedAt: performance.now(), state: 'starting', jobs: 0 };
    this.#members.add(member);
    unit.ready.then(
      () => this.#ready(member),
      (error: unknown) => this.#failed(error, member),
    );
    void unit.ended.then((why) => this.#ended(member, why));
  }

  #ready(member: Member): void {
    if (member.state !== 'starting') return;
    member.state = 'free';
    this.#down = false;
    this.#warm = Math.max(this.#warm, this.#count('free', 'working'));
    this.#next();
    this.#tell();
  }

  /** A unit did not become ready, or died before it had done anything. */
  #failed(error: unknown, member: Member): void {
    if (member.state === 'starting') member.state = 'ending';
    // Units that were started side by side fail for one reason.
    if (member.startedAt >= this.#failedAt && !this.#closed) this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#failedAt = performance.now();
    this.#problem = error;
    clearTimeout(this.#backoff);
    const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failures - 1));
    this.#backoff = setTimeout(() => {
      this.#backoff = undefined;
      this.#next();
    }, backoffMs).unref();
    if (this.#failures >= this.#options.maxFailures) this.#down = true;
    this.#afterLoss();
  }

  #diedAtWork({ attempts, crashes }: Task['job'], error: unknown): void {
    // A job that failed or crashed before says nothing about its worker.
    if (attempts > 1 || crashes > 0 || ++this.#newDeaths < MAX_NEW_DEATHS) return;
    this.#failures = Math.max(this.#failures, this.#options.maxFailures - 1);
    const isCrash = error instanceof Stop && error.outcome.kind === 'crashed';
    this.#fail(isCrash ? new RemoteError((error.outcome as { failure: Failure }).failure) : error);
  }

  /** Only what was started after the last failure shows that it is over. */
  #wentWell({ startedAt }: Member): void {
    this.#newDeaths = 0;
    if (this.#failures === 0 || startedAt < this.#failedAt) return;
    this.#failures = 0;
    clearTimeout(this.#backoff);
    this.#backoff = undefined;
  }

  #release(member: Member): void {
    member.jobs++;
    if (member.ended) return this.#lose(member, member.ended.why);
    const { maxJobs } = this.#options;
    // At the end of the set: the next job gets the one that worked last.
    this.#members.delete(member);
    this.#members.add(member);
    member.state = 'free';
    if (!member.unit.fit || (maxJobs !== null && member.jobs >= maxJobs)) this.#retire(member);
    this.#next();
    this.#tell();
  }

  /** It keeps its place until it has really ended: there are never more than `max`. */
  #retire(member: Member): void {
    member.state = 'ending';
    member.unit.end();
  }

  #ended(member: Member, why: unknown): void {
    member.ended = { why };
    // Its job is told next; its release follows.
    if (member.state === 'working') return;
    const isLoss = member.state === 'free' && why !== null;
    if (isLoss && member.jobs === 0) this.#failed(why, member);
    this.#lose(member, isLoss ? why : null);
  }

  /** @param why what it died of; null if that was meant to be, or is counted as a failed start. */
  #lose(member: Member, why: unknown): void {
    this.#members.delete(member);
    if (!this.#options.restart && why !== null) {
      this.#lost++;
      this.#problem = why;
    }
    this.#afterLoss();
  }

  #afterLoss(): void {
    if (this.slots === 0) this.#handBack();
    else this.#next();
    this.#tell();
  }

  /** There is nobody to work for those that wait, and nobody is near: their jobs go back to the queue. */
  #handBack(): void {
    for (const waiter of [...this.#waiters]) waiter.refuse(this.#released());
  }

  #released(): Stop {
    const failure = this.#closed || this.#problem === null ? undefined : toFailure(this.#problem);
    return new Stop({ kind: 'released', ...(failure ? { failure } : {}) });
  }

  #count(...states: readonly Member['state'][]): number {
    let n = 0;
    for (const { state } of this.#members) if (states.includes(state)) n++;
    return n;
  }

  #tell(): void {
    if (this.slots === this.#told) return;
    this.#told = this.slots;
    for (const listener of [...this.#listeners]) listener();
  }
}
