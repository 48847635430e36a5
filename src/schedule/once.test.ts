import { describe, expect, test } from 'vitest';
import { OnceSlots, readInstant } from './once.ts';
import { zoneOf } from './zone.ts';

const berlin = zoneOf('Europe/Berlin');
const iso = (value: unknown, zone = undefined as typeof berlin | undefined) =>
  new Date(readInstant(value, 'at', zone)).toISOString();

describe('an instant', () => {
  test.each([
    ['2026-12-01T10:00:00Z', '2026-12-01T10:00:00.000Z'],
    ['2026-12-01T10:00+05:30', '2026-12-01T04:30:00.000Z'],
    [new Date(5), '1970-01-01T00:00:00.005Z'],
    [1000, '1970-01-01T00:00:01.000Z'],
  ])('%s stands for itself, with or without a zone', (value, instant) => {
    expect(iso(value)).toBe(instant);
    expect(iso(value, berlin)).toBe(instant);
  });

  test.each([
    ['2026-12-01T10:00', '2026-12-01T09:00:00.000Z'],
    ['2026-12-01 10:00:30', '2026-12-01T09:00:30.000Z'],
    ['2026-12-01T10:00:30.5', '2026-12-01T09:00:30.500Z'],
    ['2026-03-29T02:30', '2026-03-29T01:00:00.000Z'],
    ['2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
  ])('%s is a local time of the zone', (value, instant) => {
    expect(iso(value, berlin)).toBe(instant);
  });

  test('as a local time without a zone is refused, naming the field', () => {
    expect(() => readInstant('2026-12-01T10:00:00', 'at', undefined)).toThrow(
      'at is "2026-12-01T10:00:00": a time without an offset or a zone is no instant.',
    );
  });

  test.each([
    '2026-12-01',
    '2026-02-30T10:00',
    '2026-12-01T24:00',
    '2026-12-01T10:60',
    'tomorrow',
    '',
    null,
    Number.NaN,
  ])('%s is none', (value) => {
    expect(() => readInstant(value, 'at', berlin)).toThrow(/^at is .*Allowed: a Date/);
  });
});

test('a single slot comes once', () => {
  const slots = new OnceSlots(1000);
  expect([slots.next(999), slots.next(1000), slots.next(1001)]).toEqual([1000, null, null]);
  expect([slots.count(0, 999), slots.count(0, 1000), slots.count(1000, 2000)]).toEqual([0, 1, 0]);
});
