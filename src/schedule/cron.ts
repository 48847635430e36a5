/**
 * Cron: a pattern in a zone → its slots.
 *
 * A pattern with `*` or a step in its hour or minute matches what the clocks show, instant by instant: real time passes, and nothing
 * is doubled or left out. Any other pattern names fixed times, and each of them runs once: a time that falls into a gap at the end of
 * the gap, a time that occurs twice at the first. How a zone's clocks go is zone.ts; what matches on a calendar is cron-calendar.ts.
 */
import type { Pattern } from './cron-calendar.ts';
import { DAY_MS, SECOND_MS } from './dates.ts';
import { HORIZON_MS, LAST_MS, type Slots, type Steps } from './slots.ts';
import { MAX_OFFSET_MS, type Span, type Zone } from './zone.ts';

/** What becomes of fixed times when clocks change. Patterns that follow the clocks instant by instant need no rule. */
export interface DaylightSaving {
  /** A time that does not exist runs at the end of the gap (`'after'`, the default), or not at all (`'skip'`). */
  readonly gap?: 'after' | 'skip';
  /** A time that occurs twice runs at the first occurrence (`'once'`, the default), or at both (`'twice'`). */
  readonly overlap?: 'once' | 'twice';
}

/** Longer than any overlap, so that all that a search has to know of it lies in one stretch. */
const STRETCH_MS = 4 * DAY_MS;

export class CronSlots implements Slots {
  readonly #pattern: Pattern;
  readonly #zone: Zone;
  readonly #skips: boolean;
  readonly #twice: boolean;

  constructor(pattern: Pattern, zone: Zone, { gap = 'after', overlap = 'once' }: DaylightSaving = {}) {
    this.#pattern = pattern;
    this.#zone = zone;
    this.#skips = gap === 'skip';
    this.#twice = overlap === 'twice';
  }

  next(after: number, steps?: Steps): number | null {
    const until = Math.min(after + HORIZON_MS, LAST_MS);
    if (!this.#pattern.fixed) return this.#nextShown(after, until, steps);
    const fixed = this.#nextFixed(after, until, steps);
    return this.#twice ? earlier(fixed, this.#nextShown(after, fixed ?? until, steps)) : fixed;
  }

  count(after: number, until: number): number {
    const { fixed } = this.#pattern;
    if (until <= after) return 0;
    let count = 0;
    if (fixed && !this.#twice)
      count = this.#pattern.count(this.#zone.highestAt(after) + 1, this.#zone.highestAt(until) + 1);
    else
      this.#spans(after, until, ({ start, end, offset }) => {
        const [from, to] = [Math.max(start, after + 1), Math.min(end, until + 1)];
        count += this.#pattern.count(from + offset, to + offset);
      });
    return fixed ? count + this.#atGaps(after, until) : count;
  }

  /** The next fixed time. Local times are tried in order, and the instants that they become are in the same order. */
  #nextFixed(after: number, until: number, steps?: Steps): number | null {
    let floor = this.#zone.highestAt(after);
    for (;;) {
      const local = this.#pattern.next(floor + 1, until + MAX_OFFSET_MS, steps);
      if (local === null) return null;
      const instant = this.#zone.firstAt(local);
      if (instant >= until) return null;
      const shown = this.#zone.localAt(instant);
      if (shown === local || !this.#skips) return instant;
      // In a gap; the next one that can exist is what the clocks show at its end.
      floor = shown - 1;
    }
  }

  /** The next instant, a whole second, at which the clocks show what the pattern names. */
  #nextShown(after: number, until: number, steps?: Steps): number | null {
    let at = (Math.floor(after / SECOND_MS) + 1) * SECOND_MS;
    while (at < until) {
      const end = Math.min(at + STRETCH_MS, until);
      while (at < end) {
        const { offset, end: change } = this.#zone.spanAt(at);
        const until = Math.min(change, end);
        const local = this.#pattern.next(at + offset, until + offset, steps);
        if (local !== null) return local - offset;
        at = until;
      }
      // From here on no clock shows less than this, so nothing can match before the next local time that does.
      const local = this.#pattern.next(at - MAX_OFFSET_MS, until + MAX_OFFSET_MS, steps);
      if (local === null) return null;
      at = Math.max(at, local - MAX_OFFSET_MS);
    }
    return null;
  }

  /** What gaps add to, or take from, the plain count: a gap holds one run, however many times fall into it, or none. */
  #atGaps(after: number, until: number): number {
    let change = 0;
    let highest = this.#zone.highestAt(after);
    this.#spans(after, until, ({ start, end, offset }) => {
      const shown = start + offset;
      if (start > after && shown > highest + 1) {
        const inside = this.#pattern.count(highest + 1, shown);
        const runs = inside > 0 && !this.#skips && this.#pattern.count(shown, shown + 1) === 0 ? 1 : 0;
        // Without `twice`, the plain count went over local times, those in the gap included.
        change += this.#twice ? runs : runs - inside;
      }
      highest = Math.max(highest, Math.min(end, until + 1) + offset - 1);
    });
    return change;
  }

  /** The spans that hold an instant after one and up to another, in order. */
  #spans(after: number, until: number, each: (span: Span) => void): void {
    for (let at = after + 1; at <= until; ) {
      const span = this.#zone.spanAt(at);
      each(span);
      at = span.end;
    }
  }
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);
