import { describe, expect, test } from 'vitest';
import { IntervalSlots, jitterOf } from './interval.ts';

describe('an interval', () => {
  const slots = new IntervalSlots(1000, 10_000);

  test.each([
    [0, 10_000],
    [9999, 10_000],
    [10_000, 11_000],
    [10_999, 11_000],
    [11_000, 12_000],
  ])('after %d comes %d', (after, next) => {
    expect(slots.next(after)).toBe(next);
  });

  test.each([
    [0, 9999, 0],
    [0, 10_000, 1],
    [10_000, 10_999, 0],
    [10_000, 20_000, 10],
    [20_000, 10_000, 0],
  ])('between %d and %d there are %d', (after, until, count) => {
    expect(slots.count(after, until)).toBe(count);
  });

  test('does not drift: the millionth slot is a million intervals after the first', () => {
    const odd = new IntervalSlots(1_234_567, 89);
    expect(odd.next(89 + 1_000_000 * 1_234_567 - 1)).toBe(89 + 1_000_000 * 1_234_567);
  });

  test('ends where a Date ends', () => {
    expect(slots.next(8.64e15)).toBeNull();
  });
});

describe('jitter', () => {
  test('is the same for the same schedule and slot, everywhere', () => {
    expect(jitterOf('nightly', 1_767_225_600_000, 60_000)).toBe(jitterOf('nightly', 1_767_225_600_000, 60_000));
    // These numbers must never change: processes of two versions may serve one schedule.
    expect([0, 1, 2].map((n) => jitterOf('nightly', n * 60_000, 60_000))).toMatchInlineSnapshot(`
      [
        58063,
        26178,
        22238,
      ]
    `);
  });

  test('is none where none is wanted', () => {
    expect(jitterOf('nightly', 5, 0)).toBe(0);
  });

  test('spreads schedules of one slot, and slots of one schedule, over the whole of it', () => {
    for (const jitters of [
      Array.from({ length: 2000 }, (_, i) => jitterOf(`schedule-${i}`, 1_767_225_600_000, 1000)),
      Array.from({ length: 2000 }, (_, i) => jitterOf('schedule', 1_767_225_600_000 + i * 60_000, 1000)),
    ]) {
      const tenths = Array.from(
        { length: 10 },
        (_, i) => jitters.filter((jitter) => Math.floor(jitter / 100) === i).length,
      );
      for (const inTenth of tenths) expect(inTenth).toBeGreaterThan(120);
      expect(Math.min(...jitters)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...jitters)).toBeLessThan(1000);
    }
  });
});
