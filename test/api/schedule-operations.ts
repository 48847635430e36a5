/** What every operation on schedules does, and how it refuses: the same through every door. */
import { expect } from 'vitest';
import { until } from '../wait.ts';
import type { Refusal, Scenario } from './operations.ts';

const nightly = { id: 'nightly', type: 'double', payload: 21, cron: '30 2 * * *', timeZone: 'Europe/Berlin' };

export const SCHEDULE_SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a schedule is made, and says all about itself': async ({ call }) => {
    const made = await call('schedules.add', {
      ...{ ...nightly, calendar: { businessDays: true }, onExcluded: 'nextDay', dst: { gap: 'skip' } },
      ...{ missed: { window: '2h' }, overlap: 'queueOne', maxInstances: 3, build: '1.2' },
      options: { queue: 'side', priority: 2, timeout: '2s', totalTimeout: false, startTimeout: '1d', tags: ['t'] },
    });
    expect(made).toMatchObject({
      ...{ id: 'nightly', type: 'double', payload: 21, source: 'api', build: '1.2', version: 1, maxInstances: 3 },
      words: expect.stringMatching(/^At 02:30 every day/),
      trigger: { ...{ kind: 'cron', cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, dst: { gap: 'skip' } },
      ...{ missed: { window: 7_200_000 }, overlap: 'queueOne', pause: null, problem: null },
      job: { queue: 'side', priority: 2, timeoutMs: 2000, totalMs: null, startMs: 86_400_000, tags: ['t'] },
      counts: { fired: 0, missed: 0, skipped: 0, byHand: 0 },
      allowed: ['update', 'remove', 'pause', 'run'],
      ...{ nextAt: expect.stringMatching(/:30:00\.000Z$/), createdAt: made.updatedAt },
    });
    expect(await call('schedules.get', { id: 'nightly' })).toEqual(made);
    const once = await call('schedules.add', { id: 'once', type: 'double', at: '2100-01-01T00:00:00+01:00' });
    expect(once).toMatchObject({ trigger: { kind: 'once', at: '2099-12-31T23:00:00.000Z' } });
    const beat = { id: 'beat', type: 'double', interval: '1h', jitter: 5000, start: '2100-01-01T08:00:00Z' };
    expect(await call('schedules.add', beat)).toMatchObject({
      trigger: { kind: 'interval', everyMs: 3_600_000, firstAt: '2100-01-01T08:00:00.000Z', jitterMs: 5000 },
    });
  },

  'a schedule is changed by whoever has seen how it is': async ({ call }) => {
    await call('schedules.add', { ...nightly, options: { tags: ['t'] } });
    const changed = await call('schedules.update', { id: 'nightly', version: 1, missed: 'skip', payload: 5 });
    expect(changed).toMatchObject({ version: 2, missed: 'skip', payload: 5, job: { tags: ['t'] } });
    const late = call('schedules.update', { id: 'nightly', version: 1, interval: '1h' });
    await expect(late).rejects.toMatchObject({ code: 'SCHEDULE_CHANGED', field: 'version', found: '2' });
    const timed = await call('schedules.update', { id: 'nightly', interval: 3_600_000, options: {} });
    expect(timed).toMatchObject({ version: 3, trigger: { kind: 'interval' }, job: { tags: [] } });
    const { entries } = await call('schedules.history', { id: 'nightly' });
    expect(entries).toMatchObject([
      { kind: 'updated', actor: 'this machine', reason: 'api', changes: { trigger: { from: { kind: 'cron' } } } },
      { kind: 'updated', changes: { missed: { from: 'runOnce', to: 'skip' } } },
      { kind: 'added', at: expect.stringMatching(/Z$/), slotAt: null, changes: null },
    ]);
  },

  'a schedule is paused, resumed, run by hand and removed': async ({ call, manager }) => {
    await call('schedules.add', nightly);
    const end = '2100-01-01T00:00:00.000Z';
    const paused = await call('schedules.pause', { id: 'nightly', reason: 'quiet', until: end, version: 1 });
    expect(paused).toMatchObject({ pause: { reason: 'quiet', actor: 'this machine', until: end }, nextAt: null });
    expect(paused.allowed).toEqual(['update', 'remove', 'resume', 'run']);
    expect((await call('schedules.list', { paused: true })).schedules).toEqual([paused]);
    const { id } = await call('schedules.run', { id: 'nightly' });
    expect(await call('jobs.result', { id, timeoutMs: 10_000 })).toEqual({ id, result: 42 });
    expect(await call('jobs.get', { id })).toMatchObject({
      ...{ scheduleId: 'nightly', slotAt: expect.stringMatching(/Z$/), userInitiated: true },
    });
    expect(await call('schedules.resume', { id: 'nightly' })).toMatchObject({ pause: null, counts: { byHand: 1 } });
    const { entries, next } = await call('schedules.history', { id: 'nightly', limit: 2 });
    expect(entries).toMatchObject([{ kind: 'resumed' }, { kind: 'ran', jobId: id, actor: 'this machine', count: 1 }]);
    const rest = await call('schedules.history', { id: 'nightly', before: next });
    expect(rest).toMatchObject({ entries: [{ kind: 'paused' }, { kind: 'added' }], next: null });
    expect(await call('schedules.remove', { id: 'nightly' })).toEqual({ id: 'nightly', removed: true });
    await expect(call('schedules.get', { id: 'nightly' })).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    expect((await call('schedules.history', { id: 'nightly' })).entries[0]).toMatchObject({ kind: 'removed' });
    expect(await manager.get(id)).toMatchObject({ status: 'completed' });
  },

  'schedules are listed page by page': async ({ call }) => {
    for (const id of ['a', 'b', 'c']) await call('schedules.add', { ...nightly, id });
    await call('schedules.add', { ...nightly, id: 'd', type: 'chatty' });
    const idsOf = ({ schedules }: { schedules: { id: string }[] }) => schedules.map(({ id }) => id);
    const first = await call('schedules.list', { limit: 3 });
    expect([idsOf(first), first.next]).toEqual([['a', 'b', 'c'], 'c']);
    expect(await call('schedules.list', { limit: 3, after: 'c' })).toMatchObject({
      schedules: [{ id: 'd' }],
      next: null,
    });
    expect(idsOf(await call('schedules.list', { type: 'chatty', paused: false }))).toEqual(['d']);
    expect(idsOf(await call('schedules.list'))).toHaveLength(4);
  },

  'the next runs of a schedule are told in its zone': async ({ call }) => {
    await call('schedules.add', nightly);
    const { words, timeZone, runs, clockChanges } = await call('schedules.next', { id: 'nightly', count: 3 });
    expect({ words, timeZone }).toEqual({
      words: 'At 02:30 every day, Europe/Berlin time',
      timeZone: 'Europe/Berlin',
    });
    expect(runs).toHaveLength(3);
    for (const { at, local } of runs) {
      expect(local).toMatch(/T0[23]:[03]0:00\+0[12]:00$/);
      expect(new Date(local).toISOString()).toBe(at);
    }
    expect(clockChanges).toHaveLength(2);
    expect(clockChanges[0]).toMatchObject({ effect: expect.any(String), runs: [{}, {}, {}] });
  },

  'what a schedule would do is told before there is one': async ({ call }) => {
    const berlin = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };
    const told = await call('schedules.preview', { ...berlin, count: 3 });
    expect(told).toMatchObject({ words: 'At 02:30 every day, Europe/Berlin time', timeZone: 'Europe/Berlin' });
    expect(told.runs).toHaveLength(3);
    await call('schedules.add', nightly);
    expect(await call('schedules.next', { id: 'nightly', count: 3 })).toEqual(told);
    const beat = await call('schedules.preview', { interval: '15m' });
    expect([beat.timeZone, beat.runs.length]).toEqual(['UTC', 5]);
    const once = await call('schedules.preview', { at: '2100-01-01T00:00:00+01:00' });
    expect(once).toMatchObject({ runs: [{ at: '2099-12-31T23:00:00.000Z' }], clockChanges: [] });
    expect((await call('schedules.list')).schedules).toHaveLength(1);
  },

  'the latest jobs of schedules are told, newest first': async ({ call }) => {
    await call('schedules.add', { ...nightly, maxInstances: 3 });
    await call('schedules.add', { ...nightly, id: 'quiet' });
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      made.unshift((await call('schedules.run', { id: 'nightly' })).id);
      await call('jobs.result', { id: made[0], timeoutMs: 10_000 });
    }
    const { schedules } = await call('schedules.runs', { ids: ['nightly', 'quiet', 'nobody', 'quiet'], limit: 2 });
    const time = expect.stringMatching(/Z$/);
    const done = { status: 'completed', shown: 'completed', byHand: true, slotAt: time, createdAt: time };
    expect(schedules).toEqual([
      {
        id: 'nightly',
        jobs: made.slice(0, 2).map((id) => ({ id, ...done, startedAt: time, completedAt: time })),
      },
      { id: 'quiet', jobs: [] },
      { id: 'nobody', jobs: [] },
    ]);
  },

  'a schedule whose jobs are unfinished starts no more by hand': async ({ call, manager }) => {
    await call('schedules.add', { ...nightly, type: 'endless' });
    const { id } = await call('schedules.run', { id: 'nightly' });
    await expect(call('schedules.run', { id: 'nightly' })).rejects.toMatchObject({ code: 'SCHEDULE_FULL' });
    await manager.cancel(id);
    await until(async () => (await manager.get(id))!.status === 'cancelled');
  },
};

export const SCHEDULE_REFUSALS: readonly Refusal[] = [
  ['schedules.get', { id: 'nobody' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.get', { id: 'x'.repeat(191) }, 'INVALID_OPTION', 'id'],
  ['schedules.add', {}, 'INVALID_OPTION', 'id'],
  ['schedules.add', { ...nightly, id: 'there' }, 'SCHEDULE_EXISTS', 'id'],
  ['schedules.add', { id: 'a', type: 'double' }, 'INVALID_OPTION', 'trigger'],
  ['schedules.add', { ...nightly, interval: '1h' }, 'INVALID_OPTION', 'trigger'],
  ['schedules.add', { ...nightly, type: 'nobody' }, 'UNKNOWN_JOB_TYPE', 'type'],
  ['schedules.add', { ...nightly, cron: '0 0 30 2 *' }, 'INVALID_CRON'],
  ['schedules.add', { ...nightly, cron: 7 }, 'INVALID_OPTION', 'cron'],
  ['schedules.add', { ...nightly, timeZone: 'CEST' }, 'INVALID_TIME_ZONE', 'timeZone'],
  ['schedules.add', { ...nightly, calendar: { weekdays: ['mun'] } }, 'INVALID_CALENDAR', 'calendar.weekdays[0]'],
  ['schedules.add', { id: 'a', type: 'double', at: '2100-01-01T00:00' }, 'TIME_WITHOUT_ZONE', 'at'],
  ['schedules.add', { id: 'a', type: 'double', interval: 50 }, 'INVALID_OPTION', 'interval'],
  ['schedules.add', { id: 'a', type: 'double', interval: '1h', jitter: '2h' }, 'INVALID_OPTION', 'jitter'],
  ['schedules.add', { ...nightly, missed: 'never' }, 'INVALID_OPTION', 'missed'],
  ['schedules.add', { ...nightly, overlap: 'pile' }, 'INVALID_OPTION', 'overlap'],
  ['schedules.add', { ...nightly, dst: { gap: 'both' } }, 'INVALID_OPTION', 'dst.gap'],
  ['schedules.add', { ...nightly, maxInstances: 0 }, 'INVALID_OPTION', 'maxInstances'],
  ['schedules.add', { ...nightly, options: { runAt: '2100-01-01T00:00:00Z' } }, 'UNKNOWN_OPTION', 'options.runAt'],
  ['schedules.add', { ...nightly, cronn: '1' }, 'UNKNOWN_OPTION', 'cronn'],
  ['schedules.update', { id: 'nobody', missed: 'skip' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.update', { id: 'there', version: 7, missed: 'skip' }, 'SCHEDULE_CHANGED', 'version'],
  ['schedules.update', { id: 'there', build: 2 }, 'UNKNOWN_OPTION', 'build'],
  ['schedules.pause', { id: 'nobody' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.pause', { id: 'there', until: 'tomorrow' }, 'INVALID_OPTION', 'until'],
  ['schedules.resume', { id: 'there', version: 1 }, 'SCHEDULE_CHANGED', 'version'],
  ['schedules.run', { id: 'nobody' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.remove', { id: 'nobody' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.remove', { id: 'there', version: 1 }, 'SCHEDULE_CHANGED', 'version'],
  ['schedules.next', { id: 'there', count: 0 }, 'INVALID_OPTION', 'count'],
  ['schedules.next', { id: 'nobody' }, 'SCHEDULE_NOT_FOUND'],
  ['schedules.preview', {}, 'INVALID_OPTION', 'trigger'],
  ['schedules.preview', { cron: '0 0 30 2 *' }, 'INVALID_CRON'],
  ['schedules.preview', { cron: '@daily', timeZone: 'CEST' }, 'INVALID_TIME_ZONE', 'timeZone'],
  ['schedules.preview', { interval: '1h', count: 0 }, 'INVALID_OPTION', 'count'],
  ['schedules.preview', { interval: '1h', type: 'double' }, 'UNKNOWN_OPTION', 'type'],
  ['schedules.runs', { ids: [] }, 'INVALID_OPTION', 'ids'],
  ['schedules.runs', { ids: ['../x'] }, 'INVALID_OPTION', 'ids[0]'],
  ['schedules.runs', { ids: ['there'], limit: 101 }, 'INVALID_OPTION', 'limit'],
  ['schedules.list', { after: '../x' }, 'INVALID_OPTION', 'after'],
  ['schedules.list', { paused: 'perhaps' }, 'INVALID_OPTION', 'paused'],
  ['schedules.history', { id: 'there', before: -1 }, 'INVALID_OPTION', 'before'],
];
