import { MAX_TIMER_MS } from '../util/sleep.ts';
import { invalidOption, unknownOption } from './errors.ts';

/** Milliseconds as a number, or text such as `'500ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`, `'1w'`. */
export type Duration = number | string;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const MAX_MS = 100 * 366 * 86_400_000;

/** Text or number → whole milliseconds, or undefined if it is no duration. */
export const parseDuration = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value >= 0 && value <= MAX_MS ? Math.round(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$/.exec(value) ?? [];
  return amount === undefined ? undefined : parseDuration(Number(amount) * UNIT_MS[unit!]!);
};

/** @throws INVALID_OPTION if the value is no duration between 0 and 100 years. */
export const checkDuration = (value: unknown, field: string): number => {
  const ms = parseDuration(value);
  if (ms === undefined)
    throw invalidOption(field, value, "milliseconds from 0, or text such as '500ms', '30s', '5m', '2h', '7d'");
  return ms;
};

/** An instant: a Date, epoch milliseconds, or ISO 8601 text with an offset or Z. Text without one is refused. */
export const checkInstant = (value: unknown, field: string): number => {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? parseInstant(value) : value;
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= 8.64e15))
    throw invalidOption(field, value, 'a Date, epoch milliseconds, or ISO 8601 text with an offset or Z');
  return Math.round(ms);
};

const parseInstant = (text: string): number => {
  const [, date] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/i.exec(text) ?? [];
  // Date.parse makes 2 March of 30 February.
  const exists = date !== undefined && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date);
  return exists ? Date.parse(text) : Number.NaN;
};

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks one value of an option table and returns it in the form that is used inside. */
export type Check<T> = (value: unknown, field: string) => T;

export const duration: Check<number> = checkDuration;

export const instant: Check<number> = checkInstant;

export const integer =
  (min: number, max: number): Check<number> =>
  (value, field) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      throw invalidOption(field, value, `a whole number from ${min} to ${max}`);
    return value;
  };

export const text =
  (maxLength: number): Check<string> =>
  (value, field) => {
    if (typeof value !== 'string' || value === '' || value.length > maxLength || !value.isWellFormed())
      throw invalidOption(field, value, `text of 1 to ${maxLength} characters`);
    return value;
  };

/** A unique key or a limit key. PostgreSQL cannot hold the character 0: without it, two keys that differ would be one. */
export const keyCheck: Check<string> = (value, field) => {
  const key = text(200)(value, field);
  if (key.includes('\0')) throw invalidOption(field, value, 'text without the character 0');
  return key;
};

/** Names of queues, job types, tags and ids: no spaces, no path separators, nothing a shell or a page would trip over. */
export const name =
  (maxLength: number): Check<string> =>
  (value, field) => {
    if (typeof value !== 'string' || value.length > maxLength || !/^[\p{L}\p{N}_][\p{L}\p{N}_.:@+-]*$/u.test(value))
      throw invalidOption(
        field,
        value,
        `1 to ${maxLength} letters, digits or _ . : @ + - (a letter, a digit or _ first)`,
      );
    return value;
  };

export const flag: Check<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw invalidOption(field, value, 'true or false');
  return value;
};

export const oneOf =
  <const T extends readonly string[]>(...words: T): Check<T[number]> =>
  (value, field) => {
    if (!words.includes(value as string)) throw invalidOption(field, value, words.join(', '));
    return value as T[number];
  };

export const listOf =
  <T>(check: Check<T>, maxLength: number): Check<T[]> =>
  (value, field) => {
    if (!Array.isArray(value) || value.length > maxLength)
      throw invalidOption(field, value, `a list of at most ${maxLength}`);
    return value.map((item, i) => check(item, `${field}[${i}]`));
  };

/** A duration, or `false` for "never". */
export const durationOrNever: Check<number | null> = (value, field) =>
  value === false ? null : checkDuration(value, field);

/** A whole number from 0, or `false` for "no bound". */
export const countOrNever: Check<number | null> = (value, field) =>
  value === false ? null : integer(0, Number.MAX_SAFE_INTEGER)(value, field);

/** Of the default time-out alone, as S1 has it: a number is SECONDS here. `false` for "no limit". */
export const secondsOrNever: Check<number | null> = (value, field) => {
  if (value === false) return null;
  const ms = parseDuration(typeof value === 'number' ? value * 1000 : value);
  if (ms === undefined) throw invalidOption(field, value, "seconds from 0, text such as '5m', or false for no limit");
  return ms;
};

/** A duration that a timer waits for: under `minMs` it would keep a processor busy, above what a timer holds it would fire at once. */
export const timerDuration =
  (minMs: number): Check<number> =>
  (value, field) => {
    const ms = checkDuration(value, field);
    if (ms < minMs || ms > MAX_TIMER_MS) throw invalidOption(field, value, `${minMs} ms to 24 days`);
    return ms;
  };

export const func: Check<(...args: never[]) => unknown> = (value, field) => {
  if (typeof value !== 'function') throw invalidOption(field, value, 'a function');
  return value as (...args: never[]) => unknown;
};

/** A table of options: the check of each, by name. */
export type OptionTable = Readonly<Record<string, Check<unknown>>>;

/** What a checked table yields: every option, or undefined where none was given. */
export type Checked<T extends OptionTable> = { readonly [K in keyof T]?: ReturnType<T[K]> };

/**
 * Checks options against their table; undefined values count as not given.
 * @param prefix stands before the field's name in errors, where the name alone would not say which one is meant.
 * @throws UNKNOWN_OPTION with a suggestion, INVALID_OPTION naming the field, what was found and what is allowed.
 */
export const checkOptions = <T extends OptionTable>(
  table: T,
  given: unknown,
  where: string,
  prefix = '',
): Checked<T> => {
  if (given === undefined) return {};
  if (!isRecord(given)) throw invalidOption(where, given, 'an object of options');
  const checked: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, field)) throw unknownOption(where, field, Object.keys(table));
    if (value !== undefined) checked[field] = table[field]!(value, prefix + field);
  }
  return checked as Checked<T>;
};
