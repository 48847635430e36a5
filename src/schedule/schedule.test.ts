import { describe, expect, test } from 'vitest';
import { BacklineError } from '../job/backline-error.ts';
import { checkTrigger, nextSlot, slotsBetween, slotsOf, startOf, type Trigger } from './schedule.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z'); // a Monday
const iso = (slots: readonly number[]) => slots.map((slot) => new Date(slot).toISOString().slice(0, 16)).join(' ');
const slots = (given: object, count = 4) =>
  iso(slotsBetween(checkTrigger(given, NOW), NOW, Number.MAX_SAFE_INTEGER, count));

describe('a trigger as it is stored', () => {
  test.each<[object, Trigger]>([
    [{ cron: ' 0 2 * * * ' }, { kind: 'cron', cron: '0 2 * * *', timeZone: 'UTC' }],
    [
      {
        cron: '0 2 * * *',
        timeZone: 'europe/berlin',
        dst: { gap: 'skip' },
        calendar: { weekdays: ['mon'] },
        onExcluded: 'nextDay',
      },
      {
        kind: 'cron',
        cron: '0 2 * * *',
        timeZone: 'Europe/Berlin',
        dst: { gap: 'skip' },
        calendar: { weekdays: ['mon'] },
        onExcluded: 'nextDay',
      },
    ],
    [
      { interval: '5m' },
      { kind: 'interval', everyMs: 300_000, firstAt: NOW + 300_000, sinceMade: true, jitterMs: 0, timeZone: 'UTC' },
    ],
    [
      { interval: 1000, start: NOW, jitter: '0.5s' },
      { kind: 'interval', everyMs: 1000, firstAt: NOW, jitterMs: 500, timeZone: 'UTC' },
    ],
    [
      { interval: '1d', start: '2026-06-02T09:00', timeZone: 'Europe/Berlin' },
      {
        kind: 'interval',
        everyMs: 86_400_000,
        firstAt: Date.parse('2026-06-02T07:00Z'),
        jitterMs: 0,
        timeZone: 'Europe/Berlin',
      },
    ],
    [{ at: '2026-12-01T10:00:00+01:00' }, { kind: 'once', at: Date.parse('2026-12-01T09:00Z') }],
    [
      { at: '2026-12-01T10:00', timeZone: 'Europe/Berlin' },
      { kind: 'once', at: Date.parse('2026-12-01T09:00Z') },
    ],
    [{ at: new Date(NOW - 1) }, { kind: 'once', at: NOW - 1 }],
  ])('%j', (given, trigger) => {
    expect(checkTrigger(given, NOW)).toEqual(trigger);
    // What comes back from JSON has the same slots.
    const stored = JSON.parse(JSON.stringify(trigger)) as Trigger;
    expect(nextSlot(stored, NOW)).toBe(nextSlot(checkTrigger(given, NOW), NOW));
  });

  test('takes the zone of its surroundings if it has none of its own', () => {
    expect(checkTrigger({ cron: '@daily' }, NOW, 'Asia/Tokyo')).toMatchObject({ timeZone: 'Asia/Tokyo' });
    expect(checkTrigger({ cron: '@daily', timeZone: 'UTC' }, NOW, 'Asia/Tokyo')).toMatchObject({ timeZone: 'UTC' });
  });

  test.each<[unknown, code: string, field: string]>([
    [undefined, 'INVALID_OPTION', 'trigger'],
    [{}, 'INVALID_OPTION', 'trigger'],
    [{ cron: '@daily', interval: 1000 }, 'INVALID_OPTION', 'trigger'],
    [{ cron: '' }, 'INVALID_CRON', 'cron'],
    [{ cron: 5 }, 'INVALID_CRON', 'cron'],
    [{ cron: '0 0 30 2 *' }, 'INVALID_CRON', 'day of month'],
    [{ cron: '*/10 2 * 3 sunL', timeZone: 'Europe/Berlin' }, 'INVALID_CRON', 'cron'],
    [{ cron: '@daily', timeZone: 'CEST' }, 'INVALID_TIME_ZONE', 'timeZone'],
    [{ cron: '@daily', timezone: 'UTC' }, 'UNKNOWN_OPTION', 'timezone'],
    [{ cron: '@daily', dst: { gap: 'before' } }, 'INVALID_OPTION', 'dst.gap'],
    [{ cron: '@daily', onExcluded: 'nextDay' }, 'INVALID_OPTION', 'onExcluded'],
    [{ cron: '@hourly', calendar: { weekdays: ['mon'] }, onExcluded: 'nextDay' }, 'INVALID_OPTION', 'onExcluded'],
    [{ cron: '0 0 * * tue', calendar: { weekdays: ['mon'] } }, 'INVALID_CALENDAR', 'calendar'],
    [
      { interval: 1000, calendar: { and: [{ weekdays: ['mon'] }, { weekdays: ['tue'] }] } },
      'INVALID_CALENDAR',
      'calendar',
    ],
    [
      { cron: '@daily', calendar: { and: [{ weekdays: ['mon'] }, { weekdays: ['tue'] }] }, onExcluded: 'nextDay' },
      'INVALID_CALENDAR',
      'calendar',
    ],
    [{ interval: 0 }, 'INVALID_OPTION', 'interval'],
    [{ interval: 99 }, 'INVALID_OPTION', 'interval'],
    [{ interval: -5 }, 'INVALID_OPTION', 'interval'],
    [{ interval: 'often' }, 'INVALID_OPTION', 'interval'],
    [{ interval: 1000, jitter: 1000 }, 'INVALID_OPTION', 'jitter'],
    [{ interval: 1000, start: '2026-06-02T09:00' }, 'TIME_WITHOUT_ZONE', 'start'],
    [{ interval: 1000, start: 'soon' }, 'INVALID_OPTION', 'start'],
    [{ at: '2026-12-01T10:00:00' }, 'TIME_WITHOUT_ZONE', 'at'],
    [{ at: '2026-02-30T10:00:00Z' }, 'INVALID_OPTION', 'at'],
    [{ at: NOW, calendar: { weekdays: ['mon'] } }, 'UNKNOWN_OPTION', 'calendar'],
  ])('refuses %j', (given, code, field) => {
    try {
      checkTrigger(given, NOW);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BacklineError);
      expect(error).toMatchObject({ code, field });
    }
  });
});

describe('slots', () => {
  test.each<[object, string]>([
    [
      { cron: '0 9 * * *', timeZone: 'Europe/Berlin' },
      '2026-06-02T07:00 2026-06-03T07:00 2026-06-04T07:00 2026-06-05T07:00',
    ],
    [{ interval: '90m' }, '2026-06-01T13:30 2026-06-01T15:00 2026-06-01T16:30 2026-06-01T18:00'],
    [
      { interval: '1w', start: '2026-01-01T00:00Z' },
      '2026-06-04T00:00 2026-06-11T00:00 2026-06-18T00:00 2026-06-25T00:00',
    ],
    [{ at: '2026-06-01T12:01Z' }, '2026-06-01T12:01'],
    [{ at: NOW }, ''],
    [
      { cron: '0 9 * * *', calendar: { businessDays: { holidays: ['2026-06-04'] } } },
      '2026-06-02T09:00 2026-06-03T09:00 2026-06-05T09:00 2026-06-08T09:00',
    ],
    [
      { interval: '6h', calendar: { not: { daily: { from: '22:00', to: '06:00' } } } },
      '2026-06-01T18:00 2026-06-02T06:00 2026-06-02T12:00 2026-06-02T18:00',
    ],
    [
      { interval: '1s', calendar: { not: { between: { from: '2026-06-01T00:00Z', to: '2046-01-01T00:00Z' } } } },
      '2046-01-01T00:00 2046-01-01T00:00 2046-01-01T00:00 2046-01-01T00:00',
    ],
    // 2026-08-01 and -11-01 fall on a weekend, as does 2026-10-03.
    [
      { cron: '0 9 1 * *', calendar: { businessDays: true }, onExcluded: 'nextDay' },
      '2026-07-01T09:00 2026-08-03T09:00 2026-09-01T09:00 2026-10-01T09:00',
    ],
    [
      { cron: '0 9 * * *', calendar: { businessDays: { holidays: ['06-08'] } }, onExcluded: 'nextDay' },
      '2026-06-02T09:00 2026-06-03T09:00 2026-06-04T09:00 2026-06-05T09:00',
    ],
    [
      { cron: '0 9 6 * *', calendar: { businessDays: { holidays: ['06-08'] } }, onExcluded: 'nextDay' },
      '2026-06-09T09:00 2026-07-06T09:00 2026-08-06T09:00 2026-09-07T09:00',
    ],
    [
      { cron: '0 9 1,2,3 8 *', calendar: { businessDays: true }, onExcluded: 'nextDay' },
      '2026-08-03T09:00 2027-08-02T09:00 2027-08-03T09:00 2028-08-01T09:00',
    ],
  ])('of %j', (given, expected) => {
    expect(slots(given)).toBe(expected);
  });

  test('that a calendar moves keep their local time over a clock change', () => {
    const trigger = checkTrigger(
      {
        cron: '30 2 28 3 *',
        timeZone: 'Europe/Berlin',
        calendar: { not: { weekdays: ['sat'] } },
        onExcluded: 'nextDay',
      },
      NOW,
    );
    // 28 March 2037 is a Saturday, and on the 29th 02:30 does not exist.
    expect(iso([nextSlot(trigger, Date.parse('2037-01-01T00:00Z'))!])).toBe('2037-03-29T01:00');
  });

  test('that find no allowed day within a month are left out', () => {
    const closed = { not: { between: { from: '2026-06-10T00:00Z', to: '2026-08-20T00:00Z' } } };
    expect(slots({ cron: '0 9 15 * *', calendar: closed, onExcluded: 'nextDay' }, 2)).toBe(
      '2026-08-20T09:00 2026-09-15T09:00',
    );
    expect(slots({ cron: '0 9 15 6,9 *', calendar: closed, onExcluded: 'nextDay' }, 1)).toBe('2026-09-15T09:00');
  });

  test('are counted as they come', () => {
    for (const given of [
      { cron: '*/7 9-17 * * *', calendar: { businessDays: { holidays: ['2026-06-04'] } } },
      { interval: '13m', calendar: { not: { weekly: { from: 'fri 18:00', to: 'mon 06:00' } } } },
      { cron: '0 9 * * *', calendar: { businessDays: true }, onExcluded: 'nextDay' },
    ]) {
      const trigger = checkTrigger(given, NOW);
      const until = NOW + 20 * 86_400_000 + 12_345;
      expect(slotsBetween(trigger, NOW, until, 100_000)).toHaveLength(slotsOf(trigger).count(NOW, until));
    }
  });

  test('of intervals start later by a jitter that never changes their order', () => {
    const trigger = checkTrigger({ interval: '1m', jitter: '59.999s' }, NOW);
    const starts = slotsBetween(trigger, NOW, Number.MAX_SAFE_INTEGER, 500).map((slot) => startOf(trigger, 'id', slot));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(new Set(starts).size).toBe(500);
    expect(startOf(checkTrigger({ cron: '@daily' }, NOW), 'id', 5)).toBe(5);
  });
});
