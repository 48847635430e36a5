import { expect } from 'vitest';
import { MOST_HOLDERS } from '../../../src/job/standing.ts';
import type { Subject } from '../describe-store.ts';
import { HOUR, newJob, newJobs, put, putOne, SECOND, startWorker, T0 } from '../fixtures.ts';

export const standingCases = ({ test, testTwo }: Subject): void => {
  test('of a job that does not exist is null', async (store) => {
    expect(await store.standing('nobody', T0)).toBeNull();
  });

  test('of a waiting job holds the job itself, an open queue, and nobody before it', async (store) => {
    const id = await putOne(store);
    expect(await store.standing(id, T0)).toEqual({
      job: await store.get(id),
      owner: null,
      queue: { name: 'default', pause: null, places: { max: null, running: 0, holders: [] } },
      key: null,
      ahead: 0,
      workers: [],
    });
  });

  test('a pause is told with who, why, since when and until when, also when it is over', async (store) => {
    const id = await putOne(store);
    await store.setQueue('default', { pause: { reason: 'repair', actor: 'ada', until: T0 + HOUR } }, T0 + SECOND);
    const pause = { reason: 'repair', by: 'ada', since: T0 + SECOND, until: T0 + HOUR };
    expect((await store.standing(id, T0 + HOUR))?.queue.pause).toEqual(pause);
    await store.setQueue('default', { maxRunning: 2 }, T0 + 2 * SECOND);
    expect((await store.standing(id, T0))?.queue).toMatchObject({ pause, places: { max: 2 } });
    expect(await store.queues(T0)).toMatchObject([{ name: 'default', pausedAt: T0 + SECOND }]);
    await store.setQueue('default', { pause: null }, T0);
    expect((await store.standing(id, T0))?.queue).toMatchObject({ pause: null, places: { max: 2 } });
    expect(await store.queues(T0)).toMatchObject([{ name: 'default', pausedAt: null }]);
  });

  test('the holders of a limit are those that run, by start, at most so many, and all are counted', async (store) => {
    await put(
      store,
      Array.from({ length: MOST_HOLDERS + 3 }, (_, i) => newJob({ id: `r${i}`, limitKey: 'k', priority: 1 })),
    );
    const worker = await startWorker(store, 'w1');
    await worker.claim({ n: 1 }, T0);
    await worker.claim({}, T0 + SECOND);
    await store.setKeyLimit('k', 4);
    const id = await putOne(store, { limitKey: 'k' });
    const standing = (await store.standing(id, T0 + SECOND))!;
    for (const places of [standing.key!, standing.queue.places]) {
      expect(places.running).toBe(MOST_HOLDERS + 3);
      expect(places.holders).toHaveLength(MOST_HOLDERS);
      expect(places.holders[0]).toEqual({ id: 'r0', type: 'mail', worker: 'w1', startedAt: T0 });
      expect(places.holders[1]).toMatchObject({ startedAt: T0 + SECOND });
    }
    expect(standing.key!.max).toBe(4);
    expect(standing.workers).toMatchObject([{ name: 'w1', running: MOST_HOLDERS + 3 }]);
  });

  test('a batch that runs takes no place, and has no owner', async (store) => {
    const batch = { policy: 'finish' as const, open: true, callbacks: [] };
    await put(store, [newJob({ id: 'b', batch }), newJob({ id: 'c', parentId: 'b' })]);
    expect(await store.standing('b', T0)).toMatchObject({
      owner: null,
      job: { status: 'running', batch: { total: 1 } },
      queue: { places: { running: 0 } },
    });
  });

  test('a running job is told with the worker whose lease it has', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store, 'w1');
    await worker.claim();
    const standing = (await store.standing(id, T0))!;
    expect(standing).toMatchObject({ owner: worker.owner, job: { status: 'running', worker: 'w1' }, ahead: 0 });
    expect(standing.workers.map(({ owner }) => owner)).toEqual([worker.owner]);
  });

  test('before it come due jobs of its queue, by priority, then time, then insertion', async (store) => {
    await put(store, [
      newJob({ id: 'earlier' }),
      newJob({ id: 'urgent', priority: 1, type: 'report' }),
      newJob({ id: 'later', priority: 1, runAt: T0 + HOUR }),
      newJob({ id: 'elsewhere', queue: 'other' }),
      newJob({ id: 'held', priority: 1, status: 'created' }),
      newJob({ id: 'me', runAt: T0 + 1 }),
      newJob({ id: 'after', runAt: T0 + 2 }),
      newJob({ id: 'lazy', priority: 9 }),
    ]);
    const ahead = async (id: string, now: number) => (await store.standing(id, now))!.ahead;
    expect(await ahead('me', T0 + 5)).toBe(2);
    expect(await ahead('after', T0 + 5)).toBe(3);
    expect(await ahead('urgent', T0 + 5)).toBe(0);
    expect(await ahead('lazy', T0 + 5)).toBe(4);
    expect(await ahead('me', T0 + 2 * HOUR)).toBe(3);
    // A worker that knows one type only puts the others aside; they still come first.
    await (await startWorker(store, 'w', { types: ['import'] })).claim({ types: ['import'] }, T0 + 5);
    expect(await ahead('me', T0 + 5)).toBe(2);
  });

  test('what is parked behind a key comes before jobs of the same key, and before no others', async (store) => {
    await store.setKeyLimit('k', 1);
    await put(store, newJobs(4, { limitKey: 'k' }));
    await (await startWorker(store)).claim();
    const [last, free] = await put(store, [newJob({ id: 'last', limitKey: 'k' }), newJob({ id: 'free' })]);
    expect((await store.standing(last!, T0))!.ahead).toBe(3);
    expect((await store.standing(free!, T0))!.ahead).toBeLessThanOrEqual(1);
  });

  test('more than 1,000 jobs before it are counted as 1,000', async (store) => {
    await put(store, newJobs(1100, { priority: 4 }));
    const id = await putOne(store);
    expect((await store.standing(id, T0))!.ahead).toBe(1000);
  });

  testTwo('another process sees the same', async (first, second) => {
    const id = await putOne(first);
    await (await startWorker(first, 'w1')).claim();
    expect(await second.standing(id, T0)).toEqual(await first.standing(id, T0));
  });
};
