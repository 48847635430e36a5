/** A cron expression in the words that people would use. Where nobody would, field by field: exact in any case. */
import { type CronFields, type FieldName, type Term, valuesOf } from './cron-pattern.ts';
import { MONTH_NAMES, showTime, two, WEEKDAY_NAMES } from './dates.ts';

/** `at 02:00 every day`, `every 15 minutes from 09:00 to 17:59, Monday to Friday`. */
export const cronWords = (fields: CronFields): string => {
  const time = timeWords(fields);
  const days = dayWords(fields);
  const flows = days.startsWith('on ') || (days.startsWith('every') && time.startsWith('at '));
  if (days !== '') return `${time}${flows ? ' ' : ', '}${days}`;
  return time.startsWith('at ') && !time.includes('every') ? `${time} every day` : time;
};

/** The most times of a day that are listed one by one. */
const MAX_TIMES = 6;

const timeWords = (fields: CronFields): string => {
  const second = shapeOf(fields.second, 'second');
  const minute = shapeOf(fields.minute, 'minute');
  const hour = shapeOf(fields.hour, 'hour');
  const times = listedTimes(second, minute, hour);
  if (times) return `at ${andList(times)}`;
  if (second.values.length === 1 && second.values[0] === 0) return minuteWords(minute, hour);
  if (minute.kind === 'all' && hour.kind === 'all') return secondWords(second);
  if (minute.kind === 'all' && hour.span) return `${secondWords(second)} ${hoursWords(hour)}`;
  return `in ${fieldWords(second)} of ${fieldWords(minute)} of ${fieldWords(hour)}`;
};

/** A field, and what can be said of it. */
interface Shape {
  readonly field: FieldName;
  readonly terms: readonly Term[];
  readonly values: readonly number[];
  /** `all`: every value. `even`: every nth value, all around the clock. `other`: the rest. */
  readonly kind: 'all' | 'even' | 'other';
  readonly step: number;
  /** One stretch of values without holes: its first and last. */
  readonly span: readonly [number, number] | undefined;
}

const SIZES = { second: 60, minute: 60, hour: 24 };

const shapeOf = (terms: readonly Term[], field: 'second' | 'minute' | 'hour'): Shape => {
  const values = valuesOf(terms, field);
  const size = SIZES[field];
  const step = values.length > 1 ? values[1]! - values[0]! : 0;
  const regular = values.every((value, i) => value === values[0]! + i * step);
  const even = regular && step > 1 && terms.length === 1 && terms[0]!.kind === 'step' && values.length * step === size;
  return {
    field,
    terms,
    values,
    kind: values.length === size ? 'all' : even && values[0] === 0 ? 'even' : 'other',
    step,
    span: regular && step <= 1 ? [values[0]!, values.at(-1)!] : undefined,
  };
};

/** Fixed times, if there are few enough to list them. */
const listedTimes = (second: Shape, minute: Shape, hour: Shape): string[] | undefined => {
  const isPlain = [second, minute, hour].every(({ terms }) => terms.every(({ kind }) => kind === 'value'));
  if (!isPlain || second.values.length * minute.values.length * hour.values.length > MAX_TIMES) return undefined;
  return hour.values.flatMap((h) =>
    minute.values.flatMap((m) => second.values.map((s) => showTime(h * 3600 + m * 60 + s))),
  );
};

const secondWords = (second: Shape): string => {
  if (second.kind === 'all') return 'every second';
  if (second.kind === 'even') return `every ${second.step} seconds`;
  return `in ${fieldWords(second)} of every minute`;
};

const minuteWords = (minute: Shape, hour: Shape): string => {
  const often =
    minute.kind === 'all' ? 'every minute' : minute.kind === 'even' ? `every ${minute.step} minutes` : undefined;
  if (often !== undefined) {
    if (hour.kind === 'all') return often;
    return hour.span ? `${often} ${hoursWords(hour)}` : `${often} in ${fieldWords(hour)}`;
  }
  if (minute.span && minute.values.length > 1 && hour.values.length === 1) {
    const at = (value: number) => `${two(hour.values[0]!)}:${two(value)}`;
    return `every minute from ${at(minute.span[0])} to ${at(minute.span[1])}`;
  }
  if (minute.terms.some(({ kind }) => kind !== 'value')) return `in ${fieldWords(minute)} of ${fieldWords(hour)}`;
  const only = minute.values.length === 1 ? minute.values[0]! : undefined;
  const past = `at ${andList(minute.values.map(String))} minute${only === 1 ? '' : 's'} past`;
  if (hour.kind === 'all') return only === 0 ? 'every hour, on the hour' : `${past} every hour`;
  if (hour.kind === 'even')
    return only === 0 ? `every ${hour.step} hours` : `${past} every ${ordinal(hour.step)} hour from 0`;
  if (hour.span && only !== undefined)
    return `every hour from ${two(hour.span[0])}:${two(only)} to ${two(hour.span[1])}:${two(only)}`;
  return `${past} ${fieldWords(hour)}`;
};

/** Hours without a hole between them, to their last minute. */
const hoursWords = ({ span }: Shape): string => `from ${two(span![0])}:00 to ${two(span![1])}:59`;

/** `minute 5`, `minutes 5, 10 and 20 to 30`, `every 7th minute from 0 to 59`: always exact. */
const fieldWords = ({ field, terms, kind }: Shape): string => {
  if (kind === 'all') return `every ${field}`;
  const isOne = terms.length === 1 && terms[0]!.kind === 'value';
  const hasStep = terms.some((term) => term.kind === 'step' && term.step > 1);
  return `${hasStep ? '' : `${field}${isOne ? '' : 's'} `}${andList(terms.map((term) => termWords(term, field, hasStep)))}`;
};

const termWords = (term: Term, field: FieldName, named: boolean): string => {
  if (term.kind === 'step')
    return term.step === 1
      ? `${named ? `${field}s ` : ''}${term.from} to ${term.to}`
      : `every ${ordinal(term.step)} ${field} from ${term.from} to ${term.to}`;
  if (term.kind === 'range') return `${named ? `${field}s ` : ''}${term.from} to ${term.to}`;
  return term.kind === 'value' ? `${named ? `${field} ` : ''}${term.value}` : `every ${field}`;
};

/** The days on which it runs; empty for every day. */
const dayWords = (fields: CronFields): string => {
  const months = monthWords(fields.month);
  const dates = fields['day of month'];
  const weekdays = fields['day of week'];
  const onDates = isAll(dates) ? '' : dateWords(dates, months);
  const onWeekdays = isAll(weekdays) ? '' : weekdayWords(weekdays);
  if (onDates === '' && onWeekdays === '') return months === '' ? '' : `every day ${inMonths(months)}`;
  if (onDates === '') return `${onWeekdays}${months === '' ? '' : ` ${inMonths(months)}`}`;
  if (onWeekdays === '') return onDates;
  const isAnd = startsWithStar(dates) || startsWithStar(weekdays);
  if (isAnd) return `${onDates}, if that is ${weekdays.map(oneWeekday).join(' or ')}`;
  return `${onDates}, and also ${onWeekdays}${months === '' ? '' : ` ${inMonths(months)}`}`;
};

/** `in May and June`, `from March to October`. */
const inMonths = (months: string): string => (/^[A-Z]\w+ to \w+$/.test(months) ? `from ${months}` : `in ${months}`);

const isAll = (terms: readonly Term[]): boolean => terms[0]!.kind === 'all';
const startsWithStar = ([first]: readonly Term[]): boolean => first!.kind === 'step' && first!.star;

const monthWords = (terms: readonly Term[]): string => {
  if (valuesOf(terms, 'month').length === 12) return '';
  const name = (month: number) => MONTH_NAMES[month - 1]!;
  return andList(
    terms.map((term) => {
      if (term.kind === 'range') return `${name(term.from)} to ${name(term.to)}`;
      if (term.kind === 'step') return `every ${ordinal(term.step)} month from ${name(term.from)} to ${name(term.to)}`;
      return term.kind === 'value' ? name(term.value) : 'every month';
    }),
  );
};

const dateWords = (terms: readonly Term[], months: string): string => {
  const [only] = terms;
  if (terms.length === 1 && only!.kind === 'value' && /^[A-Z][a-z]+$/.test(months))
    return `on ${only!.value} ${months}`;
  const of = months === '' ? 'of the month' : months.startsWith('every') ? `in ${months}` : `of ${months}`;
  return `on ${andList(terms.map(dateTerm))} ${of}`;
};

const dateTerm = (term: Term): string => {
  if (term.kind === 'value') return `the ${ordinal(term.value)}`;
  if (term.kind === 'range') return `the ${ordinal(term.from)} to ${ordinal(term.to)}`;
  if (term.kind === 'step')
    return `every ${term.step === 1 ? '' : `${ordinal(term.step)} `}day from the ${ordinal(term.from)} to the ${ordinal(term.to)}`;
  if (term.kind === 'last day') return 'the last day';
  if (term.kind === 'last working day') return 'the last working day (Monday to Friday)';
  return term.kind === 'nearest working day'
    ? `the working day (Monday to Friday) nearest the ${ordinal(term.date)}`
    : 'every day';
};

const weekdayWords = (terms: readonly Term[]): string => {
  const [only] = terms;
  if (terms.length === 1 && only!.kind === 'range') return oneWeekday(only!);
  return `on ${andList(
    terms.map((term) => {
      if (term.kind === 'value') return `${weekdayName(term.value)}s`;
      return term.kind === 'step' ? andList(stepNames(term).map((name) => `${name}s`)) : oneWeekday(term);
    }),
  )}`;
};

/** Stands after "if that is". */
const oneWeekday = (term: Term): string => {
  if (term.kind === 'value') return `a ${weekdayName(term.value)}`;
  if (term.kind === 'range') return `${weekdayName(term.from)} to ${weekdayName(term.to)}`;
  if (term.kind === 'nth') return `the ${NTH[term.nth - 1]} ${weekdayName(term.weekday)} of the month`;
  if (term.kind === 'last of') return `the last ${weekdayName(term.weekday)} of the month`;
  return stepNames(term)
    .map((name) => `a ${name}`)
    .join(' or ');
};

const weekdayName = (weekday: number): string => WEEKDAY_NAMES[weekday % 7]!;
const stepNames = (term: Term): string[] => valuesOf([term], 'day of week').map(weekdayName);

const NTH = ['first', 'second', 'third', 'fourth', 'fifth'] as const;

export const andList = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

const ordinal = (n: number): string => {
  const tens = n % 100 >= 11 && n % 100 <= 13;
  return `${n}${tens ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`;
};
