import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';
import { isFinal } from '../../src/job/states.ts';
import type { Failpoint } from '../../src/store/sqlite/failpoints.ts';
import type { Store } from '../../src/store/store.ts';
import { count, list, newJob, newJobs, put, STILL, T0, workerInfo } from '../conformance/fixtures.ts';
import { until } from '../wait.ts';
import { Child, endChildren } from './child.ts';
import type { EngineOrder } from './engine-child.ts';
import { newFolder, withStore } from './files.ts';

let place: ReturnType<typeof newFolder>;
beforeEach(() => {
  place = newFolder();
});
afterEach(async () => {
  await endChildren();
  place.dispose();
});

const engine = (order: Omit<EngineOrder, 'file'>): Child =>
  new Child('engine-child.ts', { file: place.file, ...order });

const idsOf = (child: Child, fact: string): string[] => child.all(fact).map(({ id }) => String(id));

/** Freezes a process where it holds no lock: one that is frozen within a write holds up every other, whatever its lease. */
const stopBetweenWrites = async (child: Child): Promise<void> => {
  const isFrozen = () => /\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
  const isFree = () => {
    const db = new Database(place.file, { timeout: 50 });
    try {
      db.exec('BEGIN IMMEDIATE; ROLLBACK');
      return true;
    } catch {
      return false;
    } finally {
      db.close();
    }
  };
  for (;;) {
    child.kill('SIGSTOP');
    await until(isFrozen);
    if (isFree()) return;
    child.kill('SIGCONT');
    await until(isFree);
  }
};

/** After any number of kills, one process that is left alone brings everything to its end. */
const expectEnd = async (dead: readonly Child[]): Promise<void> => {
  const last = engine({ name: 'last', untilIdle: true });
  expect(await last.ended).toEqual({ code: 0, signal: null });
  await withStore(place.file, async (store) => {
    expect((await store.checkIntegrity()).problems).toEqual([]);
    const jobs = new Map((await list(store)).map((one) => [one.id, one]));
    expect([...jobs.values()].filter(({ status }) => !isFinal(status))).toEqual([]);
    for (const child of dead)
      for (const id of idsOf(child, 'enqueued')) expect(jobs.has(id), `${id} was enqueued`).toBe(true);
    for (const [i, child] of dead.entries())
      for (const id of idsOf(child, 'completed')) {
        expect(jobs.get(id)!.status, id).toBe('completed');
        for (const later of [...dead.slice(i + 1), last])
          expect(idsOf(later, 'run'), `${id} was completed, and ran again`).not.toContain(id);
      }
    // A job runs to its end again only where its process died before that was written.
    const { lateResults } = await store.stats();
    expect(lateResults).toBe(0);
  });
};

describe('a service that is killed', () => {
  const points: [Failpoint, number][] = [
    ['worker-registered', 1],
    ['job-inserted', 9],
    ['jobs-taken', 3],
    ['change-applied', 4],
    ['attempt-written', 2],
    ['progress-written', 5],
    ['log-written', 3],
    ['counts-written', 20],
    ['before-commit', 25],
    ['after-commit', 30],
  ];
  for (const [failpoint, nth] of points)
    test(`at ${failpoint} loses nothing, and doubles nothing that was acknowledged`, async () => {
      const child = engine({ name: 'first', enqueue: 40, kill: { failpoint, nth } });
      expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
      expect(child.all('hit')).toHaveLength(1);
      await expectEnd([child]);
    });

  test('at six random moments in a row loses nothing, and doubles nothing that was acknowledged', async () => {
    const dead: Child[] = [];
    for (let life = 0; life < 6; life++) {
      const child = engine({ name: `life-${life}`, enqueue: 25 });
      dead.push(child);
      const wanted = 5 + Math.floor(Math.random() * 60);
      await child.fact(() => child.facts.length >= wanted);
      child.kill('SIGKILL');
      expect((await child.ended).signal).toBe('SIGKILL');
    }
    await expectEnd(dead);
  });
});

describe('two services on one file', () => {
  test('a service that is stopped past its lease and goes on: one completion, the other result is dropped', async () => {
    const stopped = engine({ name: 'stopped', leaseMs: 1200 });
    await stopped.fact('started');
    const id = await withStore(
      place.file,
      async (store) =>
        (await put(store, [newJob({ type: 'told', runAt: Date.now(), timeoutMs: null })], Date.now()))[0]!,
    );
    await stopped.fact('run');
    await stopBetweenWrites(stopped);
    const second = engine({ name: 'second', leaseMs: 1200 });
    await second.fact('orphans-released');
    await second.fact('run');
    stopped.say('go');
    stopped.kill('SIGCONT');
    // It learns of its loss by its heartbeat, or by the result that was refused.
    await stopped.fact(({ fact }) => fact === 'lease-lost' || fact === 'job-late-result');
    await withStore(place.file, async (store) => {
      expect(await store.get(id)).toMatchObject({ status: 'running', worker: 'second', result: null });
      second.say('go');
      await second.fact('completed');
      expect(await store.get(id)).toMatchObject({
        status: 'completed',
        worker: 'second',
        result: 'second',
        crashes: 1,
      });
      expect(await store.attempts(id)).toMatchObject([
        { worker: 'stopped', outcome: 'crashed' },
        { worker: 'second', outcome: 'completed' },
      ]);
      const late = (await store.stats()).lateResults;
      expect(late + stopped.all('lease-lost').length).toBeGreaterThan(0);
      // What was declared dead works again, under a new lease.
      await put(store, [newJob({ type: 'quick', runAt: Date.now() })], Date.now());
      await until(async () => (await count(store, { status: 'completed' })) === 2);
      await until(async () => (await store.workers()).length === 2);
    });
  });

  test('a handler that blocks the event loop three times as long as the lease keeps its job, and the block is reported', async () => {
    const blocked = engine({ name: 'blocked', leaseMs: 1500 });
    const watching = engine({ name: 'watching', leaseMs: 1500, slots: 1 });
    await Promise.all([blocked.fact('started'), watching.fact('started')]);
    await withStore(place.file, async (store) => {
      // The other one has its hands full, so that the blocking job goes to the first.
      await put(store, [newJob({ type: 'told', runAt: Date.now(), timeoutMs: null })], Date.now());
      const [busy, free] = await Promise.race([
        blocked.fact('run').then(() => [blocked, watching] as const),
        watching.fact('run').then(() => [watching, blocked] as const),
      ]);
      const [id] = await put(store, [newJob({ type: 'block', runAt: Date.now(), payload: '4500' })], Date.now());
      const runner = await Promise.race(
        [busy, free].map((child) => child.fact((fact) => fact.fact === 'run' && fact['id'] === id).then(() => child)),
      );
      const name = runner === blocked ? 'blocked' : 'watching';
      await until(async () =>
        (await store.workers()).some((worker) => worker.name === name && worker.blockedMs > 1000),
      );
      await runner.fact((fact) => fact.fact === 'completed' && fact['id'] === id);
      expect((await runner.fact('loop-blocked'))['event']).toMatchObject({ blockedMs: expect.any(Number) });
      expect(await store.attempts(id!)).toMatchObject([{ outcome: 'completed' }]);
      for (const child of [blocked, watching])
        for (const alarm of ['worker-lost', 'orphans-released', 'lease-lost', 'job-late-result'])
          expect(child.all(alarm)).toEqual([]);
    });
  });

  test('that start at the same moment on a new file all come up, and migrate it once', async () => {
    const children = ['one', 'two', 'three', 'four'].map((name) => engine({ name, enqueue: 10, untilIdle: true }));
    for (const child of children) expect([await child.ended, child.errors]).toEqual([{ code: 0, signal: null }, '']);
    await withStore(place.file, async (store) => {
      const jobs = new Map((await list(store)).map((one) => [one.id, one.status]));
      for (const id of children.flatMap((child) => idsOf(child, 'enqueued'))) expect(isFinal(jobs.get(id)!)).toBe(true);
    });
  });

  test('run five thousand jobs, each exactly once', async () => {
    await withStore(
      place.file,
      async (store) => {
        await store.setQueue('default', { pause: { reason: null, actor: null, until: null } }, T0);
        await put(store, newJobs(5000, { type: 'quick' }));
        const children = ['one', 'two'].map((name) => engine({ name, untilIdle: true, slots: 20 }));
        await Promise.all(children.map((child) => child.fact('started')));
        await store.setQueue('default', { pause: null }, T0);
        for (const child of children) expect(await child.ended).toEqual({ code: 0, signal: null });
        const effects = children.map((child) => idsOf(child, 'effect'));
        expect(effects.flat()).toHaveLength(5000);
        expect(new Set(effects.flat()).size).toBe(5000);
        for (const own of effects) expect(own.length).toBeGreaterThan(0);
        expect(await count(store, { status: 'completed' })).toBe(5000);
        expect((await store.checkIntegrity()).problems).toEqual([]);
      },
      { durability: 'process' },
    );
  });
});

describe('after a restart', () => {
  const quick = job({ run: () => 'done' });

  /** A worker that died with its hands full. */
  const leaveOrphans = async (
    store: Store,
    n: number,
    mark: { pid: number; pidStart: string | null },
  ): Promise<void> => {
    const owner = 'service#before';
    await store.keepLease(workerInfo('service', { owner, host: hostname(), ...mark }), { ...STILL, now: Date.now });
    await put(store, newJobs(n, { type: 'quick' }));
    expect((await store.claim({ owner, n, types: ['quick'] }, Date.now())).jobs).toHaveLength(n);
  };

  const restart = async (leaseMs: number): Promise<JobManager> => {
    const manager = new JobManager(place.file, {
      jobs: { quick },
      processId: 'service',
      lease: leaseMs,
      pollInterval: 50,
      logger: false,
      handleSignals: false,
      durability: 'process',
    });
    await manager.start();
    return manager;
  };

  test('of the machine, under the same host name and process number, the jobs run again once the old heartbeat stood still', async () => {
    // The number belongs to a process that is alive now, but it started at another boot.
    await withStore(place.file, (store) =>
      leaveOrphans(store, 20, { pid: process.pid, pidStart: 'another-boot pid:[1] 17' }),
    );
    const manager = await restart(700);
    try {
      await until(async () => (await manager.count({ status: 'completed' })) === 20);
      for (const { attempts, crashes, worker } of await manager.getAllJobs())
        expect({ attempts, crashes, worker }).toEqual({ attempts: 1, crashes: 1, worker: 'service' });
    } finally {
      await manager.close();
    }
  });

  test('ten thousand orphans of a process that ended are back at work at once', async () => {
    const ended = engine({ name: 'ended', untilIdle: true });
    const { pid } = ended;
    await ended.ended;
    await withStore(place.file, (store) => leaveOrphans(store, 10_000, { pid, pidStart: null }), {
      durability: 'process',
    });
    const db = await import('better-sqlite3');
    const file = new db.default(place.file);
    // As the dead process wrote it: same boot, same name space, a start that no process has now.
    const { markOf } = await import('../../src/util/process.ts');
    file.prepare('UPDATE job_workers SET pid_start = ?').run(markOf(process.pid).pidStart!.replace(/\d+$/, '1'));
    file.close();
    let released = 0;
    const manager = new JobManager(place.file, {
      jobs: { quick },
      lease: 60_000,
      logger: false,
      handleSignals: false,
      durability: 'process',
      maxConcurrentJobs: 500,
    });
    manager.on('orphans-released', ({ count: n }) => {
      released += n;
    });
    try {
      await manager.start();
      expect(released).toBe(10_000);
      await until(async () => (await manager.count({ status: 'completed' })) === 10_000);
      expect((await manager.checkIntegrity()).problems).toEqual([]);
    } finally {
      await manager.close();
    }
  });
});
