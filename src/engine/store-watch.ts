import { isClosed } from '../job/errors.ts';
import type { Clock } from '../util/clock.ts';
import type { Events } from './events.ts';

/** What is tried again and again: one may fail while another works, as on a full disk or behind another program's lock. */
export type StoreUse = 'claim' | 'finish' | 'confirm' | 'poll' | 'tick';

/** Whether the store answers. Says so once when it stops, and once when everything works again. */
export class StoreWatch {
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #errors = new Map<StoreUse, unknown>();
  #downSince = 0;

  constructor(events: Events, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  /** The error that keeps the store away, or null while it answers. */
  get problem(): unknown {
    return [...this.#errors.values()].at(-1) ?? null;
  }

  down(use: StoreUse, error: unknown): void {
    // Our own end is no outage.
    if (isClosed(error)) return;
    const isFirst = this.#errors.size === 0;
    this.#errors.set(use, error);
    if (!isFirst) return;
    this.#downSince = this.#clock.monotonic();
    this.#events.emit('store-unavailable', () => ({ error }));
  }

  up(use: StoreUse): void {
    if (!this.#errors.delete(use) || this.#errors.size > 0) return;
    const afterMs = Math.round(this.#clock.monotonic() - this.#downSince);
    this.#events.emit('store-recovered', () => ({ afterMs }));
  }
}
