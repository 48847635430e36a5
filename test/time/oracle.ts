/**
 * The rules of time once more, written as plainly as they are stated, minute by minute, so that the product's arithmetic can be
 * compared with them. Shares nothing with it: not the parser, not the calendar, not the way a zone is read.
 */

/** What the clocks of a zone show in each minute of a stretch. Minutes, not milliseconds, throughout. */
export interface Minutes {
  /** The first minute, since 1970 UTC. */
  readonly start: number;
  /** What the clocks show, as minutes since 1970 on them, for `start`, `start + 1`, … */
  readonly shown: Int32Array;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes ahead of UTC, from the text that Intl writes for it. @throws if it is no whole number of minutes. */
export const offsetAt = (zone: string, minute: number): number => {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const text = format.format(minute * 60_000);
  const name = text.slice(text.indexOf('GMT'));
  if (name === 'GMT') return 0;
  if (name.length !== 9) throw new Error(`${zone} is ${name}`);
  const size = Number(name.slice(4, 6)) * 60 + Number(name.slice(7));
  return name[3] === '-' ? -size : size;
};

/** Minutes at which the offset changes, from one minute to another. Sees every change that lasts longer than a step. */
export const changesOf = (zone: string, from: number, to: number, step: number): number[] => {
  const changes: number[] = [];
  let before = offsetAt(zone, from);
  for (let at = from; at < to; at += step) {
    const end = Math.min(at + step, to);
    const after = offsetAt(zone, end);
    if (after === before) continue;
    let [low, high] = [at, end];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (offsetAt(zone, middle) === before) low = middle;
      else high = middle;
    }
    changes.push(high);
    before = after;
  }
  return changes;
};

export const readMinutes = (zone: string, start: number, length: number): Minutes => ({
  start,
  shown: Int32Array.from({ length }, (_, i) => start + i + offsetAt(zone, start + i)),
});

export interface Dst {
  readonly gap: 'after' | 'skip';
  readonly overlap: 'once' | 'twice';
}

/** The instants, in seconds, at which an expression runs within the stretch, but for its first minute. */
export const runsOf = (expression: string, { start, shown }: Minutes, dst: Dst): number[] => {
  const { minuteMatches, seconds, isFixed } = read(expression);
  const runs = new Set<number>();
  const runAt = (index: number) => {
    for (const second of seconds) runs.add((start + index) * 60 + second);
  };
  if (!isFixed) {
    for (let i = 1; i < shown.length; i++) if (minuteMatches(shown[i]!)) runAt(i);
    return [...runs];
  }
  const occurrences = new Map<number, number[]>();
  for (let i = 0; i < shown.length; i++) {
    const known = occurrences.get(shown[i]!);
    if (known) known.push(i);
    else occurrences.set(shown[i]!, [i]);
  }
  for (const [minute, at] of occurrences)
    if (minuteMatches(minute))
      for (const index of dst.overlap === 'twice' ? at : at.slice(0, 1)) if (index > 0) runAt(index);
  for (let i = 1; i < shown.length && dst.gap === 'after'; i++)
    for (let minute = shown[i - 1]! + 1; minute < shown[i]!; minute++)
      if (!occurrences.has(minute) && minuteMatches(minute)) runs.add((start + i) * 60);
  return [...runs].sort((a, b) => a - b);
};

interface Expression {
  minuteMatches(minute: number): boolean;
  readonly seconds: readonly number[];
  readonly isFixed: boolean;
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ');

const read = (expression: string): Expression => {
  const parts = expression.toLowerCase().split(' ');
  const [second, minute, hour, date, month, weekday] = (parts.length === 6 ? parts : ['0', ...parts]) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const inSecond = numbers(second, 0, 59);
  const inMinute = numbers(minute, 0, 59);
  const inHour = numbers(hour, 0, 23);
  const inMonth = numbers(named(month, MONTHS, 1), 1, 12);
  const days = new Map<number, boolean>();
  const onDay = (day: number): boolean => {
    const at = new Date(day * 86_400_000);
    if (!inMonth(at.getUTCMonth() + 1)) return false;
    const byDate = date.split(',').some((term) => dateMatches(term, at));
    const byWeekday = weekday.split(',').some((term) => weekdayMatches(named(term, WEEKDAYS, 0), at));
    return /^[*?]/.test(date) || /^[*?]/.test(weekday) ? byDate && byWeekday : byDate || byWeekday;
  };
  return {
    isFixed: !/[*/]/.test(minute + hour),
    seconds: Array.from({ length: 60 }, (_, i) => i).filter(inSecond),
    minuteMatches: (at) => {
      if (!inMinute(((at % 60) + 60) % 60) || !inHour(((Math.floor(at / 60) % 24) + 24) % 24)) return false;
      const day = Math.floor(at / 1440);
      if (!days.has(day)) days.set(day, onDay(day));
      return days.get(day)!;
    },
  };
};

const named = (text: string, names: readonly string[], first: number): string =>
  text.replace(/[a-z]{3}/g, (name) => String(names.indexOf(name) + first));

const numbers = (field: string, min: number, max: number): ((value: number) => boolean) => {
  const terms = field.split(',').map((term) => {
    const [range = '', step = '1'] = term.split('/');
    const [from, to = from] = range === '*' || range === '?' ? [min, max] : range.split('-').map(Number);
    return { from: from!, to: to!, step: Number(step) };
  });
  return (value) => terms.some(({ from, to, step }) => value >= from && value <= to && (value - from) % step === 0);
};

const later = (at: Date, days: number): Date => new Date(at.getTime() + days * 86_400_000);
const isWorkday = (at: Date): boolean => at.getUTCDay() >= 1 && at.getUTCDay() <= 5;
const isLastOfMonth = (at: Date): boolean => later(at, 1).getUTCDate() === 1;
const sameMonth = (a: Date, b: Date): boolean => a.getUTCMonth() === b.getUTCMonth();

const dateMatches = (term: string, at: Date): boolean => {
  if (term === 'l') return isLastOfMonth(at);
  const [, wanted] = /^(\w+)w$/.exec(term) ?? [];
  if (wanted === undefined) return numbers(term, 1, 31)(at.getUTCDate());
  if (!isWorkday(at)) return false;
  // The nearest workday of the same month to the wanted date is this one: look from the wanted date outwards.
  const wantedDay = Array.from({ length: 63 }, (_, i) => later(at, i - 31)).find(
    (day) => sameMonth(day, at) && (wanted === 'l' ? isLastOfMonth(day) : day.getUTCDate() === Number(wanted)),
  );
  if (!wantedDay) return false;
  const nearest = [0, -1, 1, -2, 2]
    .map((days) => later(wantedDay, days))
    .find((day) => sameMonth(day, at) && isWorkday(day));
  return nearest?.getTime() === at.getTime();
};

const weekdayMatches = (term: string, at: Date): boolean => {
  const [, nthDay, nth] = /^(\d)#(\d)$/.exec(term) ?? [];
  if (nthDay !== undefined)
    return at.getUTCDay() === Number(nthDay) % 7 && Math.ceil(at.getUTCDate() / 7) === Number(nth);
  const [, lastDay] = /^(\d)l$/.exec(term) ?? [];
  if (lastDay !== undefined) return at.getUTCDay() === Number(lastDay) % 7 && !sameMonth(at, later(at, 7));
  const on = numbers(term, 0, 6);
  return on(at.getUTCDay()) || (at.getUTCDay() === 0 && /7/.test(term) && numbers(term, 0, 7)(7));
};
