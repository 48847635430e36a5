import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { codeOf, freshFile, listen, newManager, only, refusalOf, startManager, statesOf } from '../../test/managers.ts';
import { aborted } from '../../test/mock-job-executor.ts';
import { signal, until } from '../../test/wait.ts';
import type { BatchEnd } from '../job/batch.ts';
import type { Context } from '../job/context.ts';
import { job } from '../job/define.ts';

/** What a piece of work does, by its payload. */
const runPiece = (what: string, ctx: Context) => {
  if (what === 'fail') throw new Error('no');
  if (what === 'wait') return aborted(ctx.signal);
  return what;
};

const batches = async (options: Parameters<typeof newManager>[0] = {}, database = ':memory:') => {
  const ends: BatchEnd<unknown>[] = [];
  const piece = job({ maxAttempts: 1, run: async (what: string, ctx: Context) => runPiece(what, ctx) });
  const told = job({
    run: async (end: BatchEnd) => {
      ends.push(end);
    },
  });
  const manager = await startManager({ ...options, jobs: { piece, told } }, database);
  return { manager, ends, heard: listen(manager) };
};

const pieces = (...what: string[]) => what.map((payload) => ({ type: 'piece', payload }) as const);
const counts = (total: number, given: Partial<Record<'completed' | 'failed' | 'timeout' | 'cancelled', number>>) => ({
  ...{ total, completed: 0, failed: 0, timeout: 0, cancelled: 0, ...given },
});

describe('a batch', () => {
  test('runs its jobs, shows how far they are, and ends with their counts', async () => {
    const { manager, heard, ends } = await batches();
    const { id, jobs } = await manager.enqueueBatch({
      ...{ type: 'album', payload: { title: 'Blue' }, tags: ['music'], jobs: pieces('a', 'b', 'fail', 'c') },
      ...{ onSuccess: { type: 'told', payload: 'success' }, onFailure: { type: 'told' }, onEnd: { type: 'told' } },
    });
    expect(jobs.map(({ outcome }) => outcome)).toEqual(Array(4).fill('inserted'));
    const result = counts(4, { completed: 3, failed: 1 });
    expect(await manager.result(id)).toEqual(result);
    expect(await manager.get(id)).toMatchObject({
      ...{ type: 'album', status: 'completed', progress: 100, payload: { title: 'Blue' }, result, tags: ['music'] },
      batch: { policy: 'finish', open: false, ...result },
    });
    await until(() => ends.length === 2);
    const batch = { id, type: 'album', status: 'completed', ...result };
    expect(ends).toEqual([
      { batch, payload: 'success' },
      { batch, payload: null },
    ]);
    expect(statesOf(heard, id)).toEqual(['created', 'running', 'completed']);
    const told = only(heard, 'job-progress').filter(({ jobId }) => jobId === id);
    expect(told.map(({ progress }) => progress)).toEqual(
      [...told.map(({ progress }) => progress)].sort((a, b) => a - b),
    );
    expect(told.at(0)).toMatchObject({ progress: 0, note: '0 of 4' });
    expect(only(heard, 'job-completed').find(({ jobId }) => jobId === id)).toMatchObject({ result });
    expect(await manager.attempts(id)).toEqual([]);
    expect((await manager.list({ parent: id })).jobs).toHaveLength(4);
  });

  test('without jobs is completed at once, with its callbacks', async () => {
    const { manager, ends } = await batches();
    const { id } = await manager.enqueueBatch({ type: 'nothing', jobs: [], onEnd: { type: 'told' } });
    expect(await manager.get(id)).toMatchObject({ status: 'completed', progress: 100, result: counts(0, {}) });
    await until(() => ends.length === 1);
  });

  test('that fails fast has the rest cancelled, what runs included', async () => {
    const { manager, ends } = await batches();
    const { id } = await manager.enqueueBatch({
      ...{ type: 'strict', failurePolicy: 'fail-fast', jobs: pieces('wait', 'fail', 'wait') },
      ...{ onSuccess: { type: 'told' }, onFailure: { type: 'told' } },
    });
    const refusal = await refusalOf(() => manager.result(id));
    expect(refusal.code).toBe('JOB_FAILED');
    expect(refusal.message).toContain('fail-fast');
    expect(await manager.get(id)).toMatchObject({
      status: 'failed',
      result: counts(3, { failed: 1, cancelled: 2 }),
      error: expect.stringContaining('0 of 3 completed, 1 failed, 0 timed out, 2 cancelled'),
    });
    await until(() => ends.length === 1);
    expect(ends[0]!.batch.status).toBe('failed');
  });

  test('that needs some of its jobs gives up when it cannot have them any more', async () => {
    const { manager } = await batches();
    const jobs = pieces('fail', 'a', 'fail', 'wait');
    const { id } = await manager.enqueueBatch({ type: 'some', failurePolicy: { atLeast: 3 }, jobs });
    expect(await codeOf(() => manager.result(id))).toBe('JOB_FAILED');
    const enough = await manager.enqueueBatch({
      type: 'some',
      failurePolicy: { atLeast: 1 },
      jobs: pieces('a', 'fail'),
    });
    expect(await manager.result(enough.id)).toEqual(counts(2, { completed: 1, failed: 1 }));
  });

  test('that is cancelled has all its jobs cancelled, those of batches within it included', async () => {
    const { manager, ends } = await batches();
    const outer = await manager.enqueueBatch({ type: 'outer', jobs: pieces('wait'), onFailure: { type: 'told' } });
    const inner = await manager.enqueueBatch({ type: 'inner', jobs: pieces('wait', 'wait'), parent: outer.id });
    await until(async () => (await manager.count({ type: 'piece', status: 'running' })) === 3);
    expect(await manager.cancel(outer.id, { reason: 'enough' })).toBe('requested');
    expect((await refusalOf(() => manager.result(outer.id))).message).toContain('enough');
    expect(await manager.get(inner.id)).toMatchObject({ status: 'cancelled', result: counts(2, { cancelled: 2 }) });
    expect(await manager.count({ status: 'cancelled' })).toBe(5);
    await until(() => ends.length === 1);
  });

  test('has its time in total, and ends as a time-out when that is over', async () => {
    const { manager } = await batches({ lease: '500ms' });
    const jobs = pieces('wait', 'a');
    const { id } = await manager.enqueueBatch({ type: 'late', jobs, totalTimeout: 200 });
    expect(await codeOf(() => manager.result(id))).toBe('JOB_TIMED_OUT');
    expect(await manager.get(id)).toMatchObject({ result: counts(2, { completed: 1, cancelled: 1 }) });
  });

  test('takes jobs while it runs, open or not, and none when it has ended', async () => {
    const { manager } = await batches();
    const { id } = await manager.enqueueBatch({ type: 'growing', jobs: [], open: true });
    expect(await manager.get(id)).toMatchObject({ status: 'running', batch: { open: true, total: 0 } });
    const first = await manager.enqueue('piece', 'a', { parent: id });
    await manager.result(first);
    expect(await manager.get(id)).toMatchObject({ status: 'running', progress: 99 });
    await manager.enqueue('piece', 'b', { parent: id });
    await manager.sealBatch(id);
    expect(await manager.result(id)).toEqual(counts(2, { completed: 2 }));
    const refusal = await refusalOf(() => manager.enqueue('piece', 'c', { parent: id }));
    expect(refusal).toMatchObject({ code: 'BATCH_ENDED', field: 'parent', found: 'completed' });
    expect(await codeOf(() => manager.sealBatch(id))).toBe('NOT_ALLOWED_NOW');
    expect(await codeOf(() => manager.sealBatch(first.id))).toBe('NOT_A_BATCH');
    expect(await codeOf(() => manager.sealBatch('nobody'))).toBe('JOB_NOT_FOUND');
  });

  test('takes jobs that its own jobs hand in', async () => {
    const grow = job({
      run: async (n: number, ctx: Context) => {
        if (n > 0) await ctx.enqueue('grow', n - 1, { parent: ctx.job.parentId! });
      },
    });
    const manager = await startManager({ jobs: { grow } });
    const batch = await manager.enqueueBatch({ type: 'growing', jobs: [{ type: 'grow', payload: 5 }] });
    expect((await manager.result(batch)).completed).toBe(6);
  });

  test('gives its jobs what it says of queue, priority and initiator, and they may say otherwise', async () => {
    const { manager } = await batches({ worker: false });
    const { jobs } = await manager.enqueueBatch({
      ...{ type: 'album', queue: 'slow', priority: 7, userInitiated: false, tags: ['t'] },
      jobs: [
        { type: 'piece', payload: 'a' },
        { type: 'piece', payload: 'b', options: { queue: 'fast', priority: 1, tags: ['own'] } },
      ],
    });
    expect(await Promise.all(jobs.map(({ id }) => manager.get(id)))).toMatchObject([
      { queue: 'slow', priority: 7, userInitiated: false, tags: [] },
      { queue: 'fast', priority: 1, userInitiated: false, tags: ['own'] },
    ]);
  });

  test('does not wait for a job that was there before under the same key', async () => {
    const { manager } = await batches();
    const old = await manager.enqueue('piece', 'a', { key: 'k', delay: '1h' });
    const { id, jobs } = await manager.enqueueBatch({
      type: 'album',
      jobs: [
        { type: 'piece', payload: 'a', options: { key: 'k' } },
        { type: 'piece', payload: 'b', options: { id: old.id } },
        { type: 'piece', payload: 'c' },
      ],
    });
    expect(jobs).toMatchObject([
      { outcome: 'existing', id: old.id },
      { outcome: 'rejected', error: { code: 'DUPLICATE_JOB_ID' } },
      { outcome: 'inserted' },
    ]);
    expect(await manager.result(id)).toEqual(counts(1, { completed: 1 }));
  });
});

describe('a new life of a batch', () => {
  test('runs again what did not complete, also in batches within it, and calls back again', async () => {
    const healed = new Set<string>();
    const ends: BatchEnd[] = [];
    const manager = await startManager({
      jobs: {
        piece: job({
          maxAttempts: 1,
          run: async (what: string) => {
            if (!healed.has(what)) throw new Error('no');
          },
        }),
        told: job({
          run: async (end: BatchEnd) => {
            ends.push(end);
          },
        }),
      },
    });
    healed.add('a');
    const call = { onFailure: { type: 'told', payload: 'bad' }, onSuccess: { type: 'told', payload: 'good' } } as const;
    const outer = await manager.enqueueBatch({
      type: 'outer',
      jobs: pieces('a'),
      failurePolicy: 'fail-fast',
      open: true,
      ...call,
    });
    const inner = {
      type: 'inner',
      jobs: pieces('a', 'b', 'c'),
      failurePolicy: { atLeast: 2 },
      parent: outer.id,
    } as const;
    const { id } = await manager.enqueueBatch(inner);
    await until(async () => (await manager.get(outer.id))!.status === 'failed');
    await until(() => ends.length === 1);
    healed.add('b');
    expect(await manager.retry(outer.id)).toBe(true);
    expect(await manager.result(outer.id)).toEqual(counts(2, { completed: 2 }));
    expect(await manager.get(id)).toMatchObject({
      status: 'completed',
      life: 2,
      result: counts(3, { completed: 2, failed: 1 }),
    });
    await until(() => ends.length === 2);
    expect(ends.map(({ payload }) => payload)).toEqual(['bad', 'good']);
    const lives = (await manager.list({ parent: id }, { order: 'oldest' })).jobs.map(({ life }) => life);
    expect(lives).toEqual([1, 2, 2]);
  });

  test('is not begun by the retry of one of its jobs: that runs alone', async () => {
    const { manager } = await batches();
    const { id, jobs } = await manager.enqueueBatch({
      type: 'strict',
      failurePolicy: 'fail-fast',
      jobs: pieces('fail'),
    });
    await until(async () => (await manager.get(id))!.status === 'failed');
    expect(await manager.retry(jobs[0]!.id)).toBe(true);
    await until(async () => (await manager.get(jobs[0]!.id))!.status === 'failed');
    expect(await manager.get(id)).toMatchObject({ status: 'failed', life: 1, result: counts(1, { failed: 1 }) });
    const alone = await manager.replay(jobs[0]!.id, 'a');
    await manager.result(alone);
    expect(await manager.get(alone.id)).toMatchObject({ parentId: null, replayOf: jobs[0]!.id });
  });
});

describe('what makes no sense for a batch is refused', () => {
  test('with a code and a next step', async () => {
    const { manager } = await batches({ worker: false });
    const { id } = await manager.enqueueBatch({ type: 'album', jobs: pieces('a') });
    const refused = [
      () => manager.replay(id),
      () => manager.pauseJob(id),
      () => manager.resumeJob(id),
      () => manager.reschedule(id, Date.now()),
      () => manager.reprioritise(id, 1),
      () => manager.runNow(id),
    ];
    for (const call of refused) expect((await refusalOf(call)).code).toBe('NOT_FOR_BATCHES');
    expect(await manager.remove(id)).toBe(false);
  });

  test('when it is handed in, naming the part, and nothing is written', async () => {
    const strict = job({ input: z.object({ batch: z.object({ id: z.number() }) }), run: async () => {} });
    const manager = newManager({ worker: false, jobs: { strict, piece: job({ run: async () => {} }) } });
    await manager.start();
    type Request = Parameters<typeof manager.enqueueBatch>[0];
    const say = async (batch: object) => {
      const { code, field } = await refusalOf(() => manager.enqueueBatch({ type: 'b', jobs: [], ...batch } as Request));
      return `${code} ${field}`;
    };
    const call = (options: object) => ({ onEnd: { type: 'piece', options } });
    expect(await say({ jobs: [{ type: 'piece' }, { type: 'pice' }] })).toBe('UNKNOWN_JOB_TYPE jobs[1].type');
    expect(await say({ jobs: [{ type: 'piece', options: { parent: 'x' } }] })).toBe(
      'INVALID_OPTION jobs[0].options.parent',
    );
    expect(await say({ jobs: 3 })).toBe('INVALID_OPTION jobs');
    expect(await say({ jobs: undefined })).toBe('INVALID_OPTION jobs');
    expect(await say({ type: 'a b' })).toBe('INVALID_OPTION type');
    expect(await say({ failurePolicy: 'never' })).toBe('INVALID_OPTION failurePolicy');
    expect(await say({ failurePolicy: { atLeast: 0 } })).toBe('INVALID_OPTION failurePolicy');
    expect(await say({ failurePolicy: { atLeast: 1 } })).toBe('INVALID_OPTION failurePolicy.atLeast');
    expect(await say({ polcy: 1 })).toBe('UNKNOWN_OPTION polcy');
    expect(await say({ onEnd: { type: 'nobody' } })).toBe('UNKNOWN_JOB_TYPE onEnd.type');
    expect(await say({ onSuccess: { type: 'strict' } })).toBe('INVALID_PAYLOAD onSuccess.payload.batch.id');
    expect(await say(call({ key: 'k' }))).toBe('UNKNOWN_OPTION onEnd.key');
    expect(await say(call({ delay: 1, runAt: 1 }))).toBe('INVALID_OPTION onEnd.delay');
    expect(await say({ onFailure: { type: 'piece', payload: { at: 1n } } })).toBe(
      'INVALID_PAYLOAD onFailure.payload.at',
    );
    expect(await say({ payload: { at: 1n } })).toBe('INVALID_PAYLOAD payload.at');
    expect(await say({ parent: 'nobody' })).toBe('PARENT_NOT_FOUND parent');
    await manager.enqueue('piece', undefined, { id: 'taken' });
    expect(await say({ id: 'taken', jobs: [{ type: 'piece' }] })).toBe('DUPLICATE_JOB_ID id');
    expect(await manager.count()).toBe(1);
  });
});

describe('callbacks', () => {
  test('are ordinary jobs with options of their own, and times from the end on', async () => {
    const { manager } = await batches({ worker: false });
    const at = Date.now();
    const options = {
      queue: 'later',
      priority: 2,
      delay: '1h',
      startTimeout: '1h',
      maxAttempts: 9,
      tags: ['x'],
    } as const;
    const { id } = await manager.enqueueBatch({ type: 'b', jobs: [], onEnd: { type: 'told', payload: [1], options } });
    const [called] = (await manager.list({ type: 'told' })).jobs;
    expect((await manager.get(id))!.batch!.callbacks).toEqual([{ on: 'end', type: 'told', id: called!.id }]);
    expect(called).toMatchObject({ queue: 'later', priority: 2, maxAttempts: 9, tags: ['x'], status: 'queued' });
    expect(called!.payload).toMatchObject({ payload: [1], batch: { id, total: 0 } });
    expect(called!.runAt).toBeGreaterThanOrEqual(at + 3_600_000);
    expect(called!.expiresAt).toBe(called!.runAt + 3_600_000);
  });
});

describe("in the caller's transaction", () => {
  test('a batch exists if and only if that commits; errors are thrown at once', async () => {
    const { default: Database } = await import('better-sqlite3');
    const file = freshFile();
    const { manager, ends } = await batches({}, file);
    const db = new Database(file);
    const insert = (jobs: ReturnType<typeof pieces>, id?: string) =>
      manager.enqueueBatch({ type: 'b', jobs, tx: db, onEnd: { type: 'told' }, ...(id ? { id } : {}) });
    let lost: Promise<{ id: string }> | undefined;
    const rolledBack = db.transaction(() => {
      lost = insert(pieces('a'));
      throw new Error('no');
    });
    expect(rolledBack).toThrow('no');
    expect(await manager.get((await lost!).id)).toBeNull();
    const kept = db.transaction(() => {
      void insert(pieces('a', 'b'), 'kept');
      void insert([], 'empty');
      expect(() => insert([], 'kept')).toThrow('kept');
    });
    kept();
    db.close();
    expect(await manager.result('kept')).toEqual(counts(2, { completed: 2 }));
    await until(() => ends.length === 2);
  });
});

test('aborting everything ends batches, too', async () => {
  const { manager } = await batches();
  const started = signal();
  manager.on('job-status-changed', ({ status, type }) => type === 'piece' && status === 'running' && started.reach());
  const { id } = await manager.enqueueBatch({ type: 'album', jobs: pieces('wait', 'wait') });
  await started.reached;
  await manager.abortAllJobs();
  expect(await manager.get(id)).toMatchObject({ status: 'cancelled' });
});
