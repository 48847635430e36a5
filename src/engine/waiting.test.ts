/** Which job runs next, and what keeps jobs waiting. */
import { describe, expect, test } from 'vitest';
import { codeOf, refusalOf, startManager, statesOf } from '../../test/managers.ts';
import { ordered, statusOf } from '../../test/ordered.ts';
import { signal, until } from '../../test/wait.ts';
import { job } from '../job/define.ts';

describe('the order of one slot', () => {
  test('is by priority, then by insertion', async () => {
    const { manager, ran, blocked } = await ordered({ maxConcurrentJobs: 1 });
    const first = await manager.enqueue('task', 'block');
    await until(async () => (await statusOf(manager, first.id)) === 'running');
    for (const priority of [10, 5, 1]) await manager.enqueue('task', `${priority}a`, { priority });
    await manager.enqueueMany(
      [10, 5, 1].map((priority) => ({ type: 'task', payload: `${priority}b`, options: { priority } })),
    );
    blocked.reach();
    await until(() => ran.length === 6);
    expect(ran).toEqual(['1a', '1b', '5a', '5b', '10a', '10b']);
  });

  test('can be changed while a job waits', async () => {
    const { manager, ran } = await ordered({ maxConcurrentJobs: 1 });
    await manager.pauseQueue('default');
    const [, second, third] = [
      await manager.enqueue('task', 'first'),
      await manager.enqueue('task', 'second'),
      await manager.enqueue('task', 'third', { runAt: Date.now() + 3_600_000 }),
    ];
    await manager.reprioritise(second.id, 1);
    await manager.reschedule(third.id, 0);
    await manager.resumeQueue('default');
    await until(() => ran.length === 3);
    expect(ran).toEqual(['second', 'third', 'first']);
  });
});

test('no more than maxConcurrentJobs run at once, and so many do', async () => {
  const gate = signal();
  let running = 0;
  let most = 0;
  const task = job({
    run: async () => {
      most = Math.max(most, ++running);
      await gate.reached;
      running--;
    },
  });
  const manager = await startManager({ jobs: { task }, maxConcurrentJobs: 7 });
  await manager.enqueueMany(Array.from({ length: 30 }, () => ({ type: 'task' })));
  await until(() => running === 7);
  expect(await manager.count({ status: 'running' })).toBe(7);
  gate.reach();
  await until(async () => (await manager.count({ status: 'completed' })) === 30);
  expect(most).toBe(7);
});

describe('a delayed job', () => {
  test('runs when its time has come, and not before', async () => {
    const { manager } = await ordered();
    const before = Date.now();
    const { id } = await manager.enqueue('task', 'later', { delay: 60 });
    expect((await manager.get(id))!.runAt).toBeGreaterThanOrEqual(before + 60);
    await manager.result(id);
    const { startedAt, runAt } = (await manager.get(id))!;
    expect(startedAt).toBeGreaterThanOrEqual(runAt);
  });

  test('runs at once when a person says so, also if it was held back', async () => {
    const { manager, ran } = await ordered();
    const later = await manager.enqueue('task', 'later', { runAt: '2090-01-01T00:00:00Z' });
    const held = await manager.enqueue('task', 'held', { held: true });
    await manager.runNow(later.id);
    await manager.runNow(held.id);
    await Promise.all([manager.result(later), manager.result(held)]);
    expect(ran.sort()).toEqual(['held', 'later']);
  });

  test('that has not started when it expires is cancelled', async () => {
    const { manager, ran } = await ordered();
    await manager.pauseQueue('default');
    const { id } = await manager.enqueue('task', 'stale', { expiresAt: Date.now() + 50 });
    await until(async () => Date.now() > (await manager.get(id))!.expiresAt!);
    await manager.resumeQueue('default');
    await expect(manager.result(id)).rejects.toMatchObject({
      code: 'JOB_CANCELLED',
      message: expect.stringContaining('had not started when it expired'),
    });
    expect(ran).toEqual([]);
  });
});

describe('a held job', () => {
  test('waits in created until it is resumed', async () => {
    const { manager, heard } = await ordered();
    const { id } = await manager.enqueue('task', 1, { held: true });
    const free = await manager.enqueue('task', 2);
    await manager.result(free);
    expect(await manager.get(id)).toMatchObject({ status: 'created', held: true, queuedAt: null });
    await manager.resumeJob(id);
    expect(await manager.result(id)).toBe(1);
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'running', 'completed']);
  });

  test('may be held later, and cancelled', async () => {
    const { manager, heard } = await ordered();
    const { id } = await manager.enqueue('task', 1, { delay: '1h' });
    await manager.pauseJob(id);
    expect(await statusOf(manager, id)).toBe('created');
    expect(await manager.cancel(id)).toBe('cancelled');
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'created', 'cancelled']);
  });

  test('cannot be held while it runs, or when it has ended', async () => {
    const { manager, blocked } = await ordered();
    const { id } = await manager.enqueue('task', 'block');
    await until(async () => (await statusOf(manager, id)) === 'running');
    for (const change of [
      () => manager.pauseJob(id),
      () => manager.resumeJob(id),
      () => manager.reprioritise(id, 1),
      () => manager.reschedule(id, 0),
      () => manager.runNow(id),
    ])
      expect(await refusalOf(change)).toMatchObject({ code: 'NOT_ALLOWED_NOW', found: 'running' });
    blocked.reach();
    await manager.result(id);
    expect(await refusalOf(() => manager.runNow(id))).toMatchObject({ code: 'NOT_ALLOWED_NOW', found: 'completed' });
    expect(await codeOf(() => manager.runNow('nobody'))).toBe('JOB_NOT_FOUND');
  });
});

describe('a queue', () => {
  test('that is paused starts nothing, lets running jobs go on, and says why', async () => {
    const { manager, ran, blocked } = await ordered();
    const running = await manager.enqueue('task', 'block', { queue: 'a' });
    await until(async () => (await statusOf(manager, running.id)) === 'running');
    await manager.pauseQueue('a', { reason: 'upgrade', actor: 'ada' });
    const waits = await manager.enqueue('task', 'waits', { queue: 'a' });
    await manager.result(await manager.enqueue('task', 'other', { queue: 'b' }));
    expect(await statusOf(manager, waits.id)).toBe('queued');
    expect((await manager.queues()).find(({ name }) => name === 'a')).toMatchObject({
      paused: true,
      pausedReason: 'upgrade',
      pausedBy: 'ada',
      counts: { queued: 1, running: 1 },
    });
    blocked.reach();
    await manager.result(running);
    await manager.resumeQueue('a');
    await manager.result(waits);
    expect(ran).toEqual(['other', 'waits']);
  });

  test('may be paused until a time', async () => {
    const { manager } = await ordered();
    const end = Date.now() + 80;
    await manager.pauseQueue('default', { until: end });
    const { id } = await manager.enqueue('task', 1);
    await manager.result(id);
    expect((await manager.get(id))!.startedAt).toBeGreaterThanOrEqual(end);
  });

  test('holds its limit exactly', async () => {
    const gate = signal();
    let running = 0;
    let most = 0;
    const task = job({
      run: async () => {
        most = Math.max(most, ++running);
        await gate.reached;
        running--;
      },
    });
    const manager = await startManager({ jobs: { task } });
    await manager.limitQueue('default', 2);
    await manager.enqueueMany(Array.from({ length: 9 }, () => ({ type: 'task' })));
    await until(() => running === 2);
    await manager.limitQueue('default', 3);
    await until(() => running === 3);
    gate.reach();
    await until(async () => (await manager.count({ status: 'completed' })) === 9);
    expect(most).toBe(3);
  });

  test('is served only by those who name it', async () => {
    const { manager, ran } = await ordered({ queues: ['mine'] });
    const other = await manager.enqueue('task', 'other', { queue: 'other' });
    await manager.result(await manager.enqueue('task', 'mine', { queue: 'mine' }));
    expect(ran).toEqual(['mine']);
    expect(await statusOf(manager, other.id)).toBe('queued');
  });
});

test('a limit key is shared over queues, and made from the payload', async () => {
  const gate = signal();
  const running = new Map<string, number>();
  let most = 0;
  const call = job({
    limitKey: ({ host }: { host: string }) => host,
    run: async ({ host }) => {
      running.set(host, (running.get(host) ?? 0) + 1);
      most = Math.max(most, running.get('slow') ?? 0);
      await gate.reached;
      running.set(host, running.get(host)! - 1);
    },
  });
  const manager = await startManager({ jobs: { call }, maxConcurrentJobs: 20 });
  await manager.limitKey('slow', 1);
  for (const queue of ['a', 'b'])
    for (const host of ['slow', 'fast']) for (let i = 0; i < 3; i++) await manager.enqueue('call', { host }, { queue });
  await until(() => running.get('fast') === 6 && running.get('slow') === 1);
  gate.reach();
  await until(async () => (await manager.count({ status: 'completed' })) === 12);
  expect(most).toBe(1);
});

describe('a unique key', () => {
  test('returns the job that has it, until that one has ended', async () => {
    const { manager, ran, blocked } = await ordered();
    const first = await manager.enqueue('task', 'block', { key: 'k' });
    expect(await manager.enqueue('task', 'second', { key: 'k' })).toEqual({ ...first, outcome: 'existing' });
    blocked.reach();
    await manager.result(first);
    const third = await manager.enqueue('task', 'third', { key: 'k' });
    expect(third).toMatchObject({ outcome: 'inserted' });
    await manager.result(third);
    expect(ran).toEqual(['third']);
  });

  test('replaces a waiting job, and rejects where it cannot', async () => {
    const { manager, ran, blocked } = await ordered({ maxConcurrentJobs: 1 });
    const running = await manager.enqueue('task', 'block', { key: 'r' });
    await until(async () => (await statusOf(manager, running.id)) === 'running');
    const waiting = await manager.enqueue('task', 'old', { key: 'w' });
    expect(await manager.enqueue('task', 'new', { key: 'w', onConflict: 'replace' })).toEqual({
      ...waiting,
      outcome: 'replaced',
    });
    expect(await refusalOf(() => manager.enqueue('task', 1, { key: 'r', onConflict: 'replace' }))).toMatchObject({
      code: 'DUPLICATE_KEY',
      field: 'key',
      message: expect.stringContaining(`${running.id} has the key "r" and is running`),
    });
    expect(await codeOf(() => manager.enqueue('task', 1, { key: 'w', onConflict: 'reject' }))).toBe('DUPLICATE_KEY');
    blocked.reach();
    await manager.result(waiting);
    expect(ran).toEqual(['new']);
  });

  test('holds for a window, whatever becomes of the job', async () => {
    const { manager } = await ordered();
    const first = await manager.enqueue('task', 1, { key: 'k', keyWindow: '1h' });
    await manager.result(first);
    expect(await manager.enqueue('task', 2, { key: 'k', keyWindow: '1h' })).toMatchObject({
      id: first.id,
      outcome: 'existing',
    });
  });

  test('may be made from the payload by the job type', async () => {
    const mail = job({ key: ({ to }: { to: string }) => `mail ${to}`, run: () => 1 });
    const manager = await startManager({ jobs: { mail } });
    const first = await manager.enqueue('mail', { to: 'ada' }, { delay: '1h' });
    expect(await manager.enqueue('mail', { to: 'ada' })).toMatchObject({ id: first.id, outcome: 'existing' });
    expect(await manager.enqueue('mail', { to: 'bob' })).toMatchObject({ outcome: 'inserted' });
    expect(await manager.get(first.id)).toMatchObject({ key: 'mail ada' });
  });

  test.each(['', 'x'.repeat(201), 5, null])('that a job type makes as %j is refused', async (made) => {
    const manager = await startManager({ jobs: { mail: job({ key: () => made as string, run: () => 1 }) } });
    expect(await refusalOf(() => manager.enqueue('mail', null))).toMatchObject({
      code: 'INVALID_OPTION',
      field: 'mail.key(payload)',
    });
  });
});
