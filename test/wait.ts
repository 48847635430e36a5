/** Waiting in tests: for a condition, an event or a named signal; never for time to pass. */
import type { EventMap, EventName, JobManager } from 'backline';

/** Asks again and again until the answer is true. @returns the answer. @throws if it stays untrue. */
export const until = async <T>(
  condition: () => T | Promise<T>,
  what = String(condition),
  timeoutMs = 15_000,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer as Exclude<T, false | null | undefined | 0 | ''>;
    if (performance.now() > deadline) throw new Error(`This did not come true within ${timeoutMs} ms: ${what}`);
    await breath();
  }
};

const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** The next event of a name that fits. Call it before the thing that causes the event. */
export const nextEvent = <E extends EventName>(
  manager: Pick<JobManager, 'on' | 'off'>,
  name: E,
  fits: (event: EventMap[E]) => boolean = () => true,
  timeoutMs = 15_000,
): Promise<EventMap[E]> =>
  new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      manager.off(name, listener);
      finish();
    };
    const listener = (event: EventMap[E]) => fits(event) && settle(() => resolve(event));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`There was no fitting event "${name}" within ${timeoutMs} ms`))),
      timeoutMs,
    );
    manager.on(name, listener);
  });

/** A named moment that one side reaches and the other waits for. */
export interface Signal {
  readonly reached: Promise<void>;
  reach(): void;
}

export const signal = (): Signal => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { reached: promise, reach: resolve };
};
