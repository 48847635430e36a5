/** JobManager under the names of its first users, and its door as a whole. */
import { existsSync, readdirSync } from 'node:fs';
import { BacklineError, JobManager, type JobStatistics, job, type Logger } from 'backline';
import { describe, expect, test } from 'vitest';
import { codeOf, freshFile, freshFolder, listen, newManager, only, startManager, statesOf } from './managers.ts';
import { aborted, MockJobExecutor } from './mock-job-executor.ts';
import { nextEvent, signal, until } from './wait.ts';

const echo = job({ run: (payload: unknown) => payload });
const fail = job({
  maxAttempts: 1,
  run: () => {
    throw new Error('no');
  },
});
const obedient = job({ run: (_: unknown, ctx) => aborted(ctx.signal) });
const jobs = { echo, fail, obedient };

describe('starting', () => {
  test('opens the database, makes its folder, and is harmless twice', async () => {
    const file = `${freshFolder()}/deep/down/jobs.db`;
    const manager = newManager({ jobs }, `sqlite:${file}`);
    const started: string[] = [];
    manager.on('worker-started', ({ worker }) => started.push(worker));
    await Promise.all([manager.start(), manager.start()]);
    await manager.start();
    expect(existsSync(file)).toBe(true);
    expect(started).toHaveLength(1);
    expect(await manager.workers()).toHaveLength(1);
  });

  test('must come before everything else', async () => {
    const manager = newManager({ jobs });
    expect(await codeOf(() => manager.enqueue('echo', 1))).toBe('NOT_STARTED');
    expect(await codeOf(() => manager.stats())).toBe('NOT_STARTED');
    expect(await codeOf(() => manager.result('a'))).toBe('NOT_STARTED');
    expect(await manager.health()).toMatchObject({ ok: false });
  });

  test('writes nothing before it is called', () => {
    const folder = freshFolder();
    new JobManager(`${folder}/jobs.db`, { jobs });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('runs what was left from the last time', async () => {
    const file = freshFile();
    const before = await startManager({ worker: false }, file);
    const { id } = await before.enqueue('echo', 'left over');
    await before.close();
    const after = await startManager({ jobs }, file);
    expect(await after.result(id)).toBe('left over');
  });

  test('takes the ids that are wanted', async () => {
    const ordered = await startManager({ jobs });
    const random = await startManager({ jobs, ids: 'uuid-v4' });
    const uuid = (version: number) =>
      new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
    expect((await ordered.enqueue('echo', 1)).id).toMatch(uuid(7));
    expect((await random.enqueue('echo', 1)).id).toMatch(uuid(4));
    expect((await random.enqueue('echo', 1, { id: 'order:42' })).id).toBe('order:42');
  });
});

describe("the engine's methods", () => {
  test('getAllJobs and getActiveJobs', async () => {
    const manager = await startManager({ jobs });
    const done = await manager.enqueue('echo', 1);
    const failed = await manager.enqueue('fail');
    for (const one of [done, failed]) await manager.result(one).catch(() => {});
    const running = await manager.enqueue('obedient');
    const queued = await manager.enqueue('echo', 1, { delay: '1h' });
    const created = await manager.enqueue('echo', 1, { held: true });
    await until(async () => (await manager.get(running.id))?.status === 'running');
    const ids = (all: { id: string }[]) => all.map(({ id }) => id);
    expect(ids(await manager.getAllJobs())).toEqual(ids([done, failed, running, queued, created]));
    expect(ids(await manager.getActiveJobs())).toEqual(ids([running, queued, created]));
  });

  test('getAllJobs yields all of them, however many', async () => {
    const manager = await startManager({ worker: false });
    await manager.enqueueMany(Array.from({ length: 2345 }, (_, i) => ({ type: 'echo', payload: i })));
    expect((await manager.getAllJobs()).map(({ payload }) => payload)).toEqual(
      Array.from({ length: 2345 }, (_, i) => i),
    );
  });

  test('getJobById', async () => {
    const manager = await startManager({ jobs });
    const { id } = await manager.enqueue('echo', { n: 1 });
    await manager.result(id);
    expect(await manager.getJobById(id)).toMatchObject({
      id,
      type: 'echo',
      status: 'completed',
      payload: { n: 1 },
      result: { n: 1 },
      progress: 100,
      attempts: 1,
      maxAttempts: 3,
      timeoutMs: 300_000,
      userInitiated: true,
      priority: 5,
      parentId: null,
      error: null,
    });
    expect(await manager.getJobById('nobody')).toBeNull();
  });

  test('cancelJob is true for what is active only', async () => {
    const manager = await startManager({ jobs });
    const waiting = await manager.enqueue('echo', 1, { held: true });
    const running = await manager.enqueue('obedient');
    const done = await manager.enqueue('echo', 1);
    await manager.result(done);
    await until(async () => (await manager.get(running.id))?.status === 'running');
    expect(await manager.cancelJob(waiting.id)).toBe(true);
    expect(await manager.cancelJob(running.id)).toBe(true);
    expect(await manager.cancelJob(done.id)).toBe(false);
    expect(await manager.cancelJob('nobody')).toBe(false);
    await manager.result(running).catch(() => {});
    expect(await manager.cancelJob(running.id)).toBe(false);
  });

  test('retryJob is true for what failed, and it runs again', async () => {
    const mock = new MockJobExecutor({ scenario: () => (mock.executions.length === 1 ? 'no-retry' : undefined) });
    const manager = await startManager({ jobs: { ...jobs, mock: mock.type } });
    const failed = await manager.enqueue('mock', null);
    await manager.result(failed).catch(() => {});
    const done = await manager.enqueue('echo', 1);
    await manager.result(done);
    expect(await manager.retryJob(failed.id)).toBe(true);
    expect(await manager.result(failed)).toEqual({ attempt: 1 });
    expect(await manager.retryJob(done.id)).toBe(false);
    expect(await manager.retryJob('nobody')).toBe(false);
  });

  test('abortAllJobs leaves no active job behind', async () => {
    const manager = await startManager({ jobs, maxConcurrentJobs: 3 });
    await manager.enqueueMany(Array.from({ length: 6 }, () => ({ type: 'obedient' as const })));
    await manager.enqueue('echo', 1, { held: true });
    await until(async () => (await manager.count({ status: 'running' })) === 3);
    expect(await manager.abortAllJobs()).toBeUndefined();
    expect(await manager.getActiveJobs()).toEqual([]);
    expect(await manager.count({ status: 'cancelled' })).toBe(7);
  });

  test('abortAllJobs does not wait for what came after it', async () => {
    const manager = await startManager({ jobs, maxConcurrentJobs: 1 });
    const before = await manager.enqueue('obedient');
    await until(async () => (await manager.get(before.id))?.status === 'running');
    const aborted = manager.abortAllJobs();
    const after = await manager.enqueue('obedient');
    await aborted;
    expect((await manager.get(before.id))?.status).toBe('cancelled');
    await until(async () => (await manager.get(after.id))?.status === 'running');
  });

  test('getJobStatistics, on the engine and on its database', async () => {
    const manager = await startManager({ jobs });
    for (const one of [await manager.enqueue('echo', 1), await manager.enqueue('fail')])
      await manager.result(one).catch(() => {});
    const cancelled = await manager.enqueue('echo', 1, { held: true });
    await manager.cancelJob(cancelled.id);
    await manager.enqueue('echo', 1, { delay: '1h' });
    const statistics: JobStatistics = {
      total: 4,
      created: 0,
      queued: 1,
      running: 0,
      completed: 1,
      failed: 1,
      cancelled: 1,
      timeout: 0,
    };
    expect(await manager.getJobStatistics()).toEqual(statistics);
    expect(await manager.db.getJobStatistics()).toEqual(statistics);
    expect(statistics.total).toBe(await manager.count());
  });

  test('getSystemHealth tells of database, workers, queue depth and error rates', async () => {
    const manager = await startManager({ jobs, processId: 'box' });
    await manager.result(await manager.enqueue('fail')).catch(() => {});
    await manager.enqueue('echo', 1, { delay: '1h' });
    await manager.enqueue('echo', 1, { held: true });
    expect(await manager.getSystemHealth()).toMatchObject({
      ok: true,
      database: { ok: true, where: ':memory:', sizeBytes: expect.any(Number) },
      loop: { ticking: true },
      workers: [{ name: 'box', slots: 10 }],
      queueDepth: 2,
      errorRates: { fail: 1 },
    });
  });

  test('db.checkIntegrity and db.migrate', async () => {
    const manager = newManager({ jobs }, freshFile());
    await manager.db.migrate();
    await manager.db.migrate();
    expect(await manager.db.checkIntegrity()).toEqual({ ok: true, problems: [] });
  });
});

describe('events', () => {
  test('"on" and "once" return the manager, "off" takes a listener off', async () => {
    const manager = newManager({ jobs });
    const heard: string[] = [];
    const listener = ({ status }: { status: string }) => void heard.push(status);
    expect(manager.on('job-status-changed', listener)).toBe(manager);
    expect(manager.once('job-completed', () => heard.push('once'))).toBe(manager);
    await manager.start();
    await manager.result(await manager.enqueue('echo', 1));
    expect(manager.off('job-status-changed', listener)).toBe(manager);
    await manager.result(await manager.enqueue('echo', 1));
    expect(heard).toEqual(['created', 'queued', 'running', 'completed', 'once']);
  });

  test('carry the names and payloads of the first users', async () => {
    const manager = await startManager({
      jobs: {
        work: job({
          run: (_: unknown, ctx) => {
            ctx.progress(40);
            return { rows: 3 };
          },
        }),
      },
    });
    const heard = listen(manager);
    const { id } = await manager.enqueue('work', null);
    await manager.result(id);
    expect(only(heard, 'job-status-changed').map(({ jobId, status }) => ({ jobId, status }))).toEqual(
      ['created', 'queued', 'running', 'completed'].map((status) => ({ jobId: id, status })),
    );
    expect(only(heard, 'job-progress')).toMatchObject([{ jobId: id, progress: 40 }]);
    expect(only(heard, 'job-completed')).toMatchObject([{ jobId: id, result: { rows: 3 } }]);
  });

  test('a listener that throws or rejects breaks neither the job nor the other listeners', async () => {
    const manager = await startManager({ jobs });
    manager.on('job-status-changed', () => {
      throw new Error('listener');
    });
    manager.on('job-completed', (async () => {
      throw new Error('late listener');
    }) as never);
    const heard = listen(manager);
    const { id } = await manager.enqueue('echo', 1);
    expect(await manager.result(id)).toBe(1);
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'running', 'completed']);
    await until(() => only(heard, 'error').length === 5);
    expect(new Set(only(heard, 'error').map(({ during }) => during))).toEqual(
      new Set(['a listener of "job-status-changed"', 'a listener of "job-completed"']),
    );
  });

  test('an error that nobody listens to is logged, with every move of a job, and never thrown', async () => {
    const lines: [string, object, string][] = [];
    const write = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
    const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
    const manager = await startManager({ jobs, logger });
    manager.on('job-completed', () => {
      throw new Error('listener');
    });
    const { id } = await manager.enqueue('echo', 1);
    await manager.result(id);
    const failed = await manager.enqueue('fail');
    await manager.result(failed).catch(() => {});
    await manager.close();
    for (const status of ['created', 'queued', 'running', 'completed'])
      expect(lines).toContainEqual([
        'info',
        expect.objectContaining({ jobId: id, type: 'echo' }),
        `job ${id} is ${status}`,
      ]);
    expect(lines).toContainEqual([
      'error',
      expect.objectContaining({ jobId: failed.id, error: 'no' }),
      `job ${failed.id} failed`,
    ]);
    expect(lines).toContainEqual([
      'error',
      { err: expect.any(Error) },
      'an error during a listener of "job-completed"',
    ]);
    expect(lines.some(([, , message]) => /worker .* stopped/.test(message))).toBe(true);
  });

  test('a logger that throws breaks nothing', async () => {
    const broken = () => {
      throw new Error('the disk of the log is full');
    };
    const manager = await startManager({ jobs, logger: { debug: broken, info: broken, warn: broken, error: broken } });
    expect(await manager.result(await manager.enqueue('echo', 1))).toBe(1);
    await manager.result(await manager.enqueue('fail')).catch(() => {});
    expect(await manager.count({ status: ['completed', 'failed'] })).toBe(2);
  });

  test('lines of a level that is off are not even made', async () => {
    const heard: string[] = [];
    const write = (_: object, message: string) => void heard.push(message);
    const logger: Logger = {
      debug: write,
      info: write,
      warn: write,
      error: write,
      isLevelEnabled: (level) => level === 'error',
    };
    const manager = await startManager({ jobs, logger });
    await manager.result(await manager.enqueue('fail')).catch(() => {});
    expect(heard).toEqual([expect.stringMatching(/^job \S+ failed$/)]);
  });
});

describe('defaults of the first users', () => {
  test('ten jobs at once, three attempts, five minutes, five seconds to the first retry', async () => {
    const mock = new MockJobExecutor({ scenario: 'obedient' });
    const manager = new JobManager(':memory:', {
      jobs: { mock: mock.type, fail: { ...fail, maxAttempts: undefined } },
      logger: false,
      handleSignals: false,
    });
    await manager.start();
    const retrying = nextEvent(manager, 'job-retrying');
    const { id } = await manager.enqueue('fail', undefined);
    const { at, runAt } = await retrying;
    expect(runAt - at).toBeGreaterThanOrEqual(5000);
    expect(runAt - at).toBeLessThanOrEqual(5500);
    expect(await manager.get(id)).toMatchObject({ maxAttempts: 3, timeoutMs: 300_000 });
    await manager.enqueueMany(Array.from({ length: 20 }, () => ({ type: 'mock' as const })));
    await until(() => mock.running === 10);
    expect(await manager.count({ status: 'running' })).toBe(10);
    await manager.abortAllJobs();
    await manager.close();
    expect(mock.mostAtOnce).toBe(10);
  });

  test('finished jobs are cleaned up by age and by number', async () => {
    const manager = await startManager({
      jobs,
      cleanupInterval: 100,
      retention: { completed: 0, failed: '1h', maxFinished: false },
    });
    const failed = await manager.enqueue('fail');
    await manager.result(failed).catch(() => {});
    const removed = nextEvent(manager, 'job-removed');
    const done = await manager.enqueue('echo', 1);
    expect(await removed).toMatchObject({ jobId: done.id });
    expect(await manager.get(done.id)).toBeNull();
    expect(await manager.get(failed.id)).not.toBeNull();
    const few = await startManager({ jobs, cleanupInterval: 100, retention: { maxFinished: 2 } });
    for (let i = 0; i < 5; i++) await few.result(await few.enqueue('echo', i));
    await until(async () => (await few.count()) === 2);
    expect((await few.getAllJobs()).map(({ payload }) => payload)).toEqual([3, 4]);
  });
});

test('a backup can be opened, while work goes on', async () => {
  const manager = await startManager({ jobs }, freshFile());
  for (let i = 0; i < 20; i++) await manager.enqueue('echo', i, { held: true });
  const copy = freshFile();
  await manager.backup(copy);
  await manager.enqueue('echo', 'after', { held: true });
  const restored = await startManager({ jobs }, copy);
  expect(await restored.count({ status: 'created' })).toBe(20);
  expect(await restored.checkIntegrity()).toEqual({ ok: true, problems: [] });
});

test('individual failures do not disturb the rest', async () => {
  const mock = new MockJobExecutor({
    scenario: (_, payload) => ((payload as number) % 10 < 3 ? 'no-retry' : undefined),
  });
  const manager = await startManager({ jobs: { mock: mock.type } });
  await manager.enqueueMany(Array.from({ length: 100 }, (_, i) => ({ type: 'mock', payload: i })));
  await until(async () => (await manager.count({ status: ['completed', 'failed'] })) === 100);
  expect(await manager.getJobStatistics()).toMatchObject({ total: 100, completed: 70, failed: 30 });
});

test('an error is recognised by its class', async () => {
  const manager = await startManager({ jobs });
  const error: unknown = await manager.enqueue('nope' as never, undefined).catch((fault: unknown) => fault);
  expect(error instanceof BacklineError && error.code).toBe('UNKNOWN_JOB_TYPE');
});

test('a job that is handed in while the loop sleeps starts at once', async () => {
  const started = signal();
  const manager = await startManager(
    { jobs: { task: job({ run: () => started.reach() }) }, pollInterval: '1h' },
    freshFile(),
  );
  await manager.enqueue('task', null);
  await started.reached;
});
