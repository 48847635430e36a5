import { expect } from 'vitest';
import type { RequestKey } from '../../../src/store/request-key.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, HOUR, newJob, putOne, T0 } from '../fixtures.ts';

const DAY = 24 * HOUR;
const request = (changes: Partial<RequestKey> = {}): RequestKey => ({
  ...{ key: 'k', fingerprint: 'f', until: T0 + DAY },
  ...changes,
});
const NEVER = { doneBefore: null, failedBefore: null, keep: null };

export const requestCases = ({ test, testTwo }: Subject): void => {
  test('a request that comes again is answered as the first time, and makes nothing', async (store) => {
    const first = await store.insertOnce(request(), [newJob({ id: 'a' }), newJob({ id: 'b' })], T0);
    expect(first).toMatchObject([
      { kind: 'inserted', id: 'a' },
      { kind: 'inserted', id: 'b' },
    ]);
    const again = await store.insertOnce(request(), [newJob({ id: 'c' }), newJob({ id: 'd' })], T0 + HOUR);
    expect(again).toEqual(first);
    expect(await count(store)).toBe(2);
    await expectExactCounts(store);
  });

  test('what was refused the first time is refused again', async (store) => {
    const existing = await putOne(store, { id: 'a', key: 'taken' });
    const jobs = [
      newJob({ id: 'a' }),
      newJob({ id: 'b', parentId: 'nobody' }),
      newJob({ id: 'c', key: 'taken' }),
      newJob({ id: 'd', key: 'taken', onConflict: 'reject' }),
    ];
    const first = await store.insertOnce(request(), jobs, T0);
    expect(first).toEqual([
      { kind: 'duplicate-id', id: 'a' },
      { kind: 'no-parent', id: 'b' },
      { kind: 'existing', id: existing, seq: expect.any(Number), status: 'queued' },
      { kind: 'key-taken', id: 'd', existing, status: 'queued' },
    ]);
    await store.remove({ ids: ['a'] }, T0);
    expect(await store.insertOnce(request(), jobs, T0)).toEqual(first);
    expect(await count(store)).toBe(0);
  });

  test('the key with another request is refused, and nothing is made', async (store) => {
    await store.insertOnce(request(), [newJob({ id: 'a' })], T0);
    expect(await store.insertOnce(request({ fingerprint: 'other' }), [newJob({ id: 'b' })], T0)).toBeNull();
    expect(await store.get('b')).toBeNull();
  });

  test('another key is another request', async (store) => {
    await store.insertOnce(request(), [newJob({ id: 'a' })], T0);
    expect(await store.insertOnce(request({ key: 'l' }), [newJob({ id: 'b' })], T0)).toMatchObject([
      { kind: 'inserted' },
    ]);
  });

  test('the answer outlives its job, and is forgotten when its time is over', async (store) => {
    const first = await store.insertOnce(request(), [newJob({ id: 'a' })], T0);
    await store.remove({ ids: ['a'] }, T0);
    await store.prune(NEVER, T0 + DAY - 1);
    expect(await store.insertOnce(request(), [newJob({ id: 'b' })], T0 + DAY - 1)).toEqual(first);
    const late = request({ fingerprint: 'other', until: T0 + 3 * DAY });
    expect(await store.insertOnce(late, [newJob({ id: 'c' })], T0 + DAY)).toMatchObject([
      { kind: 'inserted', id: 'c' },
    ]);
    expect(await store.insertOnce(request(), [newJob({ id: 'd' })], T0 + DAY)).toBeNull();
    await store.prune(NEVER, T0 + 3 * DAY);
    expect(await store.insertOnce(request(), [newJob({ id: 'e' })], T0 + DAY)).toMatchObject([{ kind: 'inserted' }]);
  });

  test('a batch goes in once, with its jobs', async (store) => {
    const batch = newJob({ id: 'b', batch: { policy: 'finish', open: false, callbacks: [] } });
    const jobs = [batch, newJob({ id: 'b-1', parentId: 'b' })];
    const first = await store.insertOnce(request(), jobs, T0);
    expect(first).toMatchObject([{ kind: 'inserted' }, { kind: 'inserted' }]);
    expect(await store.insertOnce(request(), jobs, T0)).toEqual(first);
    expect((await store.get('b'))!.batch).toMatchObject({ total: 1 });
    await expectExactCounts(store);
  });

  test('of many that come at once, in one process, one makes the job', async (store) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.insertOnce(request(), [newJob({ id: `j-${i}` })], T0)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await count(store)).toBe(1);
  });

  testTwo('of many that come at once, to two processes, one makes the job', async (first, second) => {
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        [first, second, first, second].map((store, i) =>
          store.insertOnce(request({ key: `k-${round}` }), [newJob({ id: `j-${round}-${i}` })], T0),
        ),
      );
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    }
    expect(await count(first)).toBe(5);
  });

  testTwo('with different requests under one key, one wins and the others hear of it', async (first, second) => {
    const answers = await Promise.all(
      [first, second].map((store, i) =>
        store.insertOnce(request({ fingerprint: `f-${i}` }), [newJob({ id: `j-${i}` })], T0),
      ),
    );
    expect(answers.filter((answer) => answer === null)).toHaveLength(1);
    expect(await count(first)).toBe(1);
  });
};
