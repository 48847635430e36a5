/** The longest time a timer of the system can hold, 24.8 days; above it, it would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits, or until the signal fires; resolves in both cases. `keepAlive: false` does not hold the process open. */
export const sleep = (ms: number, options: { signal?: AbortSignal; keepAlive?: boolean } = {}): Promise<void> =>
  new Promise((resolve) => {
    const { signal, keepAlive = true } = options;
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS));
    if (!keepAlive) timer.unref();
    signal?.addEventListener('abort', done);
  });
