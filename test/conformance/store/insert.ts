import { expect } from 'vitest';
import type { Subject } from '../describe-store.ts';
import {
  count,
  expectExactCounts,
  ids,
  list,
  newJob,
  newJobs,
  put,
  putOne,
  seqOf,
  startWorker,
  T0,
} from '../fixtures.ts';

export const insertCases = ({ test }: Subject): void => {
  test('a new job has every value it was given', async (store) => {
    const parent = await putOne(store);
    const outcomes = await store.insert(
      [
        newJob({
          id: 'whole',
          type: 'report',
          queue: 'slow',
          priority: 2,
          payload: '{"a":[1,"ü"]}',
          runAt: T0 + 10,
          maxAttempts: 7,
          maxCrashes: 6,
          timeoutMs: 1500,
          key: 'k',
          limitKey: 'l',
          parentId: parent,
          tenant: 'ada',
          replayOf: 'older',
          tags: ['x', 'y'],
          userInitiated: false,
          expiresAt: T0 + 99,
          totalMs: 2500,
        }),
      ],
      T0 + 5,
    );
    expect(await store.get('whole')).toEqual({
      seq: seqOf(outcomes[0]),
      id: 'whole',
      type: 'report',
      queue: 'slow',
      status: 'queued',
      priority: 2,
      payload: { a: [1, 'ü'] },
      progress: 0,
      note: null,
      result: null,
      error: null,
      attempts: 0,
      maxAttempts: 7,
      crashes: 0,
      maxCrashes: 6,
      life: 1,
      claim: 0,
      parentId: parent,
      tenant: 'ada',
      replayOf: 'older',
      userInitiated: false,
      scheduleId: null,
      slotAt: null,
      tags: ['x', 'y'],
      key: 'k',
      limitKey: 'l',
      timeoutMs: 1500,
      held: false,
      batch: null,
      worker: null,
      createdAt: T0 + 5,
      queuedAt: T0 + 5,
      runAt: T0 + 10,
      startedAt: null,
      completedAt: null,
      timeoutAt: null,
      expiresAt: T0 + 99,
      totalMs: 2500,
      deadlineAt: null,
      cancelRequestedAt: null,
    });
  });

  test('a job without a time-out has none', async (store) => {
    const id = await putOne(store, { timeoutMs: null });
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    expect(job!.timeoutMs).toBeNull();
    expect(await store.get(id)).toMatchObject({ timeoutMs: null, timeoutAt: null });
  });

  test('an unknown job is null', async (store) => {
    expect(await store.get('nobody')).toBeNull();
  });

  test('seq grows with every insert, in the order of the call', async (store) => {
    const outcomes = [...(await store.insert(newJobs(3), T0)), ...(await store.insert(newJobs(2), T0))];
    const seqs = outcomes.map(seqOf);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(new Set(seqs).size).toBe(5);
  });

  test('seq is never given out twice, not even when the newest job was removed', async (store) => {
    const [first] = await store.insert([newJob({ id: 'gone' })], T0);
    await store.remove({ ids: ['gone'] }, T0);
    const [second] = await store.insert([newJob()], T0);
    expect(seqOf(second)).toBeGreaterThan(seqOf(first));
  });

  test('a duplicate id is reported, and the rest of the call goes in', async (store) => {
    await putOne(store, { id: 'twin', payload: '1' });
    const outcomes = await store.insert(
      [newJob({ id: 'before' }), newJob({ id: 'twin', payload: '2' }), newJob({ id: 'after' })],
      T0,
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inserted', 'duplicate-id', 'inserted']);
    expect((await store.get('twin'))!.payload).toBe(1);
    expect(await count(store)).toBe(3);
    await expectExactCounts(store);
  });

  test('a duplicate id within one call is reported', async (store) => {
    const outcomes = await store.insert([newJob({ id: 'twin' }), newJob({ id: 'twin' })], T0);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inserted', 'duplicate-id']);
    await expectExactCounts(store);
  });

  test('a duplicate id in a race: one wins', async (store) => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => store.insert([newJob({ id: 'race' })], T0)));
    expect(outcomes.flat().filter(({ kind }) => kind === 'inserted')).toHaveLength(1);
    expect(await count(store)).toBe(1);
  });

  test('a parent must exist; a parent in the same call does', async (store) => {
    const outcomes = await store.insert(
      [
        newJob({ id: 'orphan', parentId: 'nobody' }),
        newJob({ id: 'parent' }),
        newJob({ id: 'child', parentId: 'parent' }),
      ],
      T0,
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['no-parent', 'inserted', 'inserted']);
    expect(await store.get('orphan')).toBeNull();
    expect(ids(await list(store, { parent: 'parent' }))).toEqual(['child']);
  });

  test('payloads of every size come back whole, from get, list and claim', async (store) => {
    const texts = [0, 1000, 1020, 1021, 1022, 1023, 1024, 1025, 5000, 1_000_000].map((n) => 'é'.repeat(n));
    const jobs = texts.map((text) => newJob({ payload: JSON.stringify(text) }));
    await put(store, jobs);
    for (const [i, { id }] of jobs.entries()) expect((await store.get(id))!.payload).toBe(texts[i]);
    expect((await list(store, {}, { order: 'oldest' })).map(({ payload }) => payload)).toEqual(texts);
    const worker = await startWorker(store);
    expect((await worker.claim()).map(({ payload }) => JSON.parse(payload))).toEqual(texts);
  });

  test('a held job waits in created and has not been queued', async (store) => {
    const id = await putOne(store, { status: 'created' });
    expect(await store.get(id)).toMatchObject({ status: 'created', held: true, queuedAt: null });
  });

  test('text that looks like SQL or JSON paths is only text', async (store) => {
    const odd = `'; DROP TABLE jobs; --`;
    await putOne(store, {
      id: 'odd',
      queue: odd,
      limitKey: odd,
      key: odd,
      tags: [odd],
      payload: JSON.stringify({ [odd]: odd }),
    });
    expect(await store.get('odd')).toMatchObject({
      queue: odd,
      limitKey: odd,
      key: odd,
      tags: [odd],
      payload: { [odd]: odd },
    });
    expect(ids(await list(store, { queue: 'default' }))).toEqual([]);
    expect((await store.queues(T0)).map(({ name }) => name)).toContain(odd);
  });

  test('ten thousand jobs in one call are counted exactly', async (store) => {
    await put(
      store,
      Array.from({ length: 10_000 }, (_, i) => newJob({ queue: `q${i % 3}`, type: i % 2 ? 'mail' : 'report' })),
    );
    expect(await count(store)).toBe(10_000);
    expect(await count(store, { queue: 'q0', type: 'mail' })).toBe(
      await count(store, { queue: 'q0', type: 'mail', createdAfter: 0 }),
    );
  });
};
