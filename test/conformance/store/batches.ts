import { expect } from 'vitest';
import type { BatchEnd } from '../../../src/job/batch.ts';
import { changeFor, complete } from '../../../src/job/change.ts';
import type { NewBatch, NewCallback, NewJob } from '../../../src/job/enqueue-options.ts';
import { checkFilter } from '../../../src/job/filter.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';
import type { Store, StoreChange } from '../../../src/store/store.ts';
import { until } from '../../wait.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  drain,
  expectExactCounts,
  list,
  newJob,
  newJobs,
  put,
  putOne,
  SECOND,
  startWorker,
  statusOf,
  T0,
} from '../fixtures.ts';

const POLICY = { wait: () => SECOND, retryTimeouts: true };
const failed = (claimed: ClaimedJob, now = T0) =>
  changeFor(claimed, { kind: 'failed', failure: { name: 'E', message: 'no' }, retry: 'never' }, POLICY, now);

const callback = (on: NewCallback['on'], id: string): NewCallback => {
  const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } = newJob();
  const limits = { maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey };
  const job = { id, type: 'report', queue, priority, payload: '"given"', ...limits, tags, userInitiated };
  return { on, job, delayMs: 0, runAt: null, startMs: null };
};

/** A batch, and its jobs; all three callbacks, whose ids begin with its own. */
const batchOf = (id: string, jobs: readonly NewJob[], given: Partial<NewBatch> = {}, row: Partial<NewJob> = {}) => {
  const callbacks = (['success', 'failure', 'end'] as const).map((on) => callback(on, `${id}-${on}`));
  const batch = { policy: 'finish', open: false, callbacks, ...given } as const;
  return [
    newJob({ id, type: 'album', timeoutMs: null, ...row, batch }),
    ...jobs.map((job) => ({ ...job, parentId: id })),
  ];
};

const putBatch = (store: Store, id: string, n: number, given: Partial<NewBatch> = {}, row: Partial<NewJob> = {}) =>
  put(store, batchOf(id, newJobs(n), given, row));

/** The callbacks that were handed in, the later lives' included. */
const called = async (store: Store, id: string): Promise<string[]> =>
  (await list(store, { type: 'report' }, { order: 'oldest' }))
    .map((job) => job.id)
    .filter((one) => one.startsWith(`${id}-`));

const counts = (total: number, given: object = {}) => ({
  total,
  completed: 0,
  failed: 0,
  timeout: 0,
  cancelled: 0,
  ...given,
});

export const batchCases = (subject: Subject): void => {
  endCases(subject);
  standingCases(subject);
  growthCases(subject);
  largeCases(subject);
  lifeCases(subject);
  raceCases(subject);
};

/** Every way in which a child can end is seen by its batch. */
const endCases = ({ test, testCaller }: Subject): void => {
  const ways: Readonly<Record<string, [(store: Store, child: string) => Promise<unknown>, string]>> = {
    completes: [async (store) => finish(store, (job) => complete(job, '1', T0)), 'completed'],
    fails: [async (store) => finish(store, failed), 'failed'],
    'is cancelled while it waits': [(store, child) => store.requestCancel({ ids: [child] }, 'no', T0), 'cancelled'],
    'is cancelled while it runs': [
      async (store, child) => {
        const [job] = await (await startWorker(store)).claim();
        await store.requestCancel({ ids: [child] }, 'no', T0);
        await store.applyChanges([changeFor(job!, { kind: 'cancelled', reason: 'no' }, POLICY, T0)]);
      },
      'cancelled',
    ],
    'expires, found by the chore': [(store) => store.expire(T0 + 2 * SECOND), 'cancelled'],
    'expires, found by the claim': [
      async (store) => (await startWorker(store)).claim({}, T0 + 2 * SECOND),
      'cancelled',
    ],
    'loses its last worker': [
      async (store) => {
        const worker = await startWorker(store);
        await worker.claim();
        await worker.die();
      },
      'failed',
    ],
  };
  for (const [how, [act, status]] of Object.entries(ways))
    test(`a batch ends with its last job, which ${how}`, async (store) => {
      const child = newJob({ maxCrashes: 1, expiresAt: T0 + SECOND });
      await put(store, batchOf('b', [child]));
      await act(store, child.id);
      expect(await store.get(child.id)).toMatchObject({ status });
      const end = status === 'cancelled' ? 'cancelled' : 'completed';
      const result = counts(1, { [status]: 1 });
      expect(await store.get('b')).toMatchObject({ status: end, result, batch: result });
      expect(await called(store, 'b')).toEqual(end === 'completed' ? ['b-success', 'b-end'] : ['b-failure', 'b-end']);
      await expectExactCounts(store);
    });

  test('a batch ends when its last unfinished job is removed', async (store) => {
    const [, done, waiting] = await putBatch(store, 'b', 2);
    await finish(store, (job) => complete(job, '1', T0), 1);
    expect(await store.remove({ ids: [done!] }, T0)).toBe(0);
    expect(await store.remove({ ids: [waiting!] }, T0)).toBe(1);
    expect(await store.get('b')).toMatchObject({ status: 'completed', result: counts(1, { completed: 1 }) });
    expect(await store.remove({ ids: [done!] }, T0)).toBe(1);
  });

  test('a batch without jobs ends as it is handed in, and a batch of batches with its last', async (store) => {
    await put(store, [
      ...batchOf('outer', []).map((job) => ({ ...job, batch: { ...job.batch!, open: true } })),
      ...batchOf('middle', [], { open: true }, { parentId: 'outer' }),
      ...batchOf('inner', [newJob()], {}, { parentId: 'middle' }),
      ...batchOf('empty', [], {}, { parentId: 'inner' }),
    ]);
    for (const id of ['outer', 'middle'])
      expect(await store.adjust(id, { sealed: true }, T0)).toEqual({ kind: 'done' });
    expect(await statusOf(store, 'empty')).toBe('completed');
    expect(await store.get('inner')).toMatchObject({ status: 'running', progress: 50, note: '1 of 2' });
    await drain(store, await startWorker(store));
    for (const id of ['outer', 'middle', 'inner']) {
      expect(await store.get(id)).toMatchObject({ status: 'completed', progress: 100, note: null });
      expect(await called(store, id)).toEqual([`${id}-success`, `${id}-end`]);
    }
  });

  test('its story is heard: begun, progress that grows, ended; then its callbacks, with what became of it', async (store) => {
    const heard: StoreChange[] = [];
    store.watch((changes) => heard.push(...changes));
    await putBatch(store, 'b', 2);
    await finish(store, failed, 1, T0 + 5);
    await finish(store, (job) => complete(job, '1', T0 + 9), 1, T0 + 9);
    const result = counts(2, { completed: 1, failed: 1 });
    expect(heard.filter(({ id }) => id === 'b')).toMatchObject([
      { kind: 'status', from: null, to: 'running', at: T0 },
      { kind: 'progress', progress: 0, note: '0 of 2' },
      { kind: 'progress', progress: 50, note: '1 of 2, 1 failed', at: T0 + 5 },
      { kind: 'status', from: 'running', to: 'completed', result: JSON.stringify(result), at: T0 + 9 },
    ]);
    const [told] = await list(store, { id: 'b-success' });
    const batch: BatchEnd['batch'] = { id: 'b', type: 'album', status: 'completed', ...result };
    expect(told).toMatchObject({
      payload: { batch, payload: 'given' },
      status: 'queued',
      runAt: T0 + 9,
      parentId: null,
    });
  });

  testCaller(
    "a batch ends with the caller's transaction in which its last job completes, or not at all",
    async (store, caller) => {
      await putBatch(store, 'b', 1);
      const [job] = await (await startWorker(store)).claim();
      for (const [end, status] of [
        ['rollback', 'running'],
        ['commit', 'completed'],
      ] as const) {
        await caller.begin();
        await store.applyWithin(caller.tx, [complete(job!, '1', T0)]);
        await caller[end]();
        expect(await statusOf(store, 'b')).toBe(status);
        expect(await called(store, 'b')).toHaveLength(status === 'running' ? 0 : 2);
      }
      await expectExactCounts(store);
    },
  );
};

/** A batch is a running job without a worker: nothing that is about workers may take it for more. */
const standingCases = ({ test }: Subject): void => {
  test('a batch is given to nobody, is no orphan, and takes no room in its queue', async (store) => {
    await store.setQueue('default', { maxRunning: 1 }, T0);
    await putBatch(store, 'b', 1);
    expect(await store.releaseOrphans([], T0)).toEqual([]);
    const worker = await startWorker(store, 'w', { types: ['album', 'mail'] });
    const jobs = await worker.claim({ types: ['album', 'mail'] });
    expect(jobs.map(({ type }) => type)).toEqual(['mail']);
    expect(await store.get('b')).toMatchObject({
      status: 'running',
      worker: null,
      claim: 0,
      attempts: 0,
      startedAt: T0,
    });
    expect((await store.workers())[0]!.running).toBe(1);
    expect(await store.attempts('b')).toEqual([]);
    await worker.die();
    expect(await statusOf(store, 'b')).toBe('running');
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('what changes a job that waits is refused for a batch, and sealing for a job', async (store) => {
    const [, child] = await putBatch(store, 'b', 1);
    for (const change of [{ priority: 1 }, { runAt: T0 }, { held: true }, { held: false }])
      expect(await store.adjust('b', change, T0)).toEqual({ kind: 'batch' });
    expect(await store.adjust(child!, { sealed: true }, T0)).toEqual({ kind: 'no-batch' });
    expect(await store.adjust('nobody', { sealed: true }, T0)).toEqual({ kind: 'missing' });
    await store.requestCancel({ ids: ['b'] }, 'no', T0);
    expect(await store.adjust('b', { sealed: true }, T0)).toEqual({ kind: 'refused', status: 'cancelled' });
  });

  test('what has ended in a batch is kept as long as the batch runs, then goes before it', async (store) => {
    await putBatch(store, 'b', 3, { callbacks: [] });
    await finish(store, (job) => complete(job, '1', T0), 2);
    const forget = async () => {
      let pruned = 0;
      for (let n = -1; n !== 0; pruned += n)
        n = await store.prune({ doneBefore: T0 + 1, failedBefore: T0 + 1, keep: 0 }, T0 + SECOND);
      return pruned;
    };
    expect(await forget()).toBe(0);
    expect(await store.get('b')).toMatchObject({ progress: 66, batch: counts(3, { completed: 2 }) });
    await finish(store, (job) => complete(job, '1', T0), 1);
    expect(await forget()).toBe(4);
    expect(await count(store)).toBe(0);
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('a list shows what runs as it is counted, and what has ended as it ended', async (store) => {
    await putBatch(store, 'runs', 2, { policy: { atLeast: 1 } });
    await putBatch(store, 'ended', 0);
    const [ended, runs] = await list(store, { type: 'album' });
    const callbacks = ['end', 'failure', 'success'].map((on) => ({ on, type: 'report', id: `runs-${on}` }));
    expect(runs!.batch).toEqual({ policy: { atLeast: 1 }, open: false, callbacks, ...counts(2) });
    expect(ended!.batch).toMatchObject({ policy: 'finish', open: false, ...counts(0) });
    expect((await list(store, { type: 'mail' })).map(({ batch }) => batch)).toEqual([null, null]);
  });
};

const growthCases = ({ test, testTwo }: Subject): void => {
  test('an open batch takes jobs until it is sealed, and ends with the last', async (store) => {
    await putBatch(store, 'b', 1, { open: true });
    const worker = await startWorker(store);
    await drain(store, worker);
    expect(await store.get('b')).toMatchObject({ status: 'running', progress: 99, note: '1 of 1' });
    await putOne(store, { parentId: 'b' });
    expect(await store.get('b')).toMatchObject({ progress: 99, note: '1 of 2' });
    expect(await store.adjust('b', { sealed: true }, T0)).toEqual({ kind: 'done' });
    expect(await store.adjust('b', { sealed: true }, T0)).toEqual({ kind: 'done' });
    // Sealed, but not ended: who is late by a little is not refused.
    await putOne(store, { parentId: 'b' });
    await drain(store, worker);
    expect(await store.get('b')).toMatchObject({ status: 'completed', result: counts(3, { completed: 3 }) });
  });

  test('a batch that has ended takes no more jobs; a plain parent does', async (store) => {
    await putBatch(store, 'b', 0);
    const parent = await putOne(store);
    await drain(store, await startWorker(store));
    const late = newJob({ parentId: 'b' });
    expect(await store.insert([late, newJob({ parentId: parent })], T0)).toMatchObject([
      { kind: 'parent-ended', id: late.id, status: 'completed' },
      { kind: 'inserted' },
    ]);
  });

  test('the jobs of a batch that was refused are refused, and join nobody', async (store) => {
    const taken = await putOne(store, { id: 'taken' });
    const jobs = batchOf(taken, newJobs(2));
    const orphans = batchOf('lost', newJobs(1), {}, { parentId: 'nobody' });
    const kinds = (await store.insert([...jobs, ...orphans], T0)).map(({ kind }) => kind);
    expect(kinds).toEqual(['duplicate-id', 'no-parent', 'no-parent', 'no-parent', 'no-parent']);
    expect(await count(store)).toBe(1);
  });

  test('a job that joins what is to be cancelled is cancelled with it', async (store) => {
    await putBatch(store, 'b', 1);
    await (await startWorker(store)).claim();
    await store.requestCancel({ ids: ['b'] }, 'enough', T0);
    const late = await putOne(store, { parentId: 'b' });
    expect(await store.get(late)).toMatchObject({ status: 'cancelled', error: 'batch b: enough' });
    expect(await statusOf(store, 'b')).toBe('running');
  });

  test('what is added to a batch that is being cancelled is cancelled, also where its share would not have moved', async (store) => {
    const ids = (await putBatch(store, 'b', 2)).slice(1);
    await store.requestCancel({ ids: [ids[1]!] }, 'no', T0);
    await store.revive({ ids: [ids[1]!] }, T0);
    const worker = await startWorker(store);
    await worker.claim();
    await store.requestCancel({ ids: ['b'] }, 'enough', T0);
    for (let i = 0; i < 3; i++) {
      const late = await putOne(store, { parentId: 'b' });
      expect(await store.get(late)).toMatchObject({ status: 'cancelled', error: 'batch b: enough' });
    }
    expect(await statusOf(store, 'b')).toBe('running');
  });

  testTwo('a job that is added while the last one ends joins the batch or is refused', async (first, second) => {
    const worker = await startWorker(first);
    const kinds = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const id = `b${i}`;
      await putBatch(first, id, 1, { callbacks: [callback('end', `${id}-end`)] });
      const [job] = await worker.claim({ types: ['mail'] });
      const [, [added]] = await Promise.all([
        first.applyChanges([complete(job!, '1', T0)]),
        second.insert([newJob({ parentId: id })], T0),
      ]);
      kinds.add(added!.kind);
      const joined = added!.kind === 'inserted';
      expect(await statusOf(first, id)).toBe(joined ? 'running' : 'completed');
      await drain(first, worker);
      expect(await first.get(id)).toMatchObject({ status: 'completed', result: { total: joined ? 2 : 1 } });
    }
    expect([...kinds].filter((kind) => kind !== 'inserted' && kind !== 'parent-ended')).toEqual([]);
  });
};

/** What is too much for one transaction, or too much to count every time. */
const largeCases = ({ test }: Subject): void => {
  test('the progress of a large batch is exact after every job, and never falls', async (store) => {
    await putBatch(store, 'b', 700, { callbacks: [] });
    const worker = await startWorker(store);
    let [done, before] = [0, 0];
    for (const n of [1, 3, 200, 7, 1, 1, 1, 6, 450, 29, 1]) {
      const jobs = await worker.claim({ n });
      await store.applyChanges(jobs.map((job, i) => (i % 5 === 4 ? failed(job) : complete(job, '1', T0))));
      done += jobs.length;
      const job = (await store.get('b'))!;
      expect(job.progress).toBe(done === 700 ? 100 : Math.floor((100 * done) / 700));
      expect(job.progress).toBeGreaterThanOrEqual(before);
      before = job.progress;
      expect(job.batch).toMatchObject({ total: 700 });
    }
    expect(await statusOf(store, 'b')).toBe('completed');
  });

  test('thousands of jobs are cancelled with their batch, in more than one transaction', async (store) => {
    await putBatch(store, 'b', 3500, { policy: 'fail-fast' });
    await finish(store, failed, 1);
    await until(async () => (await statusOf(store, 'b')) === 'failed');
    expect(await store.get('b')).toMatchObject({ result: counts(3500, { failed: 1, cancelled: 3499 }) });
    expect(await called(store, 'b')).toEqual(['b-failure', 'b-end']);
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('so are those of batches within it', async (store) => {
    const inner = Array.from({ length: 5 }, (_, i) => batchOf(`inner${i}`, newJobs(600), {}, { parentId: 'b' }));
    await put(store, [
      ...batchOf('b', []).map((job) => ({ ...job, batch: { ...job.batch!, open: true } })),
      ...inner.flat(),
    ]);
    expect(await store.requestCancel({ ids: ['b'] }, 'enough', T0)).toEqual({ cancelled: 0, requested: 1 });
    await until(async () => (await statusOf(store, 'b')) === 'cancelled');
    expect(await count(store, { type: 'mail', status: 'cancelled' })).toBe(3000);
    expect(await store.get('inner3')).toMatchObject({ status: 'cancelled', result: counts(600, { cancelled: 600 }) });
  });
};

const lifeCases = ({ test }: Subject): void => {
  test('its time in total is over: the rest is cancelled, and it ends as a time-out', async (store) => {
    const [, , waiting] = await putBatch(store, 'b', 2, {}, { totalMs: SECOND });
    expect(await store.get('b')).toMatchObject({ deadlineAt: T0 + SECOND, totalMs: SECOND });
    const [running] = await (await startWorker(store)).claim({ n: 1 });
    await store.expire(T0 + SECOND - 1);
    expect(await statusOf(store, waiting!)).toBe('queued');
    await store.expire(T0 + SECOND);
    expect(await statusOf(store, waiting!)).toBe('cancelled');
    expect(await store.get(running!.id)).toMatchObject({ status: 'running', cancelRequestedAt: T0 + SECOND });
    expect(await statusOf(store, 'b')).toBe('running');
    await store.applyChanges([changeFor(running!, { kind: 'cancelled', reason: 'no' }, POLICY, T0 + SECOND)]);
    expect(await store.get('b')).toMatchObject({ status: 'timeout', result: counts(2, { cancelled: 2 }) });
    expect(await called(store, 'b')).toEqual(['b-failure', 'b-end']);
  });

  test('what was done in time is no time-out, though it is looked at later', async (store) => {
    await putBatch(store, 'b', 1, {}, { totalMs: SECOND });
    await finish(store, (job) => complete(job, '1', T0 + 5 * SECOND));
    await store.expire(T0 + 9 * SECOND);
    expect(await statusOf(store, 'b')).toBe('completed');
  });

  test('a new life runs again what did not complete, and calls back again', async (store) => {
    const [, one, two] = await putBatch(store, 'b', 2, { policy: 'fail-fast' }, { totalMs: 60 * SECOND });
    await finish(store, (job) => complete(job, '1', T0), 1);
    await finish(store, failed, 1);
    expect(await statusOf(store, 'b')).toBe('failed');
    expect(await store.revive({ filter: checkFilter({ status: 'failed' }) }, T0 + SECOND)).toBe(2);
    expect(await store.get('b')).toMatchObject({
      ...{
        status: 'running',
        life: 2,
        result: null,
        error: null,
        startedAt: T0 + SECOND,
        deadlineAt: T0 + 61 * SECOND,
      },
      ...{ progress: 50, completedAt: null },
    });
    expect(await store.get(one!)).toMatchObject({ status: 'completed', life: 1 });
    expect(await store.get(two!)).toMatchObject({ status: 'queued', life: 2 });
    await drain(store, await startWorker(store, 'next'), 7, T0 + SECOND);
    expect(await statusOf(store, 'b')).toBe('completed');
    expect(await called(store, 'b')).toEqual(['b-failure', 'b-end', 'b-success:2', 'b-end:2']);
  });

  test('one job that is retried runs alone when its batch has ended, and joins it again when it has not', async (store) => {
    const [, one, two] = await putBatch(store, 'b', 2, { callbacks: [] });
    const worker = await startWorker(store);
    const jobs = await worker.claim();
    await store.applyChanges([failed(jobs[0]!)]);
    await store.revive({ ids: [one!] }, T0);
    expect(await store.get('b')).toMatchObject({ progress: 50, note: '0 of 2', batch: counts(2) });
    await store.applyChanges([failed(jobs[1]!)]);
    await drain(store, worker);
    const end = { status: 'completed', life: 1, result: counts(2, { completed: 1, failed: 1 }) };
    expect(await store.get('b')).toMatchObject(end);
    await store.revive({ ids: [two!] }, T0);
    await drain(store, worker);
    expect(await statusOf(store, two!)).toBe('completed');
    expect(await store.get('b')).toMatchObject(end);
  });
};

const raceCases = ({ testTwo }: Subject): void => {
  testTwo('two processes that end the last two jobs at once call back once', async (first, second) => {
    const [one, two] = [await startWorker(first, 'one'), await startWorker(second, 'two')];
    for (let i = 0; i < 40; i++) {
      await putBatch(first, `b${i}`, 2);
      const [[a], [b]] = [await one.claim({ n: 1, types: ['mail'] }), await two.claim({ n: 1, types: ['mail'] })];
      await Promise.all([
        first.applyChanges([complete(a!, '1', T0)]),
        second.applyChanges([i % 2 ? complete(b!, '1', T0) : failed(b!)]),
      ]);
      expect(await statusOf(first, `b${i}`)).toBe('completed');
      expect(await called(second, `b${i}`)).toEqual([`b${i}-success`, `b${i}-end`]);
    }
    await expectExactCounts(first);
  });

  testTwo('a cancel that races with the last end leaves one end, and its callbacks once', async (first, second) => {
    const worker = await startWorker(first);
    for (let i = 0; i < 40; i++) {
      const id = `b${i}`;
      await putBatch(first, id, 1);
      const [job] = await worker.claim({ types: ['mail'] });
      const [[applied], cancelled] = await Promise.all([
        first.applyChanges([complete(job!, '1', T0)]),
        second.requestCancel({ ids: [id] }, 'no', T0),
      ]);
      if (applied === 'cancel-requested')
        await first.applyChanges([changeFor(job!, { kind: 'cancelled', reason: 'no' }, POLICY, T0)]);
      const status = await statusOf(first, id);
      // The cancel may come when the job has just ended, and its batch has not: then the batch ends as it was asked to.
      expect([
        ['completed', 'applied', 0],
        ['cancelled', 'cancel-requested', 1],
        ['cancelled', 'applied', 1],
      ]).toContainEqual([status, applied, cancelled.requested]);
      expect(await called(first, id)).toEqual([`${id}-${status === 'completed' ? 'success' : 'failure'}`, `${id}-end`]);
    }
  });
};

/** Claims some jobs and lets them end. */
const finish = async (
  store: Store,
  end: (job: ClaimedJob, now?: number) => ReturnType<typeof complete>,
  n = 1,
  now = T0,
): Promise<void> => {
  const worker = await startWorker(store, `w${Math.random()}`);
  const jobs = await worker.claim({ n, types: ['mail'] }, now);
  expect(jobs).toHaveLength(n);
  await store.applyChanges(jobs.map((job) => end(job, now)));
  await worker.lease.end();
};
