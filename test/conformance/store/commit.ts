import { expect } from 'vitest';
import { complete } from '../../../src/job/change.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, newJob, newJobs, put, startWorker, T0 } from '../fixtures.ts';

/** A value that no database can hold: the call that brings it fails by itself. */
const POISON = { toString: () => 'poison' } as unknown as string;

export const commitCases = ({ test, testTwo }: Subject): void => {
  test('a call that fails does not harm those that came with it', async (store) => {
    const calls = [0, 1, 2, 3, 4].map((i) =>
      store.insert([newJob({ id: `g${i}`, payload: i === 2 ? POISON : '{}' })], T0),
    );
    const settled = await Promise.allSettled(calls);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(await count(store)).toBe(4);
    expect(await store.get('g2')).toBeNull();
    await expectExactCounts(store);
  });

  test('a call of several jobs is written as a whole or not at all', async (store) => {
    await expect(store.insert([newJob({ id: 'a' }), newJob({ id: 'b', payload: POISON })], T0)).rejects.toThrow();
    expect(await count(store)).toBe(0);
    expect(await store.get('a')).toBeNull();
    await put(store, [newJob({ id: 'a' })]);
    await expectExactCounts(store);
  });

  test('the store goes on after a call that failed', async (store) => {
    for (let i = 0; i < 5; i++) {
      await expect(store.insert([newJob({ payload: POISON })], T0)).rejects.toThrow();
      await put(store, newJobs(2));
    }
    expect(await count(store)).toBe(10);
  });

  test('calls of one turn are written in the order in which they were made', async (store) => {
    const worker = await startWorker(store);
    const [inserted, claimed, more] = await Promise.all([
      store.insert([newJob({ id: 'first' })], T0),
      worker.claim(),
      store.insert([newJob({ id: 'second' })], T0),
    ]);
    expect([inserted[0]!.kind, more[0]!.kind]).toEqual(['inserted', 'inserted']);
    expect(claimed.map(({ id }) => id)).toEqual(['first']);
  });

  test('when a promise resolves, its own connection can read what it wrote', async (store) => {
    await Promise.all(
      newJobs(50).map(async (job) => {
        await store.insert([job], T0);
        expect((await store.get(job.id))!.status).toBe('queued');
      }),
    );
  });

  testTwo('when a promise resolves, another process can read what it wrote', async (first, second) => {
    const worker = await startWorker(first);
    await Promise.all(
      newJobs(50).map(async (job) => {
        await first.insert([job], T0);
        expect((await second.get(job.id))!.status).toBe('queued');
      }),
    );
    const jobs = await worker.claim();
    await Promise.all(
      jobs.map(async (job) => {
        await first.applyChanges([complete(job, null, T0)]);
        expect((await second.get(job.id))!.status).toBe('completed');
      }),
    );
  });

  testTwo('two processes that write as fast as they can both get through', async (first, second) => {
    const write = (name: string, store: typeof first) =>
      Promise.all(Array.from({ length: 300 }, (_, i) => store.insert([newJob({ id: `${name}-${i}` })], T0)));
    await Promise.all([write('a', first), write('b', second)]);
    expect(await count(first)).toBe(600);
    expect(await count(second, { createdAfter: 0 })).toBe(600);
  });

  test('a thousand callers at once are all answered', async (store) => {
    const outcomes = await Promise.all(newJobs(1000).map((job) => store.insert([job], T0)));
    expect(outcomes.flat().every(({ kind }) => kind === 'inserted')).toBe(true);
    expect(await count(store)).toBe(1000);
  });

  test('after close every verb says so, and what was handed in before is written or refused', async (store, {
    copy,
  }) => {
    const before = store.insert([newJob({ id: 'before' })], T0);
    await store.close();
    expect((await before)[0]!.kind).toBe('inserted');
    const closed = { code: 'STORE_CLOSED' };
    await expect(store.insert([newJob()], T0)).rejects.toMatchObject(closed);
    await expect(store.get('x')).rejects.toMatchObject(closed);
    await expect(store.list({}, { order: 'newest', limit: 1, after: undefined })).rejects.toMatchObject(closed);
    await expect(store.claim({ owner: 'w', n: 1, types: [] }, T0)).rejects.toMatchObject(closed);
    await expect(store.poll(T0)).rejects.toMatchObject(closed);
    await expect(store.stats()).rejects.toMatchObject(closed);
    await expect(store.checkIntegrity()).rejects.toMatchObject(closed);
    if (copy) await expect(store.backup!(copy.file)).rejects.toMatchObject(closed);
    await store.close();
  });
};
