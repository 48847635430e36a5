/** Several managers on one file, as several processes have it. test/crash proves it with real ones. */
import { describe, expect, test } from 'vitest';
import { freshFile, listen, only, startManager, statesOf } from '../../test/managers.ts';
import { aborted } from '../../test/mock-job-executor.ts';
import { nextEvent, signal, until } from '../../test/wait.ts';
import { job } from '../job/define.ts';

const echo = job({ run: (payload: unknown) => payload });
const wait = job({ run: (_: unknown, ctx) => aborted(ctx.signal) });

describe('two managers on one file', () => {
  test('hear of the same moves, each job in its order', async () => {
    const file = freshFile();
    const [one, two] = [await startManager({ jobs: { echo } }, file), await startManager({ worker: false }, file)];
    const heard = [listen(one), listen(two)];
    const handed = [];
    for (let i = 0; i < 60; i++) handed.push(await (i % 2 ? one.enqueue('echo', i) : two.enqueue('echo', i)));
    for (const { id } of handed) await two.result(id);
    for (const events of heard) {
      await until(() => only(events, 'job-completed').length === 60);
      for (const { id } of handed) expect(statesOf(events, id)).toEqual(['created', 'queued', 'running', 'completed']);
    }
    const results = (events: (typeof heard)[0]) =>
      only(events, 'job-completed').map(({ jobId, result }) => [jobId, result]);
    expect(results(heard[1]!).sort()).toEqual(results(heard[0]!).sort());
  });

  test('run every job once, and both take part', async () => {
    const file = freshFile();
    const ran: string[] = [];
    const task = (name: string) =>
      job({
        run: async (payload: unknown) => {
          ran.push(`${payload}`);
          await new Promise((resolve) => setImmediate(resolve));
          return name;
        },
      });
    const managers = [
      await startManager({ jobs: { task: task('one') }, processId: 'one', maxConcurrentJobs: 3 }, file),
      await startManager({ jobs: { task: task('two') }, processId: 'two', maxConcurrentJobs: 3 }, file),
    ];
    await managers[0]!.enqueueMany(Array.from({ length: 200 }, (_, i) => ({ type: 'task', payload: i })));
    await until(async () => (await managers[0]!.count({ status: 'completed' })) === 200);
    expect(ran.length).toBe(200);
    expect(new Set(ran).size).toBe(200);
    const workers = new Set((await managers[0]!.getAllJobs()).map(({ worker }) => worker));
    expect(workers).toEqual(new Set(['one', 'two']));
    expect((await managers[0]!.workers()).map(({ name }) => name).sort()).toEqual(['one', 'two']);
  });

  test('notice a pause, a resume and a limit of the other', async () => {
    const file = freshFile();
    const gate = signal();
    let running = 0;
    const task = job({
      run: async () => {
        running++;
        await gate.reached;
        running--;
      },
    });
    const worker = await startManager({ jobs: { task } }, file);
    const boss = await startManager({ worker: false }, file);
    await boss.pauseQueue('default', { reason: 'night' });
    await boss.enqueueMany(Array.from({ length: 5 }, () => ({ type: 'task' })));
    expect((await worker.queues())[0]).toMatchObject({ paused: true, pausedReason: 'night', counts: { queued: 5 } });
    await boss.limitQueue('default', 2);
    expect(running).toBe(0);
    await boss.resumeQueue('default');
    await until(() => running === 2);
    await boss.limitQueue('default', null);
    await until(() => running === 5);
    gate.reach();
    await until(async () => (await boss.count({ status: 'completed' })) === 5);
  });

  test('cancel what the other runs, retry what the other ran, and let go what the other holds', async () => {
    const file = freshFile();
    const worker = await startManager({ jobs: { wait, echo } }, file);
    const boss = await startManager({ worker: false }, file);
    const { id } = await boss.enqueue('wait');
    await until(async () => (await boss.get(id))?.status === 'running');
    expect(await boss.cancel(id, { reason: 'from afar' })).toBe('requested');
    await expect(boss.result(id)).rejects.toMatchObject({
      code: 'JOB_CANCELLED',
      message: expect.stringContaining('from afar'),
    });
    const again = nextEvent(worker, 'job-status-changed', (event) => event.jobId === id && event.status === 'running');
    expect(await boss.retry(id)).toBe(true);
    await again;
    await boss.cancel(id);
    const held = await worker.enqueue('echo', 'free', { held: true });
    await boss.resumeJob(held.id);
    expect(await boss.result(held)).toBe('free');
  });

  test('close apart: the other goes on', async () => {
    const file = freshFile();
    const first = await startManager({ jobs: { echo } }, file);
    const second = await startManager({ jobs: { echo } }, file);
    await first.close();
    expect(await second.result(await second.enqueue('echo', 1))).toBe(1);
    expect(await second.workers()).toHaveLength(1);
  });
});

describe('a job type that this process does not know', () => {
  test('waits, holds up nobody, and is picked up by a worker that knows it', async () => {
    const file = freshFile();
    const client = await startManager({ worker: false }, file);
    const unknown = await client.enqueue('later', 'patience', { priority: 1 });
    const first = await startManager({ jobs: { echo }, maxConcurrentJobs: 1 }, file);
    for (let i = 0; i < 3; i++) expect(await first.result(await first.enqueue('echo', i))).toBe(i);
    expect(await first.get(unknown.id)).toMatchObject({ status: 'queued', attempts: 0 });
    const second = await startManager({ jobs: { later: echo } }, file);
    expect(await second.result(unknown)).toBe('patience');
  });

  test('is accepted from a program that names no types, and refused with a suggestion by one that does', async () => {
    const manager = await startManager({ jobs: { 'mail.welcome': echo } });
    await expect(manager.enqueue('mail.welcom' as 'mail.welcome', 1)).rejects.toMatchObject({
      code: 'UNKNOWN_JOB_TYPE',
      found: 'mail.welcom',
      allowed: 'mail.welcome',
      next: 'Did you mean "mail.welcome"?',
    });
    const client = await startManager({ worker: false });
    expect(await client.enqueue('anything', 1)).toMatchObject({ outcome: 'inserted' });
  });
});

test('a result that comes before its worker knows that it was declared dead is not written, but counted and told', async () => {
  const file = freshFile();
  const go = signal();
  const runs: number[] = [];
  const task = job({
    run: async (_: unknown, ctx) => {
      const n = runs.push(ctx.attempt);
      if (n === 1) await go.reached;
      return n;
    },
  });
  // So long a lease that the heartbeat does not look in time.
  const manager = await startManager({ jobs: { task }, lease: '1h', maxConcurrentJobs: 1 }, file);
  const late = nextEvent(manager, 'job-late-result');
  const { id } = await manager.enqueue('task', null);
  await until(() => runs.length === 1);
  const { openStore } = await import('../store/open.ts');
  const other = await openStore(file);
  await other.releaseOrphans(await other.workers(), Date.now());
  go.reach();
  expect(await late).toMatchObject({ jobId: id });
  expect(await manager.stats()).toMatchObject({ lateResults: 1 });
  expect(await manager.get(id)).toMatchObject({ status: 'queued', result: null, crashes: 1 });
  await other.close();
});

test('a worker that is declared dead while it lives drops what it ran, and its late results are not written', async () => {
  const file = freshFile();
  const started: string[] = [];
  const ends = [signal(), signal()];
  const reasons: unknown[] = [];
  const task = job({
    run: async (_: unknown, ctx) => {
      const n = started.push(ctx.job.id);
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
      await ends[n - 1]!.reached;
      return n;
    },
  });
  const manager = await startManager({ jobs: { task }, lease: '1s', grace: '1h' }, file);
  const heard = listen(manager);
  const { id } = await manager.enqueue('task', null);
  await until(() => started.length === 1);
  // What another process does that has not seen the heartbeat for a whole lease.
  const { openStore } = await import('../store/open.ts');
  const other = await openStore(file);
  const [row] = await other.workers();
  await until(async () => {
    await other.releaseOrphans([{ owner: row!.owner, beat: (await other.workers())[0]?.beat ?? 0 }], Date.now());
    return (await other.get(id))!.crashes === 1;
  });
  await until(() => only(heard, 'lease-lost').length === 1);
  expect(reasons).toMatchObject([{ code: 'LEASE_LOST' }]);
  await until(() => started.length === 2);
  ends[0]!.reach();
  ends[1]!.reach();
  expect(await manager.result(id)).toBe(2);
  expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['crashed', 'completed']);
  expect(await manager.get(id)).toMatchObject({ attempts: 1, crashes: 1 });
  await other.close();
});
