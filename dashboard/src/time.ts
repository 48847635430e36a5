/** Times and lengths of time as people read them. */
import { signal } from '@preact/signals';
import { hours, zone } from './settings.ts';

/** The present, once a second, while anybody can see it. */
export const now = signal(Date.now());

export const startClock = (): void => {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
};

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** `412 ms`, `3.1 s`, `6 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export const span = (ms: number): string => {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return two(ms, MINUTE, 'min', SECOND, 's');
  return ms < DAY ? two(ms, HOUR, 'h', MINUTE, 'min') : two(ms, DAY, 'd', HOUR, 'h');
};

const two = (ms: number, big: number, bigName: string, small: number, smallName: string): string => {
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)} ${bigName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
};

const UNITS = [
  [SECOND, 's', MINUTE],
  [MINUTE, 'min', HOUR],
  [HOUR, 'h', DAY],
  [DAY, 'd', 2 * YEAR],
  [YEAR, 'y', Number.POSITIVE_INFINITY],
] as const;

/** One unit, for narrow places: `now`, `12 s ago`, `in 3 h`. */
export const ago = (iso: string, at: number): string => {
  const ms = at - Date.parse(iso);
  const size = Math.abs(ms);
  if (size < 2 * SECOND) return 'now';
  const [unit, name] = UNITS.find(([, , below]) => size < below)!;
  const text = `${Math.floor(size / unit)} ${name}`;
  return ms < 0 ? `in ${text}` : `${text} ago`;
};

const clockStyle = (): Intl.DateTimeFormatOptions => ({ hourCycle: hours.value === '12' ? 'h12' : 'h23' });

const formats = new Map<string, Intl.DateTimeFormat>();

const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const timeZone = ownZone();
  const key = `${timeZone} ${hours.value} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', { ...options, timeZone, ...clockStyle() });
    formats.set(key, made);
  }
  return made;
};

const zoned = new Map<string, Intl.DateTimeFormat | null>();

/**
 * `Wed 25 Nov, 02:30`, as the clocks of a zone show it, with seconds if there are some, and the year where it is not this one; null where this browser does not
 * know the zone.
 */
export const inZone = (iso: string, timeZone: string | undefined): string | null => {
  const at = new Date(iso);
  const exact = at.getTime() % MINUTE !== 0;
  const far = at.getFullYear() !== new Date(now.peek()).getFullYear();
  const key = `${timeZone} ${hours.value} ${far} ${exact}`;
  let made = zoned.get(key);
  if (made === undefined) {
    const date = {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      ...(far ? ({ year: 'numeric' } as const) : {}),
    } as const;
    try {
      made = new Intl.DateTimeFormat('en-GB', { ...date, ...(exact ? TIME : SHORT_TIME), ...clockStyle(), timeZone });
    } catch {
      made = null;
    }
    zoned.set(key, made);
  }
  return made ? made.format(at).replace(/^(\w+),? /, '$1 ') : null;
};

/** The zone of whoever looks: what was chosen, or this browser's. */
export const ownZone = (): string => {
  if (zone.value === 'utc') return 'UTC';
  return zone.value === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone.value;
};

const DATE = { year: 'numeric', month: 'short', day: 'numeric' } as const;
const SHORT_TIME = { hour: '2-digit', minute: '2-digit' } as const;
const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;

/** `05:20:11`. */
export const clock = (iso: string | number): string => format(TIME).format(new Date(iso));
/** `05:20`. */
export const minute = (iso: string | number): string => format(SHORT_TIME).format(new Date(iso));
/** `05:20:11.204`. */
export const exactClock = (iso: string | number): string =>
  format({ ...TIME, fractionalSecondDigits: 3 }).format(new Date(iso));
/** `25 Nov 2026, 05:20:11 UTC`. */
export const full = (iso: string | number): string =>
  format({ ...DATE, ...TIME, timeZoneName: 'short' }).format(new Date(iso));

const numbers = new Intl.NumberFormat('en-GB');
/** `88,137`. */
export const count = (n: number): string => numbers.format(n);
/** `1 job`, `412 jobs`. */
export const counted = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
