import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import { checkFilter, checkPage, type JobFilter, type Reach } from '../../../src/job/filter.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import {
  count,
  expectExactCounts,
  HOUR,
  ids,
  list,
  newJob,
  put,
  putOne,
  SECOND,
  startWorker,
  T0,
} from '../fixtures.ts';

const POLICY = { wait: () => SECOND, retryTimeouts: true };
const of = (...tenants: string[]): Reach => ({ queues: null, tenants });
const within = (reach: Reach, filter: JobFilter = {}) => ({ ...checkFilter(filter), within: reach });

/** Three tenants and a job of nobody, in two queues. */
const putSome = async (store: Store): Promise<void> => {
  await put(store, [
    newJob({ id: 'a1', tenant: 'ada' }),
    newJob({ id: 'a2', tenant: 'ada', queue: 'mails', type: 'report' }),
    newJob({ id: 'b1', tenant: 'bob' }),
    newJob({ id: 'c1', tenant: 'cid', queue: 'mails' }),
    newJob({ id: 'n1' }),
  ]);
};

export const tenantCases = (subject: Subject): void => {
  ownershipCases(subject);
  keyCases(subject);
  reachCases(subject);
};

const ownershipCases = ({ test }: Subject): void => {
  test('a job belongs to the tenant that was said, and can be found by it', async (store) => {
    await putSome(store);
    expect((await store.get('a1'))!.tenant).toBe('ada');
    expect((await store.get('n1'))!.tenant).toBeNull();
    expect(ids(await list(store, { tenant: 'ada' }, { order: 'oldest' }))).toEqual(['a1', 'a2']);
    expect(ids(await list(store, { tenant: ['ada', 'cid'], queue: 'mails' }, { order: 'oldest' }))).toEqual([
      'a2',
      'c1',
    ]);
    expect(await count(store, { tenant: 'bob' })).toBe(1);
    expect(await store.requestCancel({ filter: checkFilter({ tenant: 'ada' }) }, 'no', T0)).toMatchObject({
      cancelled: 2,
    });
    await expectExactCounts(store);
  });

  test('a child has the tenant of its parent if it does not say another', async (store) => {
    await putOne(store, { id: 'p', tenant: 'ada' });
    await put(store, [
      newJob({ id: 'c', parentId: 'p' }),
      newJob({ id: 'other', parentId: 'p', tenant: 'bob' }),
      newJob({ id: 'grandchild', parentId: 'c' }),
    ]);
    expect(ids(await list(store, { tenant: 'ada' }, { order: 'oldest' }))).toEqual(['p', 'c', 'grandchild']);
    expect((await store.get('other'))!.tenant).toBe('bob');
  });

  test('what a batch hands in when it ends has its tenant', async (store) => {
    const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } = newJob();
    const job = { ...{ queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } };
    const onEnd = { on: 'end', delayMs: 0, runAt: null, startMs: null } as const;
    const callback = { ...onEnd, job: { ...job, id: 'called', type: 'report', payload: '1', tenant: 'ada' } };
    await putOne(store, { id: 'b', tenant: 'ada', batch: { policy: 'finish', open: false, callbacks: [callback] } });
    expect((await store.get('called'))!.tenant).toBe('ada');
  });
};

const keyCases = ({ test }: Subject): void => {
  test('a key is unique within its tenant', async (store) => {
    await put(store, [
      newJob({ id: 'a', tenant: 'ada', key: 'k' }),
      newJob({ id: 'b', tenant: 'bob', key: 'k' }),
      newJob({ id: 'n', key: 'k' }),
    ]);
    const again = { tenant: 'ada', key: 'k' };
    expect(await store.insert([newJob({ id: 'x', ...again })], T0)).toMatchObject([{ kind: 'existing', id: 'a' }]);
    const replaced = await store.insert([newJob({ ...again, onConflict: 'replace', priority: 1 })], T0);
    expect(replaced).toMatchObject([{ kind: 'replaced', id: 'a' }]);
    for (const id of ['a', 'b', 'n']) expect((await store.get(id))!.key).toBe('k');
    expect((await store.get('b'))!.priority).toBe(5);
  });

  test('a child that has its tenant from its parent has its key within it', async (store) => {
    await putOne(store, { id: 'p', tenant: 'ada' });
    await putOne(store, { id: 'c', parentId: 'p', key: 'k' });
    expect(await store.insert([newJob({ tenant: 'ada', key: 'k' })], T0)).toMatchObject([
      { kind: 'existing', id: 'c' },
    ]);
    expect(await store.insert([newJob({ id: 'n', key: 'k' })], T0)).toMatchObject([{ kind: 'inserted' }]);
  });

  test('a key that is kept for a time is kept within its tenant', async (store) => {
    const kept = { key: 'k', keyUntil: T0 + HOUR };
    await putOne(store, { id: 'a', tenant: 'ada', ...kept });
    await store.requestCancel({ ids: ['a'] }, 'no', T0);
    expect(await store.insert([newJob({ tenant: 'ada', ...kept })], T0)).toMatchObject([{ kind: 'existing', id: 'a' }]);
    expect(await store.insert([newJob({ tenant: 'bob', ...kept })], T0)).toMatchObject([{ kind: 'inserted' }]);
  });
};

const reachCases = ({ test }: Subject): void => {
  test('pages and counts hold only what is within reach, whatever was asked', async (store) => {
    await putSome(store);
    const pageOf = async (reach: Reach, filter: JobFilter = {}) =>
      ids((await store.list(within(reach, filter), checkPage({ order: 'oldest' }))).jobs);
    expect(await pageOf(of('ada', 'bob'))).toEqual(['a1', 'a2', 'b1']);
    expect(await pageOf(of('ada'), { tenant: 'bob' })).toEqual([]);
    expect(await pageOf(of('ada'), { id: ['a1', 'b1', 'n1'] })).toEqual(['a1']);
    expect(await pageOf(of())).toEqual([]);
    expect(await pageOf({ queues: ['mails'], tenants: null })).toEqual(['a2', 'c1']);
    expect(await pageOf({ queues: ['mails'], tenants: ['ada'] })).toEqual(['a2']);
    expect(await store.count(within({ queues: ['mails'], tenants: null }))).toBe(2);
    expect(await store.count(within({ queues: ['mails'], tenants: null }, { queue: 'default' }))).toBe(0);
    expect(await store.count(within(of('ada'), { status: 'queued' }))).toBe(2);
    const next = await store.list(within(of('bob')), checkPage({ order: 'next' }));
    expect(ids(next.jobs)).toEqual(['b1']);
  });

  test('a page is full although most jobs are of others', async (store) => {
    await put(
      store,
      Array.from({ length: 60 }, (_, i) => newJob({ id: `j${i}`, tenant: i % 6 === 0 ? 'ada' : 'bob' })),
    );
    const first = await store.list(within(of('ada')), checkPage({ limit: 5 }));
    expect(ids(first.jobs)).toEqual(['j54', 'j48', 'j42', 'j36', 'j30']);
    const second = await store.list(within(of('ada')), checkPage({ limit: 5, after: first.next! }));
    expect(ids(second.jobs)).toEqual(['j24', 'j18', 'j12', 'j6', 'j0']);
    expect(second.next).toBeNull();
  });

  test('changes by filter touch only what is within reach', async (store) => {
    await putSome(store);
    const all = { filter: within(of('ada')) };
    expect(await store.requestCancel(all, 'no', T0)).toEqual({ cancelled: 2, requested: 0 });
    expect(await store.revive(all, T0)).toBe(2);
    expect(await store.remove({ filter: within({ queues: ['mails'], tenants: null }) }, T0)).toBe(2);
    expect(ids(await list(store, {}, { order: 'oldest' }))).toEqual(['a1', 'b1', 'n1']);
  });

  test('stats and queues tell of what is within reach, and of nothing else', async (store) => {
    await putSome(store);
    await store.setQueue('mails', { pause: { reason: 'secret', actor: 'Eve', until: null }, maxRunning: 7 }, T0);
    const ada = await store.stats(of('ada'));
    expect(ada).toMatchObject({ total: 2, byStatus: { queued: 2 }, lateResults: 0, sizeBytes: 0 });
    expect(Object.keys(ada.byType).sort()).toEqual(['mail', 'report']);
    expect((await store.stats({ queues: ['default'], tenants: null })).total).toBe(3);
    expect((await store.stats(of('nobody'))).byType).toEqual({});
    const queues = await store.queues(T0, of('bob', 'cid'));
    expect(queues.map(({ name, counts }) => [name, counts.queued])).toEqual([
      ['default', 1],
      ['mails', 1],
    ]);
    expect(queues[1]).toMatchObject({
      paused: true,
      pausedReason: null,
      pausedBy: null,
      maxRunning: null,
      oldestDueAt: T0,
    });
    expect((await store.queues(T0, of('bob'))).map(({ name }) => name)).toEqual(['default']);
    const own = await store.queues(T0, { queues: ['mails', 'none'], tenants: null });
    expect(own).toMatchObject([{ name: 'mails', pausedBy: 'Eve', maxRunning: 7, counts: { queued: 2 } }]);
  });

  test('figures are those of the jobs within reach', async (store) => {
    await putSome(store);
    const worker = await startWorker(store);
    const claimed = await worker.claim({}, T0 + 3 * SECOND);
    const failure = { name: 'E', message: 'no' };
    const ends = claimed.map((job) =>
      job.id === 'a1'
        ? changeFor(job, { kind: 'failed', failure }, POLICY, T0 + 10 * SECOND)
        : complete(job, null, T0 + 5 * SECOND),
    );
    await store.applyChanges(ends);
    const ask = { since: T0, until: T0 + HOUR, stepMs: HOUR, queue: null, type: null };
    const { flow, depth } = await store.metrics(ask, of('ada'));
    expect(depth).toEqual([]);
    expect(flow).toMatchObject([
      { at: T0, type: 'mail', created: 1, started: 1, completed: 0, retried: 1, waited: 0, ran: 1, runMs: 7000 },
      {
        at: T0,
        type: 'report',
        created: 1,
        started: 1,
        completed: 1,
        retried: 0,
        waited: 1,
        waitMs: 3000,
        ran: 1,
        runMs: 2000,
      },
    ]);
    const all = await store.metrics({ ...ask, type: 'report' });
    const [report] = (await store.metrics({ ...ask, type: 'report' }, of('ada'))).flow;
    expect(report).toEqual(all.flow[0]);
    expect((await store.metrics({ ...ask, queue: 'mails' }, of('ada', 'bob'))).flow).toHaveLength(1);
    expect((await store.metrics(ask, of('nobody'))).flow).toEqual([]);
  });
};
