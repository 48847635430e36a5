/**
 * What the clocks of an IANA zone show. The only source is `Intl`, so zone data are those of the running Node; they are read lazily,
 * in blocks of 32 days, and kept. Nothing here knows of the machine's own zone.
 */
import { invalidTimeZone } from '../job/errors.ts';
import { didYouMean } from '../util/text.ts';
import { DAY_MS, HOUR_MS } from './dates.ts';

/** A stretch of time in which the zone keeps one offset: from `start` (inclusive) to `end` (exclusive), epoch milliseconds. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** What the clocks are ahead of UTC, in milliseconds. */
  readonly offset: number;
}

/** The version of the zone data of the running Node, such as `2025b`; null where it does not say. */
export const ZONE_DATA: string | null = process.versions['tz'] ?? null;

const BLOCK_MS = 32 * DAY_MS;
/** No two changes of any zone since 1970 lie nearer than a week. */
const SAMPLE_MS = 2 * DAY_MS;
/** More than the clocks of any zone are, or ever were, ahead of or behind UTC. */
export const MAX_OFFSET_MS = 26 * HOUR_MS;
/** More than any change ever set clocks back by: 23 hours, Kwajalein in 1969. */
const MAX_FOLD_MS = 32 * HOUR_MS;
const MAX_BLOCKS = 2000;

export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #isUtc: boolean;
  readonly #blocks = new Map<number, readonly Span[]>();

  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.#isUtc = this.#format.resolvedOptions().timeZone === 'UTC';
  }

  /** The span around an instant. It may be cut short: the next one can have the same offset. */
  spanAt(instant: number): Span {
    if (this.#isUtc) return ALWAYS;
    const spans = this.#block(Math.floor(instant / BLOCK_MS));
    let i = 0;
    while (spans[i]!.end <= instant) i++;
    return spans[i]!;
  }

  localAt(instant: number): number {
    return instant + this.spanAt(instant).offset;
  }

  /**
   * The first instant at which the clocks showed this local time or a later one. So a time that occurs twice is the first of the two,
   * and a time that does not exist is the end of the gap.
   */
  firstAt(local: number): number {
    let at = local - MAX_OFFSET_MS;
    for (;;) {
      const span = this.spanAt(at);
      const instant = Math.max(at, local - span.offset);
      if (instant < span.end) return instant;
      at = span.end;
    }
  }

  /** The latest local time that the clocks showed at or before an instant: more than they show at it while an overlap lasts. */
  highestAt(instant: number): number {
    let at = instant - MAX_FOLD_MS;
    let highest = Number.NEGATIVE_INFINITY;
    for (;;) {
      const span = this.spanAt(at);
      if (span.end > instant) return Math.max(highest, instant + span.offset);
      highest = Math.max(highest, span.end + span.offset - 1);
      at = span.end;
    }
  }

  #block(index: number): readonly Span[] {
    const known = this.#blocks.get(index);
    if (known) return known;
    const spans = this.#read(index * BLOCK_MS, (index + 1) * BLOCK_MS);
    if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
    this.#blocks.set(index, spans);
    return spans;
  }

  #read(from: number, to: number): Span[] {
    const spans: Span[] = [];
    let start = from;
    let offset = this.#offsetAt(from);
    for (let at = from; at < to; at += SAMPLE_MS) {
      const next = Math.min(at + SAMPLE_MS, to);
      const after = this.#offsetAt(next);
      if (after === offset) continue;
      const change = this.#changeBetween(at, next, offset);
      spans.push({ start, end: change, offset });
      start = change;
      offset = after;
    }
    if (start < to) spans.push({ start, end: to, offset });
    return spans;
  }

  /** The second at which the offset ceases to be the one it is at `from`. */
  #changeBetween(from: number, to: number, offset: number): number {
    let [before, after] = [from / 1000, to / 1000];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.#offsetAt(middle * 1000) === offset) before = middle;
      else after = middle;
    }
    return after * 1000;
  }

  #offsetAt(instant: number): number {
    const [month, day, year, hour, minute, second] = this.#format.format(instant).match(/\d+/g)!.map(Number);
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - instant;
  }
}

const ALWAYS: Span = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY, offset: 0 };

/** Zones by name. There are about 600 names, and most programs use one or two; odd spellings must not fill the memory. */
const MAX_ZONES = 2000;
const zones = new Map<string, Zone>();

/** The zone of a name that `checkTimeZone` let pass. */
export const zoneOf = (name: string): Zone => {
  const known = zones.get(name);
  if (known) return known;
  const zone = new Zone(checkTimeZone(name, 'timeZone'));
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(name, zone);
  return zone;
};

/**
 * The name of an IANA zone, in its proper spelling.
 * @throws INVALID_TIME_ZONE naming the field, with a suggestion where one is near.
 */
export const checkTimeZone = (value: unknown, field: string): string => {
  if (typeof value !== 'string') throw invalidTimeZone(field, value);
  const known = knownNames().get(value.toLowerCase());
  if (known !== undefined) return known;
  if (zones.has(value)) return value;
  if (!isName(value)) throw invalidTimeZone(field, value, suggestion(value));
  return value;
};

/** Links such as `US/Eastern` are not in the list of Intl, but Intl knows them. */
const isName = (value: string): boolean => {
  if (!/^[A-Za-z][\w+/-]*$/.test(value) || /^systemv\//i.test(value) || NO_ZONES.has(value.toUpperCase())) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: value });
    return true;
  } catch {
    return false;
  }
};

/**
 * Abbreviations that Node's zone data take for a zone, from the first days of Java, and IANA does not know. Some are not even what
 * people mean by them: `BST` is Dhaka there, `AST` Anchorage.
 */
const NO_ZONES: ReadonlySet<string> = new Set(
  'ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST'.split(' '),
);

/** Names of today for zones that Intl lists under an older one. */
const RENAMED = [
  'UTC',
  'Etc/UTC',
  'America/Argentina/Buenos_Aires',
  'America/Indiana/Indianapolis',
  'America/Nuuk',
  'Asia/Ho_Chi_Minh',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Yangon',
  'Atlantic/Faroe',
  'Europe/Kyiv',
];

/** Proper spellings by lower-case ones; read at the first question, not when the module is loaded. */
let names: ReadonlyMap<string, string> | undefined;
const knownNames = (): ReadonlyMap<string, string> => {
  names ??= new Map([...RENAMED, ...Intl.supportedValuesOf('timeZone')].map((name) => [name.toLowerCase(), name]));
  return names;
};

/** What abbreviations usually stand for; those with several meanings are left out. */
const MEANT: Readonly<Record<string, string>> = {
  CEST: 'Europe/Berlin',
  BST: 'Europe/London',
  EEST: 'Europe/Athens',
  WEST: 'Europe/Lisbon',
  MSK: 'Europe/Moscow',
  EDT: 'America/New_York',
  CDT: 'America/Chicago',
  MDT: 'America/Denver',
  PST: 'America/Los_Angeles',
  PDT: 'America/Los_Angeles',
  JST: 'Asia/Tokyo',
  AEST: 'Australia/Sydney',
  AEDT: 'Australia/Sydney',
  NZST: 'Pacific/Auckland',
  NZDT: 'Pacific/Auckland',
  Z: 'UTC',
};

const suggestion = (value: string): string | undefined => {
  const meant =
    MEANT[value.toUpperCase()] ??
    [...knownNames().values()].find((name) => cityOf(name) === cityOf(value)) ??
    zoneOfOffset(value);
  return meant === undefined ? didYouMean(value, [...knownNames().values()]) : `Did you mean "${meant}"?`;
};

const cityOf = (name: string): string =>
  name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replaceAll(' ', '_');

/** `+01:00`, `UTC+1` → `Etc/GMT-1`: the sign of those names is the other way round. */
const zoneOfOffset = (value: string): string | undefined => {
  const [, sign, hours] = /^(?:UTC|GMT)?([+-])0?(\d{1,2})(?::?00)?$/i.exec(value) ?? [];
  if (hours === undefined || Number(hours) > (sign === '+' ? 14 : 12)) return undefined;
  return Number(hours) === 0 ? 'UTC' : `Etc/GMT${sign === '+' ? '-' : '+'}${Number(hours)}`;
};
