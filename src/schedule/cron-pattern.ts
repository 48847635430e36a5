/**
 * The grammar of cron expressions: text → fields, each a list of terms. Strict: what nobody can have meant is refused, naming the field.
 *
 * 1. `minute hour day-of-month month day-of-week`, or six fields with the second first, or a nickname.
 * 2. A term is `*`, a value, a range, or one of the first and last with a step. Months and weekdays have names.
 * 3. Day of month also has `L` (last day), `15W` (weekday nearest the 15th), `LW` (last weekday); day of week has `fri#2` (second
 *    Friday) and `friL` (last Friday); both have `?`, which is `*`.
 */
import { invalidCron } from '../job/errors.ts';
import { didYouMean, show } from '../util/text.ts';
import { MONTH_NAMES, MONTHS, WEEKDAYS } from './dates.ts';

export type FieldName = 'second' | 'minute' | 'hour' | 'day of month' | 'month' | 'day of week';

/** One entry of a field's list. */
export type Term =
  | { readonly kind: 'all' }
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'step'; readonly from: number; readonly to: number; readonly step: number; readonly star: boolean }
  | { readonly kind: 'last day' }
  | { readonly kind: 'last working day' }
  | { readonly kind: 'nearest working day'; readonly date: number }
  | { readonly kind: 'nth'; readonly weekday: number; readonly nth: number }
  | { readonly kind: 'last of'; readonly weekday: number };

export type CronFields = Readonly<Record<FieldName, readonly Term[]>>;

interface Rule {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

/** In the order of six fields. `names` are those of `min`, `min + 1`, … */
const RULES: Readonly<Record<FieldName, Rule>> = {
  second: { min: 0, max: 59 },
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  'day of month': { min: 1, max: 31 },
  month: { min: 1, max: 12, names: MONTHS },
  // 7 is Sunday too, so that ranges can end in it.
  'day of week': { min: 0, max: 7, names: WEEKDAYS },
};
const ORDER = Object.keys(RULES) as FieldName[];

const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const MAX_LENGTH = 500;

/** @throws INVALID_CRON naming the field, what was found, and what is allowed. */
export const parseCron = (value: unknown): CronFields => {
  if (typeof value !== 'string') throw invalidCron('cron', value, 'is no text', FORM);
  if (value.length > MAX_LENGTH) throw invalidCron('cron', value, 'is too long', `up to ${MAX_LENGTH} characters`);
  const text = value.trim();
  if (text === '') throw invalidCron('cron', value, 'is empty', FORM, "For every minute write '* * * * *'.");
  const parts = (text.startsWith('@') ? expand(text) : text).split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6)
    throw invalidCron('cron', value, `has ${parts.length} fields`, FORM, moreOrLess(parts.length));
  const all = parts.length === 5 ? ['0', ...parts] : parts;
  const fields = Object.fromEntries(ORDER.map((name, i) => [name, parseField(name, all[i]!)])) as CronFields;
  checkDates(fields);
  return fields;
};

const FORM =
  '5 fields (minute hour day-of-month month day-of-week), 6 with the second first, or a nickname such as @daily';

const moreOrLess = (fields: number): string | undefined =>
  fields === 7
    ? 'A year cannot be given; for one run, schedule it once at an instant.'
    : fields < 5
      ? "Fill up with '*', which means every."
      : undefined;

const expand = (nickname: string): string => {
  const known = NICKNAMES[nickname.toLowerCase()];
  if (known) return known;
  const next = /^@reboot$/i.test(nickname)
    ? 'Backline has no start of the machine to wait for; enqueue the job when your program starts.'
    : /^@every\b/i.test(nickname)
      ? 'Use an interval for that.'
      : didYouMean(nickname, Object.keys(NICKNAMES));
  throw invalidCron('cron', nickname, 'is no nickname', Object.keys(NICKNAMES).join(', '), next);
};

const parseField = (field: FieldName, text: string): readonly Term[] => {
  const terms = text.split(',').map((word) => parseTerm(field, word, text));
  if (terms.length > 1 && terms.some(({ kind }) => kind === 'all'))
    throw invalidCron(field, text, 'lists something beside *, which is every value already', allowed(field));
  return terms;
};

const parseTerm = (field: FieldName, word: string, text: string): Term => {
  if (word === '') throw invalidCron(field, text, 'has an empty place in its list', allowed(field));
  const special = field === 'day of month' ? dayTerm(word) : field === 'day of week' ? weekdayTerm(word) : undefined;
  if (special) return special;
  if (word === '*') return { kind: 'all' };
  const [range = '', step, ...rest] = word.split('/');
  if (rest.length > 0) throw invalidCron(field, word, 'has two steps', allowed(field));
  if (step !== undefined) return stepTerm(field, word, range, step);
  const [from = '', to, ...more] = range.split('-');
  if (more.length > 0 || from === '' || to === '') throw notUnderstood(field, word);
  return to === undefined
    ? { kind: 'value', value: readValue(field, from, word) % wrap(field) }
    : { kind: 'range', ...rangeOf(field, from, to, word) };
};

const stepTerm = (field: FieldName, word: string, range: string, step: string): Term => {
  const { min, max } = RULES[field];
  const top = field === 'day of week' ? 6 : max;
  const star = range === '*';
  const [from = '', to, ...more] = range.split('-');
  if (more.length > 0 || from === '') throw notUnderstood(field, word);
  if (!star && to === undefined)
    throw invalidCron(
      field,
      word,
      'steps from a single value',
      allowed(field),
      `Write ${range}-${top}/${step} or */${step}.`,
    );
  const ends = star ? { from: min, to: top } : rangeOf(field, from, to!, word);
  const size = /^\d{1,3}$/.test(step) ? Number(step) : Number.NaN;
  const most = ends.to - ends.from;
  if (!(size >= 1)) throw invalidCron(field, word, `has the step ${show(step)}`, `a step from 1 to ${most}`);
  if (size > most)
    throw invalidCron(
      field,
      word,
      `has a step larger than its range`,
      `a step from 1 to ${most}`,
      tooLarge(field, size),
    );
  return { kind: 'step', ...ends, step: size, star };
};

// Ninety minutes are meant as an hour and a half, which no cron expression can say.
const tooLarge = (field: FieldName, size: number): string =>
  field === 'second' || field === 'minute' || field === 'hour'
    ? `For every ${size} ${field}s use an interval.`
    : 'Name the value itself, without a step.';

const rangeOf = (field: FieldName, first: string, last: string, word: string): { from: number; to: number } => {
  const from = readValue(field, first, word) % wrap(field);
  const end = readValue(field, last, word);
  // A week may end in Sunday: 5-7, fri-sun.
  const to = field === 'day of week' && end === 0 && from > 0 && /^[a-z]/i.test(last) ? 7 : end;
  if (from < to) return { from, to };
  if (from === to) throw invalidCron(field, word, 'is a range of one value', allowed(field), `Write ${first}.`);
  throw invalidCron(
    field,
    word,
    'runs backwards',
    'a range from the smaller to the larger value',
    turned(field, word, first, last),
  );
};

/** What a backward range most likely means: on to the end, and again from the beginning. */
const turned = (field: FieldName, word: string, first: string, last: string): string | undefined => {
  if (word.includes('/')) return undefined;
  const names = RULES[field].names;
  const { min, max } = RULES[field];
  const top = field === 'day of week' ? 6 : max;
  const say = (value: number) =>
    names && /^[a-z]/i.test(first) ? names[value - (field === 'month' ? 1 : 0)]! : String(value);
  const piece = (from: number, to: number) => (from === to ? say(from) : `${say(from)}-${say(to)}`);
  const [from, to] = [readValue(field, first, word), readValue(field, last, word)];
  return `Did you mean "${piece(from, top)},${piece(min, to)}"?`;
};

const wrap = (field: FieldName): number => (field === 'day of week' ? 7 : Number.POSITIVE_INFINITY);

const readValue = (field: FieldName, text: string, word: string): number => {
  const { min, max, names } = RULES[field];
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  if (index >= 0) return min + index;
  if (!/^\d+$/.test(text)) {
    const long = names?.find((name) => text.toLowerCase().startsWith(name));
    throw invalidCron(
      field,
      word,
      'is not understood',
      allowed(field),
      long ? `Did you mean "${long}"?` : nearName(text, names),
    );
  }
  const value = Number(text);
  if (text.length > 2 || value < min || value > max) throw invalidCron(field, word, 'is out of range', allowed(field));
  return value;
};

const nearName = (text: string, names: readonly string[] = []): string | undefined =>
  /^[a-z]/i.test(text) ? didYouMean(text.slice(0, 3), names) : undefined;

const dayTerm = (word: string): Term | undefined => {
  if (word === '?') return { kind: 'all' };
  if (/^L$/i.test(word)) return { kind: 'last day' };
  if (/^(LW|WL)$/i.test(word)) return { kind: 'last working day' };
  const [, date] = /^(\w+)W$/i.exec(word) ?? [];
  return date === undefined ? undefined : { kind: 'nearest working day', date: readValue('day of month', date, word) };
};

const weekdayTerm = (word: string): Term | undefined => {
  if (word === '?') return { kind: 'all' };
  if (/^L$/i.test(word))
    throw invalidCron(
      'day of week',
      word,
      'does not say the last of which weekday',
      'such as friL',
      'For the last day of the month, write L as the day of month.',
    );
  const [, name, nth] = /^([^#]*)#(.*)$/.exec(word) ?? [];
  if (name !== undefined) {
    const weekday = readValue('day of week', name, word) % 7;
    if (/^L$/i.test(nth!)) return { kind: 'last of', weekday };
    if (!/^[1-5]$/.test(nth!))
      throw invalidCron('day of week', word, `asks for weekday number ${show(nth)} of a month`, '#1 to #5, or #L');
    return { kind: 'nth', weekday, nth: Number(nth) };
  }
  const [, last] = /^(\d|[a-z]{3})L$/i.exec(word) ?? [];
  return last === undefined ? undefined : { kind: 'last of', weekday: readValue('day of week', last, word) % 7 };
};

/** Every date of the list must exist in one of the months at least: 30 February is a mistake, also beside others. */
const checkDates = (fields: CronFields): void => {
  const months = valuesOf(fields.month, 'month');
  const longest = Math.max(...months.map((month) => LONGEST[month - 1]!));
  for (const term of fields['day of month']) {
    const first = firstDate(term);
    if (first <= longest) continue;
    const where = months.map((month) => MONTH_NAMES[month - 1]).join(', ');
    throw invalidCron(
      'day of month',
      String(first),
      `never comes: ${where} ${months.length === 1 ? 'has' : 'have'} ${longest} days at most`,
      `1 to ${longest}`,
      'For the last day of the month write L.',
    );
  }
};

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const firstDate = (term: Term): number =>
  term.kind === 'value'
    ? term.value
    : term.kind === 'range' || term.kind === 'step'
      ? term.from
      : term.kind === 'nearest working day'
        ? term.date
        : 1;

/** The plain values of a field, in order, each once. Terms that depend on the month have none. */
export const valuesOf = (terms: readonly Term[], field: FieldName): number[] => {
  const { min, max } = RULES[field];
  const all = terms.flatMap((term) => {
    if (term.kind === 'value') return [term.value];
    if (term.kind === 'all') return steps(min, max, 1);
    if (term.kind === 'range') return steps(term.from, term.to, 1);
    return term.kind === 'step' ? steps(term.from, term.to, term.step) : [];
  });
  return [...new Set(field === 'day of week' ? all.map((value) => value % 7) : all)].sort((a, b) => a - b);
};

const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

const allowed = (field: FieldName): string => {
  const { min, max, names } = RULES[field];
  const what = `${min} to ${max}${names ? `, ${names[0]} to ${names.at(-1)}` : ''}, *, ranges, steps and lists`;
  if (field === 'day of month') return `${what}, L, 15W, LW, ?`;
  return field === 'day of week' ? `${what}, fri#2, friL, ?` : what;
};

const notUnderstood = (field: FieldName, word: string): Error =>
  invalidCron(field, word, 'is not understood', allowed(field));
