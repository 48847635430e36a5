import { describe, expect, test } from 'vitest';
import { CronSlots, type DaylightSaving } from './cron.ts';
import { Pattern } from './cron-calendar.ts';
import type { Steps } from './slots.ts';
import { zoneOf } from './zone.ts';

const at = (text: string): number => Date.parse(text);
const slotsOf = (text: string, zone: string, dst?: DaylightSaving) =>
  new CronSlots(new Pattern(text), zoneOf(zone), dst);

/** The runs on some days of the zone's calendar, as UTC times: `01:00` each, the date where it changes. */
const runs = (text: string, zone: string, after: string, until: string, dst?: DaylightSaving): string => {
  const slots = slotsOf(text, zone, dst);
  const found: string[] = [];
  for (let slot = slots.next(at(after)); slot !== null && slot <= at(until); slot = slots.next(slot))
    found.push(
      new Date(slot)
        .toISOString()
        .replace(/:00\.000Z$/, 'Z')
        .replace(/\.000Z$/, 'Z'),
    );
  expect(slots.count(at(after), at(until))).toBe(found.length);
  return found
    .map((run, i) => (run.slice(0, 10) === found[i - 1]?.slice(0, 10) ? run.slice(11, -1) : run.slice(5, -1)))
    .join(' ');
};

/** Berlin: the gap is from 02:00 to 03:00, at 01:00Z; the overlap again, at 01:00Z. */
const GAP = ['Europe/Berlin', '2026-03-28T22:59:59Z', '2026-03-29T21:59:59Z'] as const;
const OVERLAP = ['Europe/Berlin', '2026-10-24T21:59:59Z', '2026-10-25T22:59:59Z'] as const;

describe('a fixed time', () => {
  test.each<[text: string, runs: string, dst?: DaylightSaving]>([
    ['59 1 * * *', '03-29T00:59'],
    ['0 2 * * *', '03-29T01:00'],
    ['30 2 * * *', '03-29T01:00'],
    ['0 3 * * *', '03-29T01:00'],
    ['30 3 * * *', '03-29T01:30'],
    ['0,30 1-3 * * *', '03-29T00:00 00:30 01:00 01:30'],
    ['0,20,40 2 * * *', '03-29T01:00'],
    ['30 2,3 * * *', '03-29T01:00 01:30'],
    ['*/20 30 2 * * *', '03-29T01:00'],
    ['30 2 * * *', '', { gap: 'skip' }],
    ['0,30 1-3 * * *', '03-29T00:00 00:30 01:00 01:30', { gap: 'skip' }],
    ['0 3 * * *', '03-29T01:00', { gap: 'skip' }],
  ])('in or near a gap: %s → %s', (text, expected, dst) => {
    expect(runs(text, ...GAP, dst)).toBe(expected);
  });

  test.each<[text: string, runs: string, dst?: DaylightSaving]>([
    ['59 1 * * *', '10-24T23:59'],
    ['0 2 * * *', '10-25T00:00'],
    ['30 2 * * *', '10-25T00:30'],
    ['0 3 * * *', '10-25T02:00'],
    ['0,30 1-3 * * *', '10-24T23:00 23:30 10-25T00:00 00:30 02:00 02:30'],
    ['0,30 2 * * *', '10-25T00:00 00:30'],
    ['30 2 * * *', '10-25T00:30 01:30', { overlap: 'twice' }],
    ['0,30 2 * * *', '10-25T00:00 00:30 01:00 01:30', { overlap: 'twice' }],
    ['0 3 * * *', '10-25T02:00', { overlap: 'twice' }],
  ])('in or near an overlap: %s → %s', (text, expected, dst) => {
    expect(runs(text, ...OVERLAP, dst)).toBe(expected);
  });

  test('asked for in the middle of an overlap, is over once it was shown', () => {
    const slots = slotsOf('30 2 * * *', 'Europe/Berlin');
    expect(new Date(slots.next(at('2026-10-25T01:00:00Z'))!).toISOString()).toBe('2026-10-26T01:30:00.000Z');
  });
});

describe('a pattern with a star or a step', () => {
  test.each<[text: string, runs: string]>([
    ['*/30 1-3 * * *', '03-29T00:00 00:30 01:00 01:30'],
    [
      '30 * * * *',
      '03-28T23:30 03-29T00:30 01:30 02:30 03:30 04:30 05:30 06:30 07:30 08:30 09:30 10:30 11:30 12:30 13:30 14:30 15:30 16:30 17:30 18:30 19:30 20:30 21:30',
    ],
    ['*/20 2 * * *', ''],
    ['0 */2 * * *', '03-28T23:00 03-29T02:00 04:00 06:00 08:00 10:00 12:00 14:00 16:00 18:00 20:00'],
  ])('follows the clocks through a gap: %s → %s', (text, expected) => {
    expect(runs(text, ...GAP)).toBe(expected);
  });

  test.each<[text: string, runs: string]>([
    ['*/30 2 * * *', '10-25T00:00 00:30 01:00 01:30'],
    ['30 0-3/1 * * *', '10-24T22:30 23:30 10-25T00:30 01:30 02:30'],
  ])('follows the clocks through an overlap: %s → %s', (text, expected) => {
    expect(runs(text, ...OVERLAP)).toBe(expected);
  });

  test.each([
    ['Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z'],
    ['Europe/Berlin', '2026-10-24T12:00Z', '2026-10-26T12:00Z'],
    ['Australia/Lord_Howe', '2026-04-03T12:00Z', '2026-04-05T12:00Z'],
    ['Pacific/Apia', '2011-12-29T12:00Z', '2011-12-31T12:00Z'],
  ])('leaves out no minute and doubles none: %s', (zone, after, until) => {
    for (const [text, minutes] of [
      ['* * * * *', 1],
      ['*/15 * * * *', 15],
    ] as const) {
      const slots = slotsOf(text, zone);
      for (let slot = at(after); slot < at(until); slot += minutes * 60_000)
        expect(slots.next(slot)).toBe(slot + minutes * 60_000);
    }
  });

  test('that only a gap ever shows, never comes', () => {
    // The last Sunday of March, 02:00 to 03:00, is the gap itself.
    expect(slotsOf('*/10 2 * 3 sunL', 'Europe/Berlin').next(at('2026-01-01T00:00Z'))).toBeNull();
    expect(slotsOf('10 2 * 3 sunL', 'Europe/Berlin').next(at('2026-01-01T00:00Z'))).toBe(at('2026-03-29T01:00Z'));
  });
});

describe('zones that are not like others', () => {
  test('Lord Howe moves its clocks by half an hour', () => {
    const gap = ['Australia/Lord_Howe', '2026-10-03T12:00Z', '2026-10-04T12:00Z'] as const;
    expect(runs('15 2 * * *', ...gap)).toBe('10-03T15:30');
    expect(runs('*/15 1-3 * * *', ...gap)).toBe('10-03T14:30 14:45 15:00 15:15 15:30 15:45 16:00 16:15 16:30 16:45');
    expect(runs('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00Z', '2026-04-05T12:00Z')).toBe('04-04T14:45');
  });

  test('Samoa left out 30 December 2011: its run came at the end of the gap', () => {
    const days = ['Pacific/Apia', '2011-12-29T00:00Z', '2012-01-01T00:00Z'] as const;
    expect(runs('0 12 * * *', ...days)).toBe('12-29T22:00 12-30T10:00 22:00 12-31T22:00');
    expect(runs('0 12 30 12 *', ...days)).toBe('12-30T10:00');
    expect(runs('0 12 30 12 *', ...days, { gap: 'skip' })).toBe('');
    expect(runs('0 12 * * fri', ...days)).toBe('12-30T10:00');
  });

  test('Kwajalein left out 21 August 1993', () => {
    const days = ['Pacific/Kwajalein', '1993-08-20T00:00Z', '1993-08-23T00:00Z'] as const;
    expect(runs('0 6 * * *', ...days)).toBe('08-20T18:00 08-21T12:00 18:00 08-22T18:00');
  });

  test('midnight can be the time that is missing, or the one that comes twice', () => {
    expect(runs('0 0 * * *', 'America/Sao_Paulo', '2017-10-14T12:00Z', '2017-10-15T12:00Z')).toBe('10-15T03:00');
    expect(runs('0 0 * * *', 'America/Havana', '2026-10-31T12:00Z', '2026-11-01T12:00Z')).toBe('11-01T04:00');
  });

  test('an offset can have seconds', () => {
    expect(runs('0 12 * * *', 'Africa/Monrovia', '1972-01-05T13:00:00Z', '1972-01-08T00:00:00Z')).toBe(
      '01-06T12:44:30 01-07T12:00',
    );
    expect(runs('*/30 23 * * *', 'Africa/Monrovia', '1972-01-06T12:00:00Z', '1972-01-07T12:00:00Z')).toBe(
      '01-06T23:44:30 01-07T00:14:30',
    );
    // The clocks went from 00:00:00 to 00:44:30.
    expect(runs('30 0 * * *', 'Africa/Monrovia', '1972-01-06T12:00:00Z', '1972-01-07T12:00:00Z')).toBe(
      '01-07T00:44:30',
    );
  });

  test("the machine's own zone does not matter", () => {
    expect(runs('0 2 * * *', 'UTC', '2026-03-28T12:00Z', '2026-03-29T12:00Z')).toBe('03-29T02:00');
  });
});

describe('the slots', () => {
  test('begin after the instant that is given, to the millisecond', () => {
    const slots = slotsOf('30 2 * * *', 'UTC');
    expect(slots.next(at('2026-01-01T02:29:59.999Z'))).toBe(at('2026-01-01T02:30:00Z'));
    expect(slots.next(at('2026-01-01T02:30:00.000Z'))).toBe(at('2026-01-02T02:30:00Z'));
    expect(slotsOf('* * * * * *', 'UTC').next(at('2026-01-01T02:30:00.001Z'))).toBe(at('2026-01-01T02:30:01Z'));
  });

  test.each([
    ['0 0 29 2 *', '2028-02-29T00:00Z', 40],
    ['0 0 * 2 1#5', '2044-02-29T00:00Z', 240],
    ['* * 29 2 *', '2028-02-29T00:00Z', 80],
    ['*/7 * * 2 1#5', '2044-02-29T00:00Z', 500],
    ['0 0 31 12 *', '2026-12-31T00:00Z', 20],
  ])('of %s are found in few steps', (text, slot, most) => {
    for (const zone of ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe']) {
      const steps: Steps = { taken: 0 };
      const found = slotsOf(text, zone).next(at('2026-01-01T00:00Z'), steps)!;
      expect(Math.abs(found - at(slot))).toBeLessThan(86_400_000);
      expect(steps.taken).toBeLessThanOrEqual(most);
    }
  });

  test('end where a Date ends, and where nothing comes within 100 years', () => {
    expect(slotsOf('* * * * *', 'Europe/Berlin').next(8.64e15 - 1000)).toBeNull();
    expect(slotsOf('0 0 1 1 *', 'UTC').next(8.64e15)).toBeNull();
  });

  test('of a hundred years are counted without going through them', () => {
    const slots = slotsOf('* * * * * *', 'UTC');
    expect(slots.count(at('2000-01-01T00:00Z') - 1, at('2100-01-01T00:00Z') - 1)).toBe(
      (at('2100-01-01T00:00Z') - at('2000-01-01T00:00Z')) / 1000,
    );
    expect(slots.count(5, 5)).toBe(0);
    expect(slots.count(5, 1)).toBe(0);
  });
});
