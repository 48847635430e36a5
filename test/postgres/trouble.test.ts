/** What goes wrong between Backline and PostgreSQL: lines are cut, the server ends and comes back, answers are lost. */
import { job } from 'backline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { complete } from '../../src/job/change.ts';
import { openStore } from '../../src/store/open.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { ALL_TYPES, newJob, newJobs, STILL, T0, workerInfo } from '../conformance/records.ts';
import { codeOf, listen, only, startManager } from '../managers.ts';
import { signal, until } from '../wait.ts';
import { startCuttingProxy } from './cutting-proxy.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backline'`;

/** Connections do not end the moment they are told to. */
const breath = () => new Promise((resolve) => setImmediate(resolve));

describe('when all connections are cut in the middle of a drain', () => {
  test('it goes on by itself: nothing is lost, nothing runs twice, and it is said once', async () => {
    const url = freshSchema(server);
    const ran = new Map<number, number>();
    const task = job({
      run: async (n: unknown) => {
        ran.set(Number(n), (ran.get(Number(n)) ?? 0) + 1);
        await breath();
        return n;
      },
    });
    const options = { jobs: { task }, maxConcurrentJobs: 20 };
    const managers = [await startManager(options, url), await startManager(options, url)];
    const heard = listen(managers[0]!);
    const n = 3000;
    await managers[0]!.enqueueMany(Array.from({ length: n }, (_, i) => ({ type: 'task' as const, payload: i })));
    for (let cuts = 0; cuts < 8; cuts++) {
      await until(() => ran.size >= (n / 10) * (cuts + 1) || ran.size === n);
      await query(server.url(), CUT);
    }
    await until(async () => (await managers[0]!.count({ status: 'completed' })) === n, 'all completed', 60_000);
    expect(ran.size).toBe(n);
    expect([...ran.values()].filter((times) => times !== 1)).toEqual([]);
    expect((await managers[0]!.stats()).lateResults).toBe(0);
    expect((await managers[0]!.checkIntegrity()).problems).toEqual([]);
    await until(() => only(heard, 'store-unavailable').length === only(heard, 'store-recovered').length);
  }, 90_000);

  test('who hands in work while they are cut is answered, and every job is there once', async () => {
    const store = await openPostgres(freshSchema(server), { durability: 'process' });
    onTestFinished(() => store.close());
    let cutting = true;
    const cutter = (async () => {
      while (cutting) {
        await query(server.url(), CUT);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    })();
    const handed = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const jobs = newJobs(10);
      const outcomes = await Promise.all(jobs.map((one) => store.insert([one], T0).catch(() => null)));
      for (const [i, outcome] of outcomes.entries())
        if (outcome) {
          // A job whose first answer was lost would be found again as a duplicate of itself.
          expect(outcome[0]!.kind).toBe('inserted');
          handed.add(jobs[i]!.id);
        }
    }
    cutting = false;
    await cutter;
    expect(handed.size).toBeGreaterThan(300);
    expect(await store.count({})).toBe(await store.count({ createdAfter: 0 }));
    for (const id of handed) expect(await store.get(id), id).not.toBeNull();
  }, 60_000);
});

describe('when what the server keeps of a statement does not fit any more', () => {
  /** The store has used all that it uses often, often enough for names. */
  const warm = async () => {
    const url = freshSchema(server);
    const store = await openPostgres(url, { busyMs: 5000 });
    onTestFinished(() => store.close());
    const lease = await store.keepLease(workerInfo('one'), STILL);
    onTestFinished(() => lease.end());
    const request = { owner: workerInfo('one').owner, n: 10, types: ALL_TYPES };
    let batches = 0;
    const cycle = async () => {
      const id = `batch-${batches++}`;
      const batch = { policy: 'finish', open: false, callbacks: [] } as const;
      await store.insert([newJob({ id, batch }), ...newJobs(3, { parentId: id })], T0);
      const { jobs } = await store.claim(request, T0);
      const outcomes = await store.applyChanges(jobs.map((one) => complete(one, null, T0)));
      expect(outcomes).toEqual(['applied', 'applied', 'applied']);
      expect((await store.get(id))!.status).toBe('completed');
    };
    for (let i = 0; i < 5; i++) await cycle();
    return { schema: new URL(url).searchParams.get('schema')!, cycle };
  };

  test('a table that gets another column breaks nothing', async () => {
    const { schema, cycle } = await warm();
    for (const table of ['job_batches', 'job_body', 'job_ready', 'job_running', 'job_done', 'job_callbacks'])
      await query(server.url(), `ALTER TABLE ${schema}.${table} ADD COLUMN of_a_later_version int`);
    for (let i = 0; i < 3; i++) await cycle();
  });
});

describe('when the answer to a COMMIT is lost', () => {
  const opened = async () => {
    const proxy = await startCuttingProxy(server.port);
    const direct = freshSchema(server);
    const store = await openPostgres(direct.replace(`:${server.port}/`, `:${proxy.port}/`), { busyMs: 5000 });
    onTestFinished(async () => {
      await store.close();
      await proxy.close();
    });
    return { proxy, store };
  };

  test('an insert is written once, and its caller hears that it was', async () => {
    const { proxy, store } = await opened();
    const heard: string[] = [];
    store.watch((changes) => heard.push(...changes.map(({ id, to }) => `${id} ${to}`)));
    const cut = proxy.cutNextCommit();
    expect(await store.insert([newJob({ id: 'once' })], T0)).toMatchObject([{ kind: 'inserted', id: 'once' }]);
    await cut;
    expect(await store.count({})).toBe(1);
    expect(heard).toEqual(['once queued']);
    expect(await store.insert([newJob({ id: 'once' })], T0)).toMatchObject([{ kind: 'duplicate-id' }]);
  });

  test('what was claimed comes to the worker, and does not hang under its name', async () => {
    const { proxy, store } = await opened();
    await store.keepLease(workerInfo('w'), STILL);
    await store.insert(newJobs(3), T0);
    const cut = proxy.cutNextCommit();
    const { jobs } = await store.claim({ owner: 'w#boot', n: 10, types: ['mail'] }, T0);
    await cut;
    expect(jobs).toHaveLength(3);
    expect(await store.count({ status: ['running'] })).toBe(3);
  });

  test('a result is written once, and is not taken for a late one', async () => {
    const { proxy, store } = await opened();
    await store.keepLease(workerInfo('w'), STILL);
    await store.insert([newJob({ id: 'j' })], T0);
    const { jobs } = await store.claim({ owner: 'w#boot', n: 1, types: ['mail'] }, T0);
    const cut = proxy.cutNextCommit();
    expect(await store.applyChanges([complete(jobs[0]!, '7', T0)])).toEqual(['applied']);
    await cut;
    expect(await store.get('j')).toMatchObject({ status: 'completed', result: 7 });
    expect((await store.stats()).lateResults).toBe(0);
  });
});

describe('when the server ends and comes back', () => {
  test('what runs meanwhile ends, its result is written, and new work is taken', async () => {
    const own = await startServer(embedded18);
    onTestFinished(() => own.dispose());
    const url = freshSchema(own);
    const gate = signal();
    const began = signal();
    const task = job({
      run: async (n: unknown) => {
        if (n === 'long') {
          began.reach();
          await gate.reached;
        }
        return n;
      },
    });
    const manager = await startManager({ jobs: { task } }, url);
    const heard = listen(manager);
    const { id } = await manager.enqueue('task', 'long');
    await began.reached;
    await own.stop();
    expect(await codeOf(() => manager.enqueue('task', 'nowhere'))).toBe('STORE_UNAVAILABLE');
    gate.reach();
    await until(() => only(heard, 'store-unavailable').length === 1);
    expect((await manager.health()).ok).toBe(false);
    await own.start();
    expect(await manager.result(id)).toBe('long');
    expect(await manager.result(await manager.enqueue('task', 'new'))).toBe('new');
    await until(() => only(heard, 'store-recovered').length === 1);
    expect(await manager.get(id)).toMatchObject({ status: 'completed', attempts: 1, crashes: 0 });
  }, 60_000);
});

describe('an address', () => {
  test('that nobody answers at is refused without its password', async () => {
    const refusal = await openStore('postgres://ada:hunter2@127.0.0.1:1/jobs?sslmode=disable').then(
      () => null,
      (error: Error) => error,
    );
    expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(String(refusal?.message)).toContain('127.0.0.1:1/jobs');
    expect(JSON.stringify([refusal, String(refusal?.stack), String(refusal?.cause)])).not.toContain('hunter2');
  });

  test('of a database that does not exist, or of somebody who may not come in, is refused with what the server says', async () => {
    const error = await openStore(server.url('nowhere')).catch((fault: Error) => fault);
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('"nowhere" does not exist'),
    });
  });

  test('of a schema that is not there is refused where nothing may be made', async () => {
    expect(await codeOf(() => openPostgres(freshSchema(server), { create: false }))).toBe('NO_DATABASE');
  });

  test('of a schema with a table "jobs" of another program is refused, and nothing is changed', async () => {
    await query(server.url(), 'CREATE SCHEMA theirs; CREATE TABLE theirs.jobs (id int)');
    expect(await codeOf(() => openPostgres(`${server.url()}?schema=theirs`))).toBe('NOT_OUR_DATABASE');
    expect(
      await query(server.url(), `SELECT relname FROM pg_class WHERE relnamespace = 'theirs'::regnamespace`),
    ).toEqual([{ relname: 'jobs' }]);
  });

  test('of a schema that a newer version made is refused', async () => {
    const url = freshSchema(server);
    await (await openPostgres(url)).close();
    const schema = new URL(url).searchParams.get('schema');
    await query(server.url(), `INSERT INTO ${schema}.job_schema VALUES (99, 'future', 0)`);
    expect(await codeOf(() => openPostgres(url))).toBe('STORE_NEWER');
  });

  test('that two processes open at the same moment for the first time is migrated once', async () => {
    const url = freshSchema(server);
    const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgres(url)));
    await Promise.all(stores.map((store) => store.insert([newJob()], T0)));
    expect(await stores[0]!.count({})).toBe(5);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('of a database that cannot be written says so', async () => {
    const url = freshSchema(server);
    await (await openPostgres(url)).close();
    const store = await openPostgres(`${url}&options=-c%20default_transaction_read_only%3Don`);
    onTestFinished(() => store.close());
    expect(await codeOf(() => store.insert([newJob()], T0))).toBe('STORE_READ_ONLY');
    expect(await store.count({})).toBe(0);
  });
});
