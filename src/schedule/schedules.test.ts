/** The rules of schedules as one: whatever people, clocks and outages do, every slot is fired, missed or skipped, and exactly once. */
import { describe, expect, test } from 'vitest';
import type { NewJob } from '../job/enqueue-options.ts';
import { admit, afterFiring, afterRun, MOST_TEXT, MOST_WAITING, planFiring, planRun } from './firing.ts';
import { move, type ScheduleCommand } from './moves.ts';
import {
  fingerprintOf,
  type HistoryEntry,
  isOlder,
  jobOfSlot,
  type OverlapPolicy,
  type Schedule,
  toScheduledJob,
} from './record.ts';
import { slotsBetween, slotsOf } from './schedule.ts';
import { checkSchedule, type GivenSchedule } from './spec.ts';
import { RETRY_MS } from './times.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BY = { actor: 'Ada', version: null };

const job = (given: Partial<NewJob> = {}): NewJob => ({
  ...{
    id: 'j',
    type: 't',
    queue: 'q',
    status: 'queued',
    priority: 5,
    payload: '{}',
    runAt: NOW,
    maxAttempts: 3,
    maxCrashes: 5,
  },
  ...{
    timeoutMs: 1000,
    key: null,
    tenant: null,
    keyUntil: null,
    onConflict: 'return',
    limitKey: null,
    parentId: null,
    replayOf: null,
  },
  ...{ tags: [], userInitiated: true, expiresAt: null, totalMs: null },
  ...given,
});

const specOf = (given: Partial<GivenSchedule> = {}) =>
  checkSchedule({ id: 's', job: toScheduledJob(job()), trigger: { cron: '0 * * * *' }, source: 'api', ...given }, NOW);

const written = (found: Schedule | null, command: ScheduleCommand, now: number) => {
  const moved = move(found, command, now);
  if (moved.kind !== 'write') throw new Error(moved.kind);
  return moved;
};

const made = (given: Partial<GivenSchedule> = {}): Schedule =>
  written(null, { kind: 'add', spec: specOf(given), actor: null }, NOW).next;

/** Fires with every job inserted. */
const fired = (schedule: Schedule, unfinished: number, now: number) => {
  const plan = planFiring(schedule, unfinished, now);
  const outcomes = plan.fire.map((slotAt) => ({ slotAt, kind: 'inserted' as const, jobId: `job of ${slotAt}` }));
  return { plan, ...afterFiring(plan, outcomes, now) };
};

/** Repeatable random numbers (mulberry32). */
const random = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
};

const TRIGGERS = [
  { cron: '*/10 * * * *' },
  { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
  { cron: '15 */3 * * mon-fri', timeZone: 'America/New_York' },
  { interval: '7m' },
  { interval: '1h', jitter: '20m', start: NOW + 5 },
  { cron: '0 9 * * *', calendar: { not: { weekdays: ['sun'] } } },
] as const;
const MISSED = ['runOnce', 'runAll', 'skip', { window: '90m' }] as const;
const OVERLAP = ['skip', 'queueOne', 'queueAll', 'cancelOther'] as const satisfies readonly OverlapPolicy[];

describe('whatever happens', () => {
  for (const trigger of TRIGGERS)
    test(`every slot of ${JSON.stringify(trigger)} is fired, missed or skipped exactly once, in order`, () => {
      for (let seed = 1; seed <= 160; seed++) {
        const below = random(seed);
        const missed = MISSED[below(MISSED.length)]!;
        let schedule = made({ trigger, missed, overlap: OVERLAP[below(4)]!, maxInstances: 1 + below(3) });
        const entries: HistoryEntry[] = [];
        const ran: number[] = [];
        let now = NOW;
        for (let step = 0; step < 40; step++) {
          // Mostly as the ticker wakes up; sometimes an outage, or a clock that was set back.
          const wake = schedule.wakeAt ?? now + HOUR;
          now = [wake, wake + below(12_000), now + below(3 * DAY), now - below(HOUR), now + below(HOUR)][below(5)]!;
          const did = below(8);
          if (did < 6) {
            const { plan, next, entries: told } = fired(schedule, below(4), now);
            ran.push(...plan.fire);
            entries.push(...told);
            schedule = next;
          } else if (schedule.pause) {
            const moved = written(schedule, { kind: 'resume', ...BY }, now);
            schedule = moved.next;
            entries.push(...moved.entries);
          } else {
            const until = below(2) ? null : now + below(2 * DAY);
            schedule = written(schedule, { kind: 'pause', reason: null, until, ...BY }, now).next;
          }
        }
        const { counts, after } = schedule;
        const where = `seed ${seed}`;
        expect(ran, where).toEqual([...new Set(ran)].toSorted((a, b) => a - b));
        expect(counts.fired, where).toBe(ran.length);
        expect(counts.fired + counts.missed + counts.skipped, where).toBe(slotsOf(schedule.trigger).count(NOW, after));
        for (const kind of ['fired', 'missed', 'skipped'] as const) {
          const told = entries.filter((one) => one.kind === kind).reduce((sum, one) => sum + one.count, 0);
          expect(told, `${where}: ${kind}`).toBe(counts[kind]);
        }
        // It is never left without a time to wake up, but for a pause that a person must end.
        if (!schedule.pause || schedule.pause.until !== null) expect(schedule.wakeAt, where).not.toBeNull();
      }
    });
});

describe('overlap', () => {
  test.each<[OverlapPolicy, max: number, unfinished: number, room: number, cancel: number]>([
    ['skip', 1, 0, 1, 0],
    ['skip', 1, 1, 0, 0],
    ['skip', 3, 1, 2, 0],
    ['skip', 1, 5, 0, 0],
    ['queueOne', 1, 0, 2, 0],
    ['queueOne', 1, 1, 1, 0],
    ['queueOne', 1, 2, 0, 0],
    ['queueAll', 1, 500, MOST_WAITING - 499, 0],
    ['queueAll', 1, MOST_WAITING + 1, 0, 0],
    ['cancelOther', 1, 0, 1, 0],
    ['cancelOther', 1, 1, 1, 1],
    ['cancelOther', 2, 1, 1, 0],
    ['cancelOther', 2, 4, 1, 3],
  ])('%s, at most %i, %i unfinished: room for %i, %i cancelled', (overlap, max, unfinished, room, cancel) => {
    expect(admit(overlap, max, unfinished)).toEqual({ room, cancel });
    expect(planRun({ ...made(), overlap, maxInstances: max }, unfinished)).toEqual(
      room > 0 ? { kind: 'run', cancel } : { kind: 'full' },
    );
  });

  test('of many slots at once, cancelOther inserts the last only', () => {
    const { plan, next } = fired(made({ missed: 'runAll', overlap: 'cancelOther' }), 2, NOW + 5 * HOUR);
    expect(plan).toMatchObject({ fire: [NOW + 5 * HOUR], cancel: 2 });
    expect(next.counts).toMatchObject({ fired: 1, skipped: 4 });
  });

  test('nothing is cancelled where nothing is due', () => {
    expect(fired(made({ overlap: 'cancelOther' }), 3, NOW + 1).plan).toMatchObject({ fire: [], cancel: 0 });
  });

  test('policies that let jobs wait need the limit key for themselves; slots that are to run one by one wait by default', () => {
    const limited = toScheduledJob(job({ limitKey: 'api' }));
    for (const overlap of ['queueOne', 'queueAll', 'cancelOther'] as const)
      expect(() => specOf({ job: limited, overlap })).toThrow(/limit key of their own/);
    expect(specOf({ job: limited, missed: 'runAll' }).overlap).toBe('skip');
    expect(specOf({ missed: 'runAll' }).overlap).toBe('queueAll');
    expect(specOf({ missed: { window: '1h' } }).overlap).toBe('queueAll');
    expect(specOf({ missed: 'runAll', overlap: 'skip' }).overlap).toBe('skip');
    expect(specOf().overlap).toBe('skip');
  });
});

describe('a run by hand', () => {
  test('counts, and leaves everything else as it is', () => {
    const before = made();
    const { next, entries } = afterRun(before, 'j', 'Ada', NOW + 1);
    expect(next).toEqual({ ...before, counts: { ...before.counts, byHand: 1 } });
    expect(entries).toMatchObject([{ kind: 'ran', slotAt: NOW + 1, jobId: 'j', actor: 'Ada' }]);
  });
});

describe('what a slot inserts', () => {
  test('is what was given, under the limit key of the schedule', () => {
    const spec = specOf({ job: toScheduledJob(job({ tags: ['x'], totalMs: 9, expiresAt: NOW + 50, key: 'k' })) });
    expect(jobOfSlot(spec, NOW, 'id', NOW + 7)).toEqual({
      ...job({
        id: 'id',
        tags: ['x'],
        totalMs: 9,
        key: 'k',
        userInitiated: false,
        runAt: NOW + 7,
        expiresAt: NOW + 57,
      }),
      limitKey: 'schedule:s',
      slot: { scheduleId: 's', at: NOW },
    });
    expect(jobOfSlot(specOf({ job: toScheduledJob(job({ limitKey: 'api' })) }), NOW, 'id', NOW).limitKey).toBe('api');
  });
});

describe('what cannot be computed', () => {
  const broken: Schedule = {
    ...made(),
    trigger: { kind: 'cron', cron: '0 * * * *', timeZone: 'Mars/Olympus' },
  };

  test('is told once, tried again, and loses nothing', () => {
    const first = fired(broken, 0, NOW + HOUR);
    expect(first.next).toMatchObject({
      nextSlot: null,
      wakeAt: NOW + HOUR + RETRY_MS,
      after: NOW,
      counts: { fired: 0 },
    });
    expect(first.entries).toMatchObject([{ kind: 'problem', reason: expect.stringContaining('Mars/Olympus') }]);
    const second = fired(first.next, 0, NOW + HOUR + RETRY_MS);
    expect(second.entries).toEqual([]);
    const known = { ...second.next, trigger: made().trigger };
    const third = fired(known, 0, NOW + 3 * HOUR);
    expect(third.entries.map(({ kind }) => kind)).toEqual(['missed', 'fired', 'recovered']);
    expect(third.next).toMatchObject({ problem: null, counts: { fired: 1, missed: 2 }, nextSlot: NOW + 4 * HOUR });
  });

  test('can be paused, resumed and removed like any other', () => {
    const paused = written(broken, { kind: 'pause', reason: null, until: null, ...BY }, NOW).next;
    expect(paused.problem).toBeNull();
    const resumed = written(paused, { kind: 'resume', ...BY }, NOW);
    expect(resumed.next.problem).toContain('Mars/Olympus');
    expect(resumed.entries.map(({ kind }) => kind)).toEqual(['resumed', 'problem']);
    expect(move(broken, { kind: 'remove', ...BY }, NOW)).toMatchObject({ kind: 'delete' });
  });
});

describe('retiming', () => {
  test('with other zone data moves the next run, and says from where', () => {
    const stale = { ...made(), nextSlot: NOW + 17, nextAt: NOW + 17, wakeAt: NOW + 17, zoneData: '2020a' };
    const moved = written(stale, { kind: 'retime', zoneData: '2020b' }, NOW);
    expect(moved.next).toMatchObject({ nextSlot: NOW + HOUR, zoneData: '2020b', version: 1 });
    expect(moved.entries).toMatchObject([
      { kind: 'retimed', slotAt: NOW + HOUR, reason: 'time zone data 2020a → 2020b; it was 2026-03-01T12:00:00.017Z' },
    ]);
    expect(move(stale, { kind: 'retime', zoneData: '2019c' }, NOW)).toMatchObject({ kind: 'none' });
  });

  test('a row that woke too early by other data waits for its own slot, and says so', () => {
    const early = { ...made(), nextSlot: NOW + 17, nextAt: NOW + 17, wakeAt: NOW + 17 };
    const { plan, next, entries } = fired(early, 0, NOW + 17);
    expect(plan.fire).toEqual([]);
    expect(next.nextSlot).toBe(NOW + HOUR);
    expect(entries).toMatchObject([{ kind: 'retimed' }]);
  });

  test('a clock that was set back by less than a day keeps what is done; by more, slots count from now', () => {
    const ahead = fired(made(), 0, NOW + 3 * DAY).next;
    expect(move(ahead, { kind: 'retime' }, NOW + 2.5 * DAY)).toMatchObject({ kind: 'none' });
    const moved = written(ahead, { kind: 'retime' }, NOW);
    expect(moved.next).toMatchObject({ after: NOW, nextSlot: NOW + HOUR });
    expect(moved.entries).toMatchObject([{ kind: 'retimed', reason: expect.stringContaining('clock') }]);
  });
});

describe('an edit', () => {
  const update = (found: Schedule, edit: object) =>
    move(found, { kind: 'update', edit, source: 'api', ...BY }, NOW + HOUR / 2);

  test('of everything but the trigger leaves the slots as they are', () => {
    const before = fired(made(), 0, NOW + HOUR).next;
    const moved = update(before, { maxInstances: 4, missed: 'skip', overlap: 'queueAll' });
    expect(moved).toMatchObject({ kind: 'write', outcome: 'changed', next: { after: NOW + HOUR, version: 2 } });
  });

  test('that says what is there already is none', () => {
    const before = made();
    const { job, trigger, missed, overlap, maxInstances } = before;
    expect(update(before, { job, trigger, missed, overlap, maxInstances })).toMatchObject({ kind: 'none' });
  });

  test('of a paused one leaves it paused', () => {
    const paused = written(made(), { kind: 'pause', reason: null, until: null, ...BY }, NOW).next;
    expect(update(paused, { trigger: specOf({ trigger: { cron: '0 5 * * *' } }).trigger })).toMatchObject({
      next: { pause: paused.pause, nextAt: null, wakeAt: null },
    });
  });

  test('long values are cut in the history', () => {
    const long = toScheduledJob(job({ payload: JSON.stringify('x'.repeat(100_000)) }));
    const moved = update(made(), { job: long });
    const [told] = (moved as Extract<typeof moved, { kind: 'write' }>).entries;
    expect(JSON.stringify(told).length).toBeLessThan(5000);
  });
});

describe('builds', () => {
  test.each<[number | string | null, number | string | null, boolean]>([
    [1, 2, true],
    [2, 2, false],
    [10, 9, false],
    ['1.9', '1.10', true],
    ['2026-01-31', '2026-02-01', true],
    ['b', 'a', false],
    [null, 1, true],
    [1, null, false],
    [null, null, false],
    [9, '10', true],
  ])('%j before %j: %j', (build, than, older) => {
    expect(isOlder(build, than)).toBe(older);
  });

  test('code says the same if only the order of its words, its build or the moment is another', () => {
    const one = specOf({ trigger: { interval: '1h' } });
    const later = checkSchedule(
      { id: 's', job: toScheduledJob(job()), trigger: { interval: '1h' }, source: 'code', build: 7 },
      NOW + 5,
    );
    expect(fingerprintOf(later)).toBe(fingerprintOf(one));
    expect(fingerprintOf(specOf({ trigger: { interval: '1h', start: NOW } }))).not.toBe(fingerprintOf(one));
    expect(fingerprintOf(specOf({ trigger: { interval: '1h' }, maxInstances: 2 }))).not.toBe(fingerprintOf(one));
  });
});

describe('large payloads', () => {
  const dayLater = NOW + 24 * 3_600_000;
  const payload = JSON.stringify('x'.repeat(MOST_TEXT / 5));

  test('are fired in parts that follow each other, and no slot is lost', () => {
    let schedule = made({ job: toScheduledJob(job({ payload })), missed: 'runAll' });
    const all: number[] = [];
    for (let unfinished = 0; schedule.nextAt! <= dayLater; unfinished = all.length) {
      const { plan, next } = fired(schedule, unfinished, dayLater);
      expect(plan.fire.length).toBe(4);
      all.push(...plan.fire);
      schedule = next;
    }
    expect(all).toEqual(slotsBetween(schedule.trigger, NOW, dayLater, 100));
    expect(schedule.counts).toMatchObject({ fired: all.length, missed: 0, skipped: 0 });
  });

  test('change nothing where few of them fit in anyway: what is left out is one entry', () => {
    const schedule = made({ job: toScheduledJob(job({ payload })), missed: 'runAll', overlap: 'skip' });
    const { plan } = fired(schedule, 0, dayLater);
    expect(plan.fire).toHaveLength(1);
    expect(plan.entries).toMatchObject([{ kind: 'skipped', reason: 'overlap', count: 23 }]);
  });
});
