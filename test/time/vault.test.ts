/** The four schedules of a knowledge vault at work: registered by the program, at their times in its zone, on both databases. */
import { type JobManager, job } from 'backline';
import { testClock } from 'backline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embedded18, freshSchema, type Server, startServer } from '../conformance/postgres.ts';
import { freshFile, startManager } from '../managers.ts';
import { until } from '../wait.ts';
import { NIGHTLY } from './nightly.ts';

const NAMES = Object.keys(NIGHTLY) as (keyof typeof NIGHTLY)[];

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

/** A service that knows the four, in Berlin. */
const service = async (database: string, start: string) => {
  const clock = testClock(start);
  const ran: { name: string; slot: string }[] = [];
  const work = (name: string) =>
    job({
      run: async (_: unknown, ctx) => {
        ran.push({ name, slot: new Date(ctx.job.slotAt!).toISOString() });
      },
    });
  const manager = await startManager(
    {
      ...{ clock, timeZone: 'Europe/Berlin', pollInterval: '1h' },
      jobs: Object.fromEntries(NAMES.map((name) => [name, work(name)])),
      schedules: NAMES.map((name) => ({ id: name, type: name, ...NIGHTLY[name] })),
    },
    database,
  );
  return { manager, clock, ran };
};

/** Hour by hour, as a night passes, until all that is due by then has run. */
const pass = async ({ manager, clock, ran }: Awaited<ReturnType<typeof service>>, hours: number, runs: number) => {
  for (let hour = 0; hour < hours; hour++) {
    clock.advance('1h');
    await settled(manager, clock.now());
  }
  await until(() => ran.length === runs, `${runs} have run`);
};

const settled = (manager: JobManager, now: number) =>
  until(async () => {
    const { schedules } = await manager.schedules.list();
    const isOver = schedules.every(({ nextAt }) => nextAt !== null && nextAt > now);
    return isOver && (await manager.count({ status: ['queued', 'running'] })) === 0;
  });

describe.each([
  ['SQLite', () => freshFile()],
  ['PostgreSQL', () => freshSchema(server)],
])('the four schedules of a vault on %s', (_, place) => {
  test('are there from the start, each with its name, handler and next run in the zone of the service', async () => {
    const { manager } = await service(place(), '2027-03-20T12:00:00Z');
    const { schedules } = await manager.schedules.list();
    const local = await Promise.all(
      schedules.map(async ({ id, type, words }) => [
        id,
        type,
        words,
        (await manager.schedules.next(id, { count: 1 })).runs[0]!.local,
      ]),
    );
    expect(local).toEqual([
      ['batch_processing', 'batch_processing', 'At 05:00 on Sundays, Europe/Berlin time', '2027-03-21T05:00:00+01:00'],
      ['concept_hygiene', 'concept_hygiene', 'At 02:00 every day, Europe/Berlin time', '2027-03-21T02:00:00+01:00'],
      ['maintenance', 'maintenance', 'At 04:00 every day, Europe/Berlin time', '2027-03-21T04:00:00+01:00'],
      ['vault_sync', 'vault_sync', 'At 03:00 every day, Europe/Berlin time', '2027-03-21T03:00:00+01:00'],
    ]);
  });

  test('run at their local times through the night in which clocks go forward', async () => {
    const night = await service(place(), '2027-03-27T12:00:00Z');
    // Saturday noon to Monday noon.
    await pass(night, 48, 7);
    expect(night.ran).toEqual([
      // 02:00 does not come on 28 March: what was meant for it runs at once after the gap, beside what is due at 03:00.
      { name: expect.stringMatching(/concept_hygiene|vault_sync/), slot: '2027-03-28T01:00:00.000Z' },
      { name: expect.stringMatching(/concept_hygiene|vault_sync/), slot: '2027-03-28T01:00:00.000Z' },
      { name: 'maintenance', slot: '2027-03-28T02:00:00.000Z' },
      { name: 'batch_processing', slot: '2027-03-28T03:00:00.000Z' },
      { name: 'concept_hygiene', slot: '2027-03-29T00:00:00.000Z' },
      { name: 'vault_sync', slot: '2027-03-29T01:00:00.000Z' },
      { name: 'maintenance', slot: '2027-03-29T02:00:00.000Z' },
    ]);
    expect(new Set(night.ran.slice(0, 2).map(({ name }) => name)).size).toBe(2);
  });

  test('come once in the night in which clocks go back, and the weekly one a week apart by the clock on the wall', async () => {
    const night = await service(place(), '2027-10-30T12:00:00Z');
    await pass(night, 24, 4);
    // 02:00 comes twice on 31 October: it runs at the first.
    expect(night.ran.map(({ name, slot }) => `${slot.slice(0, 16)} ${name}`)).toEqual([
      '2027-10-31T00:00 concept_hygiene',
      '2027-10-31T02:00 vault_sync',
      '2027-10-31T03:00 maintenance',
      '2027-10-31T04:00 batch_processing',
    ]);
    const { runs } = await night.manager.schedules.next('batch_processing', { count: 2 });
    expect(runs.map(({ local }) => local)).toEqual(['2027-11-07T05:00:00+01:00', '2027-11-14T05:00:00+01:00']);
  });

  test('after three days off run once, and every night that was missed is told', async () => {
    const database = place();
    const before = await service(database, '2027-05-03T12:00:00Z');
    await before.manager.close();
    const after = await service(database, '2027-05-06T12:00:00Z');
    await until(() => after.ran.length === 3);
    await settled(after.manager, after.clock.now());
    for (const name of ['concept_hygiene', 'vault_sync', 'maintenance']) {
      expect((await after.manager.schedules.get(name))!.counts).toMatchObject({ fired: 1, missed: 2 });
      const { entries } = await after.manager.schedules.history(name);
      expect(entries.map(({ kind }) => kind)).toEqual(['fired', 'missed', 'added']);
    }
    expect((await after.manager.schedules.get('batch_processing'))!.counts).toMatchObject({ fired: 0, missed: 0 });
  });

  test('can each be run by hand, and what they did is kept', async () => {
    const { manager, ran } = await service(place(), '2027-05-03T12:00:00Z');
    for (const name of NAMES) {
      const { id } = await manager.schedules.run(name, { actor: 'ada' });
      await manager.result(id);
      expect(await manager.get(id)).toMatchObject({ type: name, status: 'completed', userInitiated: true });
      expect((await manager.schedules.history(name)).entries[0]).toMatchObject({
        kind: 'ran',
        actor: 'ada',
        jobId: id,
      });
    }
    expect(ran.map(({ name }) => name)).toEqual(NAMES);
    const { types } = await manager.metrics({ since: Date.parse('2027-05-03T11:00:00Z') });
    expect(Object.keys(types).sort()).toEqual([...NAMES].sort());
  });
});
