import { expect } from 'vitest';
import { complete } from '../../../src/job/change.ts';
import { until } from '../../wait.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  drain,
  expectExactCounts,
  HOUR,
  ids,
  newJobs,
  put,
  putOne,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

export const orphanCases = ({ test, testTwo }: Subject): void => {
  test('a worker is listed with what it said of itself and how many jobs it runs', async (store) => {
    await put(store, newJobs(3));
    const given = { host: 'h1', pid: 12, pidStart: '99', slots: 4, queues: ['a', 'b'], types: ['mail'] };
    const worker = await startWorker(store, 'w1', given, { leaseMs: 5000 });
    await worker.claim({ n: 2 });
    expect(await store.workers()).toEqual([
      {
        ...{ owner: 'w1#boot', name: 'w1', ...given, startedAt: T0 },
        ...{ beat: 1, beatAt: T0, leaseUntil: T0 + 5000, blockedMs: 0, running: 2 },
      },
    ]);
    await worker.lease.end();
    expect(await store.workers()).toEqual([]);
  });

  test('jobs of a dead worker go back in their place; the attempt is given back, the crash counted', async (store) => {
    const id = await putOne(store, { runAt: T0 - 5 });
    const worker = await startWorker(store);
    const [old] = await worker.claim();
    expect(await worker.die(T0 + 9)).toEqual([{ id, type: 'mail', crashes: 1, quarantined: false }]);
    expect(await store.get(id)).toMatchObject({
      ...{
        status: 'queued',
        attempts: 0,
        crashes: 1,
        runAt: T0 - 5,
        queuedAt: T0 + 9,
        completedAt: null,
        timeoutAt: null,
      },
    });
    expect((await store.get(id))!.claim).toBeGreaterThan(old!.claim);
    await expectExactCounts(store);
  });

  test('a worker whose heartbeat has moved since it was looked at is not dead', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    await worker.claim();
    expect(await store.releaseOrphans([{ owner: worker.owner, beat: 0 }], T0)).toEqual([]);
    expect(await store.releaseOrphans([{ owner: 'stranger#1', beat: 1 }], T0)).toEqual([]);
    expect(await statusOf(store, id)).toBe('running');
    expect(await store.workers()).toHaveLength(1);
  });

  test('jobs of a lease that was ended are orphans at once', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    await worker.claim();
    await worker.lease.end();
    expect(ids(await store.releaseOrphans([], T0))).toEqual([id]);
  });

  test('only jobs without a worker are released', async (store) => {
    await put(store, newJobs(4));
    const [dead, alive] = [await startWorker(store, 'dead'), await startWorker(store, 'alive')];
    const lost = await dead.claim({ n: 2 });
    const kept = await alive.claim({ n: 2 });
    expect(ids(await dead.die()).sort()).toEqual(ids(lost).sort());
    expect(await store.applyChanges(kept.map((job) => complete(job, null, T0)))).toEqual(['applied', 'applied']);
    expect(await store.releaseOrphans([], T0)).toEqual([]);
  });

  test('a job whose workers died too often is set aside as failed, with what is known', async (store) => {
    const id = await putOne(store, { maxCrashes: 3 });
    for (const name of ['a', 'b', 'c']) {
      const worker = await startWorker(store, name);
      expect(await worker.claim()).toHaveLength(1);
      expect(await worker.die(T0 + 1)).toMatchObject([{ id, quarantined: name === 'c' }]);
    }
    const job = (await store.get(id))!;
    expect(job).toMatchObject({ status: 'failed', crashes: 3, attempts: 0, completedAt: T0 + 1 });
    expect(job.error).toContain('died 3 times');
    expect(await store.attempts(id)).toMatchObject([
      { worker: 'a' },
      { worker: 'b' },
      { worker: 'c', outcome: 'crashed' },
    ]);
    expect(await store.revive({ ids: [id] }, T0)).toBe(1);
    expect(await store.get(id)).toMatchObject({ status: 'queued', crashes: 0, life: 2 });
  });

  test('an orphan that was asked to stop is cancelled, not run again', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    await worker.claim();
    await store.requestCancel({ ids: [id] }, 'not needed', T0);
    await worker.die();
    expect(await store.get(id)).toMatchObject({ status: 'cancelled', error: 'not needed' });
    await expectExactCounts(store);
  });

  test('a worker that comes back under its old identity does not get its old jobs back', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    const [old] = await worker.claim();
    await worker.die();
    await startWorker(store);
    expect(await store.applyChanges([complete(old!, null, T0)])).toEqual(['late']);
    expect(await statusOf(store, id)).toBe('queued');
  });

  test('after a restart on the same host under the same name, the old jobs are orphans', async (store) => {
    const ids = await put(store, newJobs(3));
    const before = await startWorker(store, 'w', { owner: 'w#before', pid: 1 });
    await before.claim();
    const after = await startWorker(store, 'w', { owner: 'w#after', pid: 1 });
    expect(await after.claim()).toEqual([]);
    await before.die();
    expect(await drain(store, after)).toEqual(ids);
  });

  test('ten thousand orphans are released, each once', async (store) => {
    await put(store, newJobs(10_000));
    const dead = await startWorker(store, 'dead');
    expect(await dead.claim({ n: 10_000 })).toHaveLength(10_000);
    const orphans = await dead.die();
    expect(new Set(ids(orphans)).size).toBe(10_000);
    expect(await count(store, { status: 'queued' })).toBe(10_000);
    await expectExactCountsByStatus(store);
  });

  test('two rescuers in a race release each job once', async (store) => {
    await put(store, newJobs(1500));
    const dead = await startWorker(store, 'dead');
    await dead.claim({ n: 1500 });
    const released = (await Promise.all([dead.die(), dead.die(), dead.die()])).flat();
    expect(released).toHaveLength(1500);
    expect(new Set(ids(released)).size).toBe(1500);
  });

  testTwo('a second process sees the workers of the first, and can declare them dead', async (first, second) => {
    const id = await putOne(first);
    const worker = await startWorker(first);
    const [job] = await worker.claim();
    const [seen] = await second.workers();
    expect(seen).toMatchObject({ name: 'w', running: 1 });
    expect(ids(await second.releaseOrphans([seen!], T0))).toEqual([id]);
    expect(await first.applyChanges([complete(job!, null, T0)])).toEqual(['late']);
    expect(await worker.claim()).toEqual([]);
  });

  test('the heartbeat goes on by itself, and a worker declared dead hears of it and may work again', async (store) => {
    let lost!: () => void;
    const heard = new Promise<void>((resolve) => {
      lost = resolve;
    });
    await putOne(store);
    const worker = await startWorker(
      store,
      'w',
      {},
      { beatMs: 20, leaseMs: HOUR, now: Date.now, onLost: () => lost() },
    );
    await worker.claim();
    const [first] = await store.workers();
    await until(async () => (await store.workers())[0]!.beat >= first!.beat + 2);
    await store.releaseOrphans(await store.workers(), T0);
    await heard;
    await until(async () => (await worker.claim()).length === 1);
    await worker.lease.end();
  });
};

const expectExactCountsByStatus = async (store: Parameters<typeof count>[0]): Promise<void> => {
  for (const status of ['queued', 'running', 'completed'] as const)
    expect(await count(store, { status })).toBe(await count(store, { status, createdAfter: 0 }));
};
