/** Writes what became of attempts, in batches, until it is written: a handler that has run must not be forgotten. */

import { type Change, cancel } from '../job/change.ts';
import { isClosed } from '../job/errors.ts';
import type { ApplyOutcome, Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import type { Events } from './events.ts';
import type { StoreWatch } from './store-watch.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5000;

export class Finisher {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #storeWatch: StoreWatch;
  /** Why jobs were to be cancelled, by seq, as far as it was heard while their ends were being written. */
  readonly #reasons = new Map<number, string>();
  #pending: Change[] = [];
  #scheduled = false;
  #writing = 0;
  #retryMs = FIRST_RETRY_MS;
  #idle: (() => void)[] = [];

  constructor(store: Store, clock: Clock, events: Events, storeWatch: StoreWatch) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
    this.#storeWatch = storeWatch;
  }

  /** Attempts that end in the same turn are written together, and with the claim that follows them. */
  add(change: Change): void {
    this.#pending.push(change);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#flush());
  }

  /** A cancel was heard; it may have come between a job and its end. */
  heardCancel(seq: number, reason: string): void {
    if (this.#isBusy()) this.#reasons.set(seq, reason);
  }

  /** Resolves when everything is written. */
  drained(): Promise<void> {
    if (!this.#isBusy()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isBusy(): boolean {
    return this.#pending.length > 0 || this.#writing > 0;
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length === 0) return;
    this.#writing++;
    this.#store
      .applyChanges(batch)
      .then(
        (outcomes) => this.#written(batch, outcomes),
        (error) => this.#failed(batch, error),
      )
      .finally(() => {
        this.#writing--;
        if (this.#isBusy()) return;
        this.#reasons.clear();
        for (const resolve of this.#idle.splice(0)) resolve();
      });
  }

  #written(batch: readonly Change[], outcomes: readonly ApplyOutcome[]): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#storeWatch.up('finish');
    for (let i = 0; i < batch.length; i++) if (outcomes[i] !== 'applied') this.#notApplied(batch[i]!, outcomes[i]!);
  }

  /** A cancel that was asked for while the attempt ended wins; anything else was too late. */
  #notApplied({ job }: Change, outcome: ApplyOutcome): void {
    const at = this.#clock.now();
    if (outcome === 'cancel-requested')
      return this.add(cancel(job, this.#reasons.get(job.seq) ?? 'cancelled by request', at));
    const { id: jobId, seq, type, queue } = job;
    this.#events.emit('job-late-result', () => ({ jobId, seq, type, queue, at }));
  }

  #failed(batch: Change[], error: unknown): void {
    // What could not be written before the end is an orphan, and runs again.
    if (isClosed(error)) return;
    this.#storeWatch.down('finish', error);
    this.#pending = [...batch, ...this.#pending];
    this.#scheduled = true;
    setTimeout(() => this.#flush(), this.#retryMs).unref();
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }
}
