import { expect } from 'vitest';
import { cancel, complete } from '../../../src/job/change.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, HOUR, ids, list, newJob, putOne, startWorker, statusOf, T0 } from '../fixtures.ts';

export const keyCases = ({ test, testTwo }: Subject): void => {
  test('return: a second job with the key is not made, and the first is named', async (store) => {
    const id = await putOne(store, { key: 'k' });
    const [outcome] = await store.insert([newJob({ key: 'k' })], T0);
    expect(outcome).toMatchObject({ kind: 'existing', id, status: 'queued' });
    expect(await count(store)).toBe(1);
  });

  test('reject: the outcome names the job that has the key, and its status', async (store) => {
    const existing = await putOne(store, { key: 'k' });
    const [outcome] = await store.insert([newJob({ id: 'late', key: 'k', onConflict: 'reject' })], T0);
    expect(outcome).toEqual({ kind: 'key-taken', id: 'late', existing, status: 'queued' });
  });

  test('replace: a waiting job gets the new values and keeps its id and place', async (store) => {
    const id = await putOne(store, { key: 'k', queue: 'a', payload: '1', tags: ['old'], priority: 9 });
    const big = 'x'.repeat(2000);
    const fresh = newJob({
      key: 'k',
      queue: 'b',
      type: 'report',
      payload: JSON.stringify(big),
      tags: ['new'],
      priority: 1,
      runAt: T0 + HOUR,
      maxAttempts: 9,
      timeoutMs: null,
      limitKey: 'l',
      onConflict: 'replace',
    });
    const [outcome] = await store.insert([fresh], T0);
    expect(outcome).toMatchObject({ kind: 'replaced', id });
    expect(await store.get(id)).toMatchObject({
      ...{ id, type: 'report', queue: 'b', payload: big, tags: ['new'], priority: 1 },
      ...{ runAt: T0 + HOUR, maxAttempts: 9, timeoutMs: null, limitKey: 'l', status: 'queued' },
    });
    expect(ids(await list(store, { tag: 'new' }))).toEqual([id]);
    expect(ids(await list(store, { tag: 'old' }))).toEqual([]);
    await expectExactCounts(store);
  });

  test('replace: a large payload that became small, and the other way round, come back whole', async (store) => {
    const id = await putOne(store, { key: 'k', payload: JSON.stringify('x'.repeat(3000)) });
    for (const text of ['small', 'y'.repeat(4000), 'again small']) {
      await store.insert([newJob({ key: 'k', payload: JSON.stringify(text), onConflict: 'replace' })], T0);
      expect((await store.get(id))!.payload).toBe(text);
    }
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  test('replace: a held job stays held, a running job is not touched', async (store) => {
    const held = await putOne(store, { key: 'h', status: 'created' });
    expect(await store.insert([newJob({ key: 'h', payload: '2', onConflict: 'replace' })], T0)).toMatchObject([
      { kind: 'replaced', id: held, status: 'created' },
    ]);
    expect(await store.get(held)).toMatchObject({ status: 'created', payload: 2 });
    const running = await putOne(store, { key: 'r', payload: '1' });
    await (await startWorker(store)).claim();
    const [outcome] = await store.insert([newJob({ key: 'r', payload: '2', onConflict: 'replace' })], T0);
    expect(outcome).toMatchObject({ kind: 'key-taken', existing: running, status: 'running' });
    expect((await store.get(running))!.payload).toBe(1);
    await expectExactCounts(store);
  });

  test('replace: a job that waited behind its limit key still runs', async (store) => {
    await store.setKeyLimit('l', 1);
    const id = await putOne(store, { key: 'k', limitKey: 'l' });
    await store.insert([newJob({ key: 'k', limitKey: 'l', onConflict: 'replace' })], T0);
    expect(ids(await (await startWorker(store)).claim())).toEqual([id]);
  });

  test('replace: a job that now has a full limit key keeps its place before younger ones', async (store) => {
    await store.setKeyLimit('l', 2);
    await putOne(store, { id: 'first', limitKey: 'l', priority: 1 });
    await putOne(store, { id: 'replaced', key: 'k' });
    await putOne(store, { id: 'younger', limitKey: 'l' });
    await store.insert([newJob({ key: 'k', limitKey: 'l', onConflict: 'replace' })], T0);
    expect(ids(await (await startWorker(store)).claim())).toEqual(['first', 'replaced']);
  });

  test('the key is free once its job is final, in every way to end', async (store) => {
    const worker = await startWorker(store);
    const first = await putOne(store, { key: 'k' });
    await store.applyChanges((await worker.claim()).map((job) => complete(job, null, T0)));
    const second = await putOne(store, { key: 'k' });
    await store.applyChanges((await worker.claim()).map((job) => cancel(job, 'enough', T0)));
    const third = await putOne(store, { key: 'k' });
    await store.requestCancel({ ids: [third] }, 'no', T0);
    const fourth = await putOne(store, { key: 'k' });
    expect(new Set([first, second, third, fourth]).size).toBe(4);
  });

  test('a window keeps the key taken after its job ended, until the time is over', async (store) => {
    const id = await putOne(store, { key: 'k', keyUntil: T0 + HOUR });
    await store.applyChanges((await (await startWorker(store)).claim()).map((job) => complete(job, null, T0)));
    const again = () => newJob({ key: 'k', keyUntil: T0 + 2 * HOUR });
    expect(await store.insert([again()], T0 + HOUR - 1)).toMatchObject([{ kind: 'existing', id, status: 'completed' }]);
    expect(await store.insert([{ ...again(), onConflict: 'replace' }], T0 + HOUR - 1)).toMatchObject([
      { kind: 'key-taken' },
    ]);
    expect(await store.insert([again()], T0 + HOUR)).toMatchObject([{ kind: 'inserted' }]);
    expect(await count(store)).toBe(2);
  });

  test('a retry whose key is in use again is left out', async (store) => {
    const old = await putOne(store, { key: 'k' });
    await store.requestCancel({ ids: [old] }, 'no', T0);
    const now = await putOne(store, { key: 'k' });
    expect(await store.revive({ ids: [old] }, T0)).toBe(0);
    expect([await statusOf(store, old), await statusOf(store, now)]).toEqual(['cancelled', 'queued']);
    await store.requestCancel({ ids: [now] }, 'no', T0);
    expect(await store.revive({ ids: [old, now] }, T0)).toBe(1);
    await expectExactCounts(store);
  });

  test('a hundred callers in a race make one job', async (store) => {
    const outcomes = (
      await Promise.all(Array.from({ length: 100 }, () => store.insert([newJob({ key: 'k' })], T0)))
    ).flat();
    expect(outcomes.filter(({ kind }) => kind === 'inserted')).toHaveLength(1);
    expect(new Set(ids(outcomes as { id: string }[])).size).toBe(1);
    expect(await count(store)).toBe(1);
  });

  test('a key taken twice within one call makes one job', async (store) => {
    const outcomes = await store.insert([newJob({ key: 'k' }), newJob({ key: 'k' })], T0);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inserted', 'existing']);
  });

  testTwo('two processes in a race make one job per key', async (first, second) => {
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    const outcomes = (
      await Promise.all(keys.flatMap((key) => [first, second].map((store) => store.insert([newJob({ key })], T0))))
    ).flat();
    expect(outcomes.filter(({ kind }) => kind === 'inserted')).toHaveLength(50);
    expect(await count(second)).toBe(50);
  });
};
