import { once } from 'node:events';
import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import type { Store, StoreChange } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { HOUR, newJob, newJobs, put, putOne, random, startWorker, T0 } from '../fixtures.ts';

const POLICY = { wait: () => 0, retryTimeouts: true };

const hear = (store: Store) => {
  const heard: StoreChange[] = [];
  const stop = store.watch((changes) => heard.push(...changes));
  return { heard, stop, moves: () => heard.map(({ id, kind, from, to }) => `${id} ${kind} ${from}>${to}`) };
};

export const watchCases = ({ test, testTwo }: Subject): void => {
  test('every move of a job is heard, in order, with what belongs to it', async (store) => {
    const { heard, moves } = hear(store);
    const id = await putOne(store, { id: 'j', maxAttempts: 2 });
    const worker = await startWorker(store);
    const [first] = await worker.claim();
    await store.saveProgress([{ job: first!, percent: 30, note: 'third' }], T0);
    await store.applyChanges([
      changeFor(first!, { kind: 'failed', failure: { name: 'Error', message: 'no' } }, POLICY, T0 + 1),
    ]);
    const [second] = await worker.claim({}, T0 + 1);
    await store.requestCancel({ ids: [id] }, 'stop', T0 + 2);
    await store.applyChanges([changeFor(second!, { kind: 'cancelled', reason: 'stop' }, POLICY, T0 + 3)]);
    await store.revive({ ids: [id] }, T0 + 4);
    await store.adjust(id, { held: true }, T0 + 5);
    await store.adjust(id, { held: false }, T0 + 5);
    const [third] = await worker.claim({}, T0 + 5);
    await store.applyChanges([complete(third!, '{"ok":1}', T0 + 6)]);
    await store.remove({ ids: [id] }, T0);
    expect(moves()).toEqual([
      'j status null>queued',
      'j status queued>running',
      'j progress running>running',
      'j status running>queued',
      'j status queued>running',
      'j cancel-requested running>running',
      'j status running>cancelled',
      'j status cancelled>queued',
      'j status queued>created',
      'j status created>queued',
      'j status queued>running',
      'j status running>completed',
      'j removed completed>completed',
    ]);
    expect(heard[2]).toMatchObject({ progress: 30, note: 'third', at: T0, seq: 1, type: 'mail', queue: 'default' });
    expect(heard[3]).toMatchObject({ error: 'no', attempts: 1, at: T0 + 1 });
    expect(heard[5]).toMatchObject({ error: 'stop' });
    expect(heard[7]).toMatchObject({ attempts: 0, runAt: T0 + 4 });
    expect(heard[11]).toMatchObject({ result: '{"ok":1}', attempts: 1, at: T0 + 6 });
  });

  test('what fails, expires, is pruned, replaced or rescued is heard too', async (store) => {
    const { moves } = hear(store);
    await putOne(store, { id: 'expired', expiresAt: T0 });
    await store.expire(T0);
    await putOne(store, { id: 'kept', key: 'k' });
    await store.insert([newJob({ id: 'x', key: 'k', onConflict: 'replace' })], T0);
    const worker = await startWorker(store);
    await worker.claim();
    await worker.die();
    await store.prune({ doneBefore: T0 + HOUR, failedBefore: null, keep: null }, T0);
    expect(moves()).toEqual([
      'expired status null>queued',
      'expired status queued>cancelled',
      'kept status null>queued',
      'kept status queued>queued',
      'kept status queued>running',
      'kept status running>queued',
      'expired removed cancelled>cancelled',
    ]);
  });

  test('nothing is heard of what was refused, and nothing after the watcher stopped', async (store) => {
    const id = await putOne(store, { key: 'k' });
    const { heard, stop } = hear(store);
    await store.insert([newJob({ id }), newJob({ key: 'k' }), newJob({ parentId: 'nobody' })], T0);
    await store.requestCancel({ ids: ['nobody'] }, 'no', T0);
    expect(heard).toEqual([]);
    stop();
    await putOne(store);
    expect(heard).toEqual([]);
  });

  test('a change is heard once it can be read', async (store) => {
    const found: unknown[] = [];
    store.watch((changes) => {
      for (const { id } of changes) found.push(store.get(id));
    });
    await put(store, newJobs(3));
    expect((await Promise.all(found)).every((job) => job !== null)).toBe(true);
    expect(found).toHaveLength(3);
  });

  test('a watcher that throws harms neither the write nor the other watchers', async (store) => {
    store.watch(() => {
      throw new TypeError('a bug of the listener');
    });
    const { moves } = hear(store);
    const warned = once(process, 'warning');
    const done = await Promise.all([store.insert([newJob({ id: 'a' })], T0), store.insert([newJob({ id: 'b' })], T0)]);
    expect(done.flat().map(({ kind }) => kind)).toEqual(['inserted', 'inserted']);
    expect(moves()).toEqual(['a status null>queued', 'b status null>queued']);
    expect((await store.get('a'))!.status).toBe('queued');
    expect(await warned).toMatchObject([{ message: 'a bug of the listener' }]);
  });

  testTwo('changes of another process are heard, each once, in order', async (first, second) => {
    const { moves } = hear(first);
    await first.poll(T0);
    await putOne(second, { id: 'j' });
    const worker = await startWorker(second);
    const [job] = await worker.claim();
    expect(await first.poll(T0)).toBe(true);
    await second.applyChanges([complete(job!, null, T0)]);
    await second.remove({ ids: ['j'] }, T0);
    expect(await first.poll(T0)).toBe(true);
    expect(await first.poll(T0)).toBe(false);
    expect(moves()).toEqual([
      'j status null>queued',
      'j status queued>running',
      'j status running>completed',
      'j removed completed>completed',
    ]);
  });

  testTwo('a change is not missed by a listener that looks rarely', async (first, second) => {
    const { moves } = hear(first);
    await first.poll(T0);
    const watching = hear(second);
    await second.poll(T0 + HOUR / 60);
    await putOne(second, { id: 'j' });
    await second.remove({ ids: ['j'] }, T0);
    await second.poll(T0 + HOUR / 30);
    await first.poll(T0 + HOUR / 30);
    expect(moves()).toEqual(['j status null>queued', 'j removed queued>queued']);
    expect(watching.moves()).toEqual(moves());
  });

  for (const seed of [1, 2, 3])
    testTwo(
      `two processes that change the same jobs hear the same story of each (seed ${seed})`,
      async (first, second) => {
        const listeners = [hear(first), hear(second)];
        await first.poll(T0);
        await second.poll(T0);
        await mix([first, second], seed);
        await first.poll(T0);
        await second.poll(T0);
        const [a, b] = listeners.map(({ heard }) => storyOf(heard));
        expect(a!.size).toBeGreaterThan(20);
        expect(b).toEqual(a);
        for (const story of a!.values()) expectChain(story);
      },
    );
};

/** Both processes insert, claim, finish, cancel, hold and remove, at once and without waiting for each other. */
const mix = async (stores: readonly Store[], seed: number): Promise<void> => {
  const { below, oneOf } = random(seed);
  const workers = await Promise.all(stores.map((store, i) => startWorker(store, `w${i}`)));
  const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
  await Promise.all(
    Array.from({ length: 300 }, async () => {
      const store = oneOf(stores);
      const id = oneOf(names);
      const what = below(7);
      if (what < 2) await store.insert([newJob({ id })], T0);
      else if (what === 2) await store.requestCancel({ ids: [id] }, 'no', T0);
      else if (what === 3) await store.revive({ ids: [id] }, T0);
      else if (what === 4) await store.adjust(id, { held: below(2) === 0 }, T0);
      else if (what === 5) await store.poll(T0);
      else {
        const jobs = await workers[stores.indexOf(store)]!.claim({ n: 2 });
        await store.applyChanges(jobs.map((job) => complete(job, null, T0)));
      }
    }),
  );
};

const storyOf = (heard: readonly StoreChange[]): Map<string, StoreChange[]> => {
  const stories = new Map<string, StoreChange[]>();
  for (const change of heard) stories.set(change.id, [...(stories.get(change.id) ?? []), change]);
  return new Map([...stories].sort(([a], [b]) => a.localeCompare(b)));
};

const expectChain = (story: readonly StoreChange[]): void => {
  let at: string | null = null;
  for (const { from, to, kind } of story) {
    expect(from).toBe(at);
    at = kind === 'removed' ? null : to;
  }
};
