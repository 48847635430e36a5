/** What dies around PostgreSQL: the server in the middle of things, and workers by the dozen. What only cuts lines: test/postgres. */
import { job } from 'backline';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { newJob, newJobs, STILL, T0, workerInfo } from '../conformance/records.ts';
import { listen, only, startManager } from '../managers.ts';
import { startCuttingProxy } from '../postgres/cutting-proxy.ts';
import { signal, until } from '../wait.ts';
import { Child, endChildren } from './child.ts';

let server: Server;
beforeAll(async () => {
  // Nothing is flushed but by a commit: so a crash forgets as much as it can.
  server = await startServer(embedded18, ['wal_writer_delay=10s', 'wal_level=minimal', 'max_wal_senders=0']);
});
afterEach(endChildren);
afterAll(() => server.dispose());

const crash = async (): Promise<void> => {
  await server.stop('SIGQUIT');
  await server.start();
};

describe('a server that crashes', () => {
  test('forgets neither who has a job nor that one has ended: each runs once, and none is left running', async () => {
    const url = freshSchema(server);
    const gate = signal();
    const ran = new Map<number, number>();
    const task = job({
      run: async (n: unknown) => {
        ran.set(Number(n), (ran.get(Number(n)) ?? 0) + 1);
        // Every tenth is still running when the server crashes, and long after it.
        if (Number(n) % 10 === 0) await gate.reached;
        return n;
      },
    });
    const options = { jobs: { task }, maxConcurrentJobs: 60 };
    const managers = [await startManager(options, url), await startManager(options, url)];
    const n = 400;
    await managers[0]!.enqueueMany(Array.from({ length: n }, (_, i) => ({ type: 'task' as const, payload: i })));
    await until(() => ran.size > n / 4);
    await crash();
    await until(() => ran.size === n, 'all have begun', 30_000);
    gate.reach();
    await until(async () => (await managers[0]!.count({ status: 'completed' })) === n, 'all completed', 30_000);
    expect([...ran.values()].filter((times) => times !== 1)).toEqual([]);
    expect((await managers[0]!.checkIntegrity()).problems).toEqual([]);
  }, 60_000);

  test('and gives the number of a transaction that it forgot to another: nothing is taken for written because of it', async () => {
    const proxy = await startCuttingProxy(server.port);
    const url = freshSchema(server).replace(`:${server.port}/`, `:${proxy.port}/`);
    const store = await openPostgres(url);
    onTestFinished(async () => {
      await store.close();
      await proxy.close();
    });
    await query(server.url(), 'CREATE TABLE IF NOT EXISTS others (n int)');
    const held = proxy.holdNextCommit();
    const inserting = store.insert([newJob({ id: 'kept' })], T0);
    await held;
    const [lost] = await query(
      server.url(),
      `SELECT backend_xid::text AS xid FROM pg_stat_activity WHERE application_name = 'backline' AND backend_xid IS NOT NULL`,
    );
    await crash();
    const taken: unknown[] = [];
    while (!taken.includes(lost!['xid']) && taken.length < 50)
      taken.push((await query(server.url(), 'INSERT INTO others VALUES (1) RETURNING xmin::text AS xid'))[0]!['xid']);
    expect(taken).toContain(lost!['xid']);
    proxy.letThrough();
    expect(await inserting).toMatchObject([{ kind: 'inserted', id: 'kept' }]);
    expect(await store.get('kept')).toMatchObject({ status: 'queued' });
  }, 60_000);
});

test('a server that falls silent does not hold up the end', async () => {
  const proxy = await startCuttingProxy(server.port);
  const url = freshSchema(server).replace(`:${server.port}/`, `:${proxy.port}/`);
  const began = signal();
  const task = job({ run: () => began.reach() });
  const manager = await startManager({ jobs: { task } }, url);
  await manager.enqueue('task');
  await began.reached;
  proxy.fallSilent();
  const unanswered = manager.enqueue('task').catch((error: { code?: string }) => error.code);
  const since = performance.now();
  await manager.close();
  expect(performance.now() - since).toBeLessThan(10_000);
  expect(await unanswered).toMatch(/^(STORE_|MANAGER_CLOSED)/);
  await proxy.close();
}, 30_000);

describe('workers', () => {
  test('eight processes and two hundred jobs: each runs exactly once', async () => {
    const url = freshSchema(server);
    const boss = await startManager({ jobs: { quick: job({ run: () => {} }) }, worker: false }, url);
    await boss.enqueueMany(Array.from({ length: 200 }, () => ({ type: 'quick' as const })));
    const children = Array.from(
      { length: 8 },
      (_, i) => new Child('engine-child.ts', { file: url, name: `worker-${i}`, slots: 2 }),
    );
    await until(async () => (await boss.count({ status: 'completed' })) === 200, 'all completed', 60_000);
    const effects = children.flatMap((child) => child.all('effect').map(({ id }) => id));
    expect(effects).toHaveLength(200);
    expect(new Set(effects).size).toBe(200);
    expect((await boss.stats()).lateResults).toBe(0);
  }, 90_000);

  test('one of two is killed in the middle of its work: the other finishes everything, and each job is completed once', async () => {
    const url = freshSchema(server);
    const boss = await startManager({ jobs: { quick: job({ run: () => {} }) }, worker: false }, url);
    const children = ['one', 'two'].map((name) => new Child('engine-child.ts', { file: url, name, slots: 20 }));
    await Promise.all(children.map((child) => child.fact('started')));
    await boss.enqueueMany(Array.from({ length: 2000 }, () => ({ type: 'quick' as const })));
    await children[0]!.fact(() => children[0]!.all('effect').length > 200);
    children[0]!.kill('SIGKILL');
    await until(async () => (await boss.count({ status: 'completed' })) === 2000, 'all completed', 60_000);
    const ids = (await boss.getAllJobs()).map(({ id }) => id);
    const finished = await Promise.all(
      ids.map(async (id) => (await boss.attempts(id)).filter(({ outcome }) => outcome === 'completed').length),
    );
    expect(finished.filter((times) => times !== 1)).toEqual([]);
    expect(children[1]!.all('started')).toHaveLength(1);
  }, 90_000);

  test('ten thousand orphans at start are picked up in under thirty seconds', async () => {
    const url = freshSchema(server);
    const dead = await openPostgres(url, { durability: 'process' });
    const n = 10_000;
    for (let i = 0; i < n; i += 1000) await dead.insert(newJobs(1000, { runAt: T0 - 1 }), T0);
    await dead.keepLease(workerInfo('dead'), STILL);
    for (let left = n; left > 0; ) {
      const { jobs } = await dead.claim({ owner: 'dead#boot', n: 500, types: ['mail'] }, T0);
      expect(jobs.length).toBeGreaterThan(0);
      left -= jobs.length;
    }
    await dead.close();
    const mail = job({ run: () => {} });
    const since = performance.now();
    const options = { jobs: { mail }, lease: 500, maxConcurrentJobs: 200 };
    const clock = { now: () => T0, monotonic: () => performance.now() };
    const manager = await startManager({ ...options, clock }, url);
    const heard = listen(manager);
    await until(async () => (await manager.count({ status: 'completed' })) === n, 'all completed', 60_000);
    expect(performance.now() - since).toBeLessThan(30_000);
    expect(only(heard, 'worker-lost')).toMatchObject([{ worker: 'dead' }]);
    expect((await manager.getAllJobs()).filter(({ crashes, attempts }) => crashes !== 1 || attempts !== 1)).toEqual([]);
  }, 90_000);
});
