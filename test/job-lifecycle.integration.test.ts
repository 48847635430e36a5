/** Whole lives of jobs through the engine, on a database in memory and on a file. */
import { type JobManager, job, NoRetryError } from 'backline';
import { beforeEach, describe, expect, test } from 'vitest';
import { freshFile, type Heard, listen, only, startManager, statesOf } from './managers.ts';
import { aborted, MockJobExecutor, type MockOptions } from './mock-job-executor.ts';
import { signal, until } from './wait.ts';

describe.each([
  ['in memory', () => ':memory:'],
  ['on a file', freshFile],
])('a life %s', (_, database) => {
  let where: string;
  beforeEach(() => {
    where = database();
  });

  const start = async (options: MockOptions, more: Parameters<typeof startManager>[0] = {}) => {
    const mock = new MockJobExecutor(options);
    const manager = await startManager({ ...more, jobs: { task: mock.type } }, where);
    return { mock, manager, heard: listen(manager) };
  };

  /** The row, the events and the counters must tell the same story. */
  const expectOneTruth = async (manager: Pick<JobManager, 'getAllJobs' | 'stats'>, heard: readonly Heard[]) => {
    const all = await manager.getAllJobs();
    const { byStatus, total } = await manager.stats();
    expect(total).toBe(all.length);
    for (const { id, status } of all) expect(statesOf(heard, id).at(-1)).toBe(status);
    for (const [status, n] of Object.entries(byStatus))
      expect(all.filter((one) => one.status === status)).toHaveLength(n);
  };

  test.each<[string, MockOptions['scenario'], string[]]>([
    ['that completes', undefined, ['created', 'queued', 'running', 'completed']],
    ['that fails for good', 'no-retry', ['created', 'queued', 'running', 'failed']],
    [
      'that fails, and then works',
      (attempt) => (attempt < 3 ? 'error' : undefined),
      ['created', 'queued', 'running', 'queued', 'running', 'queued', 'running', 'completed'],
    ],
    [
      'that fails three times',
      'error',
      ['created', 'queued', 'running', 'queued', 'running', 'queued', 'running', 'failed'],
    ],
    ['that runs out of time', 'obedient', ['created', 'queued', 'running', 'timeout']],
    ['that cancels itself', 'cancel', ['created', 'queued', 'running', 'cancelled']],
    ['that is put off once', 'snooze', ['created', 'queued', 'running', 'queued', 'running', 'completed']],
    ['whose result cannot be stored', 'bad-result', ['created', 'queued', 'running', 'failed']],
    [
      'that throws something odd',
      'odd-throw',
      ['created', 'queued', 'running', 'queued', 'running', 'queued', 'running', 'failed'],
    ],
    [
      'that says when to come back',
      (attempt) => (attempt === 1 ? 'retry-after' : undefined),
      ['created', 'queued', 'running', 'queued', 'running', 'completed'],
    ],
  ])('%s', async (_name, scenario, states) => {
    const { manager, heard, mock } = await start({ scenario });
    const options = scenario === 'obedient' ? { timeout: 30, maxAttempts: 1 } : {};
    const { id } = await manager.enqueue('task', null, options);
    const result = await manager.result(id).catch(() => null);
    expect(statesOf(heard, id)).toEqual(states);
    const final = (await manager.get(id))!;
    expect(final.status).toBe(states.at(-1));
    expect(final.result).toEqual(states.at(-1) === 'completed' ? result : null);
    expect(final.progress).toBe(final.status === 'completed' ? 100 : 0);
    expect(final.queuedAt).toBeGreaterThanOrEqual(final.createdAt);
    expect(final.startedAt).toBeGreaterThanOrEqual(final.queuedAt!);
    expect(final.completedAt).toBeGreaterThanOrEqual(final.startedAt!);
    expect(await manager.attempts(id)).toHaveLength(mock.executions.length);
    await expectOneTruth(manager, heard);
  });

  test('that is cancelled while it waits, is held, or runs', async () => {
    const { manager, heard } = await start({ scenario: 'obedient' });
    const waiting = await manager.enqueue('task', null, { delay: '1h' });
    const held = await manager.enqueue('task', null, { held: true });
    const running = await manager.enqueue('task', null);
    await until(() => statesOf(heard, running.id).at(-1) === 'running');
    for (const { id } of [waiting, held, running]) expect(await manager.cancelJob(id)).toBe(true);
    await manager.result(running).catch(() => {});
    expect(statesOf(heard, waiting.id)).toEqual(['created', 'queued', 'cancelled']);
    expect(statesOf(heard, held.id)).toEqual(['created', 'cancelled']);
    expect(statesOf(heard, running.id)).toEqual(['created', 'queued', 'running', 'cancelled']);
    await expectOneTruth(manager, heard);
  });

  test('that ended does not change by what comes late', async () => {
    const { manager, heard, mock } = await start({ scenario: 'deaf' });
    const { id } = await manager.enqueue('task', null, { timeout: 20, maxAttempts: 1 });
    await manager.result(id).catch(() => {});
    const before = await manager.get(id);
    mock.release();
    await until(async () => (await manager.health()).loop?.running === 0);
    expect(await manager.cancelJob(id)).toBe(false);
    expect(await manager.get(id)).toEqual(before);
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'running', 'timeout']);
  });

  test('of many mixed jobs: every one ends, and the counters agree', async () => {
    const { manager, heard, mock } = await start(
      { executionTime: [0, 5], failureRate: 0.3, progressSteps: 2, seed: 7 },
      { maxConcurrentJobs: 50 },
    );
    await manager.enqueueMany(
      Array.from({ length: 300 }, (_each, i) => ({ type: 'task', payload: i, options: { priority: 1 + (i % 10) } })),
    );
    await until(async () => (await manager.getActiveJobs()).length === 0);
    const { completed, failed, total } = await manager.getJobStatistics();
    expect([total, completed + failed]).toEqual([300, 300]);
    expect(failed).toBeGreaterThan(0);
    expect(mock.executions.length).toBeGreaterThan(300);
    expect(mock.mostAtOnce).toBeLessThanOrEqual(50);
    await expectOneTruth(manager, heard);
    expect(only(heard, 'error')).toEqual([]);
  });

  test('of parents and children', async () => {
    const parent = job({
      run: async (n: number, ctx) => {
        const children = [];
        for (let i = 0; i < n; i++) children.push((await ctx.enqueue('child', i, { parent: ctx.job.id })).id);
        return children;
      },
    });
    const child = job({
      run: (i: number) => {
        if (i === 2) throw new NoRetryError('the third');
        return i;
      },
    });
    const manager = await startManager({ jobs: { parent, child } }, where);
    const handed = await manager.enqueue('parent', 4);
    const children = await manager.result(handed);
    const ended = await Promise.allSettled(children.map((id) => manager.result(id)));
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    const { jobs } = await manager.list({ parent: handed.id }, { order: 'oldest' });
    expect(jobs.map(({ id, status }) => [id, status])).toEqual(
      children.map((id, i) => [id, i === 2 ? 'failed' : 'completed']),
    );
    expect(await manager.remove(handed.id)).toBe(false);
    expect(await manager.removeAll({ parent: handed.id })).toBe(4);
    expect(await manager.remove(handed.id)).toBe(true);
  });

  test('of a handler that uses memory and blocks the loop for a moment', async () => {
    const { manager, mock } = await start({ resources: { memoryBytes: 1_000_000, cpuMs: 20 } });
    expect(await manager.result(await manager.enqueue('task', null))).toEqual({ attempt: 1 });
    const [{ startedAt, endedAt }] = mock.executions as [(typeof mock.executions)[0]];
    expect(endedAt! - startedAt).toBeGreaterThanOrEqual(20);
  });
});

test('a life outlives the process: what waited, what was held and what was put off goes on after a restart', async () => {
  const file = freshFile();
  const ran: unknown[] = [];
  const go = signal();
  const task = job({
    run: async (payload: unknown, ctx) => {
      if (payload === 'running' && ran.length === 0) {
        ran.push('begun');
        go.reach();
        return aborted(ctx.signal);
      }
      ran.push(payload);
    },
  });
  const before = await startManager({ jobs: { task }, maxConcurrentJobs: 1 }, file);
  const running = await before.enqueue('task', 'running', { tags: ['kept'] });
  await go.reached;
  const waiting = await before.enqueue('task', 'waiting');
  const held = await before.enqueue('task', 'held', { held: true });
  const delayed = await before.enqueue('task', 'delayed', { delay: 100 });
  await before.pauseQueue('other', { reason: 'kept too' });
  await before.close({ timeout: 0 });
  const after = await startManager({ jobs: { task }, maxConcurrentJobs: 1 }, file);
  for (const one of [running, waiting, delayed]) await after.result(one);
  expect(ran).toEqual(['begun', 'running', 'waiting', 'delayed']);
  expect(await after.get(held.id)).toMatchObject({ status: 'created', held: true });
  expect(await after.get(running.id)).toMatchObject({ attempts: 1, tags: ['kept'] });
  expect((await after.queues()).find(({ name }) => name === 'other')).toMatchObject({
    paused: true,
    pausedReason: 'kept too',
  });
});
