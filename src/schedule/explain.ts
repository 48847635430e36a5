/** What a trigger does, for people: in words, its next runs as the clocks of its zone show them, and what the next clock changes do. */
import { Pattern } from './cron-calendar.ts';
import { DAY_MS, showTime } from './dates.ts';
import { nextSlot, slotsBetween, slotsOf, type Trigger } from './schedule.ts';
import { LAST_MS, lastSlot } from './slots.ts';
import { wordsOf } from './words.ts';
import { type Zone, zoneOf } from './zone.ts';

export interface ExplainedRun {
  readonly at: Date;
  /** What the clocks of the zone show: `2026-03-29T03:00:00+02:00`. */
  readonly local: string;
  /** What a clock change has to do with it, or null. */
  readonly note: string | null;
}

/** One change of the zone's clocks. */
export interface ClockChange {
  readonly at: Date;
  /** What the clocks show when it comes, and at once after it: local times with their offsets. */
  readonly from: string;
  readonly to: string;
  /** What it does to the trigger, as a sentence. */
  readonly effect: string;
  /** The last run before it and the first two from it on. */
  readonly runs: readonly ExplainedRun[];
}

export interface Explanation {
  /** `At 02:30 every day, Europe/Berlin time`. */
  readonly words: string;
  readonly timeZone: string;
  readonly runs: readonly ExplainedRun[];
  /** The next two changes of the zone's clocks within five years; of a single run none. */
  readonly clockChanges: readonly ClockChange[];
}

const CHANGES = 2;
const LOOK_AHEAD_MS = 5 * 366 * DAY_MS;

/** @param after epoch milliseconds. @param count how many runs to show. */
export const explain = (trigger: Trigger, after: number, count: number): Explanation => {
  const timeZone = trigger.kind === 'once' ? 'UTC' : trigger.timeZone;
  const zone = zoneOf(timeZone);
  const pattern = trigger.kind === 'cron' ? new Pattern(trigger.cron) : null;
  const run = (slot: number) => explainRun(slot, zone, pattern);
  const changes = trigger.kind === 'once' ? [] : changesAfter(zone, after);
  return {
    words: wordsOf(trigger),
    timeZone,
    runs: slotsBetween(trigger, after, LAST_MS, count).map(run),
    clockChanges: changes.map((at) => ({
      at: new Date(at),
      from: localText(zone.localAt(at - 1) + 1, zone.spanAt(at - 1).offset),
      to: localText(zone.localAt(at), zone.spanAt(at).offset),
      effect: effectOf(trigger, zone, pattern, at),
      runs: around(trigger, at).map(run),
    })),
  };
};

const changesAfter = (zone: Zone, after: number): number[] => {
  const changes: number[] = [];
  let { offset } = zone.spanAt(after);
  for (let at = after; at < after + LOOK_AHEAD_MS && changes.length < CHANGES; ) {
    const span = zone.spanAt(at);
    if (span.offset !== offset) changes.push(span.start);
    offset = span.offset;
    at = span.end;
  }
  return changes;
};

const around = (trigger: Trigger, at: number): number[] => {
  const before = lastSlot(slotsOf(trigger), at - 32 * DAY_MS, at - 1);
  const first = nextSlot(trigger, at - 1);
  const second = first === null ? null : nextSlot(trigger, first);
  return [before, first, second].filter((slot) => slot !== null);
};

const explainRun = (slot: number, zone: Zone, pattern: Pattern | null): ExplainedRun => {
  const { offset } = zone.spanAt(slot);
  return { at: new Date(slot), local: localText(slot + offset, offset), note: noteOf(slot, zone, pattern) };
};

const noteOf = (slot: number, zone: Zone, pattern: Pattern | null): string | null => {
  const { start, offset } = zone.spanAt(slot);
  const local = slot + offset;
  const shown = timeText(local);
  if (zone.firstAt(local) < slot) return `the second ${shown} of two`;
  // What the clocks are set back by, the next day at the latest.
  const back = offset - zone.spanAt(slot + DAY_MS).offset;
  if (back > 0 && zone.localAt(slot + back) === local) return `the first ${shown} of two`;
  const skippedFrom = start === slot ? zone.localAt(slot - 1) + 1 : local;
  if (!pattern?.fixed || pattern.count(skippedFrom, local) === 0) return null;
  return `${missingText(pattern, skippedFrom, local)}: the end of the gap`;
};

const effectOf = (trigger: Trigger, zone: Zone, pattern: Pattern | null, at: number): string => {
  if (trigger.kind !== 'cron' || !pattern) return 'An interval counts real time: the change does not move it.';
  const before = zone.localAt(at - 1) + 1;
  const after = zone.localAt(at);
  const { gap = 'after', overlap = 'once' } = trigger.dst ?? {};
  const inside = pattern.count(Math.min(before, after), Math.max(before, after));
  if (inside === 0) return 'No run falls into the change.';
  const stretch = `${timeText(Math.min(before, after))} to ${timeText(Math.max(before, after))}`;
  if (!pattern.fixed)
    return after > before
      ? `The clocks go from ${timeText(before)} to ${timeText(after)} at once. It follows them: nothing runs for the times between.`
      : `The clocks show ${stretch} twice. It follows them, and runs in both.`;
  if (after > before) {
    const missing = missingText(pattern, before, after);
    return gap === 'skip'
      ? `${capital(missing)}: left out.`
      : `${capital(missing)}: it runs once, at ${timeText(after)}.`;
  }
  const twice =
    inside === 1
      ? `${timeText(pattern.next(after, before)!)} occurs twice`
      : `${inside} times from ${stretch} occur twice`;
  return overlap === 'twice' ? `${capital(twice)}: it runs at both.` : `${capital(twice)}: it runs at the first.`;
};

/** Of what falls into a gap: `02:30 does not exist`. */
const missingText = (pattern: Pattern, from: number, to: number): string => {
  const inside = pattern.count(from, to);
  return inside === 1
    ? `${timeText(pattern.next(from, to)!)} does not exist`
    : `${inside} times from ${timeText(from)} to ${timeText(to)} do not exist`;
};

const capital = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;

const timeText = (local: number): string => showTime(Math.floor((((local % DAY_MS) + DAY_MS) % DAY_MS) / 1000));

/** `2026-03-29T03:00:00+02:00`, in UTC too, so that all have one form. */
const localText = (local: number, offset: number): string => {
  const iso = new Date(local).toISOString();
  const text = iso.endsWith('.000Z') ? iso.slice(0, 19) : iso.slice(0, -1);
  return `${text}${offset < 0 ? '-' : '+'}${showTime(Math.abs(offset) / 1000)}`;
};
