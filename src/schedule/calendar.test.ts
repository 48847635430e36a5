import { describe, expect, test } from 'vitest';
import { BacklineError } from '../job/backline-error.ts';
import { type Calendar, compileCalendar } from './calendar.ts';
import { zoneOf } from './zone.ts';

const berlin = zoneOf('Europe/Berlin');
/** Whether a calendar holds a local time of Berlin. */
const holds = (calendar: Calendar, local: string): boolean =>
  compileCalendar(calendar, berlin).has(berlin.firstAt(Date.parse(`${local}Z`)));

const ICS = `BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261225
RRULE:FREQ=YEARLY
END:VEVENT
END:VCALENDAR`;

describe('a calendar', () => {
  test.each<[Calendar, local: string, holds: boolean]>([
    [{ weekdays: ['mon', 'sun'] }, '2026-06-01T00:00', true],
    [{ weekdays: ['mon', 'sun'] }, '2026-06-01T23:59:59.999', true],
    [{ weekdays: ['mon', 'sun'] }, '2026-06-02T00:00', false],
    [{ weekdays: ['mon', 'sun'] }, '2026-05-31T12:00', true],
    [{ dates: ['2026-12-25'] }, '2026-12-25T12:00', true],
    [{ dates: ['2026-12-25'] }, '2027-12-25T12:00', false],
    [{ dates: ['12-25', '02-29'] }, '2027-12-25T12:00', true],
    [{ dates: ['12-25', '02-29'] }, '2028-02-29T12:00', true],
    [{ dates: ['12-25', '02-29'] }, '2027-02-28T12:00', false],
    [{ ics: ICS }, '2026-12-25T00:00', true],
    [{ ics: ICS }, '2031-12-25T12:00', true],
    [{ ics: ICS }, '2025-12-25T12:00', false],
    [{ daily: { from: '09:00', to: '17:30' } }, '2026-06-01T08:59:59.999', false],
    [{ daily: { from: '09:00', to: '17:30' } }, '2026-06-01T09:00', true],
    [{ daily: { from: '09:00', to: '17:30' } }, '2026-06-01T17:29:59.999', true],
    [{ daily: { from: '09:00', to: '17:30' } }, '2026-06-01T17:30', false],
    [{ daily: { from: '22:00', to: '06:00' } }, '2026-06-01T23:00', true],
    [{ daily: { from: '22:00', to: '06:00' } }, '2026-06-01T05:59', true],
    [{ daily: { from: '22:00', to: '06:00' } }, '2026-06-01T06:00', false],
    [{ daily: { from: '00:00', to: '24:00' } }, '2026-06-01T23:59:59.999', true],
    [{ weekly: { from: 'fri 18:00', to: 'mon 06:00' } }, '2026-06-05T17:59', false],
    [{ weekly: { from: 'fri 18:00', to: 'mon 06:00' } }, '2026-06-05T18:00', true],
    [{ weekly: { from: 'fri 18:00', to: 'mon 06:00' } }, '2026-06-07T12:00', true],
    [{ weekly: { from: 'fri 18:00', to: 'mon 06:00' } }, '2026-06-08T05:59', true],
    [{ weekly: { from: 'fri 18:00', to: 'mon 06:00' } }, '2026-06-08T06:00', false],
    [{ weekly: { from: 'sat 00:00', to: 'sat 24:00' } }, '2026-06-06T23:59', true],
    [{ weekly: { from: 'sat 00:00', to: 'sat 24:00' } }, '2026-06-07T00:00', false],
    [{ between: { from: '2026-06-01T09:00', to: '2026-06-03T09:00' } }, '2026-06-01T08:59', false],
    [{ between: { from: '2026-06-01T09:00', to: '2026-06-03T09:00' } }, '2026-06-01T09:00', true],
    [{ between: { from: '2026-06-01T09:00', to: '2026-06-03T09:00' } }, '2026-06-03T09:00', false],
    [{ between: { from: '2026-06-01T07:00Z', to: '2026-06-03T07:00Z' } }, '2026-06-01T09:00', true],
    [{ businessDays: true }, '2026-06-05T12:00', true],
    [{ businessDays: true }, '2026-06-06T12:00', false],
    [{ businessDays: { holidays: ['2026-06-04'] } }, '2026-06-04T12:00', false],
    [{ businessDays: { ics: ICS } }, '2026-12-25T12:00', false],
    [{ businessDays: { ics: ICS } }, '2026-12-24T12:00', true],
    [{ businessDays: { weekdays: ['sun', 'mon'] } }, '2026-06-07T12:00', true],
    [{ not: { weekdays: ['mon'] } }, '2026-06-01T12:00', false],
    [{ and: [{ weekdays: ['mon'] }, { daily: { from: '09:00', to: '10:00' } }] }, '2026-06-01T09:30', true],
    [{ and: [{ weekdays: ['mon'] }, { daily: { from: '09:00', to: '10:00' } }] }, '2026-06-02T09:30', false],
    [{ or: [{ weekdays: ['mon'] }, { dates: ['2026-06-02'] }] }, '2026-06-02T09:30', true],
    [{ or: [{ weekdays: ['mon'] }, { dates: ['2026-06-02'] }] }, '2026-06-03T09:30', false],
  ])('%j at %s: %s', (calendar, local, expected) => {
    expect(holds(calendar, local)).toBe(expected);
  });

  test('says until when its answer stays, and never looks too far', () => {
    const calendars: Calendar[] = [
      { weekdays: ['mon'] },
      { daily: { from: '01:30', to: '02:30' } },
      { weekly: { from: 'sun 02:00', to: 'sun 02:45' } },
      { between: { from: '2026-10-25T00:15', to: '2026-10-25T04:15' } },
      { and: [{ weekdays: ['sun'] }, { not: { daily: { from: '22:00', to: '02:15' } } }] },
      { or: [{ dates: ['2026-03-29'] }, { daily: { from: '02:00', to: '03:00' } }] },
      { businessDays: { holidays: ['10-26', '03-30'] } },
    ];
    for (const calendar of calendars)
      for (const start of ['2026-03-28T20:00Z', '2026-10-24T20:00Z']) {
        const days = compileCalendar(calendar, berlin);
        const from = Date.parse(start);
        for (let at = from; at < from + 40 * 3_600_000; ) {
          const until = days.until(at);
          expect(until).toBeGreaterThan(at);
          const end = Math.min(until, from + 40 * 3_600_000);
          for (let inside = at; inside < end; inside += 60_000) expect(days.has(inside)).toBe(days.has(at));
          at = until;
        }
      }
  });

  test('passes over a long blackout in one step', () => {
    const days = compileCalendar({ not: { between: { from: '2026-01-01T00:00Z', to: '2036-01-01T00:00Z' } } }, berlin);
    expect(days.until(Date.parse('2026-01-01T00:00Z'))).toBe(Date.parse('2036-01-01T00:00Z'));
    const both = compileCalendar(
      {
        and: [
          { weekdays: ['mon', 'tue'] },
          { not: { between: { from: '2026-01-01T00:00Z', to: '2036-01-01T00:00Z' } } },
        ],
      },
      berlin,
    );
    expect(both.until(Date.parse('2026-01-01T00:00Z'))).toBe(Date.parse('2036-01-01T00:00Z'));
  });
});

describe('what is refused', () => {
  const deep = (levels: number): unknown => (levels === 0 ? { weekdays: ['mon'] } : { not: deep(levels - 1) });

  test.each<[unknown, field: string, says: RegExp]>([
    [undefined, 'calendar', /exactly one key/],
    ['weekends', 'calendar', /exactly one key/],
    [{}, 'calendar', /exactly one key/],
    [{ weekdays: ['mon'], dates: ['12-25'] }, 'calendar', /exactly one key/],
    [{ weekday: ['mon'] }, 'calendar', /no kind of calendar.*Did you mean "weekdays"/],
    [{ weekdays: 'mon' }, 'calendar.weekdays', /no list/],
    [{ weekdays: [] }, 'calendar.weekdays', /no list/],
    [{ weekdays: ['monday'] }, 'calendar.weekdays[0]', /no weekday.*sun, mon/],
    [{ dates: ['2026-02-29'] }, 'calendar.dates[0]', /no date/],
    [{ dates: ['12-25', '02-30'] }, 'calendar.dates[1]', /no date/],
    [{ dates: [5] }, 'calendar.dates[0]', /no date/],
    [{ daily: { from: '9:00', to: '10:00' } }, 'calendar.daily.from', /no time of day/],
    [{ daily: { from: '09:00', to: '24:01' } }, 'calendar.daily.to', /no time of day/],
    [{ daily: { from: '09:00', to: '09:00' } }, 'calendar.daily', /holds no time/],
    [{ daily: { from: '24:00', to: '00:00' } }, 'calendar.daily', /holds no time/],
    [{ daily: { from: '09:00' } }, 'calendar.daily.to', /no time of day/],
    [{ daily: { from: '09:00', to: '10:00', zone: 'UTC' } }, 'calendar.daily', /no window/],
    [{ weekly: { from: '18:00', to: 'mon 06:00' } }, 'calendar.weekly.from', /no time of the week/],
    [{ weekly: { from: 'fr 18:00', to: 'mon 06:00' } }, 'calendar.weekly.from', /no weekday/],
    [
      { between: { from: '2026-06-02T00:00', to: '2026-06-01T00:00' } },
      'calendar.between',
      /holds no time.*from before to/,
    ],
    [{ and: [] }, 'calendar.and', /no list/],
    [{ and: [{ weekdays: ['mon'] }, { or: [{ dates: ['x'] }] }] }, 'calendar.and[1].or[0].dates[0]', /no date/],
    [{ businessDays: false }, 'calendar.businessDays', /true, or \{/],
    [{ businessDays: { holiday: [] } }, 'calendar.businessDays', /no option of business days/],
    [{ businessDays: { holidays: ['x'] } }, 'calendar.businessDays.holidays[0]', /no date/],
    [{ ics: 'BEGIN:VEVENT' }, 'calendar.ics', /no calendar/],
    [deep(20), 'calendar.not.not.not.not.not.not.not.not.not.not.not', /too deep/],
  ])('%j', (calendar, field, says) => {
    const compile = () => compileCalendar(calendar, berlin);
    expect(compile).toThrow(BacklineError);
    expect(compile).toThrow(says);
    try {
      compile();
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_CALENDAR', field });
    }
  });

  test('a window without a date is refused like any instant', () => {
    expect(() => compileCalendar({ between: { from: 'noon', to: '2026-06-01T00:00' } }, berlin)).toThrow(
      /calendar.between.from is "noon"/,
    );
  });
});
