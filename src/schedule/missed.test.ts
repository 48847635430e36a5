import { describe, expect, test } from 'vitest';
import { type Decision, decide, type MissedPolicy, missedPolicy } from './missed.ts';
import { checkTrigger, startOf } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const CREATED = at('2026-06-01T00:00:00Z');

const decideOn = (given: object, after: string, now: string, policy: MissedPolicy, more: object = {}) =>
  decide({ scheduleId: 'id', trigger: checkTrigger(given, CREATED), after: at(after), now: at(now), policy, ...more });

const times = ({ fire, missed, after, next }: Decision) => {
  const short = (instant: number | null) => (instant === null ? null : new Date(instant).toISOString().slice(5, 16));
  return {
    fire: fire.map(short),
    missed: missed.count,
    first: short(missed.first),
    last: short(missed.last),
    after: short(after),
    next: short(next),
  };
};

const HOURLY = { cron: '0 * * * *' };

describe('a slot that is due', () => {
  test.each<MissedPolicy>(['runOnce', 'runAll', 'skip', { window: '1m' }])(
    'runs, whatever the policy: %j',
    (policy) => {
      expect(times(decideOn(HOURLY, '2026-06-01T10:00Z', '2026-06-01T11:00:02Z', policy))).toEqual({
        fire: ['06-01T11:00'],
        missed: 0,
        first: null,
        last: null,
        after: '06-01T11:00',
        next: '06-01T12:00',
      });
    },
  );

  test('does not run before its time', () => {
    expect(times(decideOn(HOURLY, '2026-06-01T10:00Z', '2026-06-01T10:59:59.999Z', 'runAll'))).toEqual({
      fire: [],
      missed: 0,
      first: null,
      last: null,
      after: '06-01T10:00',
      next: '06-01T11:00',
    });
  });

  test('with jitter waits for its start', () => {
    const given = { interval: '1h', jitter: '59m' };
    const trigger = checkTrigger(given, CREATED);
    const start = startOf(trigger, 'id', at('2026-06-01T11:00Z'));
    expect(start).toBeGreaterThan(at('2026-06-01T11:00Z'));
    const before = decide({
      scheduleId: 'id',
      trigger,
      after: at('2026-06-01T10:00Z'),
      now: start - 1,
      policy: 'runAll',
    });
    expect(times(before)).toMatchObject({ fire: [], after: '06-01T10:00', next: '06-01T11:00' });
    const then = decide({ scheduleId: 'id', trigger, after: at('2026-06-01T10:00Z'), now: start, policy: 'runAll' });
    expect(times(then)).toMatchObject({ fire: ['06-01T11:00'], after: '06-01T11:00' });
  });

  test('while the one after it waits for its jitter, runs without it', () => {
    const trigger = checkTrigger({ interval: '1h', jitter: '59m' }, CREATED);
    const now = startOf(trigger, 'id', at('2026-06-01T12:00Z')) - 1;
    expect(
      times(decide({ scheduleId: 'id', trigger, after: at('2026-06-01T09:00Z'), now, policy: 'runAll' })),
    ).toMatchObject({
      fire: ['06-01T10:00', '06-01T11:00'],
      next: '06-01T12:00',
    });
  });
});

describe('after a downtime of three days', () => {
  const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };
  const down = ['2026-06-01T02:00Z', '2026-06-04T12:00Z'] as const;

  test.each<[MissedPolicy, fire: string[], missed: number, first: string | null, last: string | null]>([
    ['runOnce', ['06-04T02:00'], 2, '06-02T02:00', '06-03T02:00'],
    ['runAll', ['06-02T02:00', '06-03T02:00', '06-04T02:00'], 0, null, null],
    ['skip', [], 3, '06-02T02:00', '06-04T02:00'],
    [{ window: '12h' }, ['06-04T02:00'], 2, '06-02T02:00', '06-03T02:00'],
    [{ window: '2d' }, ['06-03T02:00', '06-04T02:00'], 1, '06-02T02:00', '06-02T02:00'],
    [{ window: '1h' }, [], 3, '06-02T02:00', '06-04T02:00'],
    [{ window: '30d' }, ['06-02T02:00', '06-03T02:00', '06-04T02:00'], 0, null, null],
    [{ window: 34 * 3_600_000 }, ['06-03T02:00', '06-04T02:00'], 1, '06-02T02:00', '06-02T02:00'],
  ])('%j', (policy, fire, missed, first, last) => {
    expect(times(decideOn(nightly, ...down, policy))).toEqual({
      fire,
      missed,
      first,
      last,
      after: '06-04T02:00',
      next: '06-05T02:00',
    });
  });

  test('a single run that was missed still runs once, or not at all', () => {
    const once = { at: '2026-06-02T02:00Z' };
    expect(times(decideOn(once, ...down, 'runOnce'))).toMatchObject({ fire: ['06-02T02:00'], missed: 0, next: null });
    expect(times(decideOn(once, ...down, 'skip'))).toMatchObject({ fire: [], missed: 1, next: null });
  });
});

describe('what is late', () => {
  test('is not late within the grace time', () => {
    const late = ['2026-06-01T10:00Z', '2026-06-01T11:00:30Z', 'skip'] as const;
    expect(times(decideOn(HOURLY, ...late))).toMatchObject({ fire: [], missed: 1 });
    expect(times(decideOn(HOURLY, ...late, { graceMs: 30_000 }))).toMatchObject({ fire: ['06-01T11:00'], missed: 0 });
  });
});

describe('a huge downtime', () => {
  const everySecond = { cron: '* * * * * *' };
  const year = ['2026-06-01T00:00:00Z', '2027-06-01T00:00:00Z'] as const;
  const SECONDS = 365 * 86_400;

  test.each([[everySecond], [{ interval: 1000 }]])('of %j is counted, not gone through', (given) => {
    const decision = decideOn(given, ...year, 'runOnce');
    expect(decision.fire).toEqual([at(year[1])]);
    expect(decision.missed).toEqual({ count: SECONDS - 1, first: at(year[0]) + 1000, last: at(year[1]) - 1000 });
    expect(decision.next).toBe(at(year[1]) + 1000);
  });

  test('of runAll is fired in portions, and nothing is lost between them', () => {
    let [after, fired] = [at(year[0]), 0];
    for (let portion = 0; portion < 5; portion++) {
      const decision = decideOn(everySecond, new Date(after).toISOString(), year[1], 'runAll');
      expect(decision.fire).toHaveLength(1000);
      expect(decision.fire[0]).toBe(after + 1000);
      expect(decision.missed.count).toBe(0);
      expect(decision.next).toBe(decision.after + 1000);
      after = decision.after;
      fired += decision.fire.length;
    }
    expect(after).toBe(at(year[0]) + fired * 1000);
  });

  test('with a calendar is counted too', () => {
    const given = { ...everySecond, timeZone: 'Europe/Berlin', calendar: { businessDays: true } };
    const { fire, missed } = decideOn(given, ...year, 'skip');
    // From Monday 02:00 in Berlin to Tuesday 02:00 a year later: 261 days of business; the last seconds are not late, and run.
    expect(fire).toHaveLength(11);
    expect(missed.count).toBe(261 * 86_400 - fire.length);
  });
});

describe('the policy', () => {
  test.each([['runOnce'], ['runAll'], ['skip']])('can be %s', (policy) => {
    expect(missedPolicy(policy, 'missed')).toBe(policy);
  });

  test('can be a window, kept in milliseconds', () => {
    expect(missedPolicy({ window: '2h' }, 'missed')).toEqual({ window: 7_200_000 });
  });

  test.each([['once'], [undefined], [{}], [{ window: 'x' }], [{ window: 1, more: 2 }], [null]])(
    'cannot be %j',
    (policy) => {
      expect(() => missedPolicy(policy, 'missed')).toThrow(/^missed/);
    },
  );
});
