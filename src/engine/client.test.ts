import { describe, expect, test } from 'vitest';
import { codeOf, only, refusalOf, statesOf } from '../../test/managers.ts';
import { type Manager, ordered, statusOf } from '../../test/ordered.ts';
import { until } from '../../test/wait.ts';

/** Nothing can run now, and nothing is being claimed. */
const settled = (manager: Manager) => until(async () => (await manager.count({ status: 'running' })) === 0);

describe('many jobs in one call', () => {
  test('go in together, each with its own outcome', async () => {
    const { manager } = await ordered();
    const taken = await manager.enqueue('task', 0, { id: 'taken', key: 'k', delay: '1h' });
    const answers = await manager.enqueueMany([
      { type: 'task', payload: 1, options: { id: 'a' } },
      { type: 'task', payload: 2, options: { id: 'taken' } },
      { type: 'task', payload: 3, options: { key: 'k' } },
      { type: 'task', payload: 4, options: { key: 'k', onConflict: 'reject' } },
      { type: 'task', payload: 5, options: { parent: 'nobody' } },
      { type: 'task', payload: 6, options: { id: 'child', parent: 'a' } },
    ]);
    expect(answers).toMatchObject([
      { id: 'a', outcome: 'inserted' },
      { id: 'taken', outcome: 'rejected', error: { code: 'DUPLICATE_JOB_ID' } },
      { id: taken.id, outcome: 'existing' },
      { outcome: 'rejected', error: { code: 'DUPLICATE_KEY' } },
      { outcome: 'rejected', error: { code: 'PARENT_NOT_FOUND' } },
      { id: 'child', outcome: 'inserted' },
    ]);
    expect(await manager.result('a')).toBe(1);
    expect(await manager.result('child')).toBe(6);
    expect(await manager.count()).toBe(3);
  });

  test('are all refused if one of them is invalid, naming it', async () => {
    const { manager } = await ordered();
    const items = Array.from({ length: 10 }, (_, i) => ({ type: 'task', payload: i })) as object[];
    for (const [bad, code, field] of [
      [{ type: 'task', options: { priority: 0 } }, 'INVALID_OPTION', 'jobs[10].priority'],
      [{ type: 'tsak' }, 'UNKNOWN_JOB_TYPE', 'jobs[10].type'],
      [{ type: 'task', payload: { n: 1n } }, 'INVALID_PAYLOAD', 'jobs[10].payload.n'],
      [{ type: 'task', option: {} }, 'UNKNOWN_OPTION', 'jobs[10].option'],
      [{ type: 'task', options: { tx: {} } }, 'INVALID_OPTION', 'jobs[10].options.tx'],
      [{}, 'INVALID_OPTION', 'jobs[10].type'],
      [null, 'INVALID_OPTION', 'jobs[10].item'],
    ] as const)
      expect(await refusalOf(() => manager.enqueueMany([...items, bad] as never))).toMatchObject({ code, field });
    for (const none of [null, undefined, 'task', {}])
      expect(await refusalOf(() => manager.enqueueMany(none as never))).toMatchObject({
        code: 'INVALID_OPTION',
        field: 'jobs',
      });
    expect(await manager.count()).toBe(0);
    expect(await manager.enqueueMany([])).toEqual([]);
  });
});

describe('cancel', () => {
  test('of a waiting job is final at once', async () => {
    const { manager, ran, heard } = await ordered();
    const queued = await manager.enqueue('task', 1, { delay: 30 });
    const created = await manager.enqueue('task', 2, { held: true });
    expect(await manager.cancel(queued.id, { reason: 'no' })).toBe('cancelled');
    expect(await manager.cancel(created.id)).toBe('cancelled');
    expect(await manager.cancel(queued.id)).toBe('no');
    expect(await manager.cancel('nobody')).toBe('no');
    await manager.result(await manager.enqueue('task', 3, { delay: 40 }));
    expect(ran).toEqual([3]);
    expect(statesOf(heard, queued.id)).toEqual(['created', 'queued', 'cancelled']);
    expect(statesOf(heard, created.id)).toEqual(['created', 'cancelled']);
    expect(await manager.get(queued.id)).toMatchObject({
      status: 'cancelled',
      error: 'no',
      completedAt: expect.any(Number),
    });
  });

  test('of a tree reaches every descendant, and nobody else', async () => {
    const { manager } = await ordered();
    const root = await manager.enqueue('task', 'wait');
    const child = await manager.enqueue('task', 1, { parent: root.id, held: true });
    const grandchild = await manager.enqueue('task', 'wait', { parent: child.id });
    const other = await manager.enqueue('task', 2, { held: true });
    await until(async () => (await manager.count({ status: 'running' })) === 2);
    expect(await manager.cancel(root.id, { tree: true, reason: 'all of it' })).toBe('requested');
    await settled(manager);
    for (const { id } of [root, child, grandchild])
      expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'all of it' });
    expect(await statusOf(manager, other.id)).toBe('created');
  });

  test('of a filter counts what it did; of everything it must be said', async () => {
    const { manager } = await ordered();
    await manager.enqueueMany(
      [1, 2, 3].map((n) => ({ type: 'task', payload: n, options: { tags: ['x'], held: true } })),
    );
    await manager.enqueueMany(['wait', 'wait'].map((payload) => ({ type: 'task', payload })));
    await until(async () => (await manager.count({ status: 'running' })) === 2);
    expect(await codeOf(() => manager.cancelAll({}))).toBe('FILTER_TOO_WIDE');
    expect(await codeOf(() => manager.cancelAll({ all: false } as never))).toBe('UNKNOWN_OPTION');
    expect(await manager.cancelAll({ tag: 'x' })).toEqual({ cancelled: 3, requested: 0 });
    expect(await manager.cancelAll({ all: true })).toEqual({ cancelled: 0, requested: 2 });
    await settled(manager);
    expect(await manager.count({ status: 'cancelled' })).toBe(5);
  });
});

describe('a new life', () => {
  test('begins with a retry, keeps the history of the old, and has all its attempts again', async () => {
    const { manager, heard } = await ordered({}, { maxAttempts: 2 });
    const { id } = await manager.enqueue('task', 'fail');
    await manager.result(id).catch(() => {});
    expect(await manager.retry(id)).toBe(true);
    await until(async () => (await manager.get(id))?.life === 2 && (await statusOf(manager, id)) === 'failed');
    expect((await manager.attempts(id)).map(({ life, attempt }) => `${life}.${attempt}`)).toEqual([
      '1.1',
      '1.2',
      '2.1',
      '2.2',
    ]);
    expect(await manager.get(id)).toMatchObject({ life: 2, attempts: 2, claim: 4 });
    expect(statesOf(heard, id).slice(6)).toEqual(['queued', 'running', 'queued', 'running', 'failed']);
  });

  test('is there for what failed, timed out or was cancelled, and for nothing else', async () => {
    const { manager, blocked } = await ordered({}, { maxAttempts: 1 });
    const failed = await manager.enqueue('task', 'fail');
    const late = await manager.enqueue('task', 'wait', { timeout: 10 });
    const cancelled = await manager.enqueue('task', 1, { held: true });
    await manager.cancel(cancelled.id);
    const done = await manager.enqueue('task', 2);
    const running = await manager.enqueue('task', 'block');
    const waiting = await manager.enqueue('task', 3, { delay: '1h' });
    for (const one of [failed, late, done]) await manager.result(one).catch(() => {});
    await until(async () => (await statusOf(manager, running.id)) === 'running');
    for (const { id } of [done, running, waiting, { id: 'nobody' }]) expect(await manager.retry(id)).toBe(false);
    expect(await codeOf(() => manager.retryAll({}))).toBe('FILTER_TOO_WIDE');
    expect(await manager.retryAll({ status: ['failed', 'timeout', 'completed'] })).toBe(2);
    expect(await manager.retry(cancelled.id)).toBe(true);
    expect(await manager.result(cancelled)).toBe(1);
    blocked.reach();
  });

  test('as a replay is a new job that names the old one, with the same or a new payload', async () => {
    const { manager } = await ordered();
    const old = await manager.enqueue('task', 'first', { queue: 'q', priority: 2, tags: ['t'], maxAttempts: 7 });
    await manager.result(old);
    const same = await manager.replay(old.id);
    const edited = await manager.replay(old.id, 'second');
    expect(await manager.result(same)).toBe('first');
    expect(await manager.result(edited)).toBe('second');
    expect(await manager.get(edited.id)).toMatchObject({
      replayOf: old.id,
      queue: 'q',
      priority: 2,
      tags: ['t'],
      maxAttempts: 7,
      life: 1,
    });
    expect(await manager.get(old.id)).toMatchObject({ status: 'completed', result: 'first' });
    expect(await codeOf(() => manager.replay('nobody'))).toBe('JOB_NOT_FOUND');
    expect(await codeOf(() => manager.replay(old.id, 1n))).toBe('INVALID_PAYLOAD');
  });
});

describe('remove', () => {
  test('deletes what does not run, with its history, and says so', async () => {
    const { manager, heard, blocked } = await ordered();
    const running = await manager.enqueue('task', 'block');
    await until(async () => (await statusOf(manager, running.id)) === 'running');
    const done = await manager.enqueue('task', 1);
    await manager.result(done);
    expect(await manager.remove(running.id)).toBe(false);
    expect(await manager.remove('nobody')).toBe(false);
    expect(await manager.remove(done.id)).toBe(true);
    expect(await manager.get(done.id)).toBeNull();
    expect(await manager.attempts(done.id)).toEqual([]);
    expect(only(heard, 'job-removed')).toMatchObject([{ jobId: done.id }]);
    expect(await codeOf(() => manager.removeAll({}))).toBe('FILTER_TOO_WIDE');
    await manager.enqueueMany([1, 2].map(() => ({ type: 'task', options: { held: true } })));
    expect(await manager.removeAll({ status: 'created' })).toBe(2);
    blocked.reach();
  });
});

test('a wait for a removed job ends', async () => {
  const { manager } = await ordered();
  const { id } = await manager.enqueue('task', 1, { held: true });
  const waited = codeOf(() => manager.result(id));
  await until(async () => manager.remove(id));
  expect(await waited).toBe('JOB_NOT_FOUND');
});

describe('the statistics', () => {
  test('count by status and type', async () => {
    const { manager } = await ordered({}, { maxAttempts: 1 });
    for (const payload of [1, 2, 'fail']) await manager.result(await manager.enqueue('task', payload)).catch(() => {});
    await manager.enqueue('task', 3, { held: true });
    expect(await manager.stats()).toMatchObject({
      total: 4,
      byStatus: { created: 1, completed: 2, failed: 1 },
      byType: { task: { completed: 2, failed: 1 } },
      lateResults: 0,
    });
    expect(await manager.health()).toMatchObject({
      ok: true,
      database: { ok: true, problem: null },
      loop: { ticking: true, running: 0 },
      queueDepth: 1,
      errorRates: { task: 1 / 3 },
      workers: [{ slots: 10, types: ['task'] }],
    });
  });
});
