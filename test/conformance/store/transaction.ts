import { expect } from 'vitest';
import { complete } from '../../../src/job/change.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, newJob, newJobs, put, startWorker, statusOf, T0 } from '../fixtures.ts';

export const transactionCases = ({ test, testCaller }: Subject): void => {
  testCaller('jobs and data commit together', async (store, caller) => {
    await caller.begin();
    await caller.addNote('order 1');
    const [outcome] = await store.insertWithin(caller.tx, [newJob({ id: 'j', tags: ['x'] })], T0);
    expect(outcome).toMatchObject({ kind: 'inserted', id: 'j' });
    expect(await store.get('j')).toBeNull();
    await caller.commit();
    expect(await statusOf(store, 'j')).toBe('queued');
    expect(await caller.notes()).toEqual(['order 1']);
    await expectExactCounts(store);
  });

  testCaller('jobs and data are rolled back together', async (store, caller) => {
    await caller.begin();
    await caller.addNote('order 1');
    await store.insertWithin(caller.tx, newJobs(3), T0);
    await caller.rollback();
    expect(await caller.notes()).toEqual([]);
    expect(await count(store)).toBe(0);
    expect(await count(store, { createdAfter: 0 })).toBe(0);
  });

  testCaller('a job completes with the data of its handler, or not at all', async (store, caller) => {
    await put(store, newJobs(2));
    const [a, b] = await (await startWorker(store)).claim();
    await caller.begin();
    await caller.addNote('a');
    expect(await store.applyWithin(caller.tx, [complete(a!, '1', T0)])).toEqual(['applied']);
    await caller.commit();
    await caller.begin();
    await caller.addNote('b');
    expect(await store.applyWithin(caller.tx, [complete(b!, '1', T0)])).toEqual(['applied']);
    await caller.rollback();
    expect([await statusOf(store, a!.id), await statusOf(store, b!.id)]).toEqual(['completed', 'running']);
    expect(await caller.notes()).toEqual(['a']);
    await expectExactCounts(store);
  });

  testCaller('a late completion within a transaction is refused', async (store, caller) => {
    await put(store, newJobs(1));
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    await worker.die();
    await caller.begin();
    expect(await store.applyWithin(caller.tx, [complete(job!, '1', T0)])).toEqual(['late']);
    await caller.rollback();
    expect(await statusOf(store, job!.id)).toBe('queued');
  });

  testCaller('watchers hear of it once it is committed, and only then', async (store, caller) => {
    const heard: string[] = [];
    store.watch((changes) => heard.push(...changes.map(({ id, to }) => `${id} ${to}`)));
    await store.poll(T0);
    await caller.begin();
    await store.insertWithin(caller.tx, [newJob({ id: 'j' })], T0);
    await store.poll(T0);
    expect(heard).toEqual([]);
    await caller.commit();
    await store.poll(T0);
    await store.poll(T0);
    expect(heard).toEqual(['j queued']);
    await caller.begin();
    await store.insertWithin(caller.tx, [newJob({ id: 'k' })], T0);
    await caller.rollback();
    await store.poll(T0);
    expect(heard).toEqual(['j queued']);
  });

  testCaller(
    'what fails within leaves nothing of it behind, should the caller commit all the same',
    async (store, caller) => {
      await caller.begin();
      await caller.addNote('kept');
      const poison = { toString: () => 'poison' } as unknown as string;
      const insert = async () =>
        store.insertWithin(caller.tx, [newJob({ id: 'a' }), newJob({ id: 'b', payload: poison })], T0);
      await expect(insert()).rejects.toThrow();
      await caller.commit();
      expect(await caller.notes()).toEqual(['kept']);
      expect(await count(store, { createdAfter: 0 })).toBe(0);
      await expectExactCounts(store);
    },
  );

  testCaller('a connection without an open transaction is refused', async (store, caller) => {
    const insert = async () => store.insertWithin(caller.tx, newJobs(1), T0);
    await expect(insert()).rejects.toMatchObject({ code: 'BAD_TRANSACTION', field: 'tx' });
    expect(await count(store)).toBe(0);
  });

  test('something that is no connection is refused', async (store) => {
    for (const tx of [{}, [], new Map(), { prepare: 1 }]) {
      const insert = async () => store.insertWithin(tx, newJobs(1), T0);
      await expect(insert()).rejects.toMatchObject({ code: 'BAD_TRANSACTION' });
    }
    expect(await count(store)).toBe(0);
  });
};
