import { sleep } from './sleep.ts';

/**
 * Patience for a row of waits, each for something that may never come: what one of them has used up is gone for those after it, so
 * that together they end in time. It does not hold the process open.
 */
export class Patience {
  #leftMs: number;

  constructor(ms: number) {
    this.#leftMs = ms;
  }

  /** Waits for the promise as long as patience lasts. A promise that rejects in time rejects here. @returns whether it came. */
  async until(promise: Promise<unknown> | undefined): Promise<boolean> {
    const since = performance.now();
    const given = new AbortController();
    const came = await Promise.race([
      Promise.resolve(promise).then(() => true),
      sleep(this.#leftMs, { keepAlive: false, signal: given.signal }).then(() => false),
    ]).finally(() => given.abort());
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - since));
    return came;
  }
}
