/** Waiting for the end of jobs. Events tell at once; a look at the store now and then makes sure that no wait hangs. */
import { BacklineError } from '../job/backline-error.ts';
import {
  closedWhileWaiting,
  isClosed,
  jobCancelled,
  jobFailed,
  jobNotFound,
  jobTimedOut,
  resultTimeout,
} from '../job/errors.ts';
import { RemoteError } from '../job/outcome.ts';
import { isFinal } from '../job/states.ts';
import type { Store, StoreChange } from '../store/store.ts';
import { MAX_TIMER_MS } from '../util/sleep.ts';

const LOOK_MS = 1000;

export class Results {
  readonly #store: Store;
  /** By job id: those who wait, each with a way to look again and a way to give up. */
  readonly #waiting = new Map<string, Set<{ look: () => void; giveUp: (error: Error) => void }>>();

  readonly #listen: () => void;

  /** @param listen makes sure that changes are heard from now on. */
  constructor(store: Store, listen: () => void) {
    this.#store = store;
    this.#listen = listen;
  }

  /** A change that may end a wait. */
  heard(change: StoreChange): void {
    if (this.#waiting.size === 0) return;
    if (change.kind !== 'removed' && !isFinal(change.to)) return;
    for (const waiter of this.#waiting.get(change.id) ?? []) waiter.look();
  }

  /** @throws as `Client.result`. */
  async of(id: string, timeoutMs: number): Promise<unknown> {
    this.#listen();
    const early = await this.#look(id);
    return early ? early.value : this.#wait(id, timeoutMs);
  }

  close(): void {
    for (const [id, waiters] of this.#waiting) for (const { giveUp } of waiters) giveUp(closedWhileWaiting(id));
  }

  #wait(id: string, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        // Two looks may come back with an answer.
        if (!waiters.delete(waiter)) return;
        clearInterval(poll);
        clearTimeout(deadline);
        if (waiters.size === 0) this.#waiting.delete(id);
        finish();
      };
      const look = () => {
        this.#look(id).then(
          (found) => found && settle(() => resolve(found.value)),
          // A store that does not answer now may answer later; the deadline holds in any case.
          (error) => isAboutJob(error) && settle(() => reject(error)),
        );
      };
      const waiter = { look, giveUp: (error: Error) => settle(() => reject(error)) };
      const waiters = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiters.add(waiter));
      const poll = setInterval(look, LOOK_MS);
      const waitMs = Math.min(timeoutMs, MAX_TIMER_MS);
      const deadline = setTimeout(() => {
        const late = (status: string) => settle(() => reject(resultTimeout(id, status, waitMs)));
        this.#store.get(id).then(
          // It may have ended, or been removed, a moment ago.
          (job) => (job && !isFinal(job.status) ? late(job.status) : look()),
          () => late('unknown (the database does not answer)'),
        );
      }, waitMs);
      // The end may have come between the first look and the first event that could be heard.
      look();
    });
  }

  /** The result, or null if the job has not ended. */
  async #look(id: string): Promise<{ value: unknown } | null> {
    const job = await this.#store.get(id);
    if (!job) throw jobNotFound(id);
    switch (job.status) {
      case 'completed':
        return { value: job.result };
      case 'failed':
        throw jobFailed(id, job.error ?? 'no reason given', await this.#cause(id));
      case 'timeout':
        throw jobTimedOut(id, job.error ?? 'no reason given');
      case 'cancelled':
        throw jobCancelled(id, job.error ?? 'no reason given');
      default:
        return null;
    }
  }

  async #cause(id: string): Promise<Error | undefined> {
    const last = (await this.#store.attempts(id)).at(-1)?.error;
    return last ? new RemoteError(last) : undefined;
  }
}

const isAboutJob = (error: unknown): boolean =>
  error instanceof BacklineError && (error.code.startsWith('JOB_') || isClosed(error));
