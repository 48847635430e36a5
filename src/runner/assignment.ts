/** One job on one thread or child process: what is said about it, its stop, its silence, and what becomes of it. */
import { BacklineError } from '../job/backline-error.ts';
import { workerSilent } from '../job/errors.ts';
import { RemoteError, Stop } from '../job/outcome.ts';
import { Alarm } from '../util/alarm.ts';
import { type FromWorker, isVerdict, type ToWorker, type Verdict } from './child-messages.ts';
import { thrownByEnding, withOutput } from './ending.ts';
import type { Task } from './runner.ts';
import { NotBegun } from './unit-pool.ts';

export interface AssignmentParts {
  /** Silence for so long is a fault; null where it is not watched. */
  readonly silentMs: number | null;
  readonly post: (message: ToWorker) => void;
  /** Ends what does the work, because of a fault, or because it did not stop. */
  readonly kill: (fault?: BacklineError) => void;
  /** When the job before ended, by the monotonic clock. */
  readonly finishedAt: number;
}

/** A worker that ends after a job may be given the next one before it is gone: an end this soon is not the fault of that one. */
const AFTERMATH_MS = 250;

export class Assignment {
  readonly run: number;
  readonly promise: Promise<unknown>;
  readonly #task: Task;
  readonly #parts: AssignmentParts;
  readonly #settle = Promise.withResolvers<unknown>();
  readonly #silence: Alarm | null;
  readonly #onAbort = () => this.#stop();
  #grace: NodeJS.Timeout | undefined;
  /** It said something about the job. */
  #begun = false;
  #killed = false;

  constructor(task: Task, run: number, parts: AssignmentParts) {
    this.run = run;
    this.promise = this.#settle.promise;
    this.#task = task;
    this.#parts = parts;
    const { silentMs } = parts;
    this.#silence = silentMs === null ? null : new Alarm(silentMs, () => parts.kill(workerSilent(silentMs)));
    task.ctx.signal.addEventListener('abort', this.#onAbort);
  }

  /** To be called when the job was handed over: a job may be stopped before it begins. */
  begin(): void {
    if (this.#task.ctx.signal.aborted) this.#stop();
  }

  /** It could not be handed over. */
  refuse(error: Error): void {
    this.#disarm();
    this.#settle.reject(error);
  }

  alive(): void {
    this.#silence?.restart();
  }

  /** @returns true if the job is over. */
  heard(message: FromWorker, output: string): boolean {
    this.#begun = true;
    const { ctx } = this.#task;
    if (isVerdict(message)) {
      this.#end(message, output);
      return true;
    }
    if (message.kind === 'progress') ctx.progress(message.progress);
    else if (message.kind === 'log') ctx.log[message.level](message.fields, message.message);
    else ctx.heartbeat();
    return false;
  }

  /** What did the work has ended. @param asked it was told to end, for no fault of anybody. */
  died(error: BacklineError, output: string, asked: boolean): void {
    this.#disarm();
    const { signal } = this.#task.ctx;
    if (this.#killed) return this.#settle.reject(signal.reason);
    if (asked) return this.#settle.reject(new Stop({ kind: 'released' }));
    const thrown = thrownByEnding(error, output);
    const isAftermath = !this.#begun && performance.now() - this.#parts.finishedAt < AFTERMATH_MS;
    this.#settle.reject(isAftermath ? new NotBegun(thrown) : thrown);
  }

  #end(verdict: Verdict, output: string): void {
    this.#disarm();
    const { resolve, reject } = this.#settle;
    switch (verdict.kind) {
      case 'result':
        return resolve(verdict.result);
      case 'error': {
        const { retry } = verdict;
        return reject(
          new RemoteError(withOutput(verdict.error, output), typeof retry === 'object' ? retry.afterMs : retry),
        );
      }
      case 'cancelled':
        return reject(new Stop({ kind: 'cancelled', reason: verdict.reason }));
      case 'snooze':
        return reject(new Stop({ kind: 'snoozed', delayMs: verdict.delay }));
    }
  }

  #stop(): void {
    const { ctx, graceMs } = this.#task;
    const { reason } = ctx.signal;
    const code = reason instanceof BacklineError ? reason.code : 'ABORTED';
    this.#parts.post({ kind: 'cancel', run: this.run, code, reason: String(reason?.message ?? reason) });
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => {
      this.#killed = true;
      this.#parts.kill();
    }, graceMs);
  }

  #disarm(): void {
    this.#silence?.clear();
    clearTimeout(this.#grace);
    this.#task.ctx.signal.removeEventListener('abort', this.#onAbort);
  }
}
