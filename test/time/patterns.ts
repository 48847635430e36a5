/** Expressions made at random, most of them about what the clocks show around a change. Repeatable: the seed is all there is to it. */

export type Random = () => number;

/** Mulberry32: from 0 up to 1. */
export const randomFrom = (text: string): Random => {
  let state = [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619), 2_166_136_261);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ');

/** @param shown minutes since 1970 on the clocks, near which the expression should run. */
export const makeExpression = (random: Random, shown: readonly number[]): string => {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const whole = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const near = pick(shown) + (random() < 0.5 ? 0 : whole(-90, 90));
  const at = new Date(near * 60_000);
  const list = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b).join(',');
  const clip = (value: number, max: number) => Math.min(Math.max(value, 0), max);
  const range = (value: number, max: number) => {
    const from = clip(value - whole(0, 2), max - 1);
    return [from, clip(Math.max(value + whole(0, 3), from + 1), max)] as const;
  };
  const field = (value: number, max: number, steps: readonly number[]): string => {
    const [from, to] = range(value, max);
    return pick([
      () => String(value),
      () => String(value),
      () => list([value, whole(0, max)]),
      () => list([value, clip(value + 1, max), whole(0, max)]),
      () => `${from}-${to}`,
      () => '*',
      () => `*/${pick(steps)}`,
      () => `${from}-${to}/1`,
    ])();
  };
  const date = at.getUTCDate();
  const weekday = at.getUTCDay();
  const dates = () =>
    random() < 0.5
      ? '*'
      : pick([
          '?',
          '*/2',
          '*/3',
          String(date),
          list([date, whole(1, 28)]),
          `1-${whole(2, 31)}`,
          `${Math.min(date, 30)}-31`,
          'L',
          'LW',
          `${date}W`,
          '1W',
          '15W',
        ]);
  const weekdays = () =>
    random() < 0.6
      ? '*'
      : pick([
          '?',
          String(weekday),
          WEEKDAYS[weekday]!,
          'mon-fri',
          'sat,sun',
          '5-7',
          '*/2',
          `${weekday}#${Math.ceil(date / 7)}`,
          `${WEEKDAYS[weekday]}#1`,
          `${weekday}L`,
          '0-7',
        ]);
  const months = () =>
    random() < 0.8 ? '*' : pick([String(at.getUTCMonth() + 1), MONTHS[at.getUTCMonth()]!, '*/2', `1-${whole(2, 12)}`]);
  const second = random() < 0.85 ? '' : `${pick(['0', '30', '15,45', '*/20', '59', '0-2'])} `;
  const minute = field(at.getUTCMinutes(), 59, [2, 5, 7, 15, 20, 30]);
  const hour = field(at.getUTCHours(), 23, [2, 3, 4, 6, 7, 12]);
  return `${second}${minute} ${hour} ${dates()} ${months()} ${weekdays()}`;
};
