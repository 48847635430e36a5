/** The product's slots are those that the rules give, minute by minute. A sample; `npm run test:time` is the whole. */
import { describe, expect, test } from 'vitest';
import { CronSlots } from '../../src/schedule/cron.ts';
import { Pattern } from '../../src/schedule/cron-calendar.ts';
import { zoneOf } from '../../src/schedule/zone.ts';
import { compareZone, emptyComparison, minutesOf, type Range } from './compare.ts';
import { type Minutes, runsOf } from './oracle.ts';
import { makeExpression, randomFrom } from './patterns.ts';
import { allZones, links } from './zones.ts';

const range = (from: string, to: string, perChange: number): Range => ({
  from: minutesOf(`${from}-01-01T00:00Z`),
  to: minutesOf(`${to}-01-01T00:00Z`),
  step: 2 * 1440,
  perChange,
  seed: 'sample',
});

/** Half hours, whole days, changes at midnight, Ramadan, changes of the zone itself, both halves of the earth. */
const PECULIAR = [
  'Africa/Casablanca',
  'America/Havana',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Antarctica/Casey',
  'Antarctica/Troll',
  'Asia/Gaza',
  'Asia/Pyongyang',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Europe/Dublin',
  'Pacific/Apia',
  'Pacific/Chatham',
  'US/Pacific',
];

describe('a sample of zones, changes and expressions', () => {
  test('in peculiar zones, every change from 2006 to 2026', { timeout: 120_000 }, () => {
    const figures = emptyComparison();
    for (const zone of PECULIAR) compareZone(zone, range('2006', '2027', 4), figures);
    expect(figures.differences).toEqual([]);
    expect(figures.transitions).toBeGreaterThan(450);
    expect(figures.slots).toBeGreaterThan(60_000);
  });

  test('in every zone and by every other name, the changes of a year', { timeout: 120_000 }, () => {
    expect(allZones.length).toBeGreaterThan(500);
    expect(links.length).toBeGreaterThan(150);
    const figures = emptyComparison();
    for (const zone of allZones) compareZone(zone, range('2026', '2027', 1), figures);
    expect(figures.differences).toEqual([]);
    expect(figures.transitions).toBeGreaterThan(300);
  });
});

test('far from any change: random expressions over two months, the end of a leap February among them', () => {
  const start = minutesOf('2028-02-01T00:00Z');
  const stretch: Minutes = { start, shown: Int32Array.from({ length: 60 * 1440 }, (_, i) => start + i) };
  const random = randomFrom('far');
  for (let i = 0; i < 150; i++) {
    const expression = makeExpression(random, [start + Math.floor(random() * stretch.shown.length)]);
    const expected = runsOf(expression, stretch, { gap: 'after', overlap: 'once' }).map((second) => second * 1000);
    const [after, until] = [start * 60_000 + 59_999, (start + stretch.shown.length) * 60_000 - 1];
    const slots = new CronSlots(new Pattern(expression), zoneOf('UTC'));
    expect(slots.count(after, until), expression).toBe(expected.length);
    let slot = slots.next(after);
    for (const one of expected) {
      if (slot !== one) expect(slot, expression).toBe(one);
      slot = slots.next(one);
    }
  }
});

describe('the oracle itself', () => {
  /** A zone of two hours around a change at the 60th minute. */
  const minutes = (change: number): Minutes => ({
    start: 0,
    shown: Int32Array.from({ length: 240 }, (_, i) => (i < 60 ? i : i + change)),
  });
  const asMinutes = (text: string, change: number, dst = { gap: 'after', overlap: 'once' } as const) =>
    runsOf(text, minutes(change), dst).map((second) => second / 60);

  test.each([
    ['30 * * * *', 0, [30, 90, 150, 210]],
    // The clocks go from 01:00 to 02:00.
    ['30 * * * *', 60, [30, 90, 150, 210]],
    ['30 1 * * *', 60, [60]],
    ['0 1,2 * * *', 60, [60]],
    ['*/20 1 * * *', 60, []],
    // The clocks go from 01:00 back to 00:00.
    ['30 0 * * *', -60, [30]],
    ['30 1 * * *', -60, [150]],
    ['*/30 0 * * *', -60, [30, 60, 90]],
  ])('knows when %s runs if the clocks move by %d minutes', (text, change, runs) => {
    expect(asMinutes(text, change)).toEqual(runs);
  });
});
