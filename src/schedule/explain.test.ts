import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import { checkTrigger } from './schedule.ts';

const SPRING = Date.parse('2026-03-28T12:00:00Z');
const AUTUMN = Date.parse('2026-10-24T12:00:00Z');
const ask = (given: object, after: number, count = 3) => explain(checkTrigger(given, after), after, count);
const berlin = (cron: string, more: object = {}) => ({ cron, timeZone: 'Europe/Berlin', ...more });

describe('an explanation', () => {
  test('shows runs by the clocks of the zone, and marks what a change does to them', () => {
    const { words, timeZone, runs } = ask(berlin('30 2 * * *'), SPRING);
    expect(words).toBe('At 02:30 every day, Europe/Berlin time');
    expect(timeZone).toBe('Europe/Berlin');
    expect(runs).toEqual([
      {
        at: new Date('2026-03-29T01:00Z'),
        local: '2026-03-29T03:00:00+02:00',
        note: '02:30 does not exist: the end of the gap',
      },
      { at: new Date('2026-03-30T00:30Z'), local: '2026-03-30T02:30:00+02:00', note: null },
      { at: new Date('2026-03-31T00:30Z'), local: '2026-03-31T02:30:00+02:00', note: null },
    ]);
  });

  test('marks the two occurrences of a time', () => {
    expect(ask(berlin('30 2 * * *'), AUTUMN, 2).runs.map(({ note }) => note)).toEqual(['the first 02:30 of two', null]);
    expect(ask(berlin('*/30 * * * *'), Date.parse('2026-10-24T23:59Z'), 5).runs.map(({ note }) => note)).toEqual([
      'the first 02:00 of two',
      'the first 02:30 of two',
      'the second 02:00 of two',
      'the second 02:30 of two',
      null,
    ]);
  });

  test('shows the next two changes with the runs around them', () => {
    const [spring, autumn, ...more] = ask(berlin('30 2 * * *'), SPRING).clockChanges;
    expect(more).toEqual([]);
    expect(spring).toMatchObject({
      at: new Date('2026-03-29T01:00Z'),
      from: '2026-03-29T02:00:00+01:00',
      to: '2026-03-29T03:00:00+02:00',
      effect: '02:30 does not exist: it runs once, at 03:00.',
    });
    expect(spring!.runs.map(({ local }) => local)).toEqual([
      '2026-03-28T02:30:00+01:00',
      '2026-03-29T03:00:00+02:00',
      '2026-03-30T02:30:00+02:00',
    ]);
    expect(autumn).toMatchObject({
      at: new Date('2026-10-25T01:00Z'),
      from: '2026-10-25T03:00:00+02:00',
      to: '2026-10-25T02:00:00+01:00',
    });
  });

  test.each<[object, spring: string, autumn: string]>([
    [
      berlin('30 2 * * *'),
      '02:30 does not exist: it runs once, at 03:00.',
      '02:30 occurs twice: it runs at the first.',
    ],
    [
      berlin('0,20,40 2 * * *'),
      '3 times from 02:00 to 03:00 do not exist: it runs once, at 03:00.',
      '3 times from 02:00 to 03:00 occur twice: it runs at the first.',
    ],
    [
      berlin('30 2 * * *', { dst: { gap: 'skip', overlap: 'twice' } }),
      '02:30 does not exist: left out.',
      '02:30 occurs twice: it runs at both.',
    ],
    [berlin('30 4 * * *'), 'No run falls into the change.', 'No run falls into the change.'],
    [
      berlin('*/15 2 * * *'),
      'The clocks go from 02:00 to 03:00 at once. It follows them: nothing runs for the times between.',
      'The clocks show 02:00 to 03:00 twice. It follows them, and runs in both.',
    ],
    [
      { interval: '1h', timeZone: 'Europe/Berlin' },
      'An interval counts real time: the change does not move it.',
      'An interval counts real time: the change does not move it.',
    ],
  ])('says what the changes do to %j', (given, spring, autumn) => {
    expect(ask(given, SPRING).clockChanges.map(({ effect }) => effect)).toEqual([spring, autumn]);
  });

  test('has no changes where clocks do not change, and none for a single run', () => {
    expect(ask({ cron: '@daily' }, SPRING).clockChanges).toEqual([]);
    expect(ask({ cron: '@daily', timeZone: 'Asia/Kolkata' }, SPRING).clockChanges).toEqual([]);
    expect(ask({ at: '2026-04-01T00:00Z' }, SPRING)).toEqual({
      words: 'Once, at 2026-04-01 00:00:00Z',
      timeZone: 'UTC',
      runs: [{ at: new Date('2026-04-01T00:00Z'), local: '2026-04-01T00:00:00+00:00', note: null }],
      clockChanges: [],
    });
  });

  test('writes offsets with minutes and seconds', () => {
    const local = (timeZone: string, after: string) =>
      ask({ cron: '0 12 * * *', timeZone }, Date.parse(after), 1).runs[0]!.local;
    expect(local('Asia/Kolkata', '2026-01-01T00:00Z')).toBe('2026-01-01T12:00:00+05:30');
    expect(local('Africa/Monrovia', '1971-01-01T00:00Z')).toBe('1971-01-01T12:00:00-00:44:30');
  });
});
