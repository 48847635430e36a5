/** Time, passed in so that tests can hold it. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): number;
  /** A clock that never jumps, in milliseconds from an arbitrary start. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** The wall clock of somebody else: ours, and what theirs is ahead of it. */
export const offsetClock = (offsetMs: () => number): Clock => ({
  now: () => Date.now() + offsetMs(),
  monotonic: () => performance.now(),
});
