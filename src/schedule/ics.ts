/**
 * Reads the events of an .ics file (RFC 5545) as days and stretches of time. Strict: what bears on when an event is and is not
 * understood is refused, because a holiday that is overlooked is a run on a holiday. What does not bear on it is passed over.
 */
import { invalidCalendar } from '../job/errors.ts';
import { DAY_MS, parseDate, parseLocal } from './dates.ts';
import { type DayRule, expandRule } from './ics-rule.ts';
import { checkTimeZone, type Zone, zoneOf } from './zone.ts';

/** What the events cover. */
export interface IcsEvents {
  /** Whether an event of whole days covers a day. */
  hasDay(day: number): boolean;
  /** Events with times of day: from an instant to another. */
  readonly windows: readonly (readonly [from: number, to: number])[];
}

interface Property {
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
  readonly value: string;
  /** Where it stands, for errors. */
  readonly place: string;
}

const MAX_CHARACTERS = 2 ** 20;
const MAX_EVENTS = 10_000;

/** @throws INVALID_CALENDAR naming the line. */
export const readIcs = (text: unknown, place: string, zone: Zone): IcsEvents => {
  if (typeof text !== 'string' || text.length > MAX_CHARACTERS)
    throw invalidCalendar(
      place,
      text,
      'cannot be read',
      `the text of an .ics file, up to ${MAX_CHARACTERS} characters`,
    );
  const events = eventsOf(propertiesOf(text, place), place);
  if (events.length > MAX_EVENTS)
    throw invalidCalendar(place, events.length, 'are too many events', `up to ${MAX_EVENTS}`);
  const read = events.map((event) => readEvent(event, zone));
  const rules = read.flatMap((one) => ('hasDay' in one ? [one.hasDay] : []));
  const days = new Set(read.flatMap((one) => ('days' in one ? one.days : [])));
  return {
    hasDay: (day) => days.has(day) || rules.some((covers) => covers(day)),
    windows: read.flatMap((one) => ('window' in one ? [one.window] : [])),
  };
};

/** Long lines are folded: one that begins with a space goes on where the line before ended. */
const propertiesOf = (text: string, place: string): Property[] => {
  const lines: { text: string; line: number }[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^[ \t]/.test(line) && lines.length > 0) lines.at(-1)!.text += line.slice(1);
    else if (line.trim() !== '') lines.push({ text: line, line: i + 1 });
  }
  return lines.map(({ text, line }) => {
    const at = `${place}, line ${line}`;
    const [, name, params = '', value] = /^([\w-]+)((?:;[\w-]+=(?:"[^"]*"|[^;:"]*))*):(.*)$/.exec(text) ?? [];
    if (name === undefined) throw invalidCalendar(at, text, 'is no line of an .ics file', 'NAME;PARAMETER=…:value');
    const pairs = [...params.matchAll(/;([\w-]+)=(?:"([^"]*)"|([^;]*))/g)];
    return {
      name: name.toUpperCase(),
      params: Object.fromEntries(pairs.map(([, key, quoted, plain]) => [key!.toUpperCase(), quoted ?? plain ?? ''])),
      value: value!.trim(),
      place: at,
    };
  });
};

const isBegin = (property: Property | undefined): boolean => /^BEGIN$/.test(property?.name ?? '');

/** The properties of each VEVENT. Zones are known by name, and alarms, to-dos and the like are no events. */
const eventsOf = (properties: readonly Property[], place: string): Property[][] => {
  const events: Property[][] = [];
  const open: string[] = [];
  if (!isBegin(properties[0]) || properties[0]!.value.toUpperCase() !== 'VCALENDAR')
    throw invalidCalendar(place, properties[0]?.name ?? '', 'is no calendar', 'text that begins with BEGIN:VCALENDAR');
  for (const property of properties) {
    const value = property.value.toUpperCase();
    if (isBegin(property)) {
      open.push(value);
      if (value === 'VEVENT') events.push([]);
    } else if (property.name === 'END') {
      if (open.pop() !== value)
        throw invalidCalendar(property.place, value, 'ends what did not begin', 'END of the innermost BEGIN');
    } else if (open.at(-1) === 'VEVENT') events.at(-1)!.push(property);
  }
  if (open.length > 0) throw invalidCalendar(place, open.at(-1), 'has no end', 'END for every BEGIN');
  return events;
};

/** What has no bearing on when an event is. */
const PASSED_OVER = new Set(
  (
    'ATTACH ATTENDEE CATEGORIES CLASS COLOR COMMENT CONFERENCE CONTACT CREATED DESCRIPTION DTSTAMP GEO IMAGE LAST-MODIFIED ' +
    'LOCATION ORGANIZER PRIORITY RELATED-TO RESOURCES SEQUENCE SUMMARY TRANSP UID URL'
  ).split(' '),
);
const READ = ['DTSTART', 'DTEND', 'DURATION', 'RRULE', 'RDATE', 'EXDATE', 'STATUS'];
const SEVERAL = ['RDATE', 'EXDATE'];

type Read =
  | { readonly days: readonly number[] }
  | { readonly hasDay: DayRule }
  | { readonly window: readonly [number, number] }
  | { readonly cancelled: true };

const readEvent = (event: readonly Property[], zone: Zone): Read => {
  const found = new Map<string, Property[]>();
  for (const property of event) {
    if (PASSED_OVER.has(property.name) || property.name.startsWith('X-')) continue;
    if (!READ.includes(property.name))
      throw invalidCalendar(property.place, property.name, 'is not understood', READ.join(', '));
    const before = found.get(property.name) ?? [];
    if (before.length > 0 && !SEVERAL.includes(property.name))
      throw invalidCalendar(property.place, property.name, 'stands twice in one event', 'one');
    found.set(property.name, [...before, property]);
  }
  const one = (name: string) => found.get(name)?.[0];
  const start = one('DTSTART');
  if (!start) throw invalidCalendar(event[0]?.place ?? 'ics', 'VEVENT', 'has no DTSTART', 'an event with a start');
  if (one('STATUS')?.value.toUpperCase() === 'CANCELLED') return { cancelled: true };
  const end = one('DTEND');
  const duration = one('DURATION');
  if (end && duration) throw invalidCalendar(duration.place, 'DURATION', 'stands beside DTEND', 'one of the two');
  return isDate(start)
    ? wholeDays(start, end, duration, found)
    : { window: stretch(start, end, duration, found, zone) };
};

const isDate = ({ params, value }: Property): boolean =>
  params['VALUE']?.toUpperCase() === 'DATE' || (params['VALUE'] === undefined && /^\d{8}$/.test(value));

/** `20261225` → its day. */
const readDay = ({ place }: Property, value: string): number => {
  const day = /^\d{8}$/.test(value)
    ? parseDate(`${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}`)
    : undefined;
  if (day === undefined) throw invalidCalendar(place, value, 'is no date', 'a date such as 20261225');
  return day;
};

const readDays = (properties: readonly Property[] = []): number[] =>
  properties.flatMap((property) => property.value.split(',').map((value) => readDay(property, value.trim())));

const wholeDays = (
  start: Property,
  end: Property | undefined,
  duration: Property | undefined,
  found: ReadonlyMap<string, readonly Property[]>,
): Read => {
  const first = readDay(start, start.value);
  const length = end ? readDay(end, end.value) - first : duration ? readDuration(duration) / DAY_MS : 1;
  const last = end ?? duration ?? start;
  if (!Number.isInteger(length) || length < 1 || length > 366)
    throw invalidCalendar(last.place, last.value, 'is no end of whole days', 'an end 1 to 366 days after the start');
  const more = new Set(readDays(found.get('RDATE')));
  const except = new Set(readDays(found.get('EXDATE')));
  const [rule] = found.get('RRULE') ?? [];
  if (rule) {
    const repeats = expandRule(rule.value, first, rule.place);
    const begins = (day: number) => (repeats(day) || more.has(day)) && !except.has(day);
    return { hasDay: (day) => daysFrom(day - length + 1, length).some(begins) };
  }
  const begins = [first, ...more].filter((day) => !except.has(day));
  return { days: begins.flatMap((day) => daysFrom(day, length)) };
};

const daysFrom = (first: number, length: number): number[] => Array.from({ length }, (_, i) => first + i);

const stretch = (
  start: Property,
  end: Property | undefined,
  duration: Property | undefined,
  found: ReadonlyMap<string, readonly Property[]>,
  zone: Zone,
): readonly [number, number] => {
  for (const name of ['RRULE', 'RDATE', 'EXDATE'])
    for (const property of found.get(name) ?? [])
      throw invalidCalendar(property.place, name, 'repeats an event with times of day', 'RRULE for whole days only');
  const from = readTime(start, zone);
  const to = end ? readTime(end, zone) : from + (duration ? readDuration(duration) : 0);
  const last = end ?? duration ?? start;
  if (to <= from) throw invalidCalendar(last.place, last.value, 'holds no time', 'an end after the start');
  return [from, to];
};

/** `20261225T180000Z`, or a local time in its TZID, or in the trigger's zone if it floats. */
const readTime = ({ value, params, place }: Property, zone: Zone): number => {
  const [, date = '', hour, minute, second, utc] = /^(\d{8})T(\d\d)(\d\d)(\d\d)(Z?)$/.exec(value) ?? [];
  const local = parseLocal(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${hour}:${minute}:${second}`);
  if (local === undefined)
    throw invalidCalendar(place, value, 'is no date or time', 'such as 20261225 or 20261225T180000Z');
  if (utc === 'Z') return local;
  const named = params['TZID'];
  return (named === undefined ? zone : zoneOf(checkTimeZone(named, `${place}: TZID`))).firstAt(local);
};

const readDuration = ({ value, place }: Property): number => {
  const [all, weeks, days, hours, minutes, seconds] =
    /^\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/.exec(value) ?? [];
  const [w, d, h, m, s] = [weeks, days, hours, minutes, seconds].map((part) => Number(part ?? 0));
  const ms = (((w! * 7 + d!) * 24 + h!) * 3600 + m! * 60 + s!) * 1000;
  if (all === undefined || ms === 0) throw invalidCalendar(place, value, 'is no duration', 'such as P1D or PT8H');
  return ms;
};
