import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scroll } from './scroll.ts';

const make = (length: number, view = 800, lineHeight = 32): Scroll =>
  Object.assign(new Scroll(), { length, view, lineHeight });

describe('a list that a browser can make', () => {
  test('scrolls as it is', () => {
    const scroll = make(1000);
    scroll.moved(320);
    expect([scroll.height, scroll.offset, scroll.first, scroll.last]).toEqual([32_000, 320, 9, 35]);
    expect(scroll.topOf(10)).toBe(320);
  });

  test('of nothing has no lines', () => {
    const scroll = make(0);
    expect([scroll.height, scroll.last]).toEqual([0, -1]);
  });
});

describe('a list of a million', () => {
  test('is not higher than a browser can make it', () => {
    expect(make(1_000_000).height).toBe(8_000_000);
    expect(make(10_000_000, 800, 60).height).toBe(8_000_000);
  });

  test('reaches its first and its last line by the bar', () => {
    const scroll = make(1_000_000);
    scroll.moved(8_000_000 - 800);
    expect(scroll.last).toBe(999_999);
    scroll.moved(0);
    expect(scroll.first).toBe(0);
  });

  test('moves by a step as far as the step says', () => {
    const scroll = make(1_000_000);
    scroll.moved(4_000_000);
    const before = scroll.offset;
    scroll.moved(4_000_100);
    expect(scroll.offset - before).toBeCloseTo(100);
  });

  test('is spread over the bar', () => {
    const scroll = make(1_000_000);
    scroll.moved(4_000_000);
    expect(Math.abs(scroll.first - 500_000)).toBeLessThan(100);
  });
});

test('wherever one goes, lines that are seen are drawn, and within the element', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000_000 }),
      fc.integer({ min: 40, max: 2000 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
      (length, view, bars) => {
        const scroll = make(length, view);
        for (const bar of bars) {
          const barAt = bar * Math.max(0, scroll.height - view);
          scroll.moved(barAt);
          expect(scroll.first).toBeLessThanOrEqual(scroll.last);
          expect(scroll.last).toBeLessThan(length);
          // The lines cover all that is seen.
          expect(scroll.topOf(scroll.first)).toBeLessThanOrEqual(barAt + 0.5);
          const end = scroll.topOf(scroll.last) + scroll.lineHeight;
          expect(end).toBeGreaterThanOrEqual(Math.min(barAt + view, scroll.height) - 0.5);
          expect(scroll.last - scroll.first).toBeLessThan(view / 32 + 5);
        }
      },
    ),
  );
});

test('going to a line shows the whole of it, and does not move if it is seen already', () => {
  const scroll = make(1_000_000);
  scroll.toShow(700_000);
  expect(scroll.offset + scroll.view).toBeCloseTo(700_001 * 32);
  const { offset } = scroll;
  scroll.toShow(699_990);
  expect(scroll.offset).toBe(offset);
  scroll.toShow(10);
  expect(scroll.offset).toBe(320);
});
