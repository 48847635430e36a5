import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, freshFile, listen, newManager, only, startManager } from '../../test/managers.ts';
import { aborted, MockJobExecutor } from '../../test/mock-job-executor.ts';
import { startProgram } from '../../test/programs/run.ts';
import { signal, until } from '../../test/wait.ts';
import { job } from '../job/define.ts';
import { isClosed } from '../job/errors.ts';

const quick = job({ run: () => 'done' });

/** How a job is found by the next process. */
const leftBehind = async (file: string, id: string) => {
  const manager = await startManager({ worker: false }, file);
  return { job: await manager.get(id), attempts: await manager.attempts(id), workers: await manager.workers() };
};

describe('close', () => {
  test('of an idle manager settles, says so, and is harmless twice', async () => {
    const manager = await startManager({ jobs: { quick } });
    const heard = listen(manager);
    const closing = manager.close();
    expect(manager.close()).toBe(closing);
    await closing;
    await manager.close();
    expect(only(heard, 'worker-stopped')).toHaveLength(1);
  });

  test('before the start settles, and the manager cannot start any more', async () => {
    const manager = newManager();
    await manager.close();
    expect(await codeOf(() => manager.start())).toBe('MANAGER_CLOSED');
    expect(await codeOf(() => manager.enqueue('quick', null))).toBe('MANAGER_CLOSED');
  });

  test('while it starts lets the start end, then closes', async () => {
    const file = freshFile();
    const manager = newManager({ jobs: { quick } }, file);
    const started = manager.start();
    await manager.close();
    await expect(started).resolves.toBeUndefined();
    expect((await leftBehind(file, 'none')).workers).toEqual([]);
  });

  test('lets running jobs end within the time, and takes no more', async () => {
    const file = freshFile();
    const go = signal();
    const slow = job({
      run: async () => {
        await go.reached;
        return 'in time';
      },
    });
    const manager = await startManager({ jobs: { slow }, maxConcurrentJobs: 1 }, file);
    const first = await manager.enqueue('slow', null);
    const second = await manager.enqueue('slow', null);
    await until(async () => (await manager.get(first.id))?.status === 'running');
    const result = manager.result(first);
    const closed = manager.close({ timeout: '10s' });
    go.reach();
    expect(await result).toBe('in time');
    await closed;
    const left = await leftBehind(file, second.id);
    expect(left.job).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
    expect(left.workers).toEqual([]);
  });

  test('aborts what goes on after the time, and hands it back in its old place, with its attempt', async () => {
    const file = freshFile();
    let reason: unknown;
    const slow = job({
      run: async (_: unknown, ctx) => {
        await aborted(ctx.signal).catch((error) => {
          reason = error;
          throw error;
        });
      },
    });
    const manager = await startManager({ jobs: { slow } }, file);
    const { id } = await manager.enqueue('slow', null);
    await until(async () => (await manager.get(id))?.status === 'running');
    const { runAt } = (await manager.get(id))!;
    await manager.close({ timeout: 20 });
    expect(reason).toMatchObject({ code: 'WORKER_STOPPING' });
    const { job: left, attempts } = await leftBehind(file, id);
    expect(left).toMatchObject({ status: 'queued', attempts: 0, crashes: 0, runAt });
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['released']);
  });

  test('keeps the result of a handler that ends well after it was aborted', async () => {
    const file = freshFile();
    const slow = job({
      run: async (_: unknown, ctx) => {
        await aborted(ctx.signal).catch(() => {});
        return 'finished the page';
      },
    });
    const manager = await startManager({ jobs: { slow } }, file);
    const { id } = await manager.enqueue('slow', null);
    await until(async () => (await manager.get(id))?.status === 'running');
    await manager.close({ timeout: 0 });
    expect((await leftBehind(file, id)).job).toMatchObject({ status: 'completed', result: 'finished the page' });
  });

  test('does not wait for a handler that is deaf; another process may run its job, and what it says late is dropped', async () => {
    const file = freshFile();
    const mock = new MockJobExecutor({ scenario: 'deaf' });
    const manager = await startManager({ jobs: { deaf: mock.type } }, file);
    const { id } = await manager.enqueue('deaf', null);
    await until(() => mock.running === 1);
    await manager.close({ timeout: 0 });
    expect(await codeOf(() => manager.enqueue('deaf', null))).toBe('MANAGER_CLOSED');
    const next = await startManager({ jobs: { deaf: job({ run: () => 'elsewhere' }) } }, file);
    expect(await next.result(id)).toBe('elsewhere');
    mock.release();
    await until(() => mock.running === 0);
    expect(await next.get(id)).toMatchObject({ status: 'completed', result: 'elsewhere', crashes: 0 });
  });

  test('right after an enqueue hands back what is being claimed in that moment', async () => {
    const file = freshFile();
    for (let turns = 0; turns < 8; turns++) {
      const go = signal();
      const manager = await startManager({ jobs: { slow: job({ run: () => go.reached }) } }, file);
      const { id } = await manager.enqueue('slow', null);
      for (let turn = 0; turn < turns; turn++) await null;
      await manager.close({ timeout: 0 });
      const { job: left, attempts } = await leftBehind(file, id);
      expect(left).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
      expect(attempts.filter(({ outcome }) => outcome !== 'released')).toEqual([]);
      go.reach();
    }
  });

  test('ends every wait, and every later call is refused with a code', async () => {
    const manager = await startManager({ jobs: { quick } });
    const held = await manager.enqueue('quick', null, { held: true });
    const wait = codeOf(() => manager.result(held, { timeout: '1h' }));
    await manager.close();
    expect(await wait).toBe('CLOSED_WHILE_WAITING');
    const calls: (() => unknown)[] = [
      () => manager.enqueue('quick', null),
      () => manager.enqueueMany([{ type: 'quick' }]),
      () => manager.get('a'),
      () => manager.list(),
      () => manager.count(),
      () => manager.cancel('a'),
      () => manager.cancelAll({ all: true }),
      () => manager.retry('a'),
      () => manager.remove('a'),
      () => manager.result('a'),
      () => manager.pauseQueue('a'),
      () => manager.queues(),
      () => manager.workers(),
      () => manager.stats(),
      () => manager.checkIntegrity(),
      () => manager.backup('x'),
      () => manager.getJobStatistics(),
      () => manager.getAllJobs(),
    ];
    for (const call of calls) expect(await codeOf(call), String(call)).toBe('MANAGER_CLOSED');
    expect(await manager.health()).toMatchObject({ ok: false, database: { ok: false } });
  });

  test('lets handlers hand in work while they end, and nobody else after them', async () => {
    const file = freshFile();
    const go = signal();
    const parent = job({
      run: async (_: unknown, ctx) => {
        await go.reached;
        await ctx.enqueue('quick', null, { id: 'child' });
      },
    });
    const manager = await startManager({ jobs: { parent, quick } }, file);
    const { id } = await manager.enqueue('parent', null);
    await until(async () => (await manager.get(id))?.status === 'running');
    const closed = manager.close({ timeout: '10s' });
    go.reach();
    await closed;
    expect((await leftBehind(file, id)).job).toMatchObject({ status: 'completed' });
    expect((await leftBehind(file, 'child')).job).toMatchObject({ status: 'queued' });
  });

  test('settles while another program holds the lock', async () => {
    const file = freshFile();
    const go = signal();
    const slow = job({ run: () => go.reached });
    const manager = await startManager({ jobs: { slow }, lease: '1s' }, file);
    const heard = listen(manager);
    const { id } = await manager.enqueue('slow', null);
    await until(async () => (await manager.get(id))?.status === 'running');
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    go.reach();
    await manager.close({ timeout: 10 });
    other.exec('ROLLBACK');
    expect(only(heard, 'store-unavailable').filter(({ error }) => isClosed(error))).toEqual([]);
    // Its process lives on, so that only its silence tells that it is gone.
    const next = await startManager({ jobs: { slow }, lease: '1s' }, file);
    await until(async () => (await next.get(id))?.status === 'completed');
  });

  test('settles when a handler calls it and waits for it', async () => {
    const file = freshFile();
    const closed = signal();
    const holder: { close?: () => Promise<void> } = {};
    const quit = job({
      run: async () => {
        await holder.close!();
        closed.reach();
      },
    });
    const manager = await startManager({ jobs: { quit } }, file);
    holder.close = () => manager.close({ timeout: 20 });
    const { id } = await manager.enqueue('quit', null);
    await closed.reached;
    expect((await leftBehind(file, id)).job).toMatchObject({ status: 'queued', crashes: 0 });
  });

  test('refuses a time that is none, by rejecting', async () => {
    const manager = await startManager();
    expect(await codeOf(() => manager.close({ timeout: -1 }).catch((error) => Promise.reject(error)))).toBe(
      'INVALID_OPTION',
    );
    expect(await codeOf(() => manager.close({ timout: 1 } as never).catch((error) => Promise.reject(error)))).toBe(
      'UNKNOWN_OPTION',
    );
    expect((await manager.health()).ok).toBe(true);
  });

  test('belongs to "await using"', async () => {
    const stopped: string[] = [];
    {
      await using manager = newManager({ jobs: { quick } });
      manager.on('worker-stopped', ({ worker }) => stopped.push(worker));
      await manager.start();
      expect(await manager.result(await manager.enqueue('quick', null))).toBe('done');
    }
    expect(stopped).toHaveLength(1);
  });
});

describe('a process', () => {
  test.each([
    ['closes', ['done', 'closed', 'exit 0']],
    ['using', ['done', 'exit 0']],
    ['client', ['handed in', 'exit 0']],
    ['deaf', ['running', 'closed', 'exit 0']],
  ])('ends by itself when nothing is left to do: %s', async (scenario, lines) => {
    const program = startProgram('closing', [scenario, freshFile()]);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.lines).toEqual(lines);
  });

  test('ends though its results cannot be written, and they are worked on again', async () => {
    const file = freshFile();
    const program = startProgram('closing', ['locked', file]);
    await program.said('running');
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    program.process.stdin!.write('close\n');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.lines).toContain('closed');
    other.exec('ROLLBACK');
    const next = await startManager({ jobs: { slow: job({ run: () => 'again' }) } }, file);
    expect(await next.result('slow')).toBe('again');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('lets running jobs end on %s, and then dies of it', async (name) => {
    const file = freshFile();
    const program = startProgram('closing', ['signal', file]);
    await program.said('running');
    program.process.kill(name);
    expect(await program.ended).toEqual({ code: null, signal: name });
    expect(program.lines).toContain('worked');
    expect((await leftBehind(file, 'slow')).job).toMatchObject({ status: 'completed', attempts: 1 });
  });

  test('hands back on SIGTERM what does not end in time', async () => {
    const file = freshFile();
    const program = startProgram('closing', ['obedient', file]);
    await program.said('running');
    program.process.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: null, signal: 'SIGTERM' });
    expect((await leftBehind(file, 'slow')).job).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
  });

  test('takes a signal that a parent passes on again for one signal', async () => {
    const file = freshFile();
    const program = startProgram('closing', ['signal', file]);
    await program.said('running');
    program.process.kill('SIGINT');
    program.process.kill('SIGINT');
    expect(await program.ended).toEqual({ code: null, signal: 'SIGINT' });
    expect(program.lines).toContain('worked');
  });

  test('ends at once on the second signal', async () => {
    const program = startProgram('closing', ['deaf signal', freshFile()]);
    await program.said('running');
    program.process.kill('SIGINT');
    program.process.kill('SIGINT');
    await until(() => {
      program.process.kill('SIGINT');
      return program.process.signalCode;
    });
    expect(await program.ended).toEqual({ code: null, signal: 'SIGINT' });
  });

  test("leaves the end to the host's own handler", async () => {
    const file = freshFile();
    const program = startProgram('closing', ['host', file]);
    await program.said('running');
    program.process.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.lines).toEqual(['running', 'host heard', 'worked', 'exit 0']);
    expect((await leftBehind(file, 'slow')).job).toMatchObject({ status: 'completed' });
  });

  test('closes every manager on one signal', async () => {
    const file = freshFile();
    const program = startProgram('closing', ['both', file]);
    await program.said('running', 2);
    program.process.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: null, signal: 'SIGTERM' });
    for (const one of [file, `${file}2`])
      expect((await leftBehind(one, 'slow')).job).toMatchObject({ status: 'completed' });
  });

  test('dies of a signal as usual where signals are not handled', async () => {
    const program = startProgram('closing', ['unheard', freshFile()]);
    await program.said('running');
    program.process.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: null, signal: 'SIGTERM' });
    expect(program.lines).toEqual(['running']);
  });
});
