import { describe, expect, test } from 'vitest';
import { CronSlots } from './cron.ts';
import { Pattern } from './cron-calendar.ts';
import { IntervalSlots } from './interval.ts';
import { lastSlot, type Slots } from './slots.ts';
import { zoneOf } from './zone.ts';

/** Says how often it was asked. */
const counted = (slots: Slots): Slots & { asked: number } => ({
  asked: 0,
  next(after) {
    this.asked++;
    return slots.next(after);
  },
  count: (after, until) => slots.count(after, until),
});

describe('the last slot', () => {
  const slots = new IntervalSlots(1000, 10_000);

  test.each([
    [0, 9999, null],
    [0, 10_000, 10_000],
    [0, 10_001, 10_000],
    [9999, 12_345, 12_000],
    [12_000, 12_345, null],
    [11_999, 12_345, 12_000],
    [12_000, 13_000, 13_000],
    [20_000, 10_000, null],
  ])('after %d up to %d is %s', (after, until, last) => {
    expect(lastSlot(slots, after, until)).toBe(last);
  });

  test.each([
    ['* * * * * *', 20],
    ['30 2 * * *', 90],
    ['0 0 29 2 *', 130],
    ['* 0 * * *', 90],
  ])('of %s is found without going through ten years', (text, most) => {
    const asked = counted(new CronSlots(new Pattern(text), zoneOf('Europe/Berlin')));
    const until = Date.parse('2026-07-15T21:30:00Z');
    const last = lastSlot(asked, Date.parse('2016-01-01T00:00Z'), until)!;
    expect(asked.next(last)!).toBeGreaterThan(until);
    expect(asked.asked).toBeLessThanOrEqual(most);
  });
});
