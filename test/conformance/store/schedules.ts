import { expect } from 'vitest';
import { complete } from '../../../src/job/change.ts';
import type { NewJob } from '../../../src/job/enqueue-options.ts';
import { checkFilter, checkPage } from '../../../src/job/filter.ts';
import { MOST_TEXT } from '../../../src/schedule/firing.ts';
import type { ScheduleCommand } from '../../../src/schedule/moves.ts';
import { type HistoryEntry, type Schedule, type ScheduleSpec, toScheduledJob } from '../../../src/schedule/record.ts';
import { checkSchedule, type GivenSchedule } from '../../../src/schedule/spec.ts';
import type { ScheduleChange } from '../../../src/store/schedule-store.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, HOUR, list, newJob, put, SECOND, startWorker, statusOf, T0 } from '../fixtures.ts';

const MINUTE = 60_000;
const DAY = 24 * HOUR;

export const specOf = (
  id: string,
  given: Partial<Omit<GivenSchedule, 'job'>> & { readonly job?: Partial<NewJob> } = {},
  now = T0,
): ScheduleSpec =>
  checkSchedule(
    { trigger: { cron: '* * * * *' }, source: 'api', ...given, id, job: toScheduledJob(newJob(given.job)) },
    now,
  );

const add = async (store: Store, spec: ScheduleSpec, now = T0): Promise<Schedule> => {
  const outcome = await store.schedules.change(spec.id, { kind: 'add', spec, actor: 'Ada' }, now);
  expect(outcome.kind).toBe('added');
  return (outcome as { schedule: Schedule }).schedule;
};

let made = 0;
const newId = (): string => `run-${++made}`;

const fire = (store: Store, now: number, limit = 1000) => store.schedules.fire({ limit, newId }, now);

/** Fires until nothing is due at this time. @returns how many jobs were inserted. */
const fireAll = async (store: Store, now: number): Promise<number> => {
  let jobs = 0;
  for (;;) {
    const answer = await fire(store, now);
    jobs += answer.jobs;
    if (answer.nextAt === null || answer.nextAt > now) return jobs;
  }
};

const change = (store: Store, id: string, command: ScheduleCommand, now = T0) =>
  store.schedules.change(id, command, now);
const BY = { actor: 'Ada', version: null };
const PAUSE = { kind: 'pause', reason: null, until: null, ...BY } as const;
const RESUME = { kind: 'resume', ...BY } as const;
const REMOVE = { kind: 'remove', ...BY } as const;

const get = async (store: Store, id: string): Promise<Schedule> => (await store.schedules.get(id))!;

/** Oldest first. */
const history = async (store: Store, id: string): Promise<HistoryEntry[]> =>
  (await store.schedules.history(id, { limit: 1000 })).entries.toReversed();
const kinds = async (store: Store, id: string): Promise<string[]> => (await history(store, id)).map(({ kind }) => kind);

/** The slots that have a job, in order of insertion, as minutes after T0. */
const slots = async (store: Store, id: string): Promise<number[]> =>
  (await list(store, { schedule: id }, { order: 'oldest' })).map(({ slotAt }) => (slotAt! - T0) / MINUTE);

const endAll = async (store: Store, now: number): Promise<void> => {
  const worker = await startWorker(store, `ender-${++made}`);
  for (let jobs = await worker.claim({}, now); jobs.length > 0; jobs = await worker.claim({}, now))
    await store.applyChanges(jobs.map((job) => complete(job, null, now)));
  await worker.lease.end();
};

export const scheduleCases = (subject: Subject): void => {
  rowCases(subject);
  firingCases(subject);
  overlapCases(subject);
  missedCases(subject);
  peopleCases(subject);
  trailCases(subject);
  raceCases(subject);
  onceCases(subject);
};

const rowCases = ({ test }: Subject): void => {
  test('a schedule comes back as it was made', async (store) => {
    const spec = specOf('nightly', {
      trigger: {
        cron: '30 2 * * mon-fri',
        timeZone: 'Europe/Berlin',
        dst: { gap: 'skip' },
        calendar: { not: { dates: ['2027-12-24'] } },
      },
      missed: { window: '2h' },
      maxInstances: 3,
      build: '1.10',
      job: {
        type: 'report',
        payload: '{"ü":[1,null]}',
        tags: ['a'],
        priority: 2,
        timeoutMs: null,
        totalMs: 5,
        key: 'k',
      },
    });
    const added = await add(store, spec);
    expect(await get(store, 'nightly')).toEqual(added);
    expect(added).toMatchObject({
      ...spec,
      version: 1,
      pause: null,
      after: T0,
      nextSlot: Date.parse('2027-01-18T01:30:00Z'),
      problem: null,
      counts: { fired: 0, missed: 0, skipped: 0, byHand: 0 },
      lastJobId: null,
      createdAt: T0,
      updatedAt: T0,
    });
    expect(added.wakeAt).toBe(added.nextAt);
    expect(await store.schedules.nextAt()).toBe(added.nextAt);
  });

  test('an unknown one is null, and an id is given out once', async (store) => {
    expect(await store.schedules.get('nobody')).toBeNull();
    expect(await store.schedules.nextAt()).toBeNull();
    await add(store, specOf('a'));
    const again = await change(store, 'a', { kind: 'add', spec: specOf('a', { maxInstances: 9 }), actor: null });
    expect(again).toMatchObject({ kind: 'exists', schedule: { maxInstances: 1 } });
    for (const command of [PAUSE, RESUME, REMOVE, { kind: 'retime' } as const])
      expect(await change(store, 'nobody', command)).toEqual({ kind: 'missing' });
  });

  test('are listed by id, page by page, by type, and by whether they are paused', async (store) => {
    for (const id of ['d', 'b', 'c', 'a', 'e'])
      await add(store, specOf(id, { job: { type: id === 'c' ? 'report' : 'mail' } }));
    await change(store, 'd', PAUSE);
    const first = await store.schedules.list({ limit: 3 });
    expect(first.schedules.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const second = await store.schedules.list({ limit: 3, after: first.next! });
    expect(second).toMatchObject({ schedules: [{ id: 'd' }, { id: 'e' }], next: null });
    const idsOf = async (query: object) =>
      (await store.schedules.list({ limit: 10, ...query })).schedules.map(({ id }) => id);
    expect(await idsOf({ type: 'report' })).toEqual(['c']);
    expect(await idsOf({ paused: true })).toEqual(['d']);
    expect(await idsOf({ paused: false, type: 'mail' })).toEqual(['a', 'b', 'e']);
  });
};

const firingCases = ({ test }: Subject): void => {
  test('a slot inserts one job that knows its schedule and its time, and the row moves on', async (store) => {
    await add(store, specOf('s', { job: { type: 'report', queue: 'slow', priority: 2, payload: '{"n":1}' } }));
    expect(await fire(store, T0 + MINUTE - 1)).toEqual({ schedules: 0, jobs: 0, nextAt: T0 + MINUTE });
    const at = T0 + MINUTE + 70;
    expect(await fire(store, at)).toEqual({ schedules: 1, jobs: 1, nextAt: T0 + 2 * MINUTE });
    expect(await fire(store, at)).toMatchObject({ schedules: 0, jobs: 0 });
    const [job] = await list(store, { schedule: 's' });
    expect(job).toMatchObject({
      type: 'report',
      queue: 'slow',
      priority: 2,
      payload: { n: 1 },
      status: 'queued',
      runAt: at,
      createdAt: at,
      userInitiated: false,
      scheduleId: 's',
      slotAt: T0 + MINUTE,
      limitKey: 'schedule:s',
    });
    expect(await get(store, 's')).toMatchObject({
      version: 1,
      after: T0 + MINUTE,
      nextSlot: T0 + 2 * MINUTE,
      lastSlot: T0 + MINUTE,
      lastJobId: job!.id,
      lastFiredAt: at,
      counts: { fired: 1 },
    });
    const worker = await startWorker(store);
    expect(await worker.claim({}, at)).toMatchObject([{ id: job!.id, scheduleId: 's', slotAt: T0 + MINUTE }]);
    await expectExactCounts(store);
  });

  test('nothing that is done to its jobs stops a schedule', async (store) => {
    await add(store, specOf('s'));
    const done: ((id: string, now: number) => Promise<unknown>)[] = [
      (id, now) => store.requestCancel({ ids: [id] }, 'no', now),
      (id, now) => store.remove({ ids: [id] }, now),
      (_, now) => endAll(store, now),
      async (_, now) => {
        await endAll(store, now);
        await store.prune({ doneBefore: now + 1, failedBefore: now + 1, keep: 0 }, now);
      },
      (_, now) => store.remove({ filter: checkFilter({ type: 'mail' }) }, now),
    ];
    for (const [i, undo] of done.entries()) {
      const now = T0 + (i + 1) * MINUTE;
      expect((await fire(store, now)).jobs, `slot ${i}`).toBe(1);
      await undo((await get(store, 's')).lastJobId!, now);
    }
    expect((await fire(store, T0 + 6 * MINUTE)).jobs).toBe(1);
    expect((await get(store, 's')).counts).toEqual({ fired: 6, missed: 0, skipped: 0, byHand: 0 });
  });

  test('a job that is late to start expires, counted from when it was inserted', async (store) => {
    await add(store, specOf('s', { job: { runAt: T0, expiresAt: T0 + 5 * SECOND } }));
    await fire(store, T0 + MINUTE + 3);
    expect(await list(store)).toMatchObject([{ expiresAt: T0 + MINUTE + 3 + 5 * SECOND }]);
  });

  test('once is once, and a time that has passed runs at once', async (store) => {
    await add(store, specOf('later', { trigger: { at: T0 + HOUR } }));
    await add(store, specOf('late', { trigger: { at: T0 - 1 } }));
    expect(await fireAll(store, T0)).toBe(1);
    expect(await fireAll(store, T0 + HOUR)).toBe(1);
    expect(await fireAll(store, T0 + DAY)).toBe(0);
    for (const id of ['later', 'late']) {
      expect(await kinds(store, id)).toEqual(['added', 'fired', 'ended']);
      expect(await get(store, id)).toMatchObject({ nextSlot: null, nextAt: null, wakeAt: null });
    }
  });

  test('a job whose unique key is taken is no run, and leaves a trace', async (store) => {
    await put(store, [newJob({ id: 'holder', key: 'k' })]);
    await add(store, specOf('s', { job: { key: 'k' } }));
    expect((await fire(store, T0 + MINUTE)).jobs).toBe(0);
    expect((await history(store, 's')).at(-1)).toMatchObject({
      kind: 'skipped',
      reason: 'key-taken',
      slotAt: T0 + MINUTE,
      jobId: 'holder',
    });
    expect((await get(store, 's')).counts).toMatchObject({ fired: 0, skipped: 1 });
  });

  test('a clock that went a day too far and was set back: no slot has two jobs, and the schedule goes on', async (store) => {
    await add(store, specOf('s', { trigger: { cron: '0 * * * *' } }));
    await fireAll(store, T0 + 2 * HOUR);
    await endAll(store, T0 + 2 * HOUR);
    await fireAll(store, T0 + 3 * DAY);
    await endAll(store, T0 + 3 * DAY);
    expect(await change(store, 's', { kind: 'retime' }, T0 + HOUR)).toMatchObject({
      kind: 'changed',
      schedule: { nextAt: T0 + 2 * HOUR },
    });
    expect((await fire(store, T0 + 2 * HOUR)).jobs).toBe(0);
    expect((await history(store, 's')).at(-1)).toMatchObject({ kind: 'skipped', reason: 'slot-taken' });
    expect((await fire(store, T0 + 3 * HOUR)).jobs).toBe(1);
    expect(await slots(store, 's')).toEqual([120, 4320, 180]);
  });

  test('1,000 due at one instant are all fired, a bounded number at a time', async (store) => {
    await Promise.all(Array.from({ length: 1000 }, (_, i) => add(store, specOf(`s${i}`))));
    const answer = await fire(store, T0 + MINUTE, 300);
    expect(answer).toEqual({ schedules: 300, jobs: 300, nextAt: T0 + MINUTE });
    expect(await fireAll(store, T0 + MINUTE)).toBe(700);
    expect(await store.schedules.nextAt()).toBe(T0 + 2 * MINUTE);
    const jobs = await list(store);
    expect(new Set(jobs.map(({ scheduleId }) => scheduleId)).size).toBe(1000);
    await expectExactCounts(store);
  });

  test('large jobs that catch up come in parts, and none is left out', async (store) => {
    const payload = JSON.stringify('x'.repeat(MOST_TEXT / 4));
    await add(store, specOf('s', { missed: 'runAll', job: { payload } }));
    const now = T0 + 7 * MINUTE;
    expect(await fire(store, now)).toEqual({ schedules: 1, jobs: 3, nextAt: T0 + 4 * MINUTE });
    expect(await fireAll(store, now)).toBe(4);
    const { jobs } = await store.list(checkFilter({ schedule: 's' }), checkPage({ limit: 100, order: 'oldest' }));
    expect(jobs.map(({ slotAt }) => (slotAt! - T0) / MINUTE)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect((await get(store, 's')).counts).toMatchObject({ fired: 7, missed: 0, skipped: 0 });
  });

  test('a schedule whose reason no database can hold is paused all the same', async (store) => {
    await add(store, specOf('s'));
    for (const reason of ['zero \0', 'half \ud83d', 'whole 😀']) {
      expect(await change(store, 's', { ...PAUSE, reason })).toMatchObject({ kind: 'changed' });
      expect((await get(store, 's')).pause!.reason).toContain(reason.split(' ')[0]);
    }
    expect((await get(store, 's')).pause!.reason).toBe('whole 😀');
  });

  test('starts later than its slot by a jitter that is the same everywhere', async (store) => {
    const trigger = { interval: '1h', start: T0 + HOUR, jitter: '30m' };
    const { nextSlot, nextAt } = await add(store, specOf('s', { trigger }));
    expect(nextSlot).toBe(T0 + HOUR);
    expect(nextAt).toBeGreaterThan(nextSlot!);
    expect((await fire(store, nextAt! - 1)).jobs).toBe(0);
    expect((await fire(store, nextAt!)).jobs).toBe(1);
    expect(await slots(store, 's')).toEqual([60]);
  });

  test('a zone that this machine does not know is a problem of one schedule, told once, and over when the zone is known', async (store) => {
    const spec = specOf('s');
    const broken = { ...spec, trigger: { kind: 'cron', cron: '* * * * *', timeZone: 'Mars/Olympus' } } as const;
    await add(store, broken);
    await add(store, specOf('other'));
    expect((await get(store, 's')).problem).toContain('Mars/Olympus');
    for (let minute = 1; minute <= 5; minute++) {
      await fireAll(store, T0 + minute * MINUTE);
      await endAll(store, T0 + minute * MINUTE);
    }
    expect((await get(store, 'other')).counts.fired).toBe(5);
    expect(await get(store, 's')).toMatchObject({ nextAt: null, wakeAt: T0 + 6 * MINUTE, after: T0 });
    expect(await kinds(store, 's')).toEqual(['added', 'problem']);
    const edit = { trigger: spec.trigger };
    await change(store, 's', { kind: 'update', edit, source: 'api', ...BY }, T0 + 5.5 * MINUTE);
    expect(await fireAll(store, T0 + 6 * MINUTE)).toBe(2);
    expect(await kinds(store, 's')).toEqual(['added', 'problem', 'updated', 'recovered', 'fired']);
    expect((await get(store, 's')).problem).toBeNull();
  });

  test('newer zone data compute the next run anew; older ones change nothing', async (store) => {
    await add(store, specOf('s', { trigger: { cron: '0 2 * * *', timeZone: 'Europe/Berlin' } }));
    expect(await change(store, 's', { kind: 'retime', zoneData: '1970a' })).toMatchObject({ kind: 'unchanged' });
    expect(await change(store, 's', { kind: 'retime', zoneData: '9999z' })).toMatchObject({ kind: 'unchanged' });
    expect(await get(store, 's')).toMatchObject({ zoneData: '9999z', version: 1 });
    expect(await kinds(store, 's')).toEqual(['added']);
  });
};

const overlapCases = ({ test }: Subject): void => {
  /** Two slots pass, and nothing has ended. */
  const after2 = async (store: Store, given: Parameters<typeof specOf>[1]) => {
    await add(store, specOf('s', given));
    for (const minute of [1, 2]) await fire(store, T0 + minute * MINUTE);
  };

  test('skip: what would run beside an unfinished job is left out, waiting or running', async (store) => {
    await after2(store, {});
    expect(await slots(store, 's')).toEqual([1]);
    const worker = await startWorker(store);
    const [job] = await worker.claim({}, T0 + 2 * MINUTE);
    await fire(store, T0 + 3 * MINUTE);
    await store.applyChanges([complete(job!, null, T0 + 3 * MINUTE)]);
    await fire(store, T0 + 4 * MINUTE);
    expect(await slots(store, 's')).toEqual([1, 4]);
    expect((await get(store, 's')).counts).toMatchObject({ fired: 2, skipped: 2 });
    // One after the other, for one reason: one entry.
    expect((await history(store, 's')).slice(1)).toMatchObject([
      { kind: 'fired', slotAt: T0 + MINUTE },
      { kind: 'skipped', reason: 'overlap', count: 2, slotAt: T0 + 2 * MINUTE, lastSlotAt: T0 + 3 * MINUTE },
      { kind: 'fired', slotAt: T0 + 4 * MINUTE },
    ]);
  });

  test('maxInstances jobs may be unfinished, and no more run, not even when one is retried', async (store) => {
    await add(store, specOf('s', { maxInstances: 2 }));
    const worker = await startWorker(store);
    await fire(store, T0 + MINUTE);
    const [first] = await worker.claim({}, T0 + MINUTE);
    await store.requestCancel({ ids: [first!.id] }, 'no', T0 + MINUTE);
    await store.applyChanges([{ ...complete(first!, null, T0 + MINUTE), to: 'cancelled', outcome: 'cancelled' }]);
    for (const minute of [2, 3, 4]) await fire(store, T0 + minute * MINUTE);
    expect(await worker.claim({}, T0 + 4 * MINUTE)).toHaveLength(2);
    await store.revive({ ids: [first!.id] }, T0 + 4 * MINUTE);
    expect(await worker.claim({}, T0 + 4 * MINUTE)).toEqual([]);
    expect(await count(store, { schedule: 's', status: 'running' })).toBe(2);
    expect((await get(store, 's')).counts).toMatchObject({ fired: 3, skipped: 1 });
  });

  test('queueOne: one waits for its turn, further ones are left out', async (store) => {
    await after2(store, { overlap: 'queueOne' });
    await fire(store, T0 + 3 * MINUTE);
    expect(await slots(store, 's')).toEqual([1, 2]);
    const worker = await startWorker(store);
    const [first] = await worker.claim({}, T0 + 3 * MINUTE);
    expect(await worker.claim({}, T0 + 3 * MINUTE)).toEqual([]);
    await store.applyChanges([complete(first!, null, T0 + 3 * MINUTE)]);
    expect(await worker.claim({}, T0 + 3 * MINUTE)).toMatchObject([{ slotAt: T0 + 2 * MINUTE }]);
  });

  test('queueAll: all wait, and run one by one, in order', async (store) => {
    await after2(store, { overlap: 'queueAll' });
    await fire(store, T0 + 3 * MINUTE);
    const worker = await startWorker(store);
    const ran: number[] = [];
    for (let minute = 3; ran.length < 3; minute++) {
      const jobs = await worker.claim({}, T0 + minute * MINUTE);
      expect(jobs).toHaveLength(1);
      ran.push((jobs[0]!.slotAt! - T0) / MINUTE);
      await store.applyChanges([complete(jobs[0]!, null, T0 + minute * MINUTE)]);
    }
    expect(ran).toEqual([1, 2, 3]);
  });

  test('cancelOther: the older ones are cancelled, and the new one runs when they have stopped', async (store) => {
    await add(store, specOf('s', { overlap: 'cancelOther' }));
    const worker = await startWorker(store);
    await fire(store, T0 + MINUTE);
    const [first] = await worker.claim({}, T0 + MINUTE);
    await fire(store, T0 + 2 * MINUTE);
    const waiting = (await get(store, 's')).lastJobId!;
    expect((await store.get(first!.id))!.cancelRequestedAt).toBe(T0 + 2 * MINUTE);
    expect(await worker.claim({}, T0 + 2 * MINUTE)).toEqual([]);
    await fire(store, T0 + 3 * MINUTE);
    expect(await statusOf(store, waiting)).toBe('cancelled');
    expect((await store.get(waiting))!.error).toContain('"s"');
    await store.applyChanges([{ ...complete(first!, null, T0 + 3 * MINUTE), to: 'cancelled', outcome: 'cancelled' }]);
    expect(await worker.claim({}, T0 + 3 * MINUTE)).toMatchObject([{ slotAt: T0 + 3 * MINUTE }]);
    await expectExactCounts(store);
  });

  test('jobs with a limit key of their own keep it', async (store) => {
    await store.setKeyLimit('api', 1);
    await add(store, specOf('a', { job: { limitKey: 'api' } }));
    await add(store, specOf('b', { job: { limitKey: 'api' } }));
    await fire(store, T0 + MINUTE);
    const worker = await startWorker(store);
    expect(await worker.claim({}, T0 + MINUTE)).toMatchObject([{ limitKey: 'api' }]);
  });

  test('another maxInstances holds at once, for jobs that wait, too', async (store) => {
    await after2(store, { overlap: 'queueAll' });
    const worker = await startWorker(store);
    expect(await worker.claim({}, T0 + 2 * MINUTE)).toHaveLength(1);
    await change(store, 's', { kind: 'update', edit: { maxInstances: 2 }, source: 'cli', ...BY });
    expect(await worker.claim({}, T0 + 2 * MINUTE)).toHaveLength(1);
  });
};

const missedCases = ({ test }: Subject): void => {
  const HOURLY = { trigger: { cron: '0 * * * *' } } as const;
  const late = T0 + 3 * DAY + 30 * MINUTE;

  for (const [name, given, ran, missed] of [
    ['runOnce runs the latest', { missed: 'runOnce' }, 1, 71],
    ['runAll runs all, in order', { missed: 'runAll' }, 72, 0],
    ['skip runs none', { missed: 'skip' }, 0, 72],
    ['a window runs what is not older', { missed: { window: '6h' } }, 6, 66],
  ] as const)
    test(`after three days without a ticker, ${name}; every slot left a trace`, async (store) => {
      await add(store, specOf('s', { ...HOURLY, ...given }));
      expect(await fireAll(store, late)).toBe(ran);
      const { counts, nextAt } = await get(store, 's');
      expect(counts).toEqual({ fired: ran, missed, skipped: 0, byHand: 0 });
      expect(nextAt).toBe(T0 + 3 * DAY + HOUR);
      const found = await slots(store, 's');
      expect(found).toEqual(Array.from({ length: ran }, (_, i) => (72 - ran + 1 + i) * 60));
      const told = (await history(store, 's')).filter((one) => one.kind === 'missed');
      expect(told).toMatchObject(
        missed === 0 ? [] : [{ count: missed, slotAt: T0 + HOUR, lastSlotAt: T0 + missed * HOUR }],
      );
    });

  test('runAll catches up with thousands, some at a time', async (store) => {
    await add(store, specOf('s', { missed: 'runAll' }));
    const first = await fire(store, T0 + 2500 * MINUTE);
    expect(first).toEqual({ schedules: 1, jobs: 1000, nextAt: T0 + 1001 * MINUTE });
    expect(await fireAll(store, T0 + 2500 * MINUTE)).toBe(1500);
    expect(await count(store, { schedule: 's' })).toBe(2500);
  });

  for (const [name, given, ran, missed] of [
    ['runOnce: the next run is in the future', { missed: 'runOnce' }, 0, 72],
    ['skip: the next run is in the future', { missed: 'skip' }, 0, 72],
    ['runAll: all run', { missed: 'runAll' }, 72, 0],
    ['a window: what is not older runs', { missed: { window: '6h' } }, 6, 66],
  ] as const)
    test(`slots of a pause, ${name}`, async (store) => {
      await add(store, specOf('s', { ...HOURLY, ...given }));
      await change(store, 's', PAUSE);
      expect(await get(store, 's')).toMatchObject({ nextSlot: null, nextAt: null, wakeAt: null });
      expect(await fireAll(store, late - 1)).toBe(0);
      await change(store, 's', RESUME, late);
      expect(await fireAll(store, late)).toBe(ran);
      const { counts, nextAt } = await get(store, 's');
      expect(counts).toEqual({ fired: ran, missed, skipped: 0, byHand: 0 });
      expect(nextAt).toBe(T0 + 3 * DAY + HOUR);
    });

  test('a pause with an end ends by itself', async (store) => {
    await add(store, specOf('s'));
    const until = T0 + 10.5 * MINUTE;
    const paused = await change(store, 's', { ...PAUSE, until, reason: 'holidays' });
    expect(paused).toMatchObject({
      schedule: { pause: { at: T0, reason: 'holidays', actor: 'Ada', until }, version: 2 },
    });
    expect(await store.schedules.nextAt()).toBe(until);
    expect((await fire(store, until)).jobs).toBe(0);
    expect((await fire(store, T0 + 11 * MINUTE)).jobs).toBe(1);
    expect((await history(store, 's')).slice(1)).toMatchObject([
      { kind: 'paused', reason: expect.stringMatching(/^until .*: holidays$/) },
      { kind: 'resumed', actor: 'Ada', reason: 'the pause is over' },
      { kind: 'missed', count: 10, reason: 'paused' },
      { kind: 'fired' },
    ]);
  });

  test('an instant that passes in a pause runs after it', async (store) => {
    await add(store, specOf('s', { trigger: { at: T0 + MINUTE } }));
    await change(store, 's', PAUSE);
    await change(store, 's', RESUME, T0 + HOUR);
    expect(await fireAll(store, T0 + HOUR)).toBe(1);
  });
};

const peopleCases = ({ test, testTwo }: Subject): void => {
  test('a run by hand has now as its slot, is counted, and moves no slot', async (store) => {
    await add(store, specOf('s', { trigger: { interval: '1h', start: T0 } }));
    const before = await get(store, 's');
    const run = { jobId: 'by-hand', actor: 'Ada' };
    expect(await store.schedules.run('s', run, T0 + HOUR)).toMatchObject({ kind: 'inserted', jobId: 'by-hand' });
    expect(await store.get('by-hand')).toMatchObject({ scheduleId: 's', slotAt: T0 + HOUR, userInitiated: true });
    const { counts, nextAt, after } = await get(store, 's');
    expect({ counts, nextAt, after }).toEqual({
      counts: { ...before.counts, byHand: 1 },
      nextAt: before.nextAt,
      after: before.after,
    });
    expect((await history(store, 's')).at(-1)).toMatchObject({ kind: 'ran', jobId: 'by-hand', actor: 'Ada' });
    await endAll(store, T0 + HOUR);
    // The slot of that very moment is another one.
    expect((await fire(store, T0 + HOUR)).jobs).toBe(1);
  });

  test('a run by hand beside an unfinished one is refused, and the answer says which', async (store) => {
    await add(store, specOf('s'));
    await change(store, 's', PAUSE);
    expect(await store.schedules.run('s', { jobId: 'a', actor: null }, T0)).toMatchObject({ kind: 'inserted' });
    const second = await store.schedules.run('s', { jobId: 'b', actor: null }, T0);
    expect(second).toMatchObject({ kind: 'full', unfinished: 1, oldest: 'a' });
    expect(await store.get('b')).toBeNull();
    await store.requestCancel({ ids: ['a'] }, 'no', T0);
    expect(await store.schedules.run('s', { jobId: 'a', actor: null }, T0)).toEqual({ kind: 'duplicate-id' });
    expect(await store.schedules.run('s', { jobId: 'b', actor: null }, T0)).toMatchObject({ kind: 'inserted' });
    expect(await store.schedules.run('nobody', { jobId: 'c', actor: null }, T0)).toEqual({ kind: 'missing' });
    await put(store, [newJob({ id: 'holder', key: 'k' })]);
    await add(store, specOf('keyed', { job: { key: 'k' } }));
    expect(await store.schedules.run('keyed', { jobId: 'd', actor: null }, T0)).toMatchObject({
      kind: 'key-taken',
      existing: 'holder',
    });
    expect((await get(store, 's')).counts.byHand).toBe(2);
  });

  test('an edit of a version that is no longer there changes nothing', async (store) => {
    await add(store, specOf('s'));
    const edit = (maxInstances: number, version: number | null) =>
      change(store, 's', { kind: 'update', edit: { maxInstances }, source: 'api', actor: 'Ada', version });
    expect(await edit(2, 1)).toMatchObject({ kind: 'changed', schedule: { version: 2, maxInstances: 2 } });
    expect(await edit(3, 1)).toMatchObject({ kind: 'conflict', schedule: { version: 2, maxInstances: 2 } });
    expect(await change(store, 's', { ...PAUSE, version: 1 })).toMatchObject({ kind: 'conflict' });
    expect(await change(store, 's', { ...REMOVE, version: 1 })).toMatchObject({ kind: 'conflict' });
    // A run is no edit: it does not come between a person's look and their change.
    await fire(store, T0 + MINUTE);
    expect(await edit(4, 2)).toMatchObject({ kind: 'changed', schedule: { version: 3 } });
  });

  testTwo('of two edits of one version, one is written', async (first, second) => {
    await add(first, specOf('s'));
    for (let version = 1; version <= 20; version++) {
      const edits = [first, second].map((store, i) =>
        change(store, 's', {
          kind: 'update',
          edit: { maxInstances: 2 * version + i },
          source: 'api',
          actor: null,
          version,
        }),
      );
      expect((await Promise.all(edits)).map(({ kind }) => kind).sort()).toEqual(['changed', 'conflict']);
    }
    expect((await get(first, 's')).version).toBe(21);
  });

  test('the history of an edit holds what was and what is', async (store) => {
    await add(store, specOf('s', { job: { payload: '{"a":1}' } }));
    const spec = specOf('s', { trigger: { cron: '0 5 * * *' }, job: { payload: '{"a":2}' } });
    const edit = { job: spec.job, trigger: spec.trigger };
    await change(store, 's', { kind: 'update', edit, source: 'api', actor: 'Ada', version: 1 });
    expect((await history(store, 's')).at(-1)).toMatchObject({
      kind: 'updated',
      actor: 'Ada',
      reason: 'api',
      changes: {
        'job.payload': { from: '{"a":1}', to: '{"a":2}' },
        trigger: { from: { cron: '* * * * *' }, to: { cron: '0 5 * * *' } },
      },
    });
    expect(await get(store, 's')).toMatchObject({ nextAt: Date.parse('2027-01-16T05:00Z'), updatedAt: T0 });
  });

  test('a slot of the old trigger that was due is told when the trigger changes', async (store) => {
    await add(store, specOf('s'));
    const { trigger } = specOf('s', { trigger: { cron: '0 5 * * *' } });
    await change(store, 's', { kind: 'update', edit: { trigger }, source: 'api', ...BY }, T0 + 3 * MINUTE);
    expect((await history(store, 's')).slice(1)).toMatchObject([{ kind: 'updated' }, { kind: 'missed', count: 3 }]);
    expect(await fireAll(store, T0 + HOUR)).toBe(0);
  });

  test('what code registers: made once, not again at a restart, changed when code changes, and never by an older build', async (store) => {
    const register = (given: Parameters<typeof specOf>[1], now = T0) =>
      change(store, 's', { kind: 'register', spec: specOf('s', { source: 'code', ...given }, now), actor: null }, now);
    expect(await register({ build: '1.9' })).toMatchObject({ kind: 'added' });
    expect(await register({ build: '1.9' })).toMatchObject({ kind: 'unchanged' });
    expect(await register({ build: '1.10', maxInstances: 2 })).toMatchObject({
      kind: 'changed',
      schedule: { version: 2 },
    });
    for (const build of ['1.9', null])
      expect(await register({ build, maxInstances: 1 })).toMatchObject({ kind: 'older-build' });
    expect(await get(store, 's')).toMatchObject({ maxInstances: 2, build: '1.10' });
    // What a person changed stays until code says something else; a pause stays in any case.
    await change(store, 's', { kind: 'update', edit: { maxInstances: 5 }, source: 'api', ...BY });
    await change(store, 's', PAUSE);
    expect(await register({ build: '1.10', maxInstances: 2 })).toMatchObject({ kind: 'unchanged' });
    expect(await register({ build: '1.11', maxInstances: 2 })).toMatchObject({ kind: 'unchanged' });
    expect(await get(store, 's')).toMatchObject({ maxInstances: 5, build: '1.11' });
    expect(await register({ build: '1.12', maxInstances: 3 })).toMatchObject({ kind: 'changed' });
    expect(await get(store, 's')).toMatchObject({ maxInstances: 3, pause: { actor: 'Ada' } });
  });

  test('an interval without a start keeps its beat over restarts', async (store) => {
    const register = (now: number, payload = '{}') => {
      const spec = specOf('s', { source: 'code', trigger: { interval: '1h' }, job: { payload } }, now);
      return change(store, 's', { kind: 'register', spec, actor: null }, now);
    };
    await register(T0);
    for (let minute = 10; minute <= 50; minute += 10)
      expect(await register(T0 + minute * MINUTE)).toMatchObject({ kind: 'unchanged' });
    expect(await register(T0 + 55 * MINUTE, '{"new":1}')).toMatchObject({ kind: 'changed' });
    expect((await get(store, 's')).nextAt).toBe(T0 + HOUR);
    expect((await fire(store, T0 + HOUR)).jobs).toBe(1);
  });

  testTwo('eight registrations of one schedule at the same time make one', async (first, second) => {
    const spec = specOf('s', { source: 'code' });
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => change(i % 2 ? first : second, 's', { kind: 'register', spec, actor: null })),
    );
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['added', ...Array(7).fill('unchanged')]);
    expect(await kinds(first, 's')).toEqual(['added']);
  });

  test('a schedule that is removed leaves its jobs, its history and their limit; another of its name goes on with them', async (store) => {
    await add(store, specOf('s', { overlap: 'queueAll' }));
    for (const minute of [1, 2]) await fire(store, T0 + minute * MINUTE);
    expect(await change(store, 's', REMOVE, T0 + 2 * MINUTE)).toMatchObject({ kind: 'removed', schedule: { id: 's' } });
    expect(await store.schedules.get('s')).toBeNull();
    expect(await store.schedules.nextAt()).toBeNull();
    expect(await slots(store, 's')).toEqual([1, 2]);
    const worker = await startWorker(store);
    expect(await worker.claim({}, T0 + 2 * MINUTE)).toHaveLength(1);
    await add(store, specOf('s'), T0 + 2 * MINUTE);
    expect(await kinds(store, 's')).toEqual(['added', 'fired', 'fired', 'removed', 'added']);
    await fire(store, T0 + 3 * MINUTE);
    expect((await get(store, 's')).counts).toMatchObject({ fired: 0, skipped: 1 });
  });

  test('a schedule that was removed is forgotten when jobs of its time are', async (store) => {
    await add(store, specOf('gone'));
    await add(store, specOf('here'));
    await change(store, 'gone', REMOVE, T0 + 1);
    const prune = (failedBefore: number) => store.prune({ doneBefore: null, failedBefore, keep: null }, T0 + DAY);
    await prune(T0 + 1);
    expect(await kinds(store, 'gone')).toEqual(['added', 'removed']);
    await prune(T0 + HOUR);
    expect(await kinds(store, 'gone')).toEqual([]);
    expect(await kinds(store, 'here')).toEqual(['added']);
  });

  test('jobs are found by their schedule, counted, and cancelled by it; a replay names it, too', async (store) => {
    for (const id of ['a', 'b']) await add(store, specOf(id, { overlap: 'queueAll' }));
    for (const minute of [1, 2]) await fireAll(store, T0 + minute * MINUTE);
    expect(await count(store, { schedule: 'a' })).toBe(2);
    expect(await store.requestCancel({ filter: checkFilter({ schedule: 'a' }) }, 'no', T0)).toMatchObject({
      cancelled: 2,
    });
    expect(await count(store, { schedule: 'b', status: 'queued' })).toBe(2);
    const [of] = await list(store, { schedule: 'a' });
    const slot = { scheduleId: 'a', at: of!.slotAt! };
    await put(
      store,
      [1, 2].map(() => newJob({ replayOf: of!.id, userInitiated: false, slot })),
    );
    expect(await count(store, { schedule: 'a' })).toBe(4);
  });
};

const trailCases = ({ test, testTwo }: Subject): void => {
  test('the history is bounded, and what people did is not pushed out by runs', async (store) => {
    await add(store, specOf('s', { missed: 'runAll', overlap: 'queueAll' }));
    await change(store, 's', PAUSE);
    await change(store, 's', RESUME);
    await fireAll(store, T0 + 2200 * MINUTE);
    const entries: HistoryEntry[] = [];
    let before: number | null = null;
    do {
      const page = await store.schedules.history('s', { limit: 400, ...(before !== null && { before }) });
      entries.push(...page.entries);
      before = page.next;
    } while (before !== null);
    const fired = entries.filter(({ kind }) => kind === 'fired');
    expect(fired.length).toBeGreaterThanOrEqual(1000);
    expect(fired.length).toBeLessThan(1100);
    expect(fired[0]!.slotAt).toBe(T0 + 2200 * MINUTE);
    expect(entries.slice(-3).map(({ kind }) => kind)).toEqual(['resumed', 'paused', 'added']);
    expect((await get(store, 's')).counts.fired).toBe(2200);
  });

  test('every change is heard with its entry; a watcher of jobs hears jobs only', async (store) => {
    const heard: ScheduleChange[] = [];
    const jobs: string[] = [];
    const stop = store.schedules.watch((changes) => heard.push(...changes));
    store.watch((changes) => jobs.push(...changes.map(({ kind }) => kind)));
    await add(store, specOf('s', { job: { type: 'report' } }));
    await fire(store, T0 + MINUTE);
    await fire(store, T0 + 2 * MINUTE);
    await change(store, 's', { ...PAUSE, reason: 'why' }, T0 + 2 * MINUTE);
    expect(heard).toMatchObject([
      { kind: 'schedule', id: 's', type: 'report', version: 1, nextAt: T0 + MINUTE, entry: { kind: 'added' } },
      {
        at: T0 + MINUTE,
        nextAt: T0 + 2 * MINUTE,
        entry: { kind: 'fired', slotAt: T0 + MINUTE, jobId: expect.any(String) },
      },
      { entry: { kind: 'skipped', count: 1, slotAt: T0 + 2 * MINUTE } },
      { version: 2, nextAt: null, entry: { kind: 'paused', reason: 'why', actor: 'Ada' } },
    ]);
    expect(jobs).toEqual(['status']);
    stop();
    await change(store, 's', RESUME);
    expect(heard).toHaveLength(4);
  });

  testTwo('changes that another process made are heard, in their order', async (first, second) => {
    const heard: string[] = [];
    first.schedules.watch((changes) => heard.push(...changes.map(({ id, entry }) => `${id} ${entry.kind}`)));
    await first.poll(T0);
    await add(second, specOf('s'));
    await fire(second, T0 + MINUTE);
    await change(second, 's', REMOVE, T0 + MINUTE);
    await first.poll(T0 + MINUTE);
    expect(heard).toEqual(['s added', 's fired', 's removed']);
  });
};

const raceCases = ({ testTwo }: Subject): void => {
  testTwo('two processes that fire the same slots: one job each', async (first, second) => {
    const ids = Array.from({ length: 25 }, (_, i) => `s${i}`);
    for (const id of ids) await add(first, specOf(id, { overlap: 'queueAll' }));
    for (let minute = 1; minute <= 20; minute++) {
      const now = T0 + minute * MINUTE;
      const answers = await Promise.all([first, second, first, second].map((store) => fire(store, now, 10)));
      await Promise.all([first, second].map((store) => fireAll(store, now)));
      expect(answers.length).toBe(4);
    }
    for (const id of ids) {
      expect(await slots(first, id)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      expect(await get(second, id)).toMatchObject({ counts: { fired: 20, missed: 0, skipped: 0 } });
    }
    await expectExactCounts(first);
  });

  testTwo(
    'a pause, an edit or a removal against a run: the one or the other is first, and nothing runs after it',
    async (first, second) => {
      const commands: ScheduleCommand[] = [
        PAUSE,
        REMOVE,
        {
          kind: 'update',
          edit: { trigger: specOf('x', { trigger: { cron: '0 0 1 1 *' } }).trigger },
          source: 'api',
          ...BY,
        },
      ];
      for (const [i, command] of commands.entries())
        for (let round = 0; round < 10; round++) {
          const id = `s${i}-${round}`;
          await add(first, specOf(id));
          const now = T0 + MINUTE;
          const both = [() => fire(first, now), () => change(second, id, command, now)];
          await Promise.all((round % 2 ? both : both.toReversed()).map((one) => one()));
          const ran = await slots(first, id);
          const told = (await history(first, id)).filter(({ kind }) => kind === 'fired');
          expect(ran).toEqual(told.length === 1 ? [1] : []);
          expect(await fireAll(second, T0 + HOUR)).toBe(0);
          expect(await slots(first, id)).toEqual(ran);
        }
    },
  );

  testTwo('runs by hand from two processes: no more than maxInstances', async (first, second) => {
    await add(first, specOf('s', { maxInstances: 3 }));
    const runs = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? first : second).schedules.run('s', { jobId: `hand-${i}`, actor: null }, T0),
      ),
    );
    expect(runs.filter(({ kind }) => kind === 'inserted')).toHaveLength(3);
    expect(runs.filter(({ kind }) => kind === 'full')).toHaveLength(9);
    expect(await count(first, { schedule: 's' })).toBe(3);
  });
};

const onceCases = ({ test, testTwo }: Subject): void => {
  const once = { key: 'k', fingerprint: 'f', until: T0 + DAY };
  const run = (store: Store, jobId: string, key = once, now = T0) =>
    store.schedules.runOnce(key, 's', { jobId, actor: null }, now);

  test('a run that is asked for once is one job, however often it is asked for, also when that is gone', async (store) => {
    await add(store, specOf('s', { maxInstances: 3 }));
    expect(await run(store, 'a')).toMatchObject({ kind: 'inserted', jobId: 'a' });
    expect(await run(store, 'b')).toEqual({ kind: 'again', jobId: 'a' });
    await store.remove({ ids: ['a'] }, T0);
    expect(await run(store, 'c', once, T0 + DAY - 1)).toEqual({ kind: 'again', jobId: 'a' });
    expect(await count(store, { schedule: 's' })).toBe(0);
    // Its key is free when its time is over.
    expect(await run(store, 'd', { ...once, until: T0 + 2 * DAY }, T0 + DAY)).toMatchObject({ jobId: 'd' });
  });

  test('a run under the key of another request is refused', async (store) => {
    await add(store, specOf('s'));
    await run(store, 'a');
    expect(await run(store, 'b', { ...once, fingerprint: 'other' })).toBeNull();
    expect(await store.insertOnce({ ...once, fingerprint: 'other' }, [newJob()], T0)).toBeNull();
    expect(await count(store)).toBe(1);
  });

  test('a run is not kept when it is refused: it may be asked for again', async (store) => {
    expect(await run(store, 'a')).toEqual({ kind: 'missing' });
    await add(store, specOf('s', { maxInstances: 1 }));
    expect(await run(store, 'b', { ...once, key: 'other' })).toMatchObject({ kind: 'inserted' });
    expect(await run(store, 'c')).toMatchObject({ kind: 'full', oldest: 'b' });
    await store.requestCancel({ ids: ['b'] }, 'enough', T0);
    expect(await run(store, 'd')).toMatchObject({ kind: 'inserted', jobId: 'd' });
  });

  testTwo('a run that is asked for once, from two processes at once, is one job', async (first, second) => {
    await add(first, specOf('s', { maxInstances: 100 }));
    const runs = await Promise.all(Array.from({ length: 20 }, (_, i) => run(i % 2 ? first : second, `hand-${i}`)));
    expect(runs.filter((outcome) => outcome?.kind === 'inserted')).toHaveLength(1);
    expect(new Set(runs.map((outcome) => (outcome as { jobId: string }).jobId)).size).toBe(1);
    expect(await count(first, { schedule: 's' })).toBe(1);
  });
};
