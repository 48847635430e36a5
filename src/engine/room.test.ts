/** The worker claims no more than its runners have room for, whatever else there is to do. */
import { describe, expect, test } from 'vitest';
import { startManager } from '../../test/managers.ts';
import { until } from '../../test/wait.ts';
import { job } from '../job/define.ts';
import { Stop } from '../job/outcome.ts';
import type { Runner, Task } from '../runner/runner.ts';

/** A runner with so much room, whose work ends when the test says so. */
class Gated implements Runner {
  readonly name = 'gated';
  readonly kills = true;
  slots: number;
  mostAtOnce = 0;
  readonly begun: unknown[] = [];
  isClosed = false;
  readonly #running = new Map<unknown, (end: unknown) => void>();
  readonly #listeners = new Set<() => void>();

  constructor(slots: number) {
    this.slots = slots;
  }

  run({ payload, ctx }: Task): Promise<unknown> {
    this.begun.push(payload);
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.#running.delete(payload);
        finish();
      };
      this.#running.set(payload, (end) => settle(() => (end instanceof Error ? reject(end) : resolve(end))));
      ctx.signal.addEventListener('abort', () => settle(() => reject(ctx.signal.reason)));
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.size);
    });
  }

  end(payload: unknown, end: unknown = payload): void {
    this.#running.get(payload)!(end);
  }

  resize(slots: number): void {
    this.slots = slots;
    for (const listener of this.#listeners) listener();
  }

  onSlots(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

const start = async (slots: number) => {
  const runner = new Gated(slots);
  const ran: unknown[] = [];
  const jobs = {
    gated: job({ runner, maxCrashes: 2, backoff: { kind: 'fixed', delay: 1 } }),
    here: job({ run: async (n: unknown) => ran.push(n) }),
  };
  return { runner, ran, manager: await startManager({ jobs, maxConcurrentJobs: 10 }) };
};

describe('a runner with room for two', () => {
  test('gets two jobs, and the others wait in the queue, in order, where their priority still counts', async () => {
    const { runner, manager } = await start(2);
    for (let i = 0; i < 6; i++) await manager.enqueue('gated', i);
    await until(() => runner.begun.length === 2);
    expect(await manager.count({ status: 'running' })).toBe(2);
    await manager.enqueue('gated', 'urgent', { priority: 1 });
    runner.end(0);
    await until(() => runner.begun.length === 3);
    expect(runner.begun).toEqual([0, 1, 'urgent']);
    for (const payload of [1, 'urgent', 2, 3, 4, 5]) {
      await until(() => runner.begun.includes(payload));
      runner.end(payload);
    }
    await until(async () => (await manager.count({ status: 'completed' })) === 7);
    expect(runner.mostAtOnce).toBe(2);
  });

  test('does not hold up jobs of other runners while it is full', async () => {
    const { runner, ran, manager } = await start(2);
    for (let i = 0; i < 300; i++) await manager.enqueue('gated', i, { priority: 1 });
    await until(() => runner.begun.length === 2);
    const waiting = await Promise.all([1, 2, 3].map((n) => manager.enqueue('here', n)));
    for (const one of waiting) await manager.result(one);
    expect(ran).toEqual([1, 2, 3]);
    expect(runner.begun).toEqual([0, 1]);
  });
});

test('a runner that is out of service gets nothing until it has room again', async () => {
  const { runner, ran, manager } = await start(0);
  const waiting = await manager.enqueue('gated', 'w', { priority: 1 });
  await manager.result(await manager.enqueue('here', 1));
  expect(ran).toEqual([1]);
  expect(await manager.get(waiting.id)).toMatchObject({ status: 'queued', attempts: 0 });
  runner.resize(1);
  await until(() => runner.begun.length === 1);
  runner.end('w');
  expect(await manager.result(waiting)).toBe('w');
});

test('what died under its job is a crash: the attempt is given back, and the second one sets the job aside', async () => {
  const { runner, manager } = await start(1);
  const { id } = await manager.enqueue('gated', 'x');
  const failure = { name: 'Died', message: 'exit code 3', output: 'last words' };
  for (const n of [1, 2]) {
    await until(() => runner.begun.length === n);
    runner.end('x', new Stop({ kind: 'crashed', failure }));
  }
  await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_FAILED' });
  expect(await manager.get(id)).toMatchObject({ status: 'failed', crashes: 2 });
  const attempts = await manager.attempts(id);
  expect(attempts.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
    ['crashed', 1],
    ['crashed', 1],
  ]);
  expect(attempts[0]!.error).toEqual(failure);
  expect(attempts[1]!.error).toMatchObject({ code: 'CRASHED_TOO_OFTEN', cause: failure });
});

test('a runner is closed with its manager, after its work was handed back', async () => {
  const { runner, manager } = await start(1);
  await manager.enqueue('gated', 'x');
  await until(() => runner.begun.length === 1);
  await manager.close({ timeout: 0 });
  expect(runner.isClosed).toBe(true);
});
