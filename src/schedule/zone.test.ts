import { describe, expect, test } from 'vitest';
import { BacklineError } from '../job/backline-error.ts';
import { checkTimeZone, zoneOf } from './zone.ts';

const at = (text: string): number => Date.parse(text);

describe('a name', () => {
  test.each([
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['US/Eastern', 'US/Eastern'],
    ['EST5EDT', 'EST5EDT'],
    ['CET', 'CET'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
    ['GMT', 'GMT'],
    ['Australia/Lord_Howe', 'Australia/Lord_Howe'],
  ])('%s is %s', (given, name) => {
    expect(checkTimeZone(given, 'timeZone')).toBe(name);
  });

  test.each<[unknown, string | undefined]>([
    ['CEST', 'Europe/Berlin'],
    ['PST', 'America/Los_Angeles'],
    ['BST', 'Europe/London'],
    ['IST', undefined],
    ['AST', undefined],
    ['Berlin', 'Europe/Berlin'],
    ['New York', 'America/New_York'],
    ['Europe/Berlim', 'Europe/Berlin'],
    ['+01:00', 'Etc/GMT-1'],
    ['UTC+2', 'Etc/GMT-2'],
    ['UTC-5', 'Etc/GMT+5'],
    ['+00:00', 'UTC'],
    ['Z', 'UTC'],
    ['Local', undefined],
    ['SystemV/EST5', undefined],
    ['', undefined],
    ['../etc/passwd', undefined],
    ['Mars/Olympus', undefined],
    [undefined, undefined],
    [null, undefined],
    [5, undefined],
  ])('%s is no zone', (given, meant) => {
    const refuse = () => checkTimeZone(given, 'timeZone');
    expect(refuse).toThrow(BacklineError);
    expect(refuse).toThrow(/^timeZone is .*, which is no IANA time zone\. Allowed: a name such as Europe\/Berlin/);
    if (meant !== undefined) expect(refuse).toThrow(`Did you mean "${meant}"?`);
    try {
      refuse();
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_TIME_ZONE', field: 'timeZone' });
    }
  });
});

describe('the clocks of a zone', () => {
  test('are read to the second, also where the offset has seconds', () => {
    const monrovia = zoneOf('Africa/Monrovia');
    const change = at('1972-01-07T00:44:30Z');
    expect(monrovia.spanAt(change - 1)).toMatchObject({ end: change, offset: -(44 * 60 + 30) * 1000 });
    expect(monrovia.spanAt(change)).toMatchObject({ start: change, offset: 0 });
  });

  test.each([
    ['a gap of an hour', 'Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00Z'],
    ['an overlap of an hour', 'Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z'],
    ['the end of an overlap', 'Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00:00Z'],
    ['a gap of half an hour', 'Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00Z'],
    ['an overlap of half an hour', 'Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00Z'],
    ['a day that was left out', 'Pacific/Apia', '2011-12-30T12:00', '2011-12-30T10:00:00Z'],
    ['a day that was left out', 'Pacific/Kwajalein', '1993-08-21T12:00', '1993-08-21T12:00:00Z'],
    ['a day that has no midnight', 'America/Sao_Paulo', '2017-10-15T00:00', '2017-10-15T03:00:00Z'],
    ['a midnight that comes twice', 'America/Havana', '2026-11-01T00:00', '2026-11-01T04:00:00Z'],
  ])('show a time first: %s', (_, name, local, instant) => {
    expect(new Date(zoneOf(name).firstAt(at(`${local}Z`))).toISOString()).toBe(new Date(instant).toISOString());
  });

  test('show less than they have shown while an overlap lasts', () => {
    const berlin = zoneOf('Europe/Berlin');
    const change = at('2026-10-25T01:00:00Z');
    expect(berlin.highestAt(change - 1)).toBe(at('2026-10-25T03:00Z') - 1);
    expect(berlin.highestAt(change + 1000)).toBe(at('2026-10-25T03:00Z') - 1);
    expect(berlin.highestAt(change + 3_600_000)).toBe(at('2026-10-25T03:00Z'));
  });

  test('are those of the zone, not of the machine', () => {
    expect(zoneOf('UTC').localAt(0)).toBe(0);
    expect(zoneOf('Asia/Kolkata').localAt(at('2026-01-01T00:00Z'))).toBe(at('2026-01-01T05:30Z'));
  });
});
