import type { ServerResponse } from 'node:http';

/** Requests that have no answer yet. */
export class OpenRequests {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** From here until it was answered, or its sender went away. */
  add(response: ServerResponse): void {
    this.#count++;
    response.once('close', () => {
      this.#count--;
      if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  /** Resolves when there is none. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }
}
