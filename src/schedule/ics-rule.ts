/** Yearly repetition in an .ics file (RRULE): which days an event of whole days begins on. Other rules are refused. */
import { invalidCalendar } from '../job/errors.ts';
import { type CivilDate, dateOf, dayNumber, daysInMonth, parseDate, weekdayOf } from './dates.ts';

export type DayRule = (day: number) => boolean;

const PARTS = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYMONTH', 'BYMONTHDAY', 'BYDAY', 'WKST'];
const ICS_WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const MAX_COUNT = 1000;
const MAX_YEARS = 400;

/**
 * `FREQ=YEARLY;BYMONTH=11;BYDAY=4TH` → whether an event begins on a day.
 * @param first the day of DTSTART, from which the rule counts.
 * @throws INVALID_CALENDAR naming the line.
 */
export const expandRule = (text: string, first: number, place: string): DayRule => {
  const parts = partsOf(text, place);
  const refuse = (part: string, allowed: string) =>
    invalidCalendar(place, `${part}=${parts.get(part)}`, 'is not understood', allowed);
  if (parts.get('FREQ') !== 'YEARLY') throw refuse('FREQ', 'FREQ=YEARLY');
  const interval = whole(parts.get('INTERVAL') ?? '1', 1, 100);
  if (interval === undefined) throw refuse('INTERVAL', 'a number from 1 to 100');
  const start = dateOf(first);
  const { months, onDay } = daysInYear(parts, start, refuse);
  const repeats: DayRule = (day) =>
    day === first || (day > first && (dateOf(day).year - start.year) % interval === 0 && onDay(day));
  const until = untilDay(parts, refuse);
  const count = countOf(parts, refuse);
  const last = count === undefined ? until : nthDay(repeats, start, [...months, start.month], count);
  return (day) => day <= last && repeats(day);
};

const partsOf = (text: string, place: string): Map<string, string> => {
  const parts = new Map<string, string>();
  for (const part of text.toUpperCase().split(';')) {
    const [, name, value] = /^([A-Z]+)=(.+)$/.exec(part) ?? [];
    if (name === undefined || !PARTS.includes(name) || parts.has(name))
      throw invalidCalendar(place, part, 'in the rule is not understood', PARTS.join(', '));
    parts.set(name, value!);
  }
  return parts;
};

type Refuse = (part: string, allowed: string) => Error;

/** Which days of a year the BY… parts name; without any, the day and month of the start. */
const daysInYear = (parts: ReadonlyMap<string, string>, start: CivilDate, refuse: Refuse) => {
  const numbers = (part: string, min: number, max: number): readonly number[] | undefined => {
    const values = parts
      .get(part)
      ?.split(',')
      .map((value) => whole(value, min, max));
    if (values?.some((value) => value === undefined || value === 0))
      throw refuse(part, `numbers from ${min} to ${max}`);
    return values as readonly number[] | undefined;
  };
  const given = numbers('BYMONTH', 1, 12);
  const months = given ?? [start.month];
  const dates = numbers('BYMONTHDAY', -31, 31);
  const weekdays = parts.get('BYDAY')?.split(',').map(readWeekday);
  if (weekdays?.includes(undefined)) throw refuse('BYDAY', 'weekdays such as MO, 4TH, -1MO');
  for (const part of ['BYMONTHDAY', 'BYDAY'])
    if (parts.has(part) && !given) throw refuse(part, `${part} beside BYMONTH`);
  const onDay: DayRule = (day) => {
    const at = dateOf(day);
    if (!months.includes(at.month)) return false;
    const length = daysInMonth(at.year, at.month);
    if (!dates && !weekdays) return at.date === start.date;
    return (
      (!dates || dates.some((date) => (date > 0 ? date : length + date + 1) === at.date)) &&
      (!weekdays || weekdays.some((weekday) => isOn(weekday!, day, at, length)))
    );
  };
  return { months, onDay };
};

interface Ordinal {
  readonly weekday: number;
  /** 4 is the fourth of the month, -1 the last, 0 every one. */
  readonly nth: number;
}

const readWeekday = (text: string): Ordinal | undefined => {
  const [, nth = '0', name] = /^([+-]?[1-5])?(SU|MO|TU|WE|TH|FR|SA)$/.exec(text) ?? [];
  return name === undefined ? undefined : { weekday: ICS_WEEKDAYS.indexOf(name), nth: Number(nth) };
};

const isOn = ({ weekday, nth }: Ordinal, day: number, { date }: CivilDate, length: number): boolean =>
  weekdayOf(day) === weekday &&
  (nth === 0 || (nth > 0 ? Math.ceil(date / 7) === nth : Math.ceil((length - date + 1) / 7) === -nth));

/** The last day on which an event may begin. */
const untilDay = (parts: ReadonlyMap<string, string>, refuse: Refuse): number => {
  const until = parts.get('UNTIL');
  if (until === undefined) return Number.POSITIVE_INFINITY;
  const [, year, month, date] = /^(\d{4})(\d\d)(\d\d)(T\d{6}Z?)?$/.exec(until) ?? [];
  const day = parseDate(`${year}-${month}-${date}`);
  if (day === undefined) throw refuse('UNTIL', 'a date such as 20301231');
  return day;
};

const countOf = (parts: ReadonlyMap<string, string>, refuse: Refuse): number | undefined => {
  const text = parts.get('COUNT');
  if (text === undefined) return undefined;
  const count = whole(text, 1, MAX_COUNT);
  if (count === undefined || parts.has('UNTIL')) throw refuse('COUNT', `a number from 1 to ${MAX_COUNT}, and no UNTIL`);
  return count;
};

/** The day of the nth event, the first included. */
const nthDay = (repeats: DayRule, { year: first }: CivilDate, months: readonly number[], nth: number): number => {
  let left = nth;
  const inOrder = [...new Set(months)].sort((a, b) => a - b);
  for (let year = first; year < first + MAX_YEARS; year++)
    for (const month of inOrder)
      for (let date = 1; date <= daysInMonth(year, month); date++) {
        const day = dayNumber(year, month, date);
        if (repeats(day) && --left === 0) return day;
      }
  return dayNumber(first + MAX_YEARS, 1, 1);
};

const whole = (text: string, min: number, max: number): number | undefined => {
  const value = /^[+-]?\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
};
