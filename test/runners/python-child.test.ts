import { job, WorkerPool } from 'backline';
import { expect, test } from 'vitest';
import { startManager } from '../managers.ts';
import { describeRunner } from './describe-runner.ts';
import { PYTHON, program } from './python.ts';

const pool = () => new WorkerPool({ command: [PYTHON, program('handlers.py')], maxWorkers: 2 });

describeRunner('Python child', {
  jobs: (names, options = {}) => {
    const runner = pool();
    return Object.fromEntries(names.map((name) => [name, job({ ...options, runner })]));
  },
  kills: true,
  stack: /handlers\.py", line \d+/,
  apart: false,
  prints: true,
});

test('a Python handler may be a coroutine', async () => {
  const manager = await startManager({ jobs: { asynchronous: job({ runner: pool() }) } });
  expect(await manager.result(await manager.enqueue('asynchronous', [1]))).toEqual([1]);
});

test('a Python program that has no handler of that name says so', async () => {
  const manager = await startManager({ jobs: { other: job({ runner: pool(), maxAttempts: 1 }) } });
  const { id } = await manager.enqueue('other');
  await expect(manager.result(id)).rejects.toMatchObject({
    cause: { name: 'LookupError', message: expect.stringContaining('Known types: echo, ') },
  });
});
