/**
 * Calendars: which instants count. One is a plain object that JSON can hold, with one key; `compileCalendar` checks it and makes of it
 * two answers: whether an instant is in it, and until when that stays so. Days and times of day are those of the trigger's zone.
 */
import { isRecord } from '../job/check.ts';
import { invalidCalendar } from '../job/errors.ts';
import { didYouMean } from '../util/text.ts';
import {
  DAY_MS,
  dateOf,
  dayOf,
  daysInMonth,
  parseDate,
  parseTimeOfDay,
  SECOND_MS,
  WEEKDAYS,
  weekdayOf,
} from './dates.ts';
import { readIcs } from './ics.ts';
import { readInstant } from './once.ts';
import type { Zone } from './zone.ts';

export type Weekday = (typeof WEEKDAYS)[number];

/** From the first (included) to the last (excluded). */
export interface TimeWindow {
  readonly from: string;
  readonly to: string;
}

/** Days of work: Monday to Friday, or the given weekdays, without the holidays. */
export interface BusinessDays {
  readonly weekdays?: readonly Weekday[];
  /** Dates: `2026-12-25`, or `12-25` for every year. */
  readonly holidays?: readonly string[];
  /** The text of an .ics file with the holidays. */
  readonly ics?: string;
}

/** Which instants count. A blackout is a `not`: `{ not: { daily: { from: '22:00', to: '06:00' } } }`. */
export type Calendar =
  | { readonly weekdays: readonly Weekday[] }
  | { readonly businessDays: true | BusinessDays }
  /** `2026-12-25`, or `12-25` for every year. */
  | { readonly dates: readonly string[] }
  /** The text of an .ics file. */
  | { readonly ics: string }
  /** Times of day: `22:00` to `06:00` goes over midnight. */
  | { readonly daily: TimeWindow }
  /** Weekday and time: `fri 18:00` to `mon 06:00`. */
  | { readonly weekly: TimeWindow }
  /** From one instant to another: with an offset, or as local times. */
  | { readonly between: TimeWindow }
  | { readonly and: readonly Calendar[] }
  | { readonly or: readonly Calendar[] }
  | { readonly not: Calendar };

/** A calendar that can be asked. */
export interface CalendarDays {
  has(instant: number): boolean;
  /** A later instant up to which, exclusive, the answer is the same. */
  until(instant: number): number;
}

const KINDS = ['weekdays', 'businessDays', 'dates', 'ics', 'daily', 'weekly', 'between', 'and', 'or', 'not'];
const WEEK_MS = 7 * DAY_MS;
const MAX_DEPTH = 10;
const MAX_LIST = 10_000;

/** @throws INVALID_CALENDAR naming the part at fault, TIME_WITHOUT_ZONE. */
export const compileCalendar = (value: unknown, zone: Zone, field = 'calendar', depth = 0): CalendarDays => {
  const entries = isRecord(value) ? Object.entries(value).filter(([, given]) => given !== undefined) : [];
  const [kind, given] = entries[0] ?? [];
  if (kind === undefined || entries.length > 1)
    throw invalidCalendar(field, value, 'is no object with exactly one key', KINDS.join(', '));
  if (depth > MAX_DEPTH) throw invalidCalendar(field, kind, 'lies too deep', `${MAX_DEPTH} levels`);
  const place = `${field}.${kind}`;
  const inner = (item: unknown, at: string) => compileCalendar(item, zone, at, depth + 1);
  if (kind === 'not') return not(inner(given, place));
  if (kind === 'and' || kind === 'or') {
    const parts = list(given, place, 1).map((item, i) => inner(item, `${place}[${i}]`));
    return kind === 'and' ? and(parts) : not(and(parts.map(not)));
  }
  if (kind === 'weekdays') return days(zone, weekdaySet(given, place));
  if (kind === 'dates') return days(zone, dateSet(given, place));
  if (kind === 'ics') return icsDays(given, place, zone);
  if (kind === 'businessDays') return businessDays(given, place, zone);
  if (kind === 'daily') return onClock(zone, DAY_MS, ...window(given, place, timeOfDay));
  if (kind === 'weekly') return onClock(zone, WEEK_MS, ...window(given, place, timeOfWeek));
  if (kind === 'between') return between(...window(given, place, (text, at) => readInstant(text, at, zone)));
  throw invalidCalendar(
    field,
    kind,
    `is no kind of calendar`,
    [KINDS.join(', '), didYouMean(kind, KINDS)].filter(Boolean).join('. '),
  );
};

const not = ({ has, until }: CalendarDays): CalendarDays => ({ has: (instant) => !has(instant), until });

/** What one part excludes stays excluded as long as that part says so, whatever the others do. */
const and = (parts: readonly CalendarDays[]): CalendarDays => ({
  has: (instant) => parts.every((part) => part.has(instant)),
  until: (instant) => {
    const closed = parts.filter((part) => !part.has(instant));
    if (closed.length > 0) return Math.max(...closed.map((part) => part.until(instant)));
    return Math.min(...parts.map((part) => part.until(instant)));
  },
});

/** A rule on whole days of the zone. */
const days = (zone: Zone, has: (day: number) => boolean): CalendarDays => ({
  has: (instant) => has(dayOf(zone.localAt(instant))),
  until: (instant) => {
    const { offset, end } = zone.spanAt(instant);
    return Math.min(end, (dayOf(instant + offset) + 1) * DAY_MS - offset);
  },
});

/** A window that comes again with every turn of a clock of `turn` milliseconds: a day, or a week that begins on Sunday. */
const onClock = (zone: Zone, turn: number, from: number, to: number): CalendarDays => {
  // Day 3 after the epoch, a Sunday, begins a week.
  const start = turn === DAY_MS ? 0 : 3 * DAY_MS;
  const reading = (local: number) => (((local - start) % turn) + turn) % turn;
  return {
    has: (instant) => {
      const now = reading(zone.localAt(instant));
      return from < to ? now >= from && now < to : now >= from || now < to;
    },
    until: (instant) => {
      const { offset, end } = zone.spanAt(instant);
      const now = reading(instant + offset);
      const next = Math.min(...[from, to].map((edge) => (edge > now ? edge - now : edge - now + turn)));
      return Math.min(end, instant + next);
    },
  };
};

const between = (from: number, to: number): CalendarDays => ({
  has: (instant) => instant >= from && instant < to,
  until: (instant) => (instant < from ? from : instant < to ? to : Number.POSITIVE_INFINITY),
});

const businessDays = (given: unknown, place: string, zone: Zone): CalendarDays => {
  const options = given === true ? {} : given;
  if (!isRecord(options))
    throw invalidCalendar(place, given, 'is not understood', 'true, or { weekdays, holidays, ics }');
  for (const key of Object.keys(options))
    if (!['weekdays', 'holidays', 'ics'].includes(key))
      throw invalidCalendar(place, key, 'is no option of business days', 'weekdays, holidays, ics');
  const { weekdays = ['mon', 'tue', 'wed', 'thu', 'fri'], holidays, ics } = options;
  const open = [days(zone, weekdaySet(weekdays, `${place}.weekdays`))];
  if (holidays !== undefined) open.push(not(days(zone, dateSet(holidays, `${place}.holidays`))));
  if (ics !== undefined) open.push(not(icsDays(ics, `${place}.ics`, zone)));
  return and(open);
};

const icsDays = (given: unknown, place: string, zone: Zone): CalendarDays => {
  const { hasDay, windows } = readIcs(given, place, zone);
  return not(and([days(zone, hasDay), ...windows.map(([from, to]) => between(from, to))].map(not)));
};

const list = (value: unknown, place: string, least: number): readonly unknown[] => {
  if (!Array.isArray(value) || value.length < least || value.length > MAX_LIST)
    throw invalidCalendar(place, value, 'is no list', `a list of ${least} to ${MAX_LIST}`);
  return value;
};

const weekdaySet = (value: unknown, place: string): ((day: number) => boolean) => {
  const wanted = list(value, place, 1).map((word, i) => weekday(word, `${place}[${i}]`));
  return (day) => wanted.includes(weekdayOf(day));
};

const weekday = (word: unknown, place: string): number => {
  const index = WEEKDAYS.indexOf(word as Weekday);
  if (index < 0) throw invalidCalendar(place, word, 'is no weekday', WEEKDAYS.join(', '));
  return index;
};

const dateSet = (value: unknown, place: string): ((day: number) => boolean) => {
  const exact = new Set<number>();
  const yearly = new Set<number>();
  for (const [i, text] of list(value, place, 1).entries()) {
    const day = typeof text === 'string' ? parseDate(text) : undefined;
    const [, month, date] = (typeof text === 'string' && /^(\d\d)-(\d\d)$/.exec(text)?.map(Number)) || [];
    if (day !== undefined) exact.add(day);
    else if (month! >= 1 && month! <= 12 && date! >= 1 && date! <= daysInMonth(2000, month!))
      yearly.add(month! * 100 + date!);
    else
      throw invalidCalendar(`${place}[${i}]`, text, 'is no date', 'a date such as 2026-12-25, or 12-25 for every year');
  }
  return (day) => {
    if (exact.has(day)) return true;
    const { month, date } = dateOf(day);
    return yearly.has(month * 100 + date);
  };
};

const window = (
  value: unknown,
  place: string,
  read: (text: unknown, place: string) => number,
): [from: number, to: number] => {
  if (!isRecord(value) || Object.keys(value).some((key) => key !== 'from' && key !== 'to'))
    throw invalidCalendar(place, value, 'is no window', '{ from, to }');
  const first = read(value['from'], `${place}.from`);
  // 24:00 is where a window ends; one that begins there begins with the next day.
  const from = place.endsWith('.daily') ? first % DAY_MS : first;
  const to = read(value['to'], `${place}.to`);
  const isBetween = place.endsWith('.between');
  if (isBetween ? from >= to : from === to)
    throw invalidCalendar(place, value, 'holds no time', isBetween ? 'from before to' : 'from and to that differ');
  return [from, to];
};

const timeOfDay = (text: unknown, place: string): number => {
  const seconds = typeof text === 'string' ? parseTimeOfDay(text) : undefined;
  if (seconds === undefined) throw invalidCalendar(place, text, 'is no time of day', '00:00 to 24:00, such as 22:00');
  return seconds * SECOND_MS;
};

const timeOfWeek = (text: unknown, place: string): number => {
  const [, day, time] = (typeof text === 'string' && /^(\w+) (.+)$/.exec(text)) || [];
  if (day === undefined)
    throw invalidCalendar(place, text, 'is no time of the week', 'weekday and time, such as fri 18:00');
  return (weekday(day, place) * DAY_MS + timeOfDay(time, place)) % WEEK_MS;
};
