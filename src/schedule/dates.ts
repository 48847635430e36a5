/**
 * The calendar without any zone. A "local time" is what the clocks of a zone show, written as the milliseconds from 1970-01-01 00:00
 * on those clocks; a "day" is the number of whole days in it.
 */
export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const DAY_S = 86_400;

export interface YearMonth {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
}

export interface CivilDate extends YearMonth {
  /** Day of the month, 1 to 31. */
  readonly date: number;
}

export const dayOf = (local: number): number => Math.floor(local / DAY_MS);

export const dateOf = (day: number): CivilDate => {
  const at = new Date(day * DAY_MS);
  return { year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, date: at.getUTCDate() };
};

/** The day of a date; what lies outside the month runs over into the next ones. Years from 100 on. */
export const dayNumber = (year: number, month: number, date: number): number =>
  Date.UTC(year, month - 1, date) / DAY_MS;

export const daysInMonth = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

/** 0 is Sunday. 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

export const monthAfter = ({ year, month }: YearMonth): YearMonth =>
  month === 12 ? { year: year + 1, month: 1 } : { year, month: month + 1 };

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const;

export const WEEKDAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
export const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** `2026-12-25` → its day, or undefined if there is no such date. */
export const parseDate = (text: string): number | undefined => {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)?.map(Number) ?? [];
  if (year === undefined || year < 1000) return undefined;
  if (month! < 1 || month! > 12 || date! < 1 || date! > daysInMonth(year, month!)) return undefined;
  return dayNumber(year, month!, date!);
};

/** `06:30`, `06:30:15` → seconds from midnight, or undefined. `24:00` is the end of the day. */
export const parseTimeOfDay = (text: string): number | undefined => {
  const [, hour, minute, second = 0] =
    /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(text)?.map((part) => (part === undefined ? undefined : Number(part))) ?? [];
  if (hour === undefined || minute! > 59 || second > 59) return undefined;
  const seconds = hour * 3600 + minute! * 60 + second;
  return seconds <= DAY_S ? seconds : undefined;
};

/** `2026-12-01T10:00`, with seconds and milliseconds if they are given → local time, or undefined. No offset, no Z. */
export const parseLocal = (text: string): number | undefined => {
  const [, date = '', time = '', fraction = '0'] =
    /^([\d-]+)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,3}))?$/.exec(text) ?? [];
  const day = parseDate(date);
  const seconds = parseTimeOfDay(time);
  if (day === undefined || seconds === undefined || seconds === DAY_S) return undefined;
  return day * DAY_MS + seconds * SECOND_MS + Number(fraction.padEnd(3, '0'));
};

export const two = (n: number): string => String(n).padStart(2, '0');

/** Seconds from midnight as `06:30`, with seconds only where there are any. */
export const showTime = (seconds: number): string =>
  `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}${seconds % 60 === 0 ? '' : `:${two(seconds % 60)}`}`;
