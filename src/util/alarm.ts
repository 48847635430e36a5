import { MAX_TIMER_MS } from './sleep.ts';

/** Rings once, after any time: a timer of the system holds 24.8 days at most. Restarting it costs a look at the clock. */
export class Alarm {
  readonly #ms: number;
  readonly #ring: () => void;
  #dueAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, ring: () => void) {
    this.#ms = ms;
    this.#ring = ring;
    this.#dueAt = performance.now() + ms;
    this.#arm(ms);
  }

  /** Begins anew, unless it has rung or was cleared. */
  restart(): void {
    this.#dueAt = performance.now() + this.#ms;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(
      () => {
        const leftMs = this.#dueAt - performance.now();
        if (leftMs >= 1) this.#arm(leftMs);
        else this.#ring();
      },
      Math.min(Math.ceil(ms), MAX_TIMER_MS),
    );
  }
}
