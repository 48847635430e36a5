/** The four nightly schedules, through a year and its clock changes in zones that treat them differently. */
import { explainTrigger, nextRuns } from 'backline';
import { describe, expect, test } from 'vitest';
import { NIGHTLY } from './nightly.ts';

const NEW_YEAR = '2026-01-01T00:00:00Z';
const runsIn = (name: keyof typeof NIGHTLY, timeZone: string, count: number) =>
  explainTrigger({ ...NIGHTLY[name], timeZone, after: NEW_YEAR, count }).runs;

describe.each(['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Sydney', 'America/Havana'])(
  'in %s',
  (zone) => {
    test.each([
      ['concept_hygiene', '02:00:00'],
      ['vault_sync', '03:00:00'],
      ['maintenance', '04:00:00'],
    ] as const)('%s runs once a night, at %s, all year', (name, time) => {
      const runs = runsIn(name, zone, 365);
      const nights = runs.map(({ local }) => local.slice(0, 10));
      expect(new Set(nights).size).toBe(365);
      expect(Date.parse(nights.at(-1)!) - Date.parse(nights[0]!)).toBe(364 * 86_400_000);
      // Only a time that does not exist is another.
      const others = runs.filter(({ local }) => local.slice(11, 19) !== time);
      expect(others.every(({ note }) => note?.includes('does not exist'))).toBe(true);
      expect(others.length).toBeLessThanOrEqual(1);
    });

    test('batch_processing runs every Sunday at 05:00, seven days apart on the wall', () => {
      const runs = runsIn('batch_processing', zone, 52);
      for (const [i, { local }] of runs.entries()) {
        expect(new Date(local.slice(0, 10)).getUTCDay()).toBe(0);
        expect(local.slice(11, 19)).toBe('05:00:00');
        if (i > 0)
          expect(Date.parse(local.slice(0, 10)) - Date.parse(runs[i - 1]!.local.slice(0, 10))).toBe(7 * 86_400_000);
      }
    });
  },
);

test('in New York, 02:00 on the night of the gap runs once, at 03:00', () => {
  const runs = nextRuns({
    ...NIGHTLY.concept_hygiene,
    timeZone: 'America/New_York',
    after: '2026-03-07T12:00Z',
    count: 2,
  });
  expect(runs.map((run) => run.toISOString())).toEqual(['2026-03-08T07:00:00.000Z', '2026-03-09T06:00:00.000Z']);
});

test('without a zone they run in UTC, wherever the machine is', () => {
  const [run] = nextRuns({ ...NIGHTLY.concept_hygiene, after: NEW_YEAR, count: 1 });
  expect(run?.toISOString()).toBe('2026-01-01T02:00:00.000Z');
});
