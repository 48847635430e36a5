/**
 * Whether who has a stream open may still have it. A request is looked at once, a stream stays for hours: so its token or session is
 * looked at again and again, once for all streams that came with it, and they end when it is no longer valid.
 */

/** Of a caller with a token or a session: what tells it from others, and whether it is valid still. */
export interface Standing {
  readonly key: string;
  readonly isValid: () => Promise<boolean>;
}

interface Watched {
  readonly streams: Set<AbortController>;
  readonly timer: NodeJS.Timeout;
}

export class StandingWatch {
  readonly #everyMs: number;
  readonly #watched = new Map<string, Watched>();

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** @returns what fires when it may not go on; and what is to be called, once, when it has ended by itself. */
  enter({ standing }: { readonly standing: Standing | null }): {
    readonly signal: AbortSignal;
    readonly leave: () => void;
  } {
    const stream = new AbortController();
    // Whoever came without a token did so from a place that needs none.
    if (!standing) return { signal: stream.signal, leave: () => {} };
    const { key, isValid } = standing;
    const watched = this.#watched.get(key) ?? this.#watch(key, isValid);
    watched.streams.add(stream);
    const leave = () => {
      watched.streams.delete(stream);
      if (watched.streams.size === 0) this.#forget(key, watched);
    };
    return { signal: stream.signal, leave };
  }

  #watch(key: string, isValid: () => Promise<boolean>): Watched {
    let asking = false;
    const look = async () => {
      if (asking) return;
      asking = true;
      try {
        if (await isValid()) return;
        this.#forget(key, watched);
        for (const stream of watched.streams) stream.abort();
      } catch {
        // The database is away: nobody can say that it is not.
      } finally {
        asking = false;
      }
    };
    const watched = {
      streams: new Set<AbortController>(),
      timer: setInterval(() => void look(), this.#everyMs).unref(),
    };
    this.#watched.set(key, watched);
    return watched;
  }

  #forget(key: string, watched: Watched): void {
    clearInterval(watched.timer);
    if (this.#watched.get(key) === watched) this.#watched.delete(key);
  }
}
