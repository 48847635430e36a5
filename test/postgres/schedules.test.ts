/** Schedules beside everything else that is under way on one server: locks, lost answers, tables that were never analysed, large jobs. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { checkFilter } from '../../src/job/filter.ts';
import { MOST_TEXT } from '../../src/schedule/firing.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { newJob, newJobs, STILL, T0, workerInfo } from '../conformance/records.ts';
import { specOf } from '../conformance/store/schedules.ts';
import { until } from '../wait.ts';
import { startCuttingProxy } from './cutting-proxy.ts';

const MINUTE = 60_000;
const ANYONE = { actor: null, version: null };
const PAUSE = { kind: 'pause', reason: null, until: null, ...ANYONE } as const;
const RESUME = { kind: 'resume', ...ANYONE } as const;

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18, ['autovacuum=off', 'deadlock_timeout=200ms']);
});
afterAll(() => server.dispose());

let made = 0;
const newId = (): string => `run-${++made}`;

const opened = async (url: string): Promise<Store> => {
  const store = await openPostgres(url, { busyMs: 20_000 });
  onTestFinished(() => store.close());
  return store;
};

/** Two processes on one schema. */
const openTwo = async (): Promise<[Store, Store]> => {
  const url = freshSchema(server);
  return [await opened(url), await opened(url)];
};

const add = async (store: Store, id: string, given: Parameters<typeof specOf>[1] = {}): Promise<void> => {
  const command = { kind: 'add', spec: specOf(id, given), actor: null } as const;
  expect((await store.schedules.change(id, command, T0)).kind).toBe('added');
};

const fireAll = async (store: Store, now: number): Promise<number> => {
  for (let jobs = 0; ; ) {
    const answer = await store.schedules.fire({ limit: 500, newId }, now);
    jobs += answer.jobs;
    if (answer.nextAt === null || answer.nextAt > now) return jobs;
  }
};

/** What backends have counted, once they all have told it: at their end at the latest. */
const counted = async (stores: readonly Store[], statement: string): Promise<number> => {
  await Promise.all(stores.map((store) => store.close()));
  const left = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'backline'`;
  await until(async () => (await query(server.url(), left)).length === 0, 'all connections are closed');
  return Number((await query(server.url(), statement))[0]!['n']);
};

const DEADLOCKS = 'SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()';

describe('nobody stands in each other’s way for good', () => {
  test('pauses, runs by hand and claims of two processes', { timeout: 60_000 }, async () => {
    const before = await counted([], DEADLOCKS);
    const stores = await openTwo();
    const [first] = stores;
    for (let i = 0; i < 4; i++) await add(first, `s${i}`, { overlap: 'queueAll' });
    await first.insert(newJobs(200), T0);
    const work = async (store: Store, name: string) => {
      const lease = await store.keepLease(workerInfo(name), STILL);
      const request = { owner: workerInfo(name).owner, n: 1, types: ['mail'] };
      for (let i = 0; i < 50; i++) {
        const id = `s${i % 4}`;
        await Promise.all([
          store.schedules.change(id, i % 8 < 4 ? PAUSE : RESUME, T0),
          store.claim(request, T0),
          store.schedules.run(id, { jobId: newId(), actor: null }, T0),
        ]);
      }
      await lease.end();
    };
    await Promise.all([work(stores[0], 'a'), work(stores[1], 'b')]);
    expect((await first.schedules.list({ limit: 10 })).schedules.map(({ counts }) => counts.byHand)).toEqual([
      26, 26, 24, 24,
    ]);
    expect(await counted(stores, DEADLOCKS)).toBe(before);
  });

  test('limits that change while jobs are claimed', { timeout: 60_000 }, async () => {
    const before = await counted([], DEADLOCKS);
    const stores = await openTwo();
    for (let i = 0; i < 4; i++) await add(stores[0], `s${i}`, { overlap: 'queueAll' });
    const work = async (store: Store, name: string) => {
      const lease = await store.keepLease(workerInfo(name), STILL);
      const request = { owner: workerInfo(name).owner, n: 1, types: ['mail'] };
      for (let i = 0; i < 40; i++) {
        const edit = { maxInstances: 1 + (i % 5) };
        await Promise.all([
          store.schedules.change(`s${i % 4}`, { kind: 'update', edit, source: 'api', ...ANYONE }, T0),
          store.schedules.run(`s${(i + 1) % 4}`, { jobId: newId(), actor: null }, T0),
          store.claim(request, T0),
        ]);
      }
      await lease.end();
    };
    await Promise.all([work(stores[0], 'a'), work(stores[1], 'b')]);
    expect(await counted(stores, DEADLOCKS)).toBe(before);
  });

  test('jobs with a unique key that are retried while their schedule fires', { timeout: 60_000 }, async () => {
    const before = await counted([], DEADLOCKS);
    const stores = await openTwo();
    const [first, second] = stores;
    const n = 20;
    for (let i = 0; i < n; i++) await add(first, `s${i}`, { job: { key: `key-${i}` } });
    for (let minute = 1; minute <= 15; minute++) {
      const now = T0 + minute * MINUTE;
      await first.requestCancel({ filter: checkFilter({ status: ['queued'] }) }, 'so that it can be retried', now);
      await Promise.all([fireAll(first, now), second.revive({ filter: checkFilter({ status: ['cancelled'] }) }, now)]);
      // Of each key, one job: the new one, or an old one that came back.
      expect(await first.count(checkFilter({ status: 'queued' }))).toBe(n);
    }
    expect(await counted(stores, DEADLOCKS)).toBe(before);
  });

  test('a claim that finds a limited key gets its job, whoever claims beside it', async () => {
    const store = await opened(freshSchema(server));
    for (const name of ['x', 'y']) await store.keepLease(workerInfo(name), STILL);
    const claim = async (name: string, queue: string) =>
      (await store.claim({ owner: workerInfo(name).owner, n: 1, types: ['mail'], queues: [queue] }, T0)).jobs.length;
    await store.setKeyLimit('k', 5);
    await store.insert([newJob({ queue: 'limited', limitKey: 'k' }), ...newJobs(9, { queue: 'free' })], T0);
    // By now nobody expects limits.
    expect(await claim('y', 'free')).toBe(1);
    expect(await Promise.all([claim('x', 'limited'), claim('y', 'free')])).toEqual([1, 1]);
  });
});

describe('when the answer to a COMMIT is lost', () => {
  test('slots are fired once, and a change is made once; both are heard, and their callers are answered', async () => {
    const proxy = await startCuttingProxy(server.port);
    onTestFinished(() => proxy.close());
    const store = await opened(freshSchema(server).replace(`:${server.port}/`, `:${proxy.port}/`));
    const heard: string[] = [];
    store.schedules.watch((changes) => heard.push(...changes.map(({ id, entry }) => `${id} ${entry.kind}`)));
    for (const id of ['a', 'b']) await add(store, id);
    const cuts = [proxy.cutNextCommit()];
    const now = T0 + MINUTE;
    expect(await store.schedules.fire({ limit: 10, newId }, now)).toMatchObject({ schedules: 2, jobs: 2 });
    await Promise.all(cuts);
    expect(await store.schedules.fire({ limit: 10, newId }, now)).toMatchObject({ schedules: 0, jobs: 0 });
    expect(await store.count({})).toBe(2);
    cuts.push(proxy.cutNextCommit());
    expect(await store.schedules.change('a', PAUSE, now)).toMatchObject({ kind: 'changed', schedule: { version: 2 } });
    await Promise.all(cuts);
    cuts.push(proxy.cutNextCommit());
    await store.requestCancel({ filter: checkFilter({}) }, 'no', now);
    await Promise.all(cuts);
    cuts.push(proxy.cutNextCommit());
    const run = { jobId: 'by-hand', actor: null };
    expect(await store.schedules.run('a', run, now)).toMatchObject({ kind: 'inserted', jobId: 'by-hand' });
    await Promise.all(cuts);
    expect(await store.schedules.get('a')).toMatchObject({ version: 2, counts: { fired: 1, byHand: 1 } });
    await until(() => heard.length === 6, 'everything is heard');
    expect(heard).toEqual(['a added', 'b added', 'a fired', 'b fired', 'a paused', 'a ran']);
  });
});

describe('what firing costs', () => {
  test('does not grow with the jobs that were fired before, also in tables that were never analysed', async () => {
    const url = freshSchema(server);
    const store = await opened(url);
    const n = 200;
    await Promise.all(Array.from({ length: n }, (_, i) => add(store, `s${i}`, { overlap: 'queueAll' })));
    for (let minute = 1; minute <= 5; minute++) expect(await fireAll(store, T0 + minute * MINUTE)).toBe(n);
    const schema = new URL(url).searchParams.get('schema')!;
    const read = `SELECT idx_tup_read AS n FROM pg_stat_all_indexes WHERE schemaname = '${schema}' AND indexrelname = 'jobs_slot'`;
    // No slot was taken: one look-up for each has nothing to read.
    expect(await counted([store], read)).toBe(0);
  });

  test('is bounded in bytes, however many large ones are due', { timeout: 60_000 }, async () => {
    const store = await opened(freshSchema(server));
    const payload = JSON.stringify('x'.repeat(MOST_TEXT / 2));
    for (let i = 0; i < 5; i++) await add(store, `s${i}`, { job: { payload } });
    const now = T0 + MINUTE;
    const answer = await store.schedules.fire({ limit: 500, newId }, now);
    expect(answer).toEqual({ schedules: 2, jobs: 2, nextAt: now });
    expect(await fireAll(store, now)).toBe(3);
    expect(await store.count({})).toBe(5);
  });

  test('one whose payload alone is more than that is fired, too', { timeout: 60_000 }, async () => {
    const store = await opened(freshSchema(server));
    await add(store, 's', { missed: 'runAll', job: { payload: JSON.stringify('x'.repeat(MOST_TEXT + 1)) } });
    expect(await store.schedules.fire({ limit: 500, newId }, T0 + 2 * MINUTE)).toMatchObject({ schedules: 1, jobs: 1 });
    expect(await fireAll(store, T0 + 2 * MINUTE)).toBe(1);
  });
});
