import type { BigIntStats } from 'node:fs';
import type { Clock } from '../../util/clock.ts';
import { type Identity, identityOf, sameFile } from './files.ts';

/** Knows how long each file has been left alone, so that one which is still being written is not taken. */
export class Settling {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly identity: Identity; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Milliseconds since the file changed last, as far as is known. The file's own time is believed only where it lies in the past:
   * on a shared folder it may be another machine's.
   */
  quietMs(stem: string, stats: BigIntStats): number {
    const identity = identityOf(stats);
    const now = this.#clock.monotonic();
    const seen = this.#seen.get(stem);
    if (!sameFile(seen?.identity ?? null, identity)) this.#seen.set(stem, { identity, since: now });
    const watchedMs = now - (this.#seen.get(stem)?.since ?? now);
    return Math.max(watchedMs, this.#clock.now() - Number(stats.mtimeMs));
  }

  /** Forgets the files that are gone. */
  keepOnly(stems: ReadonlySet<string>): void {
    for (const stem of this.#seen.keys()) if (!stems.has(stem)) this.#seen.delete(stem);
  }
}
