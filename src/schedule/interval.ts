/** Intervals: a fixed rate from the first slot on, in real elapsed time. No run moves those after it, so nothing drifts. */
import { LAST_MS, type Slots } from './slots.ts';

export class IntervalSlots implements Slots {
  readonly #everyMs: number;
  readonly #firstAt: number;

  constructor(everyMs: number, firstAt: number) {
    this.#everyMs = everyMs;
    this.#firstAt = firstAt;
  }

  next(after: number): number | null {
    const slot = this.#firstAt + this.#before(after) * this.#everyMs;
    return slot <= LAST_MS ? slot : null;
  }

  count(after: number, until: number): number {
    return Math.max(0, this.#before(until) - this.#before(after));
  }

  /** Slots up to and including an instant. */
  #before(instant: number): number {
    return Math.max(0, Math.floor((instant - this.#firstAt) / this.#everyMs) + 1);
  }
}

/**
 * How long after its slot a run starts: from 0 up to `jitterMs`, always the same for the same schedule and slot. So that schedules of
 * one rate do not all start at once, in every process alike.
 */
export const jitterOf = (scheduleId: string, slot: number, jitterMs: number): number =>
  jitterMs === 0 ? 0 : Math.floor((hash(`${scheduleId}\n${slot}`) / 2 ** 32) * jitterMs);

/** FNV-1a with a last mix, so that texts that differ in one digit lie far apart. */
export const hash = (text: string, seed = 0x811c9dc5): number => {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};
