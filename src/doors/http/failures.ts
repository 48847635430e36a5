/** Failed tries to come in, by address: after a few, an address has to wait. Bounded, so that many addresses cost no memory. */

const FREE = 10;
const WINDOW_MS = 300_000;
const MOST = 10_000;

export class Failures {
  readonly #now: () => number;
  /** In the order of their first failure. */
  readonly #byAddress = new Map<string, { count: number; readonly since: number }>();

  /** @param now milliseconds that never jump. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How long an address has to wait before it may try again; 0 if not at all. */
  waitMs(address: string): number {
    const known = this.#byAddress.get(address);
    if (!known) return 0;
    const left = known.since + WINDOW_MS - this.#now();
    if (left <= 0) this.#byAddress.delete(address);
    return known.count >= FREE && left > 0 ? left : 0;
  }

  failed(address: string): void {
    const known = this.#byAddress.get(address);
    if (known) {
      known.count++;
      return;
    }
    if (this.#byAddress.size >= MOST)
      for (const oldest of this.#byAddress.keys()) {
        this.#byAddress.delete(oldest);
        break;
      }
    this.#byAddress.set(address, { count: 1, since: this.#now() });
  }
}
