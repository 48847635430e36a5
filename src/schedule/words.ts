/** A trigger in plain English, for people: one line without an end mark. */
import type { Calendar, TimeWindow } from './calendar.ts';
import { parseCron } from './cron-pattern.ts';
import { andList, cronWords } from './cron-words.ts';
import { WEEKDAY_NAMES, WEEKDAYS } from './dates.ts';
import type { Trigger } from './schedule.ts';

/** `At 02:00 every day, Europe/Berlin time`. */
export const wordsOf = (trigger: Trigger): string => {
  if (trigger.kind === 'once') return `Once, at ${instantWords(trigger.at)}`;
  const when =
    trigger.kind === 'cron'
      ? `${cronWords(parseCron(trigger.cron))}, ${zoneWords(trigger.timeZone)}`
      : `every ${spanWords(trigger.everyMs)} from ${instantWords(trigger.firstAt)} on`;
  const only = trigger.calendar ? onlyWords(trigger.calendar) : '';
  const zone = trigger.kind === 'interval' && trigger.calendar ? ` (${zoneWords(trigger.timeZone)})` : '';
  const moved =
    trigger.kind === 'cron' && trigger.onExcluded === 'nextDay' ? ', else on the next day that allows it' : '';
  const late =
    trigger.kind === 'interval' && trigger.jitterMs > 0
      ? `, up to ${withNumber(spanWords(trigger.jitterMs))} later`
      : '';
  return capital(`${when}${late}${only}${zone}${moved}`);
};

const capital = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;

const zoneWords = (zone: string): string => (zone === 'UTC' ? 'UTC' : `${zone} time`);

const instantWords = (instant: number): string =>
  `${new Date(instant).toISOString().replace('T', ' ').replace('.000Z', 'Z')}`;

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [604_800_000, 'week'],
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
  [1, 'millisecond'],
];

/** `15 minutes`, `1 hour 30 minutes`, or without a number where it is one: `hour`. */
const spanWords = (ms: number): string => {
  const whole = UNITS.find(([size]) => ms === size);
  if (whole) return whole[1];
  const words: string[] = [];
  let left = ms;
  for (const [size, unit] of UNITS) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0) words.push(`${n} ${unit}${n === 1 ? '' : 's'}`);
  }
  return words.join(' ');
};

/** `1 minute` where `spanWords` says `minute`. */
const withNumber = (words: string): string => (/^\d/.test(words) ? words : `1 ${words}`);

const onlyWords = (calendar: Calendar): string =>
  'not' in calendar ? `, except ${calendarWords(calendar.not)}` : `, only ${calendarWords(calendar)}`;

/** Stands after "only" or "except". */
const calendarWords = (calendar: Calendar): string => {
  if ('weekdays' in calendar)
    return `on ${andList(calendar.weekdays.map((day) => `${WEEKDAY_NAMES[WEEKDAYS.indexOf(day)]}s`))}`;
  if ('businessDays' in calendar) return businessWords(calendar.businessDays);
  if ('dates' in calendar)
    return calendar.dates.length <= 3 ? `on ${andList(calendar.dates)}` : `on ${calendar.dates.length} listed dates`;
  if ('ics' in calendar) return 'at the events of an .ics file';
  if ('daily' in calendar) return windowWords(calendar.daily);
  if ('weekly' in calendar) return windowWords(calendar.weekly);
  if ('between' in calendar) return windowWords(calendar.between);
  if ('not' in calendar) return `not ${grouped(calendar.not)}`;
  return 'and' in calendar ? calendar.and.map(grouped).join(' and ') : calendar.or.map(grouped).join(' or ');
};

const grouped = (calendar: Calendar): string =>
  'and' in calendar || 'or' in calendar ? `(${calendarWords(calendar)})` : calendarWords(calendar);

const windowWords = ({ from, to }: TimeWindow): string => `from ${from} to ${to}`;

const businessWords = (
  given: true | { readonly holidays?: readonly string[]; readonly ics?: string; readonly weekdays?: readonly string[] },
): string => {
  const { weekdays, holidays, ics } = given === true ? {} : given;
  const days = weekdays ? `, that is ${weekdays.join(', ')}` : '';
  const except = [
    holidays && `${holidays.length} holiday${holidays.length === 1 ? '' : 's'}`,
    ics && 'the events of an .ics file',
  ];
  const out = except.filter((text) => text !== undefined && text !== '');
  return `on business days${days}${out.length > 0 ? ` without ${out.join(' and ')}` : ''}`;
};
