import { listenersFull, tooManyListeners } from '../../job/errors.ts';

/** Counts open streams, so that nobody can take all of them, and all together not too much of this process. */
export class Listeners {
  readonly #max: number;
  readonly #maxPerOne: number;
  readonly #byOne = new Map<string, number>();
  #all = 0;

  constructor(max: number, maxPerOne: number) {
    this.#max = max;
    this.#maxPerOne = maxPerOne;
  }

  get count(): number {
    return this.#all;
  }

  /** @param whose address and token: each may have so many. @returns what is called, once, when it has ended. @throws TOO_MANY_LISTENERS, LISTENERS_FULL. */
  enter(whose: readonly string[]): () => void {
    if (whose.some((one) => this.#of(one) >= this.#maxPerOne)) throw tooManyListeners(this.#maxPerOne);
    if (this.#all >= this.#max) throw listenersFull(this.#max);
    this.#all++;
    for (const one of whose) this.#byOne.set(one, this.#of(one) + 1);
    return () => {
      this.#all--;
      for (const one of whose)
        if (this.#of(one) > 1) this.#byOne.set(one, this.#of(one) - 1);
        else this.#byOne.delete(one);
    };
  }

  #of(one: string): number {
    return this.#byOne.get(one) ?? 0;
  }
}
