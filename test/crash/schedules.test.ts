/** Schedules fired by real processes: many at one time, some of them killed; and one whose wall clock is set while it runs. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobManager } from 'backline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { embedded18, freshSchema, type Server, startServer } from '../conformance/postgres.ts';
import { freshFile, freshFolder, startManager } from '../managers.ts';
import { until } from '../wait.ts';
import { Child, endChildren } from './child.ts';
import type { TickingOrder } from './ticking-child.ts';

const ticking = (order: TickingOrder, env?: Readonly<Record<string, string>>): Child =>
  new Child('ticking-child.ts', order, env && { env });

/** The slots of the jobs of each schedule, in order. */
const slotsOf = async (manager: JobManager, id: string): Promise<number[]> => {
  const slots: number[] = [];
  let after: string | undefined;
  do {
    const page = await manager.list({ schedule: id }, { order: 'oldest', limit: 1000, ...(after && { after }) });
    slots.push(...page.jobs.map(({ slotAt }) => slotAt!));
    after = page.next ?? undefined;
  } while (after);
  return slots.sort((a, b) => a - b);
};

afterEach(endChildren);

describe('eight processes that fire two hundred schedules for a fast minute, three of them killed', () => {
  const SCHEDULES = 200;
  const TIMES = 10;
  let server: Server;
  beforeAll(async () => {
    server = await startServer(embedded18);
  });
  afterAll(() => server.dispose());

  test.each([
    ['SQLite', () => freshFile()],
    ['PostgreSQL', () => freshSchema(server)],
  ])('fire every slot exactly once on %s', { timeout: 120_000 }, async (_, place) => {
    const database = place();
    const since = Date.now();
    const fast = { times: TIMES, since };
    const now = () => Math.round(since + (Date.now() - since) * TIMES);
    const boss = await startManager(
      { worker: false, clock: { now, monotonic: () => performance.now() * TIMES } },
      database,
    );
    const everyMs = (i: number) => 2000 + (i % 7) * 1000;
    // All begin a while from now, so that the processes are there.
    const firstAt = now() + 30_000;
    for (let i = 0; i < SCHEDULES; i++)
      await boss.schedules.add({
        ...{ id: `s${i}`, type: 'beat', interval: everyMs(i), start: firstAt + i * 10 },
        ...{ missed: 'runAll', overlap: 'queueAll' },
      });
    const children = Array.from({ length: 8 }, (_, i) => ticking({ database, name: `p${i}`, fast }));
    await Promise.all(children.map((child) => child.fact('ready')));
    const killed = children.slice(0, 3);
    for (const [i, child] of killed.entries()) {
      await until(() => now() > firstAt + (i + 1) * 15_000, 'a quarter of the minute passes', 60_000);
      child.kill('SIGKILL');
    }
    await until(() => now() > firstAt + 60_000, 'the minute passes', 60_000);
    for (const child of children.slice(3)) child.say('stop');
    for (const child of children.slice(3)) expect(await child.ended).toEqual({ code: 0, signal: null });

    for (let i = 0; i < SCHEDULES; i++) {
      const { counts, lastSlot, createdAt } = (await boss.schedules.get(`s${i}`))!;
      // Slots count from when a schedule was made, which on a busy machine may be after its first.
      const start = firstAt + i * 10;
      const first = start + Math.max(0, Math.floor((createdAt - start) / everyMs(i)) + 1) * everyMs(i);
      expect(lastSlot! - first).toBeGreaterThan(40_000);
      const expected = Array.from({ length: (lastSlot! - first) / everyMs(i) + 1 }, (_, n) => first + n * everyMs(i));
      expect(await slotsOf(boss, `s${i}`)).toEqual(expected);
      expect(counts).toEqual({ fired: expected.length, missed: 0, skipped: 0, byHand: 0 });
    }
  });
});

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

describe.skipIf(!existsSync(FAKETIME))(
  `a service whose wall clock is set while it runs (${existsSync(FAKETIME) ? 'libfaketime' : 'skipped: libfaketime is not installed'})`,
  () => {
    const MINUTE = 60_000;
    const HOUR = 60 * MINUTE;

    /** A service on a clock that is ahead of ours by as much as `set` says. */
    const service = async () => {
      const database = freshFile();
      const setting = join(freshFolder(), 'time');
      let aheadMs = 0;
      const set = (ms: number) => {
        aheadMs = ms;
        writeFileSync(setting, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}\n`);
      };
      const now = () => Date.now() + aheadMs;
      const boss = await startManager({ worker: false, clock: { now, monotonic: () => performance.now() } }, database);
      const start = () =>
        ticking(
          { database, name: 'service' },
          {
            ...{ LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: setting },
            ...{ FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
          },
        );
      return { boss, set, now, start };
    };

    /** Every slot that was due was fired, or is told as missed; and none twice. */
    const expectAll = async (boss: JobManager, id: string, everyMs: number) => {
      const slots = await slotsOf(boss, id);
      expect(new Set(slots).size).toBe(slots.length);
      const { counts, trigger, lastSlot } = (await boss.schedules.get(id))!;
      const first = (trigger as { firstAt: number }).firstAt;
      expect(counts.fired).toBe(slots.length);
      expect(counts.fired + counts.missed + counts.skipped).toBe((lastSlot! - first) / everyMs + 1);
      return counts;
    };

    test('by an hour, forward and back: no slot is lost, and none doubled', { timeout: 60_000 }, async () => {
      const { boss, set, now, start } = await service();
      set(0);
      await boss.schedules.add({ id: 'second', type: 'beat', interval: '1s', missed: 'runAll', overlap: 'queueAll' });
      await boss.schedules.add({ id: 'minute', type: 'beat', interval: '1m', start: now() + 2000, maxInstances: 3 });
      const child = start();
      await until(async () => (await boss.schedules.get('second'))!.counts.fired >= 2, 'it fires', 30_000);
      set(HOUR);
      await child.fact(({ fact, byMs }) => fact === 'jumped' && Math.abs(Number(byMs) - HOUR) < 5000);
      await until(async () => (await boss.schedules.get('second'))!.counts.fired > 3600, 'the hour is made up', 30_000);
      await until(
        async () => (await boss.schedules.get('minute'))!.counts.missed >= 58,
        'the minutes are told',
        30_000,
      );
      set(0);
      await child.fact(({ fact, byMs }) => fact === 'jumped' && Math.abs(Number(byMs) + HOUR) < 5000);
      // What the clock says once more has been fired already; then it goes on.
      const fired = (await boss.schedules.get('second'))!.counts.fired;
      set(HOUR + MINUTE);
      await until(async () => (await boss.schedules.get('second'))!.counts.fired >= fired + 50, 'it goes on', 30_000);
      child.say('stop');
      await child.fact('closed');
      expect(await expectAll(boss, 'second', 1000)).toMatchObject({ missed: 0, skipped: 0 });
      await expectAll(boss, 'minute', MINUTE);
    });

    test('over a night in which clocks change: 02:30 comes once in spring and once in autumn', {
      timeout: 60_000,
    }, async () => {
      const { boss, set, start } = await service();
      const at = (text: string) => set(Date.parse(text) - Date.now());
      at('2027-03-28T00:20:00Z');
      await boss.schedules.add({ id: 'nightly', type: 'beat', cron: '30 2 * * *', timeZone: 'Europe/Berlin' });
      const child = start();
      await child.fact('ready');
      const fires = async (moment: string, slot: string) => {
        at(moment);
        const isFired = async () => (await boss.schedules.get('nightly'))!.lastSlot === Date.parse(slot);
        await until(isFired, `the slot ${slot} is fired`, 30_000);
        // A job that still ran when the clock was set on would be an overlap.
        const isIdle = async () => (await boss.count({ status: ['created', 'queued', 'running'] })) === 0;
        await until(isIdle, 'its job has run', 30_000);
      };
      // 02:30 does not come that night: it runs at 03:00, which is 01:00 UTC.
      await fires('2027-03-28T01:00:01Z', '2027-03-28T01:00:00Z');
      await fires('2027-03-29T00:30:01Z', '2027-03-29T00:30:00Z');
      await fires('2027-10-30T00:30:01Z', '2027-10-30T00:30:00Z');
      // 02:30 comes twice: it runs at the first, and not at the second.
      await fires('2027-10-31T00:30:01Z', '2027-10-31T00:30:00Z');
      await fires('2027-11-01T01:30:01Z', '2027-11-01T01:30:00Z');
      child.say('stop');
      await child.fact('closed');
      expect(await slotsOf(boss, 'nightly')).toHaveLength(5);
      // From 30 March to 29 October, told and counted.
      expect((await boss.schedules.get('nightly'))!.counts).toEqual({ fired: 5, missed: 214, skipped: 0, byHand: 0 });
    });
  },
);
