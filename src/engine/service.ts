/** The contract of everything that runs long, and the one loop that chores share. */
export interface Service {
  /** Starting twice is harmless. */
  start(): void;
  /** Settles when nothing of it runs any more; stopping twice, or before the start, is harmless. */
  stop(): Promise<void>;
}

/** Does something again and again, never twice at once; `soon` brings the next time forward. */
export class Repeater implements Service {
  readonly #work: () => Promise<void>;
  readonly #everyMs: number;
  readonly #keepAlive: boolean;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #dueAt = 0;
  #started = false;

  /** @param options `keepAlive`: whether it holds the process open. */
  constructor(
    work: () => Promise<void>,
    options: { everyMs: number; keepAlive: boolean; onError: (error: unknown) => void },
  ) {
    this.#work = work;
    this.#everyMs = options.everyMs;
    this.#keepAlive = options.keepAlive;
    this.#onError = options.onError;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#wait(this.#everyMs);
  }

  /** Runs once more, within `ms`. */
  soon(ms = 0): void {
    if (!this.#started) return;
    if (this.#running) this.#again = true;
    // Never later than it would have been: hints that keep coming must not push the work away.
    else if (performance.now() + ms < this.#dueAt) this.#wait(ms);
  }

  async stop(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#run(), ms);
    if (!this.#keepAlive) this.#timer.unref();
  }

  #run(): void {
    this.#again = false;
    this.#running = this.#work()
      .catch(this.#onError)
      .finally(() => {
        this.#running = undefined;
        if (this.#started) this.#wait(this.#again ? 0 : this.#everyMs);
      });
  }
}
