/** Cron expressions on the calendar alone, without any zone: the next local time that matches, and how many there are between two. */
import { type CronFields, parseCron, type Term, valuesOf } from './cron-pattern.ts';
import { DAY_S, dateOf, dayNumber, dayOf, daysInMonth, monthAfter, SECOND_MS, weekdayOf } from './dates.ts';
import type { Steps } from './slots.ts';

/** A cron expression on the calendar alone. Local times are milliseconds; only whole seconds match. */
export class Pattern {
  readonly fields: CronFields;
  /** Whether it names fixed times of the day: no `*` and no step in hour and minute. */
  readonly fixed: boolean;
  /** Seconds from midnight at which it runs on a day that matches. */
  readonly perDay: number;
  readonly #seconds: readonly number[];
  readonly #minutes: readonly number[];
  readonly #hours: readonly number[];
  readonly #months: ReadonlySet<number>;
  readonly #dates: DayField;
  readonly #weekdays: DayField;

  /** @throws INVALID_CRON naming the field. */
  constructor(text: unknown) {
    const fields = parseCron(text);
    this.fields = fields;
    this.#seconds = valuesOf(fields.second, 'second');
    this.#minutes = valuesOf(fields.minute, 'minute');
    this.#hours = valuesOf(fields.hour, 'hour');
    this.#months = new Set(valuesOf(fields.month, 'month'));
    this.#dates = new DayField(fields['day of month'], dateBits);
    this.#weekdays = new DayField(fields['day of week'], weekdayBits);
    this.fixed = ![...fields.minute, ...fields.hour].some(({ kind }) => kind === 'all' || kind === 'step');
    this.perDay = this.#seconds.length * this.#minutes.length * this.#hours.length;
  }

  /** Its time of day, in seconds from midnight, if it has only one. */
  get onlyTime(): number | null {
    return this.fixed && this.perDay === 1 ? this.#timeFrom(0) : null;
  }

  /** The first matching local time from `from` (inclusive) to `until` (exclusive). */
  next(from: number, until: number, steps?: Steps): number | null {
    const start = Math.ceil(from / SECOND_MS);
    const day = Math.floor(start / DAY_S);
    const time = this.#matches(day) ? this.#timeFrom(start - day * DAY_S) : null;
    const found = time === null ? this.#dayFrom(day + 1, dayOf(until), steps) : day;
    if (found === null) return null;
    const local = (found * DAY_S + (time ?? this.#timeFrom(0)!)) * SECOND_MS;
    return local < until ? local : null;
  }

  /** How many local times match from `from` (inclusive) to `until` (exclusive). */
  count(from: number, until: number): number {
    if (until <= from) return 0;
    const [start, end] = [Math.ceil(from / SECOND_MS), Math.ceil(until / SECOND_MS)];
    const [first, last] = [Math.floor(start / DAY_S), Math.floor(end / DAY_S)];
    const before = (day: number, second: number) => (second > 0 && this.#matches(day) ? this.#timesBefore(second) : 0);
    return (
      this.#days(first, last) * this.perDay - before(first, start - first * DAY_S) + before(last, end - last * DAY_S)
    );
  }

  #matches(day: number): boolean {
    const { year, month, date } = dateOf(day);
    return ((this.#daysOf(year, month) >>> (date - 1)) & 1) === 1;
  }

  #dayFrom(day: number, last: number, steps?: Steps): number | null {
    let { year, month, date } = dateOf(day);
    while (dayNumber(year, month, date) <= last) {
      if (steps) steps.taken++;
      // The bits of the days from `date` on.
      const left = (this.#daysOf(year, month) >>> (date - 1)) << (date - 1);
      if (left !== 0) return dayNumber(year, month, 32 - Math.clz32(left & -left));
      ({ year, month } = monthAfter({ year, month }));
      date = 1;
    }
    return null;
  }

  /** Days that match, from `first` (inclusive) to `last` (exclusive). */
  #days(first: number, last: number): number {
    let days = 0;
    let { year, month, date } = dateOf(first);
    for (let start = first - date + 1; start < last; ) {
      const length = daysInMonth(year, month);
      const until = Math.min(last - start, length);
      days += ones((this.#daysOf(year, month) & firstBits(until)) >>> (date - 1));
      date = 1;
      start += length;
      ({ year, month } = monthAfter({ year, month }));
    }
    return days;
  }

  /** The days of a month that match: bit 0 is the 1st. */
  #daysOf(year: number, month: number): number {
    if (!this.#months.has(month)) return 0;
    const length = daysInMonth(year, month);
    const first = weekdayOf(dayNumber(year, month, 1));
    const dates = this.#dates.bits(length, first);
    const weekdays = this.#weekdays.bits(length, first);
    // Vixie's rule: either matches, unless one of the two begins with a star.
    return this.#dates.star || this.#weekdays.star ? dates & weekdays : dates | weekdays;
  }

  /** The first time of day from a second on, in seconds from midnight. */
  #timeFrom(second: number): number | null {
    const [hour, minute] = [Math.floor(second / 3600), Math.floor(second / 60) % 60];
    const inMinute = this.#hours.includes(hour) && this.#minutes.includes(minute) && from(this.#seconds, second % 60);
    if (inMinute !== undefined && inMinute !== false) return second - (second % 60) + inMinute;
    const inHour = this.#hours.includes(hour) ? from(this.#minutes, minute + 1) : undefined;
    if (inHour !== undefined) return hour * 3600 + inHour * 60 + this.#seconds[0]!;
    const later = from(this.#hours, hour + 1);
    return later === undefined ? null : later * 3600 + this.#minutes[0]! * 60 + this.#seconds[0]!;
  }

  #timesBefore(second: number): number {
    const [hour, minute] = [Math.floor(second / 3600), Math.floor(second / 60) % 60];
    const hours = below(this.#hours, hour) * this.#minutes.length * this.#seconds.length;
    if (!this.#hours.includes(hour)) return hours;
    const minutes = below(this.#minutes, minute) * this.#seconds.length;
    return hours + minutes + (this.#minutes.includes(minute) ? below(this.#seconds, second % 60) : 0);
  }
}

const from = (values: readonly number[], least: number): number | undefined => values.find((value) => value >= least);
const below = (values: readonly number[], limit: number): number => values.filter((value) => value < limit).length;

const ones = (bits: number): number => {
  let left = bits;
  let count = 0;
  for (; left !== 0; left &= left - 1) count++;
  return count;
};

/** One of the two day fields, as the days of a month that it matches: bit 0 is the 1st. */
class DayField {
  /** Whether it begins with `*` or is `?`: such a field does not count as restricted. */
  readonly star: boolean;
  readonly #terms: readonly Term[];
  readonly #bitsOf: (term: Term, length: number, first: number) => number;

  constructor(terms: readonly Term[], bitsOf: (term: Term, length: number, first: number) => number) {
    const begin = terms[0]!;
    this.star = begin.kind === 'all' || (begin.kind === 'step' && begin.star);
    this.#terms = terms;
    this.#bitsOf = bitsOf;
  }

  /** @param length days of the month. @param first weekday of its 1st. */
  bits(length: number, first: number): number {
    let bits = 0;
    for (const term of this.#terms) bits |= this.#bitsOf(term, length, first);
    return bits & firstBits(length);
  }
}

/** 0 to 31 bits. */
const firstBits = (count: number): number => 2 ** count - 1;

const bit = (date: number): number => 1 << (date - 1);

const spread = (from: number, to: number, step: number): number => {
  let bits = 0;
  for (let date = from; date <= to; date += step) bits |= bit(date);
  return bits;
};

const dateBits = (term: Term, length: number, first: number): number => {
  if (term.kind === 'all') return -1;
  if (term.kind === 'value') return bit(term.value);
  if (term.kind === 'range') return spread(term.from, term.to, 1);
  if (term.kind === 'step') return spread(term.from, term.to, term.step);
  if (term.kind === 'last day') return bit(length);
  if (term.kind === 'nearest working day' && term.date > length) return 0;
  return bit(workingDay(term.kind === 'nearest working day' ? term.date : length, length, first));
};

/** The date from Monday to Friday nearest to a date, in the same month. */
const workingDay = (date: number, length: number, first: number): number => {
  const weekday = (first + date - 1) % 7;
  if (weekday === 6) return date === 1 ? 3 : date - 1;
  if (weekday === 0) return date === length ? date - 2 : date + 1;
  return date;
};

const weekdayBits = (term: Term, length: number, first: number): number => {
  const dateOfFirst = (weekday: number) => 1 + ((weekday - first + 7) % 7);
  const every = (weekday: number) => spread(dateOfFirst(weekday % 7), length, 7);
  if (term.kind === 'all') return -1;
  if (term.kind === 'value') return every(term.value);
  if (term.kind === 'nth')
    return dateOfFirst(term.weekday) + 7 * (term.nth - 1) <= length
      ? bit(dateOfFirst(term.weekday) + 7 * (term.nth - 1))
      : 0;
  if (term.kind === 'last of') return bit(31 - Math.clz32(every(term.weekday)) + 1);
  let bits = 0;
  if (term.kind === 'range' || term.kind === 'step')
    for (let day = term.from; day <= term.to; day += term.kind === 'step' ? term.step : 1) bits |= every(day);
  return bits;
};
