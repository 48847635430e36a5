/** Slots restricted by a calendar: those that it excludes are left out, or moved to the next day that it allows. */
import type { CalendarDays } from './calendar.ts';
import { DAY_MS, dayOf, SECOND_MS } from './dates.ts';
import { HORIZON_MS, type Slots, type Steps } from './slots.ts';
import type { Zone } from './zone.ts';

/** Looks at a calendar before a search gives up: more than 50 years of days. */
const MAX_LOOKS = 20_000;

/** Slots that the calendar holds. A stretch that it excludes is passed over in one step, however many slots lie in it. */
export class AllowedSlots implements Slots {
  readonly #slots: Slots;
  readonly #calendar: CalendarDays;

  constructor(slots: Slots, calendar: CalendarDays) {
    this.#slots = slots;
    this.#calendar = calendar;
  }

  next(after: number, steps?: Steps): number | null {
    let at = after;
    for (let looks = 0; looks < MAX_LOOKS && at < after + HORIZON_MS; looks++) {
      const slot = this.#slots.next(at, steps);
      if (slot === null || this.#calendar.has(slot)) return slot;
      at = this.#calendar.until(slot) - 1;
    }
    return null;
  }

  count(after: number, until: number): number {
    let count = 0;
    for (let at = after + 1; at <= until; ) {
      const end = Math.min(this.#calendar.until(at), until + 1);
      if (this.#calendar.has(at)) count += this.#slots.count(at - 1, end - 1);
      at = end;
    }
    return count;
  }
}

/** How far a slot is moved at most. If no day is allowed before that, it is left out. */
export const MAX_MOVE_DAYS = 31;

/** Slots in a row that are left out before a search gives up: more than ten years of days. */
const MAX_LEFT_OUT = 4000;

/** Slots of one time of day; each that the calendar excludes is moved to that time on the next day that it allows. */
export class MovedSlots implements Slots {
  readonly #slots: Slots;
  readonly #calendar: CalendarDays;
  readonly #zone: Zone;
  readonly #time: number;

  /** @param time seconds from midnight. */
  constructor(slots: Slots, calendar: CalendarDays, zone: Zone, time: number) {
    this.#slots = slots;
    this.#calendar = calendar;
    this.#zone = zone;
    this.#time = time * SECOND_MS;
  }

  next(after: number): number | null {
    for (const slot of this.#after(after)) return slot;
    return null;
  }

  count(after: number, until: number): number {
    let count = 0;
    for (const slot of this.#after(after)) {
      if (slot > until) break;
      count++;
    }
    return count;
  }

  /** In order, each once: two slots can be moved to the same day. */
  *#after(after: number): Generator<number> {
    let last = after;
    // A slot from before can have been moved to after.
    let slot = this.#slots.next(after - (MAX_MOVE_DAYS + 2) * DAY_MS);
    let leftOut = 0;
    for (; slot !== null && slot < after + HORIZON_MS && leftOut < MAX_LEFT_OUT; slot = this.#slots.next(slot)) {
      const moved = this.#move(slot);
      leftOut = moved === null ? leftOut + 1 : 0;
      if (moved === null || moved <= last) continue;
      last = moved;
      yield moved;
    }
  }

  #move(slot: number): number | null {
    if (this.#calendar.has(slot)) return slot;
    const day = dayOf(this.#zone.localAt(slot));
    let closedUntil = this.#calendar.until(slot);
    for (let later = 1; later <= MAX_MOVE_DAYS; later++) {
      const moved = this.#zone.firstAt((day + later) * DAY_MS + this.#time);
      if (moved < closedUntil || moved <= slot) continue;
      if (this.#calendar.has(moved)) return moved;
      closedUntil = this.#calendar.until(moved);
    }
    return null;
  }
}
