/** Time, passed in so that tests can hold it. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): number;
  /** A clock that never jumps, in milliseconds from an arbitrary start. */
  monotonic(): number;
  /** Of a clock that is moved by hand: tells the listener after each move. Returns what ends that. */
  onMove?(listener: () => void): () => void;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** The wall clock of somebody else: ours, and what theirs is ahead of it. */
export const offsetClock = (offsetMs: () => number): Clock => ({
  now: () => Date.now() + offsetMs(),
  monotonic: () => performance.now(),
});
