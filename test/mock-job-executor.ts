/**
 * A handler for tests whose behaviour is dialled in: how long it takes, how often it fails, how it reports progress, what it
 * uses of the machine, and how it goes wrong.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Context, job, NoRetryError, RetryAfterError } from 'backline';

/** The ways in which a job can go wrong. */
export type Scenario =
  /** An ordinary error, with a code and a cause. */
  | 'error'
  /** An error that must not be tried again. */
  | 'no-retry'
  /** An error that says when to come back. */
  | 'retry-after'
  /** Throws something that is no error. */
  | 'odd-throw'
  /** Goes on until its signal fires, then stops. */
  | 'obedient'
  /** Goes on after its signal has fired, until `release()` is called. */
  | 'deaf'
  /** Returns what JSON cannot hold. */
  | 'bad-result'
  /** Calls `ctx.cancel()`. */
  | 'cancel'
  /** Calls `ctx.snooze()` in the first execution of each job. */
  | 'snooze';

export interface MockOptions {
  /** Time that one execution takes: milliseconds, or a range to draw from. Default 0. */
  readonly executionTime?: number | readonly [min: number, max: number];
  /** Share of executions that throw an ordinary error, 0 to 1. Default 0. */
  readonly failureRate?: number;
  /** Progress reports per execution, evenly spread over its time. Default 0. */
  readonly progressSteps?: number;
  /** What an execution uses: bytes of memory that it holds, and milliseconds for which it blocks the event loop. */
  readonly resources?: { readonly memoryBytes?: number; readonly cpuMs?: number };
  /** What goes wrong: always, or by attempt (the first is 1). */
  readonly scenario?: Scenario | ((attempt: number, payload: unknown) => Scenario | undefined);
  /** Seed of the random numbers, so that a run can be repeated. Default 1. */
  readonly seed?: number;
}

/** One execution, as it happened. */
export interface Execution {
  readonly jobId: string;
  readonly attempt: number;
  readonly payload: unknown;
  readonly startedAt: number;
  endedAt: number | null;
}

/** Makes a job type, and keeps count of what it does. */
export class MockJobExecutor {
  readonly executions: Execution[] = [];
  /** The most executions that were in flight at once. */
  mostAtOnce = 0;
  #running = 0;
  #held: (() => void)[] = [];
  readonly #options: MockOptions;
  readonly #random: () => number;

  constructor(options: MockOptions = {}) {
    this.#options = options;
    this.#random = numbersFrom(options.seed ?? 1);
  }

  get running(): number {
    return this.#running;
  }

  /** The job type. Its result names the attempt that completed. */
  get type() {
    return job({ run: (payload: unknown, ctx) => this.#execute(payload, ctx) });
  }

  /** Lets executions of the scenario `deaf` end. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async #execute(payload: unknown, ctx: Context): Promise<{ attempt: number } | bigint> {
    const { job: info, attempt } = ctx;
    const execution: Execution = { jobId: info.id, attempt, payload, startedAt: performance.now(), endedAt: null };
    this.executions.push(execution);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    try {
      await this.#work(ctx);
      const { scenario } = this.#options;
      return await this.#act(typeof scenario === 'function' ? scenario(attempt, payload) : scenario, ctx);
    } finally {
      this.#running--;
      execution.endedAt = performance.now();
    }
  }

  async #work(ctx: Context): Promise<void> {
    const { executionTime = 0, failureRate = 0, progressSteps = 0, resources = {} } = this.#options;
    const [min, max] = typeof executionTime === 'number' ? [executionTime, executionTime] : executionTime;
    const totalMs = min + this.#random() * (max - min);
    const held = resources.memoryBytes ? Buffer.alloc(resources.memoryBytes, 1) : undefined;
    if (resources.cpuMs) block(resources.cpuMs);
    const steps = Math.max(1, progressSteps);
    for (let step = 1; step <= steps; step++) {
      if (totalMs > 0) await wait(totalMs / steps, undefined, { signal: ctx.signal });
      if (progressSteps > 0) ctx.progress({ done: step, total: steps });
    }
    if (held && held[held.length - 1] !== 1) throw new Error('the memory was lost');
    if (this.#random() < failureRate) throw failure();
  }

  async #act(scenario: Scenario | undefined, ctx: Context): Promise<{ attempt: number } | bigint> {
    switch (scenario) {
      case 'error':
        throw failure();
      case 'no-retry':
        throw new NoRetryError('this will never work');
      case 'retry-after':
        throw new RetryAfterError('come back later', 20);
      case 'odd-throw':
        throw { odd: true };
      case 'obedient':
        return aborted(ctx.signal);
      case 'deaf':
        await new Promise<void>((resolve) => this.#held.push(resolve));
        break;
      case 'bad-result':
        return 1n;
      case 'cancel':
        return ctx.cancel('the mock cancels');
      case 'snooze':
        if (this.executions.filter(({ jobId }) => jobId === ctx.job.id).length === 1) return ctx.snooze(10);
        break;
    }
    return { attempt: ctx.attempt };
  }
}

/** Settles only when the signal fires; then it throws the signal's reason. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

const failure = (): Error =>
  Object.assign(new Error('the mock fails', { cause: new Error('the cause below') }), { code: 'MOCK_FAILURE' });

const block = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** Repeatable random numbers in [0, 1) (mulberry32). */
const numbersFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
