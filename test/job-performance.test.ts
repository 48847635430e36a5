/**
 * The figures that the first users were promised, many times over what they need. They are printed; what is asserted is only what
 * the promise itself says. Speed is measured in bench/.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { job } from 'backline';
import { expect, test } from 'vitest';
import { freshFile, startManager } from './managers.ts';
import { MockJobExecutor } from './mock-job-executor.ts';
import { until } from './wait.ts';

const timed = async <T>(what: string, work: () => Promise<T>): Promise<{ ms: number; answer: T }> => {
  const started = performance.now();
  const answer = await work();
  const ms = performance.now() - started;
  console.log(`${what}: ${ms.toFixed(0)} ms`);
  return { ms, answer };
};

const SECOND = 1000;

test('10,000 jobs are created in less than 10 seconds, each synced to disk before its promise resolves', async () => {
  const manager = await startManager({ worker: false, durability: 'disk' }, freshFile());
  const { ms } = await timed('10,000 creations, 50 at once', async () => {
    for (let i = 0; i < 10_000; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, n) => manager.enqueue('track', { n: i + n })));
  });
  expect(await manager.count()).toBe(10_000);
  expect(ms).toBeLessThan(10 * SECOND);
});

test('one call for 1,000 jobs is one transaction', async () => {
  const manager = await startManager({ worker: false, durability: 'disk' }, freshFile());
  const { ms: singly } = await timed('1,000 creations, one after the other', async () => {
    for (let i = 0; i < 1000; i++) await manager.enqueue('track', { i });
  });
  const { ms: together } = await timed('1,000 creations in one call', () =>
    manager.enqueueMany(Array.from({ length: 1000 }, (_, i) => ({ type: 'track', payload: { i } }))),
  );
  expect(await manager.count()).toBe(2000);
  console.log(`one call is ${(singly / together).toFixed(1)} times as fast`);
});

test('1,000 jobs of one second run at once, and are done within 10 seconds', async () => {
  const mock = new MockJobExecutor({ executionTime: SECOND });
  const manager = await startManager({ jobs: { mock: mock.type }, maxConcurrentJobs: 1000 }, freshFile());
  const { ms } = await timed('1,000 concurrent jobs of 1 s', async () => {
    await manager.enqueueMany(Array.from({ length: 1000 }, () => ({ type: 'mock' })));
    await until(async () => (await manager.count({ status: 'completed' })) === 1000, 'all are done', 30 * SECOND);
  });
  expect(mock.mostAtOnce).toBe(1000);
  expect(ms).toBeLessThan(10 * SECOND);
});

test('5,000 mixed jobs all end', async () => {
  const mock = new MockJobExecutor({ failureRate: 0.1, progressSteps: 3 });
  const manager = await startManager({
    jobs: { scan: mock.type, analyze: mock.type, export: mock.type },
    maxConcurrentJobs: 50,
  });
  const types = ['scan', 'analyze', 'export'] as const;
  await timed('5,000 mixed jobs', async () => {
    await manager.enqueueMany(
      Array.from({ length: 5000 }, (_, i) => ({
        type: types[i % 3]!,
        payload: i,
        options: { priority: 1 + (i % 10) },
      })),
    );
    await until(
      async () => (await manager.count({ status: ['completed', 'failed'] })) === 5000,
      'all have ended',
      30 * SECOND,
    );
  });
  const { created, queued, running, total } = await manager.getJobStatistics();
  expect([created, queued, running, total]).toEqual([0, 0, 0, 5000]);
});

test('questions at 50,000 rows are answered in less than a second', async () => {
  const manager = await startManager({ worker: false }, freshFile());
  for (let i = 0; i < 50; i++)
    await manager.enqueueMany(
      Array.from({ length: 1000 }, (_, n) => ({
        type: `type-${n % 7}`,
        payload: { track: i * 1000 + n },
        options: { priority: 1 + (n % 10), queue: `q${n % 3}`, tags: n % 100 === 0 ? ['rare'] : [] },
      })),
    );
  await manager.cancelAll({ type: ['type-1', 'type-2', 'type-3', 'type-4', 'type-5', 'type-6'] });
  expect(await manager.count()).toBe(50_000);
  const questions: [string, () => Promise<unknown>][] = [
    ['getJobStatistics', () => manager.getJobStatistics()],
    ['getActiveJobs (7,150 of them)', () => manager.getActiveJobs()],
    ['a page of the newest', () => manager.list({})],
    ['a page by status, type and queue', () => manager.list({ status: 'cancelled', type: 'type-3', queue: 'q1' })],
    ['a page by tag', () => manager.list({ tag: 'rare' })],
    ['a page of what runs next', () => manager.list({ status: 'queued' }, { order: 'next' })],
    ['a count by status', () => manager.count({ status: 'queued' })],
    ['one job by a path of its payload', () => manager.list({ payload: { track: 49_999 } })],
    ['health', () => manager.health()],
    ['queues', () => manager.queues()],
  ];
  for (const [what, ask] of questions) expect((await timed(what, ask)).ms, what).toBeLessThan(SECOND);
});

test('memory grows with the number of waiting jobs at most in proportion', async () => {
  const manager = await startManager({ worker: false }, freshFile());
  const add = () => manager.enqueueMany(Array.from({ length: 10_000 }, (_, i) => ({ type: 'track', payload: { i } })));
  const used = () => process.memoryUsage().rss / 1024 / 1024;
  const sizes = [used()];
  for (let i = 0; i < 4; i++) {
    await add();
    sizes.push(used());
  }
  console.log(`memory before, and after 10,000 jobs each: ${sizes.map((size) => `${size.toFixed(0)} MB`).join(', ')}`);
  // The first ten thousand warm up; 30,000 more must not cost hundreds of megabytes.
  expect(sizes.at(-1)! - sizes[1]!).toBeLessThan(250);
});

test('a hundred calls at once open no connection each', async () => {
  const file = freshFile();
  const echo = job({ run: (payload: unknown) => payload });
  const manager = await startManager({ jobs: { echo } }, file);
  const calls = Array.from({ length: 100 }, async (_, i) => manager.result(await manager.enqueue('echo', i)));
  const connections = () => openFiles().filter((path) => path === file).length;
  const meanwhile = connections();
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  // Its own, and that of the heartbeat.
  expect(Math.max(meanwhile, connections())).toBeLessThanOrEqual(2);
});

/** What this process has open, where the system tells. */
const openFiles = (): string[] => {
  try {
    return readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};
