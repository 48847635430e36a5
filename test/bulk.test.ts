/** Changes of many jobs: what the preview says is what happens, on both databases. */
import { type BulkAction, type BulkAudit, type JobFilter, type JobManager, job } from 'backline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { aboutOf } from '../src/engine/about.ts';
import { Client } from '../src/engine/client.ts';
import { Keyring } from '../src/engine/keyring.ts';
import { checkManagerOptions } from '../src/engine/manager-options.ts';
import { Results } from '../src/engine/results.ts';
import { Vault } from '../src/engine/vault.ts';
import { openStore } from '../src/store/open.ts';
import { systemClock } from '../src/util/clock.ts';
import { newId } from '../src/util/ids.ts';
import { embedded18, freshSchema, type Server, startServer } from './conformance/postgres.ts';
import { Child, endChildren } from './crash/child.ts';
import { codeOf, freshFile, startManager } from './managers.ts';
import { aborted } from './mock-job-executor.ts';
import { signal, until } from './wait.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(async () => {
  await endChildren();
  await server.dispose();
});

const DATABASES = [
  ['SQLite', () => freshFile()],
  ['PostgreSQL', () => freshSchema(server)],
] as const;

describe.each(DATABASES)('on %s', (_, fresh) => {
  /** A client whose jobs nobody runs, and a worker that knows none of them but carries bulk changes out. */
  const pair = async () => {
    const url = fresh();
    const client = await startManager({ worker: false }, url);
    const idle = job({ run: () => 1 });
    const worker = await startManager({ jobs: { idle }, queues: ['nothing'], processId: 'w1' }, url);
    return { url, client, worker };
  };

  const fill = async (client: JobManager, n: number, options: object = {}, type = 'mail') => {
    const answers = await client.enqueueMany(Array.from({ length: n }, () => ({ type, options })));
    return answers.map(({ id }) => id);
  };

  /** Previews, does it, and compares. */
  const through = async (client: JobManager, filter: JobFilter, action: BulkAction) => {
    const preview = await client.bulk.preview({ filter, action });
    const { snapshotAt, count } = preview;
    const started = await client.bulk.start({ filter, action, snapshotAt, expected: count });
    const result = await client.result(started);
    expect(result).toEqual({ done: count, skipped: preview.skipped });
    return { preview, result, id: started.id };
  };

  test('every action does what its preview said, and says whom it left alone', async () => {
    const { client } = await pair();
    const waiting = await fill(client, 30);
    const held = await fill(client, 4, { held: true });
    const cases: [BulkAction, number, object][] = [
      [{ kind: 'pause' }, 30, { unchanged: 4 }],
      [{ kind: 'resume' }, 34, {}],
      [{ kind: 'reprioritise', priority: 2 }, 34, {}],
      [{ kind: 'reprioritise', priority: 2 }, 0, { unchanged: 34 }],
      [{ kind: 'reschedule', runAt: '2099-01-01T00:00:00Z' }, 34, {}],
      [{ kind: 'reschedule', runAt: '2099-01-01T00:00:00Z' }, 0, { unchanged: 34 }],
      [{ kind: 'runNow' }, 34, {}],
      [{ kind: 'retry' }, 0, { queued: 34 }],
      [{ kind: 'replay' }, 0, { queued: 34 }],
      [{ kind: 'cancel', reason: 'no more' }, 34, {}],
      [{ kind: 'cancel' }, 0, { cancelled: 34 }],
      [{ kind: 'reprioritise', priority: 1 }, 0, { cancelled: 34 }],
      [{ kind: 'replay' }, 34, {}],
    ];
    for (const [action, count, skipped] of cases) {
      const { preview } = await through(client, { type: 'mail' }, action);
      expect(preview, action.kind).toMatchObject({ count, skipped });
    }
    const [first] = await Promise.all([client.get(waiting[0]!), client.get(held[0]!)]);
    expect(first).toMatchObject({ status: 'cancelled', error: 'no more', priority: 2 });
    expect(await client.count({ type: 'mail' })).toBe(68);
    const copies = (await client.list({ type: 'mail', status: 'queued' })).jobs;
    expect(new Set(copies.map(({ replayOf }) => replayOf))).toEqual(new Set([...waiting, ...held]));
    await through(client, { type: 'mail', status: 'cancelled' }, { kind: 'retry' });
    expect(await client.count({ type: 'mail', status: 'queued' })).toBe(68);
    await through(client, { type: 'mail' }, { kind: 'remove' });
    expect(await client.count({ type: 'mail' })).toBe(0);
  });

  test('a preview counts by status, and tells how old the jobs are', async () => {
    const { client } = await pair();
    const [old] = await fill(client, 1);
    await fill(client, 2, { held: true });
    const newest = (await client.get((await fill(client, 1))[0]!))!.createdAt;
    const before = client.now();
    expect(await client.bulk.preview({ filter: { type: 'mail' }, action: { kind: 'cancel' } })).toEqual({
      count: 4,
      byStatus: { queued: 2, created: 2 },
      skipped: {},
      oldest: (await client.get(old!))!.createdAt,
      newest,
      snapshotAt: expect.any(Number),
    });
    expect(await client.bulk.preview({ filter: { type: 'none' }, action: { kind: 'cancel' } })).toMatchObject({
      count: 0,
      oldest: null,
      newest: null,
    });
    expect(
      (await client.bulk.preview({ filter: { all: true }, action: { kind: 'remove' } })).snapshotAt,
    ).toBeGreaterThanOrEqual(before);
  });

  test('what came after the snapshot is left alone: new jobs, and old ones that came into the state since', async () => {
    const { client } = await pair();
    await fill(client, 3);
    const [late] = await fill(client, 1);
    await client.cancelAll({
      type: 'mail',
      id: (await client.list({ type: 'mail' })).jobs.map(({ id }) => id).filter((id) => id !== late),
    });
    const action = { kind: 'retry' } as const;
    const filter = { status: 'cancelled', type: 'mail' } as const;
    const preview = await client.bulk.preview({ filter, action });
    expect(preview.count).toBe(3);
    await until(() => client.now() > preview.snapshotAt);
    await client.cancel(late!);
    const [newer] = await fill(client, 1);
    await client.cancel(newer!);
    const started = await client.bulk.start({ filter, action, snapshotAt: preview.snapshotAt });
    expect(await client.result(started)).toEqual({ done: 3, skipped: { 'changed-since': 1 } });
    expect((await client.get(late!))?.status).toBe('cancelled');
    expect((await client.get(newer!))?.status).toBe('cancelled');
  });

  test('it is not begun if it would be done to another number of jobs than expected', async () => {
    const { client } = await pair();
    await fill(client, 3);
    const request = { filter: { type: 'mail' }, action: { kind: 'cancel' } } as const;
    expect(await codeOf(() => client.bulk.start({ ...request, expected: 2 }))).toBe('BULK_CHANGED');
    expect(await client.count({ type: 'backline.bulk' })).toBe(0);
    for (const [bad, code] of [
      [{ ...request, filter: {} }, 'FILTER_TOO_WIDE'],
      [{ ...request, filter: { typo: 1 } }, 'UNKNOWN_OPTION'],
      [{ filter: { type: 'mail' } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'explode' } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'reprioritise' } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'reprioritise', priority: 11 } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'reschedule', runAt: 'soon' } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'replay', perSecond: 0 } }, 'INVALID_OPTION'],
      [{ ...request, action: { kind: 'retry', reason: 'x' } }, 'UNKNOWN_OPTION'],
      [{ ...request, more: 1 }, 'UNKNOWN_OPTION'],
    ] as const)
      expect(await codeOf(() => client.bulk.start(bad as never)), JSON.stringify(bad)).toBe(code);
  });

  test('its job type is nobody else’s', async () => {
    const { client } = await pair();
    expect(await codeOf(() => client.enqueue('backline.bulk', {}))).toBe('BUILT_IN_TYPE');
    expect(await codeOf(() => startManager({ jobs: { 'backline.mine': job({ run: () => 1 }) } }))).toBe(
      'BUILT_IN_TYPE',
    );
    await fill(client, 1);
    const { id } = await through(client, { type: 'mail' }, { kind: 'cancel' });
    expect(await codeOf(() => client.replay(id))).toBe('BUILT_IN_TYPE');
  });

  test('it runs although every slot of the worker is taken, and reaches jobs that run', async () => {
    const url = fresh();
    const stuck = job({ run: (_: unknown, { signal }) => aborted(signal) });
    const worker = await startManager({ jobs: { stuck }, maxConcurrentJobs: 1 }, url);
    const { id } = await worker.enqueue('stuck');
    await until(async () => (await worker.get(id))?.status === 'running');
    await fill(worker as JobManager, 2, {}, 'stuck');
    const { result } = await through(worker as JobManager, { type: 'stuck' }, { kind: 'cancel' });
    expect(result.done).toBe(3);
    await until(async () => (await worker.get(id))?.status === 'cancelled');
  });

  test('a running job that was asked to stop before is not counted twice', async () => {
    const url = fresh();
    const deaf = signal();
    const worker = await startManager({ jobs: { deaf: job({ run: () => deaf.reached }) }, grace: '60s' }, url);
    const { id } = await worker.enqueue('deaf');
    await until(async () => (await worker.get(id))?.status === 'running');
    await worker.cancel(id);
    const { preview } = await through(worker as JobManager, { type: 'deaf' }, { kind: 'cancel' });
    expect(preview).toMatchObject({ count: 0, skipped: { 'cancel-requested': 1 } });
    deaf.reach();
  });

  test('batches: their jobs are counted once, whether they change by themselves or with them', async () => {
    const { client } = await pair();
    for (let i = 0; i < 3; i++)
      await client.enqueueBatch({ type: 'album', jobs: Array.from({ length: 5 }, () => ({ type: 'mail' })) });
    const cancelled = await through(
      client,
      { type: ['album', 'mail'], status: ['queued', 'running'] },
      { kind: 'cancel' },
    );
    expect(cancelled.preview.count).toBe(18);
    await until(async () => (await client.count({ type: 'album', status: 'running' })) === 0);
    const paused = await through(client, { type: ['album', 'mail'] }, { kind: 'pause' });
    expect(paused.preview).toMatchObject({ count: 0 });
    const retried = await through(client, { type: ['album', 'mail'] }, { kind: 'retry' });
    expect(retried.preview.count).toBe(retried.result.done);
    await client.cancelAll({ type: ['album', 'mail'] });
    await until(async () => (await client.count({ type: 'album', status: 'running' })) === 0);
    // The parents stay as long as a child is not meant.
    const [kept] = (await client.list({ type: 'mail' }, { order: 'oldest', limit: 1 })).jobs;
    await client.retry(kept!.id);
    await client.reprioritise(kept!.id, 9);
    const removed = await through(client, { priority: 5, type: ['album', 'mail'] }, { kind: 'remove' });
    expect(removed.preview).toMatchObject({ count: 16, skipped: { 'has-children': 1 } });
    expect(await client.count({ type: 'mail' })).toBe(1);
  });

  test('a retry leaves out jobs whose key is in use again, and all but the first of several with one key', async () => {
    const { client } = await pair();
    for (const key of ['a', 'b', 'b']) await client.cancel((await client.enqueue('mail', {}, { key })).id);
    await client.enqueue('other', {}, { key: 'a' });
    const { preview } = await through(client, { type: 'mail' }, { kind: 'retry' });
    expect(preview).toMatchObject({ count: 1, skipped: { 'key-in-use': 2 } });
  });

  test('several thousand jobs are done in steps, with progress and a log, and each once', async () => {
    const { client } = await pair();
    for (let i = 0; i < 3; i++) await fill(client, 1000);
    const { id, result } = await through(client, { type: 'mail' }, { kind: 'cancel' });
    expect(result).toEqual({ done: 3000, skipped: {} });
    const lines = await client.logs(id);
    expect(lines.length).toBeGreaterThanOrEqual(6);
    expect(lines.at(-1)).toMatchObject({ message: '3,000 done, 0 left alone' });
    expect(await client.get(id)).toMatchObject({ progress: 100, type: 'backline.bulk', worker: 'w1' });
  });

  test('cancelling it stops it between two steps, and it says how far it came', async () => {
    const { client } = await pair();
    const ids = await fill(client, 200);
    await client.cancelAll({ id: ids });
    const { id } = await client.bulk.start({ filter: { type: 'mail' }, action: { kind: 'replay', perSecond: 4 } });
    await until(async () => (await client.count({ status: 'queued', type: 'mail' })) >= 4);
    expect(await client.cancel(id, { reason: 'enough' })).toBe('requested');
    await until(async () => (await client.get(id))?.status === 'cancelled');
    const { error } = (await client.get(id))!;
    const done = Number(/^enough; (\d+) of 200 were done$/.exec(error!)?.[1]);
    expect(await client.count({ type: 'mail', status: 'queued' })).toBe(done);
    expect(done).toBeLessThan(200);
  });

  test('a replay keeps to its rate', async () => {
    const { client } = await pair();
    await client.cancelAll({ id: await fill(client, 30) });
    const began = performance.now();
    await through(client, { type: 'mail' }, { kind: 'replay', perSecond: 20 });
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  test('killed in the middle, it goes on elsewhere: nothing is done twice, and the count is right', async () => {
    const url = fresh();
    const client = await startManager({ worker: false }, url);
    await client.cancelAll({ id: await fill(client, 900) });
    const first = new Child('engine-child.ts', { file: url, name: 'first', leaseMs: 1000 });
    const { id } = await client.bulk.start({ filter: { type: 'mail' }, action: { kind: 'replay', perSecond: 300 } });
    await until(async () => (await client.count({ type: 'mail', status: 'queued' })) > 0);
    await first.kill('SIGKILL');
    await startManager({ jobs: {}, lease: '1s' }, url);
    expect(await client.result(id, { timeout: '40s' })).toEqual({ done: 900, skipped: {} });
    const copies = await client.count({ type: 'mail', status: 'queued' });
    expect(copies).toBe(900);
    expect((await client.get(id))!.crashes).toBe(1);
  });

  test('a manager that stops hands it back unfinished, and the next goes on', async () => {
    const url = fresh();
    const client = await startManager({ worker: false }, url);
    await client.cancelAll({ id: await fill(client, 100) });
    const first = await startManager({ jobs: {} }, url);
    const { id } = await client.bulk.start({ filter: { type: 'mail' }, action: { kind: 'replay', perSecond: 50 } });
    await until(async () => (await client.count({ type: 'mail', status: 'queued' })) > 0);
    await first.close();
    expect((await client.get(id))?.status).toBe('queued');
    await startManager({ jobs: {} }, url);
    expect(await client.result(id)).toEqual({ done: 100, skipped: {} });
    expect(await client.count({ type: 'mail', status: 'queued' })).toBe(100);
    expect((await client.get(id))!.crashes).toBe(0);
  });

  test('explain knows that every worker can carry it out', async () => {
    const url = fresh();
    const client = await startManager({ worker: false }, url);
    await fill(client, 1);
    const { id } = await client.bulk.start({ filter: { type: 'mail' }, action: { kind: 'cancel' } });
    expect((await client.explain(id)).reasons.map(({ code }) => code)).toEqual(['no-worker']);
  });
});

test('the audit log is told before it begins, and what it throws stops it', async () => {
  const store = await openStore(':memory:');
  onTestFinished(() => store.close());
  const told: BulkAudit[] = [];
  const vault = new Vault(new Keyring({}, () => store.where));
  let fails = false;
  const client = new Client({
    ...{
      store,
      types: new Map(),
      timeZone: 'UTC',
      about: () => aboutOf(':memory:', checkManagerOptions({}), []),
      clock: systemClock,
      results: new Results(store, () => {}),
      wake: () => {},
    },
    defaults: { timeoutMs: null, maxAttempts: 3, maxPayloadBytes: 1000, newId: () => newId('uuid-v7'), vault },
    audit: (entry) => {
      if (fails) throw new TypeError('the log is full');
      told.push(entry);
    },
  });
  await client.enqueueMany([{ type: 'mail' }, { type: 'mail' }]);
  const request = { filter: { type: 'mail' }, action: { kind: 'cancel', reason: 'no more' } } as const;
  const { id } = await client.bulk.start(request);
  expect(told).toEqual([
    {
      ...{
        actor: 'this program',
        door: 'code',
        action: 'bulk.cancel',
        target: id,
        filter: { type: ['mail'] },
        count: 2,
      },
      detail: request.action,
    },
  ]);
  fails = true;
  await expect(client.bulk.start(request)).rejects.toThrow('the log is full');
  expect(await client.count({ type: 'backline.bulk' })).toBe(1);
});
