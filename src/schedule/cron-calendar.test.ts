import { describe, expect, test } from 'vitest';
import { Pattern } from './cron-calendar.ts';
import type { Steps } from './slots.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const NEVER = at('2500-01-01T00:00');

/** The next local times after one. */
const following = (text: string, from: string, count: number): string[] => {
  const pattern = new Pattern(text);
  const found: string[] = [];
  for (
    let local = pattern.next(at(from), NEVER);
    local !== null && found.length < count;
    local = pattern.next(local + 1, NEVER)
  )
    found.push(new Date(local).toISOString().slice(0, 16));
  return found;
};

describe('days', () => {
  test.each<[text: string, from: string, days: string]>([
    ['0 0 L * *', '2027-01-01T00:00', '2027-01-31 2027-02-28 2027-03-31 2027-04-30'],
    ['0 0 L 2 *', '2027-01-01T00:00', '2027-02-28 2028-02-29 2029-02-28'],
    ['0 0 LW * *', '2026-01-01T00:00', '2026-01-30 2026-02-27 2026-03-31 2026-04-30 2026-05-29'],
    // 2026-08-01 is a Saturday, 2026-11-01 a Sunday: the nearest working day stays in the month.
    ['0 0 1W * *', '2026-07-15T00:00', '2026-08-03 2026-09-01 2026-10-01 2026-11-02'],
    // 2026-08-15 is a Saturday, 2026-11-15 a Sunday.
    ['0 0 15W * *', '2026-08-01T00:00', '2026-08-14 2026-09-15 2026-10-15 2026-11-16'],
    // 2026-05-31 is a Sunday.
    ['0 0 31W * *', '2026-05-01T00:00', '2026-05-29 2026-07-31 2026-08-31 2026-10-30'],
    ['0 0 * * fri#2', '2026-01-01T00:00', '2026-01-09 2026-02-13 2026-03-13'],
    ['0 0 * * 4#5', '2026-01-01T00:00', '2026-01-29 2026-04-30 2026-07-30 2026-10-29'],
    ['0 0 * * friL', '2026-01-01T00:00', '2026-01-30 2026-02-27 2026-03-27'],
    ['0 0 29 2 *', '2026-01-01T00:00', '2028-02-29 2032-02-29'],
    ['0 0 29 2 *', '2097-01-01T00:00', '2104-02-29'],
    ['0 0 * 2 1#5', '2026-01-01T00:00', '2044-02-29 2072-02-29'],
    // Both day fields restricted: either matches.
    ['0 0 13 * 5', '2026-02-10T00:00', '2026-02-13 2026-02-20 2026-02-27 2026-03-06 2026-03-13'],
    ['0 0 1,15 * mon', '2026-06-01T00:00', '2026-06-01 2026-06-08 2026-06-15 2026-06-22 2026-06-29 2026-07-01'],
    ['0 0 L * sun', '2026-05-20T00:00', '2026-05-24 2026-05-31 2026-06-07'],
    // One that begins with a star is not restricted: both must match.
    ['0 0 */2 * 1', '2026-06-01T00:00', '2026-06-01 2026-06-15 2026-06-29 2026-07-13'],
    ['0 0 13 * */5', '2026-01-01T00:00', '2026-02-13 2026-03-13 2026-09-13 2026-11-13'],
    ['0 0 ? * 1', '2026-06-02T00:00', '2026-06-08 2026-06-15'],
    ['0 0 31 * *', '2026-01-01T00:00', '2026-01-31 2026-03-31 2026-05-31 2026-07-31'],
    ['0 0 28-31 2 *', '2028-01-01T00:00', '2028-02-28 2028-02-29 2029-02-28'],
  ])('%s from %s', (text, from, days) => {
    const expected = days.split(' ');
    expect(following(text, from, expected.length)).toEqual(expected.map((day) => `${day}T00:00`));
  });
});

describe('times', () => {
  test.each<[text: string, from: string, times: string]>([
    ['30 2 * * *', '2026-01-01T02:30', '2026-01-01T02:30 2026-01-02T02:30'],
    ['30 2 * * *', '2026-01-01T02:31', '2026-01-02T02:30'],
    [
      '*/25 22-23 * * *',
      '2026-12-31T22:45',
      '2026-12-31T22:50 2026-12-31T23:00 2026-12-31T23:25 2026-12-31T23:50 2027-01-01T22:00',
    ],
    ['59 23 31 12 *', '2026-01-01T00:00', '2026-12-31T23:59 2027-12-31T23:59'],
    ['0 0 1 1 *', '2026-01-01T00:01', '2027-01-01T00:00'],
  ])('%s from %s', (text, from, times) => {
    const expected = times.split(' ');
    expect(following(text, from, expected.length)).toEqual(expected);
  });

  test('seconds match on their own, and a fraction of one is rounded up', () => {
    const pattern = new Pattern('*/20 59 23 * * *');
    const next = (text: string) => new Date(pattern.next(at(text), NEVER)!).toISOString();
    expect(next('2026-01-01T23:59:20.000')).toBe('2026-01-01T23:59:20.000Z');
    expect(next('2026-01-01T23:59:20.001')).toBe('2026-01-01T23:59:40.000Z');
    expect(next('2026-01-01T23:59:40.001')).toBe('2026-01-02T23:59:00.000Z');
  });

  test('the end is not included', () => {
    const pattern = new Pattern('0 0 * * *');
    expect(pattern.next(at('2026-01-01T00:01'), at('2026-01-02T00:00'))).toBeNull();
    expect(pattern.next(at('2026-01-01T00:01'), at('2026-01-02T00:00') + 1)).toBe(at('2026-01-02T00:00'));
  });
});

describe('the count', () => {
  test.each([
    '* * * * *',
    '*/7 3,5 * * *',
    '30 2 13 * 5',
    '0 0 L * *',
    '0 12 31 * *',
    '*/20 * 9-17 * * 1-5',
    '0 0 29 2 *',
    '5 4 1W,LW */2 *',
    '0 0 */3 * *',
  ])('of %s is what going through them gives', (text) => {
    const pattern = new Pattern(text);
    const stretches: [string, string][] = [
      ['2026-01-01T00:00', '2026-01-01T00:00'],
      ['2026-01-30T23:59:59.999', '2026-02-03T02:30:00.001'],
      ['2027-02-27T12:00', '2027-03-02T12:00'],
      ['2028-02-28T00:00:00.500', '2028-03-01T00:00'],
      ['2026-12-31T02:30', '2027-01-01T02:31'],
    ];
    for (const [from, until] of stretches) {
      let count = 0;
      for (let local = pattern.next(at(from), at(until)); local !== null; local = pattern.next(local + 1, at(until)))
        count++;
      expect(pattern.count(at(from), at(until)), `${from} ${until}`).toBe(count);
    }
  });

  test('of a year of seconds costs no more than that of its months', () => {
    expect(new Pattern('* * * * * *').count(at('2026-01-01T00:00'), at('2027-01-01T00:00'))).toBe(365 * 86_400);
  });
});

describe('the search', () => {
  test.each([
    ['0 0 29 2 *', 28],
    ['0 0 * 2 1#5', 230],
    ['0 0 29 2 *', 28],
    ['59 59 23 31 12 *', 12],
    ['0 0 31 1,3 *', 2],
  ])('for %s looks at %d months at most', (text, most) => {
    const steps: Steps = { taken: 0 };
    expect(new Pattern(text).next(at('2026-01-31T00:01'), NEVER, steps)).not.toBeNull();
    expect(steps.taken).toBeLessThanOrEqual(most);
  });

  test('gives up at its end, having looked at each month once', () => {
    const steps: Steps = { taken: 0 };
    expect(new Pattern('0 0 * 2 1#5').next(at('2072-03-01T00:00'), at('2099-01-01T00:00'), steps)).toBeNull();
    expect(steps.taken).toBeLessThanOrEqual(27 * 12);
  });
});
