import { describe, expect, test } from 'vitest';
import { dayOf } from './dates.ts';
import { readIcs } from './ics.ts';
import { zoneOf } from './zone.ts';

const berlin = zoneOf('Europe/Berlin');
const file = (...lines: string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]): string => file('BEGIN:VEVENT', 'UID:1', 'SUMMARY:Day off', ...lines, 'END:VEVENT');
const read = (text: string) => readIcs(text, 'ics', berlin);

/** Which of these days are covered. */
const covered = (text: string, days: string): string => {
  const { hasDay } = read(text);
  return days
    .split(' ')
    .filter((day) => hasDay(dayOf(Date.parse(`${day}T00:00Z`))))
    .join(' ');
};

describe('events of whole days', () => {
  test.each<[what: string, lines: string[], asked: string, covered: string]>([
    ['one day', ['DTSTART;VALUE=DATE:20261225'], '2026-12-24 2026-12-25 2026-12-26 2027-12-25', '2026-12-25'],
    ['a date without VALUE', ['DTSTART:20261225'], '2026-12-24 2026-12-25', '2026-12-25'],
    [
      'the end is not included',
      ['DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261227'],
      '2026-12-24 2026-12-25 2026-12-26 2026-12-27',
      '2026-12-25 2026-12-26',
    ],
    ['a duration', ['DTSTART;VALUE=DATE:20261225', 'DURATION:P1W'], '2026-12-31 2027-01-01', '2026-12-31'],
    [
      'every year',
      ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY'],
      '2025-12-25 2026-12-25 2030-12-25',
      '2026-12-25 2030-12-25',
    ],
    [
      'every second year',
      ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY;INTERVAL=2'],
      '2026-12-25 2027-12-25 2028-12-25',
      '2026-12-25 2028-12-25',
    ],
    [
      'three times',
      ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY;COUNT=3'],
      '2026-12-25 2028-12-25 2029-12-25',
      '2026-12-25 2028-12-25',
    ],
    [
      'until',
      ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY;UNTIL=20281225'],
      '2028-12-25 2029-12-25',
      '2028-12-25',
    ],
    [
      '29 February only in leap years',
      ['DTSTART;VALUE=DATE:20240229', 'RRULE:FREQ=YEARLY'],
      '2027-02-28 2027-03-01 2028-02-29',
      '2028-02-29',
    ],
    [
      'the fourth Thursday of November',
      ['DTSTART;VALUE=DATE:20261126', 'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH'],
      '2027-11-18 2027-11-25 2028-11-23',
      '2027-11-25 2028-11-23',
    ],
    [
      'the last Monday of May',
      ['DTSTART;VALUE=DATE:20260525', 'RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;WKST=MO'],
      '2027-05-24 2027-05-31',
      '2027-05-31',
    ],
    [
      'the Tuesday after a Monday',
      ['DTSTART;VALUE=DATE:20261103', 'RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=2,3,4,5,6,7,8;BYDAY=TU'],
      '2027-11-02 2027-11-09 2028-11-07',
      '2027-11-02 2028-11-07',
    ],
    [
      'the last of a month',
      ['DTSTART;VALUE=DATE:20260228', 'RRULE:FREQ=YEARLY;BYMONTH=2,6;BYMONTHDAY=-1'],
      '2026-06-30 2028-02-28 2028-02-29',
      '2026-06-30 2028-02-29',
    ],
    [
      'the start counts, even beside its rule',
      ['DTSTART;VALUE=DATE:20260101', 'RRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1'],
      '2026-01-01 2026-05-01 2027-01-01',
      '2026-01-01 2026-05-01',
    ],
    [
      'several days every year',
      ['DTSTART;VALUE=DATE:20251231', 'DTEND;VALUE=DATE:20260102', 'RRULE:FREQ=YEARLY'],
      '2026-12-31 2027-01-01 2027-01-02',
      '2026-12-31 2027-01-01',
    ],
    [
      'but not on some',
      ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY', 'EXDATE;VALUE=DATE:20271225,20291225'],
      '2026-12-25 2027-12-25 2028-12-25',
      '2026-12-25 2028-12-25',
    ],
    [
      'and on others',
      ['DTSTART;VALUE=DATE:20261225', 'RDATE;VALUE=DATE:20270104', 'RDATE;VALUE=DATE:20270105'],
      '2027-01-04 2027-01-05 2027-01-06',
      '2027-01-04 2027-01-05',
    ],
    ['a cancelled one is none', ['DTSTART;VALUE=DATE:20261225', 'STATUS:CANCELLED'], '2026-12-25', ''],
    [
      'a tentative one is one',
      ['DTSTART;VALUE=DATE:20261225', 'STATUS:TENTATIVE', 'X-FUNNY;X-A="b:c;d":e'],
      '2026-12-25',
      '2026-12-25',
    ],
    ['a folded line', ['DTSTART;VALUE=DA\r\n TE:2026\r\n\t1225'], '2026-12-25', '2026-12-25'],
  ])('%s', (_, lines, asked, expected) => {
    expect(covered(event(...lines), asked)).toBe(expected);
  });

  test('what is beside the events is passed over', () => {
    const text = file(
      'PRODID:-//Some//Thing//EN',
      'BEGIN:VTIMEZONE',
      'TZID:Europe/Berlin',
      'BEGIN:STANDARD',
      'DTSTART:19701025T030000',
      'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
      'END:STANDARD',
      'END:VTIMEZONE',
      'BEGIN:VTODO',
      'DUE:20260101',
      'END:VTODO',
      'begin:vevent',
      'dtstart;value=date:20261225',
      'BEGIN:VALARM',
      'TRIGGER:-PT15M',
      'END:VALARM',
      'end:vevent',
    );
    expect(covered(text, '2026-01-01 2026-12-25')).toBe('2026-12-25');
  });
});

describe('events with times', () => {
  test.each<[lines: string[], from: string, to: string]>([
    [['DTSTART:20261225T180000Z', 'DTEND:20261225T200000Z'], '2026-12-25T18:00Z', '2026-12-25T20:00Z'],
    [['DTSTART;TZID=America/New_York:20261225T180000', 'DURATION:PT90M'], '2026-12-25T23:00Z', '2026-12-26T00:30Z'],
    [['DTSTART:20261225T180000', 'DTEND:20261225T200000'], '2026-12-25T17:00Z', '2026-12-25T19:00Z'],
  ])('%j', (lines, from, to) => {
    expect(read(event(...lines)).windows).toEqual([[Date.parse(from), Date.parse(to)]]);
  });
});

describe('what is not understood is refused, naming the line', () => {
  const START = 'DTSTART;VALUE=DATE:20261225';

  test.each<[lines: string[], field: string, says: RegExp]>([
    [['SUMMARY:no start'], 'ics, line 4', /has no DTSTART/],
    [['DTSTART;VALUE=DATE:20260230'], 'ics, line 6', /no date/],
    [['DTSTART;VALUE=DATE:2026-12-25'], 'ics, line 6', /no date/],
    [[START, START], 'ics, line 7', /stands twice/],
    [[START, 'DTEND;VALUE=DATE:20261225'], 'ics, line 7', /no end of whole days/],
    [[START, 'DTEND;VALUE=DATE:20261226', 'DURATION:P1D'], 'ics, line 8', /beside DTEND/],
    [[START, 'DURATION:PT5H'], 'ics, line 7', /no end of whole days/],
    [[START, 'DURATION:P'], 'ics, line 7', /no duration/],
    [[START, 'RECURRENCE-ID:20261225'], 'ics, line 7', /"RECURRENCE-ID", is not understood/],
    [[START, 'EXRULE:FREQ=YEARLY'], 'ics, line 7', /not understood/],
    [[START, 'RRULE:FREQ=WEEKLY'], 'ics, line 7', /"FREQ=WEEKLY", is not understood.*FREQ=YEARLY/],
    [[START, 'RRULE:FREQ=YEARLY;BYSETPOS=1'], 'ics, line 7', /"BYSETPOS=1", in the rule/],
    [[START, 'RRULE:FREQ=YEARLY;FREQ=YEARLY'], 'ics, line 7', /in the rule/],
    [[START, 'RRULE:FREQ=YEARLY;BYDAY=4TH'], 'ics, line 7', /BYDAY beside BYMONTH/],
    [[START, 'RRULE:FREQ=YEARLY;BYMONTHDAY=4'], 'ics, line 7', /BYMONTHDAY beside BYMONTH/],
    [[START, 'RRULE:FREQ=YEARLY;BYMONTH=13'], 'ics, line 7', /BYMONTH=13/],
    [[START, 'RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=0'], 'ics, line 7', /BYMONTHDAY=0/],
    [[START, 'RRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=6MO'], 'ics, line 7', /BYDAY=6MO/],
    [[START, 'RRULE:FREQ=YEARLY;INTERVAL=0'], 'ics, line 7', /INTERVAL=0/],
    [[START, 'RRULE:FREQ=YEARLY;COUNT=0'], 'ics, line 7', /COUNT=0/],
    [[START, 'RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20281225'], 'ics, line 7', /COUNT=2/],
    [[START, 'RRULE:FREQ=YEARLY;UNTIL=soon'], 'ics, line 7', /UNTIL=SOON/],
    [['DTSTART:20261225T180000Z'], 'ics, line 6', /holds no time/],
    [['DTSTART:20261225T180000Z', 'DTEND:20261225T170000Z'], 'ics, line 7', /holds no time/],
    [['DTSTART:20261225T1800Z', 'DTEND:20261225T170000Z'], 'ics, line 6', /no date or time/],
    [['DTSTART:20261225T180000Z', 'DURATION:PT1H', 'RRULE:FREQ=YEARLY'], 'ics, line 8', /whole days only/],
    [['DTSTART;TZID=Home:20261225T180000', 'DURATION:PT1H'], 'ics, line 6: TZID', /no IANA time zone/],
    [['what is this'], 'ics, line 6', /no line of an .ics file/],
  ])('%j', (lines, field, says) => {
    try {
      read(event(...lines));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ field });
      expect(String(error)).toMatch(says);
    }
  });

  test.each<[string, RegExp]>([
    ['', /no calendar/],
    ['VERSION:2.0', /no calendar/],
    ['BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225', /has no end/],
    ['BEGIN:VCALENDAR\nEND:VEVENT', /ends what did not begin/],
    ['x'.repeat(2 ** 20 + 1), /cannot be read/],
  ])('a file that is broken (%#)', (text, says) => {
    expect(() => read(text)).toThrow(says);
  });

  test('a rule that counts is read in no time, however many there are', () => {
    const rule = (i: number) => [
      'BEGIN:VEVENT',
      `DTSTART:${2000 + (i % 100)}0228`,
      'RRULE:FREQ=YEARLY;COUNT=100',
      'END:VEVENT',
    ];
    const { hasDay } = read(file(...Array.from({ length: 100 }, (_, i) => rule(i)).flat()));
    expect(hasDay(dayOf(Date.parse('2028-02-28T00:00Z')))).toBe(true);
  });
});
