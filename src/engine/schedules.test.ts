import { testClock } from 'backline/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { codeOf, freshFile, listen, type newManager, only, refusalOf, startManager } from '../../test/managers.ts';
import { aborted } from '../../test/mock-job-executor.ts';
import { signal, until } from '../../test/wait.ts';
import type { Context } from '../job/context.ts';
import { job } from '../job/define.ts';
import type { ScheduleRequest } from '../schedule/request.ts';

const START = '2026-03-28T12:00:00Z';
const ms = (text: string) => Date.parse(text);
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString().replace('.000Z', 'Z'));

/** A manager whose clock is held by hand, and the slots that its jobs were given. */
const scheduled = async (options: Parameters<typeof newManager>[0] = {}, database = ':memory:') => {
  const clock = testClock(START);
  const slots: (string | null)[] = [];
  const report = job({
    input: z.object({ n: z.number() }),
    run: async (_: { n: number }, ctx: Context) => void slots.push(iso(ctx.job.slotAt)),
  });
  const long = job({ run: async (_: unknown, ctx: Context) => aborted(ctx.signal) });
  const manager = await startManager({ clock, pollInterval: '1h', ...options, jobs: { report, long } }, database);
  return { manager, clock, slots, heard: listen(manager) };
};

const nightly = {
  id: 'nightly',
  type: 'report',
  payload: { n: 1 },
  cron: '0 2 * * *',
  timeZone: 'Europe/Berlin',
} as const;

describe('a schedule', () => {
  test('starts its job at its time, with the nominal time of its slot, and goes on', async () => {
    const { manager, clock, slots, heard } = await scheduled();
    const made = await manager.schedules.add(nightly, { actor: 'ada' });
    expect(made).toMatchObject({
      id: 'nightly',
      type: 'report',
      payload: { n: 1 },
      version: 1,
      source: 'code',
      pause: null,
    });
    expect(made.words).toBe('At 02:00 every day, Europe/Berlin time');
    expect(iso(made.nextAt)).toBe('2026-03-29T01:00:00Z');
    clock.advance('12h');
    expect(slots).toEqual([]);
    clock.advance('1h');
    await until(() => slots.length === 1);
    // The night of the clock change: what 02:00 does not show comes at 03:00. From then on it is summer.
    clock.advance('1d');
    await until(() => slots.length === 2);
    expect(slots).toEqual(['2026-03-29T01:00:00Z', '2026-03-30T00:00:00Z']);
    const [last] = (await manager.list({ schedule: 'nightly' })).jobs;
    const now = await manager.schedules.get('nightly');
    expect(now).toMatchObject({
      lastJobId: last!.id,
      counts: { fired: 2, missed: 0, skipped: 0, byHand: 0 },
      version: 1,
    });
    expect(last).toMatchObject({ scheduleId: 'nightly', slotAt: ms('2026-03-30T00:00:00Z'), userInitiated: false });
    expect(only(heard, 'schedule-fired').map(({ slotAt }) => iso(slotAt))).toEqual(slots);
    const { entries } = await manager.schedules.history('nightly');
    expect(entries.map(({ kind, actor }) => [kind, actor])).toEqual([
      ['fired', null],
      ['fired', null],
      ['added', 'ada'],
    ]);
  });

  test('whose slots passed leaves a trace of each', async () => {
    const { manager, clock, slots, heard } = await scheduled();
    await manager.schedules.add({ ...nightly, cron: '0 * * * *' });
    clock.advance('3d');
    await until(() => slots.length === 1);
    expect(slots).toEqual([iso(ms(START) + 3 * 86_400_000)]);
    expect(only(heard, 'schedule-missed')).toMatchObject([
      { count: 71, firstSlotAt: ms(START) + 3_600_000, lastSlotAt: ms(START) + 71 * 3_600_000, reason: 'late' },
    ]);
    expect((await manager.schedules.get('nightly'))!.counts).toMatchObject({ fired: 1, missed: 71 });
  });

  test('leaves out what would overlap, and says so', async () => {
    const { manager, clock, heard } = await scheduled();
    await manager.schedules.add({ id: 'slow', type: 'long', interval: '1h' });
    clock.advance('1h');
    await until(async () => (await manager.count({ status: 'running' })) === 1);
    clock.advance('1h');
    await until(() => only(heard, 'schedule-skipped').length === 1);
    expect(only(heard, 'schedule-skipped')).toMatchObject([{ scheduleId: 'slow', count: 1, reason: 'overlap' }]);
    expect(await manager.count({ schedule: 'slow' })).toBe(1);
  });

  test('does not care what becomes of its jobs', async () => {
    const { manager, clock, heard } = await scheduled();
    await manager.schedules.add({ id: 'slow', type: 'long', interval: '1h' });
    for (let run = 1; run <= 3; run++) {
      clock.advance('1h');
      await until(() => only(heard, 'schedule-fired').length === run);
      await manager.cancelAll({ schedule: 'slow', status: ['queued', 'running'] });
      await until(async () => (await manager.count({ status: 'cancelled' })) === 1);
      await manager.removeAll({ schedule: 'slow', status: 'cancelled' });
    }
    expect((await manager.schedules.get('slow'))!.counts).toMatchObject({ fired: 3, skipped: 0 });
  });

  test('may come only once, also if its time has passed already', async () => {
    const { manager, clock, slots } = await scheduled();
    await manager.schedules.add({ id: 'once', type: 'report', payload: { n: 1 }, at: '2026-03-28T14:00:00+01:00' });
    await manager.schedules.add({ id: 'late', type: 'report', payload: { n: 2 }, at: '2026-03-28T11:00:00Z' });
    await until(() => slots.length === 1);
    clock.advance('1h');
    await until(() => slots.length === 2);
    expect(slots).toEqual(['2026-03-28T11:00:00Z', '2026-03-28T13:00:00Z']);
    expect(await manager.schedules.get('once')).toMatchObject({ nextAt: null, nextSlot: null });
    expect((await manager.schedules.history('once')).entries[0]).toMatchObject({ kind: 'ended' });
  });

  test('is woken at once by another process that needs it', async () => {
    const file = freshFile();
    const { slots, clock } = await scheduled({ pollInterval: 20 }, file);
    const other = await startManager({ worker: false, clock }, file);
    await other.schedules.add({ id: 'soon', type: 'report', payload: { n: 1 }, at: new Date(clock.now()) });
    await until(() => slots.length === 1);
  });
});

describe('a schedule changed by people', () => {
  test('pauses, with all that was said, and goes on in the future', async () => {
    const { manager, clock, slots, heard } = await scheduled();
    await manager.schedules.add({ ...nightly, cron: '0 * * * *' });
    const paused = await manager.schedules.pause('nightly', {
      reason: 'audit',
      actor: 'ada',
      until: '2026-03-28T15:30:00Z',
    });
    expect(paused).toMatchObject({ version: 2, nextAt: null, pause: { reason: 'audit', actor: 'ada', at: ms(START) } });
    clock.advance('3h');
    expect(slots).toEqual([]);
    // It ends by itself.
    clock.advance('1h');
    await until(() => slots.length === 1);
    expect(slots).toEqual(['2026-03-28T16:00:00Z']);
    expect(only(heard, 'schedule-missed')).toMatchObject([{ count: 3, reason: 'paused' }]);
    await manager.schedules.pause('nightly');
    const resumed = await manager.schedules.resume('nightly', { actor: 'bob' });
    expect([resumed.pause, iso(resumed.nextAt)]).toEqual([null, '2026-03-28T17:00:00Z']);
    expect(only(heard, 'schedule-changed').map(({ change, actor }) => [change, actor])).toEqual([
      ['added', null],
      ['paused', 'ada'],
      ['resumed', 'ada'],
      ['paused', null],
      ['resumed', 'bob'],
    ]);
  });

  test('runs now, beside its slots and within its instances', async () => {
    const { manager } = await scheduled();
    await manager.schedules.add({ id: 'slow', type: 'long', interval: '1h' });
    await manager.schedules.pause('slow');
    const { id } = await manager.schedules.run('slow', { actor: 'ada' });
    expect(await manager.get(id)).toMatchObject({ scheduleId: 'slow', slotAt: ms(START), userInitiated: true });
    const refused = await refusalOf(() => manager.schedules.run('slow'));
    expect(refused).toMatchObject({ code: 'SCHEDULE_FULL', field: 'maxInstances' });
    expect(refused.message).toContain(id);
    expect((await manager.schedules.get('slow'))!.counts).toMatchObject({ fired: 0, byHand: 1 });
  });

  test('changes in part; a version that is not the latest is refused', async () => {
    const { manager } = await scheduled();
    await manager.schedules.add({ ...nightly, options: { queue: 'reports', priority: 2 } });
    const again = await manager.schedules.update('nightly', { payload: { n: 2 } }, { version: 1, actor: 'ada' });
    expect(again).toMatchObject({ version: 2, payload: { n: 2 }, job: { queue: 'reports', priority: 2 } });
    expect(await codeOf(() => manager.schedules.update('nightly', { maxInstances: 2 }, { version: 1 }))).toBe(
      'SCHEDULE_CHANGED',
    );
    const moved = await manager.schedules.update('nightly', {
      cron: '30 5 * * *',
      missed: 'skip',
      options: { tags: ['a'] },
    });
    expect(moved).toMatchObject({
      version: 3,
      missed: 'skip',
      payload: { n: 2 },
      job: { queue: 'default', tags: ['a'] },
    });
    // The zone belongs to the trigger, which was given without one.
    expect(iso(moved.nextAt)).toBe('2026-03-29T05:30:00Z');
    const [latest] = (await manager.schedules.history('nightly')).entries;
    expect(Object.keys(latest!.changes!)).toEqual(
      expect.arrayContaining(['trigger', 'missed', 'job.queue', 'job.tags']),
    );
  });

  test('two changes at one time both hold', async () => {
    const { manager } = await scheduled();
    await manager.schedules.add(nightly);
    await Promise.all([
      manager.schedules.update('nightly', { maxInstances: 3 }),
      manager.schedules.update('nightly', { missed: 'skip' }),
      manager.schedules.update('nightly', { payload: { n: 7 } }),
    ]);
    expect(await manager.schedules.get('nightly')).toMatchObject({
      maxInstances: 3,
      missed: 'skip',
      payload: { n: 7 },
      version: 4,
    });
  });

  test('is removed, and its history stays', async () => {
    const { manager, clock, slots } = await scheduled();
    await manager.schedules.add(nightly);
    expect(await manager.schedules.remove('nightly', { actor: 'ada' })).toBe(true);
    expect(await manager.schedules.remove('nightly')).toBe(false);
    clock.advance('3d');
    expect([await manager.schedules.get('nightly'), slots]).toEqual([null, []]);
    expect((await manager.schedules.history('nightly')).entries[0]).toMatchObject({ kind: 'removed', actor: 'ada' });
  });

  test('shows its next runs, also while it is paused', async () => {
    const { manager } = await scheduled();
    await manager.schedules.add(nightly);
    await manager.schedules.pause('nightly');
    const { runs, words } = await manager.schedules.next('nightly', { count: 2 });
    expect(words).toBe('At 02:00 every day, Europe/Berlin time');
    expect(runs.map(({ local }) => local)).toEqual(['2026-03-29T03:00:00+02:00', '2026-03-30T02:00:00+02:00']);
    expect(runs[0]!.note).not.toBeNull();
  });

  test('is listed by pages, and found by type and pause', async () => {
    const { manager } = await scheduled();
    for (const id of ['c', 'a', 'b']) await manager.schedules.add({ ...nightly, id });
    await manager.schedules.add({ id: 'd', type: 'long', interval: '1h' });
    await manager.schedules.pause('b');
    const first = await manager.schedules.list({ limit: 3 });
    expect(first.schedules.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const rest = await manager.schedules.list({ limit: 3, after: first.next! });
    expect([rest.schedules.map(({ id }) => id), rest.next]).toEqual([['d'], null]);
    expect((await manager.schedules.list({ paused: true })).schedules.map(({ id }) => id)).toEqual(['b']);
    expect((await manager.schedules.list({ type: 'long' })).schedules.map(({ id }) => id)).toEqual(['d']);
  });
});

describe('schedules in code', () => {
  const started = (schedules: ScheduleRequest[], file: string, options = {}) =>
    scheduled({ ...options, schedules } as Parameters<typeof newManager>[0], file);

  test('are there from the start, and a restart changes nothing', async () => {
    const file = freshFile();
    const hourly = { ...nightly, cron: '0 * * * *' };
    const first = await started([hourly], file);
    first.clock.advance('90m');
    await until(() => first.slots.length === 1);
    const before = await first.manager.schedules.get('nightly');
    await first.manager.close();
    const second = await started([hourly], file);
    second.clock.set(first.clock.now());
    expect(await second.manager.schedules.get('nightly')).toEqual(before);
  });

  test('change when the code does; a pause stays, and an older build changes nothing', async () => {
    const file = freshFile();
    const { manager } = await started([{ ...nightly, build: '1.9' }], file);
    await manager.schedules.pause('nightly', { reason: 'audit' });
    const changed = await manager.schedules.register({ ...nightly, cron: '0 3 * * *', build: '1.10' });
    expect(changed).toMatchObject({
      outcome: 'changed',
      schedule: { pause: { reason: 'audit' }, trigger: { cron: '0 3 * * *' } },
    });
    const kept = await manager.schedules.register({ ...nightly, build: '1.9' });
    expect(kept).toMatchObject({ outcome: 'kept', schedule: { trigger: { cron: '0 3 * * *' }, build: '1.10' } });
  });

  test.each([
    ['an expression', { ...nightly, id: 'b', cron: '61 * * * *' }, 'INVALID_CRON', 'schedules[1].minute'],
    ['a type', { ...nightly, id: 'b', type: 'reprot' }, 'UNKNOWN_JOB_TYPE', 'schedules[1].type'],
    ['a payload', { ...nightly, id: 'b', payload: {} }, 'INVALID_PAYLOAD', 'schedules[1].payload.n'],
    ['an option', { ...nightly, id: 'b', missde: 'skip' }, 'UNKNOWN_OPTION', 'schedules[1].missde'],
    ['an id that is taken', nightly, 'INVALID_OPTION', 'schedules[1].id'],
    ['nothing at all', null, 'INVALID_OPTION', 'schedules[1].schedule'],
  ])('of which one has %s that is wrong stop the start, and nothing is written', async (_, wrong, code, field) => {
    const file = freshFile();
    const refusal = await refusalOf(() => started([nightly, wrong as ScheduleRequest], file));
    expect(refusal).toMatchObject({ code, field });
    const { manager } = await started([], file);
    expect((await manager.schedules.list()).schedules).toEqual([]);
  });

  test('go by the zone of the manager where they name none', async () => {
    const { manager } = await scheduled({ timeZone: 'Asia/Kolkata' });
    const { nextAt } = await manager.schedules.add({ ...nightly, timeZone: undefined } as unknown as typeof nightly);
    expect(iso(nextAt)).toBe('2026-03-28T20:30:00Z');
  });
});

describe('a clock that jumps', () => {
  test('is told of, and loses and doubles nothing', async () => {
    const { manager, clock, slots, heard } = await scheduled();
    await manager.schedules.add({ ...nightly, cron: '0 * * * *' });
    clock.advance('1h');
    await until(() => slots.length === 1);
    clock.set('2026-03-28T15:00:00Z');
    await until(() => slots.length === 2);
    clock.set('2026-03-28T13:30:00Z');
    await until(() => only(heard, 'clock-jumped').length === 2);
    clock.set('2026-03-28T15:30:00Z');
    await until(() => only(heard, 'clock-jumped').length === 3);
    clock.advance('30m');
    await until(() => slots.length === 3);
    expect(slots).toEqual(['2026-03-28T13:00:00Z', '2026-03-28T15:00:00Z', '2026-03-28T16:00:00Z']);
    expect(only(heard, 'schedule-missed')).toMatchObject([{ count: 1, firstSlotAt: ms('2026-03-28T14:00:00Z') }]);
  });

  test('that was years ahead does not stop a schedule until then', async () => {
    const { manager, clock, slots } = await scheduled();
    clock.set('2030-01-01T00:30:00Z');
    await manager.schedules.add({ ...nightly, cron: '0 * * * *' });
    clock.advance('1h');
    await until(() => slots.length === 1);
    clock.set(START);
    await until(async () => iso((await manager.schedules.get('nightly'))!.nextAt) === '2026-03-28T13:00:00Z');
    clock.advance('1h');
    await until(() => slots.length === 2);
    expect((await manager.schedules.history('nightly')).entries.map(({ kind }) => kind)).toContain('retimed');
  });
});

describe('what cannot be', () => {
  test.each<[string, object, string, string]>([
    ['no type', { id: 'a', cron: '0 * * * *' }, 'INVALID_OPTION', 'type'],
    ['an unknown type', { id: 'a', type: 'nothing', cron: '0 * * * *' }, 'UNKNOWN_JOB_TYPE', 'type'],
    ['no trigger', { id: 'a', type: 'long' }, 'INVALID_OPTION', 'trigger'],
    ['two triggers', { id: 'a', type: 'long', cron: '0 * * * *', interval: '1h' }, 'INVALID_OPTION', 'trigger'],
    ['a payload of another shape', { ...nightly, payload: { n: 'x' } }, 'INVALID_PAYLOAD', 'payload.n'],
    ['a day that never comes', { ...nightly, cron: '0 0 30 2 *' }, 'INVALID_CRON', 'day of month'],
    ['a zone that is none', { ...nightly, timeZone: 'CEST' }, 'INVALID_TIME_ZONE', 'timeZone'],
    ['a time of a single run', { ...nightly, options: { runAt: START } }, 'INVALID_OPTION', 'options.runAt'],
    ['an unknown name', { ...nightly, retries: 3 }, 'UNKNOWN_OPTION', 'retries'],
    ['no instances', { ...nightly, maxInstances: 0 }, 'INVALID_OPTION', 'maxInstances'],
    ['an id with a slash', { ...nightly, id: '../a' }, 'INVALID_OPTION', 'id'],
    ['a build that is none', { ...nightly, build: true }, 'INVALID_OPTION', 'build'],
    ['nothing', 7 as unknown as object, 'INVALID_OPTION', 'schedule'],
  ])('%s is refused, and nothing is made', async (_, request, code, field) => {
    const { manager } = await scheduled();
    const error = await refusalOf(() => manager.schedules.add(request as typeof nightly));
    expect([error.code, error.field]).toEqual([code, field]);
    expect((await manager.schedules.list()).schedules).toEqual([]);
  });

  test('a schedule that is there, or is not', async () => {
    const { manager } = await scheduled();
    await manager.schedules.add(nightly);
    expect(await codeOf(() => manager.schedules.add(nightly))).toBe('SCHEDULE_EXISTS');
    for (const call of [
      () => manager.schedules.update('none', { maxInstances: 2 }),
      () => manager.schedules.pause('none'),
      () => manager.schedules.resume('none'),
      () => manager.schedules.run('none'),
      () => manager.schedules.next('none'),
    ])
      expect(await codeOf(call)).toBe('SCHEDULE_NOT_FOUND');
  });
});

test('closing waits for no schedule, and no schedule fires afterwards', async () => {
  const { manager, clock, slots } = await scheduled();
  await manager.schedules.add(nightly);
  const closed = signal();
  void manager.close().then(closed.reach);
  await closed.reached;
  clock.advance('3d');
  expect(slots).toEqual([]);
});
