/**
 * One attempt, from the claimed row to its outcome.
 *
 * 1. `run` checks the payload, arms the time-out and lets the runner work; every throw becomes an outcome once.
 * 2. `stop` fires the signal: for a time-out (to run, idle, in total), a cancel, a lost lease, or shutdown. What it was stopped
 *    for decides the outcome.
 * 3. A runner that can kill ends the work after the grace time. Work that cannot be killed, or not even so, is overdue: an end that
 *    is final is reported at once; a retry waits until the work has really ended, because two attempts of one job must not run
 *    at the same time.
 * 4. The outcome is reported once. The slot is free when `run` settles, not before.
 */

import { BacklineError } from '../job/backline-error.ts';
import { checkDuration } from '../job/check.ts';
import type { Context, JobInfo } from '../job/context.ts';
import type { CheckedJobType, ErrorVerdict } from '../job/define.ts';
import type { EnqueueOptions, Transaction } from '../job/enqueue-options.ts';
import {
  attemptIdle,
  attemptTimedOut,
  badTransaction,
  cancelRequested,
  completedElsewhere,
  deadlinePassed,
  handlerStillRunning,
  leaseLost,
  workerStopping,
} from '../job/errors.ts';
import type { ClaimedJob, Failure } from '../job/job.ts';
import { type Outcome, outcomeOfError, Stop, toFailure } from '../job/outcome.ts';
import { encodeResult, validate } from '../job/payload.ts';
import { Scrubber } from '../job/secrets.ts';
import type { Runner } from '../runner/runner.ts';
import type { MaybePromise } from '../store/store.ts';
import { Alarm } from '../util/alarm.ts';
import type { Reporter } from './reporter.ts';
import { outcomeWithout } from './scrubbing.ts';
import type { Vault } from './vault.ts';

export type StopReason =
  /** Whose time was over; `last`: no attempt may follow. */
  | { readonly kind: 'timeout'; readonly error: BacklineError; readonly last?: true }
  | { readonly kind: 'cancelled'; readonly reason: string }
  | { readonly kind: 'lost' }
  | { readonly kind: 'released' };

/** What an execution needs from its worker. */
export interface ExecutionParts {
  readonly runnerOf: (type: CheckedJobType) => Runner;
  readonly now: () => number;
  readonly reporter: Reporter;
  readonly graceMs: number;
  readonly maxPayloadBytes: number;
  readonly vault: Vault;
  /** A promise if the outcome is not known before the store was asked. */
  readonly report: (job: ClaimedJob, type: CheckedJobType, outcome: Outcome) => MaybePromise<void>;
  /** The attempt would be the last one if it timed out now. */
  readonly isLast: (job: ClaimedJob, type: CheckedJobType) => boolean;
  readonly stillRunning: (job: ClaimedJob, reason: string) => void;
  readonly enqueue: (type: string, payload?: unknown, options?: EnqueueOptions) => Promise<{ readonly id: string }>;
  /** Completes the job in the caller's transaction; false if this worker may no longer write. */
  readonly completeWithin: (tx: Transaction, job: ClaimedJob, result: string | null) => MaybePromise<boolean>;
}

/** How soon to try again where the key of a secret is missing: other workers may have it, or this one by then. */
const PUT_OFF_MS = 300_000;

/** How long a killed thread or process may take to be gone. */
const KILL_MS = 5000;

/** A stop may be overruled by a stronger one. */
const STRENGTH = { released: 0, timeout: 1, cancelled: 2, lost: 3 } as const;

export class Execution {
  readonly job: ClaimedJob;
  readonly #type: CheckedJobType;
  readonly #parts: ExecutionParts;
  readonly #runner: Runner;
  readonly #graceMs: number;
  readonly #alarms = new Set<Alarm>();
  #controller: AbortController | undefined;
  #idle: Alarm | undefined;
  #grace: NodeJS.Timeout | undefined;
  #stopped: StopReason | null = null;
  /** Knows the secrets of the job as soon as they are read. */
  #scrubber = new Scrubber(new Set());
  #asked: Outcome | null = null;
  #completedWithin = false;
  #reported = false;

  constructor(job: ClaimedJob, type: CheckedJobType, parts: ExecutionParts) {
    this.job = job;
    this.#type = type;
    this.#parts = parts;
    this.#runner = parts.runnerOf(type);
    this.#graceMs = type.grace ?? parts.graceMs;
  }

  get runner(): Runner {
    return this.#runner;
  }

  /** How long the work may take to be gone after it was told to stop. */
  get patienceMs(): number {
    return this.#runner.kills ? this.#graceMs + KILL_MS : this.#graceMs;
  }

  /** Settles when the work has really ended; never rejects. */
  async run(): Promise<void> {
    this.#armTimeouts();
    let outcome: Outcome;
    try {
      outcome = await this.#work();
    } catch (error) {
      outcome = this.#outcomeOf(error);
    }
    this.#disarm();
    if (this.#reported) return this.#parts.reporter.finish(this.job);
    const known = this.#report(this.#judge(this.#asked ?? outcome));
    if (known) await known;
  }

  /** Asks the work to stop. The first reason stands, unless a stronger one follows. */
  stop(reason: StopReason): void {
    if (this.#stopped && STRENGTH[reason.kind] <= STRENGTH[this.#stopped.kind]) return;
    this.#stopped = reason;
    this.#controllerOf().abort(this.#reasonOf(reason));
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#overdue(reason), this.patienceMs).unref();
  }

  /** The worker will not wait any longer: the job goes back to the queue. */
  abandon(): void {
    // Would hold the process open.
    this.#disarm();
    void this.#report({ kind: 'released' });
  }

  async #work(): Promise<Outcome> {
    const payload = await this.#payload();
    // Its time may be over already: then nothing begins.
    if (this.#stopped) throw this.#reasonOf(this.#stopped);
    const [job, type, graceMs] = [this.job, this.#type, this.#graceMs];
    const returned = await this.#runner.run({ job, type, payload, ctx: this.#context(), graceMs });
    if (this.#completedWithin) return { kind: 'completed', result: null };
    try {
      return { kind: 'completed', result: this.#resultOf(returned) };
    } catch (error) {
      // The work is done: to do it again would not make its result storable.
      return never(error);
    }
  }

  /** JSON without the job's secrets, and without what looks like one. */
  #resultOf(returned: unknown): string | null {
    const { maxPayloadBytes, vault } = this.#parts;
    const json = encodeResult(returned, maxPayloadBytes);
    return json === null ? null : this.#scrubber.json(json, vault.rulesOf(this.#type).isSecret);
  }

  /** A payload that does not fit its schema fits no better next time. */
  #payload(): unknown {
    const clear = this.#clearPayload();
    if (!this.#type.input) return clear;
    try {
      const valid = validate(this.#type.input, clear);
      return valid instanceof Promise ? valid.catch(never) : valid;
    } catch (error) {
      return never(error);
    }
  }

  #clearPayload(): unknown {
    try {
      const { payload, scrubber } = this.#parts.vault.open(JSON.parse(this.job.payload), this.job, this.#type);
      this.#scrubber = scrubber;
      return payload;
    } catch (error) {
      // With the right key it can be read yet. What was tampered with cannot.
      if (!(error instanceof BacklineError) || error.code === 'SECRET_UNREADABLE') return never(error);
      throw new Stop({ kind: 'released', failure: toFailure(error), delayMs: PUT_OFF_MS });
    }
  }

  #outcomeOf(error: unknown): Outcome {
    if (error instanceof Stop) return error.outcome;
    let verdict: ErrorVerdict | undefined;
    try {
      verdict = this.#type.onError?.(error, this.job, this.job.attempts);
      return outcomeOfError(error, verdict);
    } catch (fault) {
      return { kind: 'failed', failure: { ...toFailure(fault), cause: toFailure(error) } };
    }
  }

  #judge(outcome: Outcome): Outcome {
    if (!this.#completedWithin) return this.#judgeStopped(outcome);
    const undone = { kind: 'failed', failure: toFailure(completedElsewhere()) } as const;
    const otherwise = this.#judgeStopped(outcome.kind === 'completed' ? undone : outcome);
    return otherwise.kind === 'completed-in-transaction' ? otherwise : { kind: 'completed-in-transaction', otherwise };
  }

  /** What the attempt was stopped for outweighs what the handler made of it; but work that is done is done. */
  #judgeStopped(outcome: Outcome): Outcome {
    switch (this.#stopped?.kind) {
      case undefined:
        return outcome;
      case 'lost':
        return { kind: 'lost' };
      case 'cancelled':
        return { kind: 'cancelled', reason: (this.#stopped as { reason: string }).reason };
      case 'timeout':
        return this.#timedOut(toFailure(this.#stopped.error));
      case 'released':
        return outcome.kind === 'failed' || outcome.kind === 'crashed' ? { kind: 'released' } : outcome;
    }
  }

  #timedOut(failure: Failure): Outcome {
    const last = this.#stopped?.kind === 'timeout' && this.#stopped.last === true;
    return { kind: 'timeout', failure, ...(last ? { last } : {}) };
  }

  #overdue(reason: StopReason): void {
    const { isLast, stillRunning, reporter } = this.#parts;
    const why = this.#reasonOf(reason);
    const error = handlerStillRunning(why.message, this.patienceMs);
    const { message } = error;
    if (reason.kind === 'cancelled') void this.#report({ kind: 'cancelled', reason: message });
    else if (reason.kind === 'timeout' && (reason.last || isLast(this.job, this.#type)))
      void this.#report(this.#timedOut(toFailure(error)));
    else if (reason.kind === 'timeout') reporter.note(this.job, message);
    if (reason.kind === 'cancelled' || reason.kind === 'timeout') stillRunning(this.job, message);
  }

  #report(outcome: Outcome): MaybePromise<void> {
    if (this.#reported) return;
    this.#reported = true;
    this.#parts.reporter.finish(this.job);
    return this.#parts.report(this.job, this.#type, outcomeWithout(outcome, this.#scrubber));
  }

  #armTimeouts(): void {
    const { timeoutMs, deadlineAt } = this.job;
    const { idleTimeout = null } = this.#type;
    const arm = (ms: number, reason: () => StopReason): Alarm => {
      const alarm = new Alarm(ms, () => this.stop(reason()));
      this.#alarms.add(alarm);
      return alarm;
    };
    if (timeoutMs !== null) arm(timeoutMs, () => ({ kind: 'timeout', error: attemptTimedOut(timeoutMs) }));
    if (idleTimeout !== null)
      this.#idle = arm(idleTimeout, () => ({ kind: 'timeout', error: attemptIdle(idleTimeout) }));
    if (deadlineAt !== null)
      arm(Math.max(0, deadlineAt - this.#parts.now()), () => ({
        kind: 'timeout',
        error: deadlinePassed(deadlineAt),
        last: true,
      }));
  }

  #disarm(): void {
    for (const alarm of this.#alarms) alarm.clear();
    clearTimeout(this.#grace);
  }

  #reasonOf(reason: StopReason): BacklineError {
    switch (reason.kind) {
      case 'timeout':
        return reason.error;
      case 'cancelled':
        return cancelRequested(reason.reason);
      case 'lost':
        return leaseLost(this.job.id);
      case 'released':
        return workerStopping();
    }
  }

  /** Made only when somebody looks: most handlers never do. */
  #controllerOf(): AbortController {
    this.#controller ??= new AbortController();
    return this.#controller;
  }

  #ask(outcome: Outcome): never {
    this.#asked = outcome;
    throw new Stop(outcome);
  }

  #context(): Context {
    const { job } = this;
    const { reporter, enqueue } = this.#parts;
    const controller = () => this.#controllerOf();
    const isOver = () => this.#reported;
    const alive = () => this.#idle?.restart();
    const { isSecret } = this.#parts.vault.rulesOf(this.#type);
    const cleaner = {
      text: (text: string) => this.#scrubber.text(text),
      json: (json: string) => this.#scrubber.json(json, isSecret),
    };
    let log: Context['log'] | undefined;
    return {
      job: job satisfies JobInfo,
      attempt: job.attempts,
      get signal() {
        return controller().signal;
      },
      get log() {
        log ??= reporter.logOf(job, isOver, alive, cleaner);
        return log;
      },
      progress: (progress) => {
        alive();
        if (!isOver()) reporter.progress(job, progress, cleaner);
      },
      heartbeat: alive,
      cancel: (reason = 'cancelled by its handler') => this.#ask({ kind: 'cancelled', reason }),
      snooze: (delay) => this.#ask({ kind: 'snoozed', delayMs: checkDuration(delay, 'delay') }),
      enqueue,
      complete: (tx, result) => this.#completeWithin(tx, result),
    };
  }

  /** Not an async function: with a synchronous driver, its errors must reach the caller's transaction at once. */
  #completeWithin(tx: Transaction, result: unknown): Promise<void> {
    if (typeof tx !== 'object' || tx === null) throw badTransaction('is no database connection');
    if (this.#reported || this.#stopped?.kind === 'lost') throw leaseLost(this.job.id);
    const written = this.#parts.completeWithin(tx, this.job, this.#resultOf(result));
    const settle = (mine: boolean) => {
      if (!mine) throw leaseLost(this.job.id);
      this.#completedWithin = true;
    };
    if (written instanceof Promise) return written.then(settle);
    settle(written);
    return Promise.resolve();
  }
}

/** Ends the attempt as failed, with no other to follow. */
const never = (error: unknown): never => {
  throw new Stop({ kind: 'failed', failure: toFailure(error), retry: 'never' });
};
