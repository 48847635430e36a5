import { listenersFull, tooManyListeners } from '../../job/errors.ts';

/** Counts open streams, so that nobody can take all of them, and all together not too much of this process. */
export class Listeners {
  readonly #max: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  constructor(max: number, maxPerAddress: number) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
  }

  get count(): number {
    return this.#all;
  }

  /** @returns what is called, once, when it has ended. @throws TOO_MANY_LISTENERS, LISTENERS_FULL. */
  enter(address: string): () => void {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (ofAddress >= this.#maxPerAddress) throw tooManyListeners(this.#maxPerAddress);
    if (this.#all >= this.#max) throw listenersFull(this.#max);
    this.#all++;
    this.#byAddress.set(address, ofAddress + 1);
    return () => {
      this.#all--;
      const left = this.#byAddress.get(address)! - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    };
  }
}
