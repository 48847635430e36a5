/** What every trigger becomes once it is read: slots, strictly increasing instants in epoch milliseconds. */
import { DAY_MS } from './dates.ts';

/** How far the search for a slot goes. What does not come within it, never comes. */
export const HORIZON_MS = 100 * 366 * DAY_MS;
/** The latest instant of which a zone is asked, so that a search never leaves what a Date can hold. */
export const LAST_MS = 8.64e15 - 10 * DAY_MS;

/** Counts the looks at a month or day that a search took, for those who want to know that it is bounded. */
export interface Steps {
  taken: number;
}

export interface Slots {
  /** The first slot after an instant, or null if there is none within 100 years. */
  next(after: number, steps?: Steps): number | null;
  /** How many slots there are after one instant, up to and including another. Costs days, not slots. */
  count(after: number, until: number): number;
}

/** The last slot after `after`, up to and including `until`; null if there is none. Halves the time between, and asks only `next`. */
export const lastSlot = (slots: Slots, after: number, until: number): number | null => {
  const within = (from: number): number | null => {
    const slot = slots.next(from);
    return slot !== null && slot <= until ? slot : null;
  };
  // Doubles the look back until it meets a slot, so that a dense trigger is done at once however long ago `after` was.
  let found: number | null = null;
  let empty = until;
  for (let back = 1000; found === null && empty > after; back *= 2) {
    const start = Math.max(after, until - back);
    found = within(start);
    if (found === null) empty = start;
  }
  if (found === null) return null;
  // There is a slot after `found` or none after `empty`.
  while (empty - found > 1) {
    const middle = Math.floor((found + empty) / 2);
    const later = within(middle);
    if (later === null) empty = middle;
    else found = later;
  }
  return within(found) ?? found;
};
