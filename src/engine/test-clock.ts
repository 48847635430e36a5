/** A clock for tests: it stands still until it is moved by hand. */
import { checkDuration, checkInstant, type Duration } from '../job/check.ts';
import type { Clock } from '../util/clock.ts';

export interface TestClock extends Clock {
  onMove(listener: () => void): () => void;
  /** Lets time pass: milliseconds, or text such as `'3d'`. Both clocks move, then the listeners are told. */
  advance(by: Duration): void;
  /** Sets the wall clock alone, as a person or NTP would, also back; then the listeners are told. No time passes. */
  set(to: Date | number | string): void;
}

/**
 * A clock that only `advance` and `set` move. A manager that is given it wakes when it is moved, so that what became due starts at
 * once. It moves what reads the time: due times, expiry, retention, schedules. Time-outs of running attempts are real.
 *
 * @example const clock = testClock('2026-03-28T12:00Z'); new JobManager(':memory:', { jobs, clock }); clock.advance('3d');
 * @param start a Date, epoch milliseconds, or ISO 8601 text with an offset or Z.
 * @throws INVALID_OPTION if that is no instant, or `by` no duration.
 */
export const testClock = (start: Date | number | string = '2026-01-01T00:00:00Z'): TestClock => {
  let now = checkInstant(start, 'start');
  let passed = 0;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  return {
    now: () => now,
    monotonic: () => passed,
    onMove: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    advance: (by) => {
      const ms = checkDuration(by, 'by');
      now += ms;
      passed += ms;
      tell();
    },
    set: (to) => {
      now = checkInstant(to, 'to');
      tell();
    },
  };
};
