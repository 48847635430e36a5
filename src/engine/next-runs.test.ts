import { BacklineError, explainTrigger, nextRuns } from 'backline';
import { afterEach, describe, expect, test, vi } from 'vitest';

const iso = (runs: readonly Date[]) => runs.map((run) => run.toISOString());

describe('nextRuns', () => {
  test('gives the next runs as dates', () => {
    expect(
      iso(nextRuns({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', after: '2026-03-28T12:00Z', count: 2 })),
    ).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    expect(iso(nextRuns({ interval: '15m', after: new Date(0), count: 2 }))).toEqual([
      '1970-01-01T00:15:00.000Z',
      '1970-01-01T00:30:00.000Z',
    ]);
    expect(iso(nextRuns({ at: '2026-12-01T10:00', timeZone: 'Asia/Kolkata', after: 0 }))).toEqual([
      '2026-12-01T04:30:00.000Z',
    ]);
    expect(
      iso(nextRuns({ cron: '@daily', calendar: { weekdays: ['mon'] }, after: '2026-06-01T00:00Z', count: 1 })),
    ).toEqual(['2026-06-08T00:00:00.000Z']);
  });

  test('gives five from now on, if nothing else is said', () => {
    const before = Date.now();
    const runs = nextRuns({ cron: '* * * * *' });
    expect(runs).toHaveLength(5);
    expect(runs[0]!.getTime()).toBeGreaterThan(before);
    expect(runs[0]!.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  describe("with the machine's own zone elsewhere", () => {
    afterEach(() => vi.unstubAllEnvs());

    test.each(['Asia/Kolkata', 'America/New_York', 'Pacific/Apia', 'UTC'])('%s: gives the same', (machine) => {
      vi.stubEnv('TZ', machine);
      expect(new Date(2026, 0, 1).getTimezoneOffset()).toBe(
        { 'Asia/Kolkata': -330, 'America/New_York': 300, 'Pacific/Apia': -780, UTC: 0 }[machine],
      );
      const after = '2026-03-28T12:00Z';
      expect(iso(nextRuns({ cron: '0 2 * * *', after, count: 1 }))).toEqual(['2026-03-29T02:00:00.000Z']);
      expect(iso(nextRuns({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', after, count: 1 }))).toEqual([
        '2026-03-29T01:00:00.000Z',
      ]);
      expect(iso(nextRuns({ at: '2026-03-29T02:30', timeZone: 'Europe/Berlin', after }))).toEqual([
        '2026-03-29T01:00:00.000Z',
      ]);
    });
  });

  test('gives fewer if no more come', () => {
    expect(nextRuns({ at: '2026-01-01T00:00Z', after: '2026-01-01T00:00Z' })).toEqual([]);
  });

  test.each<[unknown, code: string, field: string]>([
    [undefined, 'INVALID_OPTION', 'options'],
    ['0 2 * * *', 'INVALID_OPTION', 'options'],
    [{}, 'INVALID_OPTION', 'trigger'],
    [{ cron: '0 2 * * *', after: '2026-01-01T00:00' }, 'INVALID_OPTION', 'after'],
    [{ cron: '0 2 * * *', count: 0 }, 'INVALID_OPTION', 'count'],
    [{ cron: '0 25 * * *' }, 'INVALID_CRON', 'hour'],
    [{ cron: '0 2 * * *', timeZone: 'Nowhere' }, 'INVALID_TIME_ZONE', 'timeZone'],
    [{ cron: '0 2 * * *', tz: 'UTC' }, 'UNKNOWN_OPTION', 'tz'],
    [{ at: '2026-01-01T00:00' }, 'TIME_WITHOUT_ZONE', 'at'],
    [{ cron: '0 2 * * *', calendar: {} }, 'INVALID_CALENDAR', 'calendar'],
  ])('refuses %j', (options, code, field) => {
    for (const ask of [nextRuns, explainTrigger]) {
      try {
        ask(options as never);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(BacklineError);
        expect(error).toMatchObject({ code, field });
      }
    }
  });
});

test('explainTrigger says the same in words', () => {
  const { words, runs } = explainTrigger({ cron: '0 5 * * sun', after: '2026-06-01T00:00Z', count: 1 });
  expect(words).toBe('At 05:00 on Sundays, UTC');
  expect(runs.map(({ at }) => at)).toEqual(nextRuns({ cron: '0 5 * * sun', after: '2026-06-01T00:00Z', count: 1 }));
});
