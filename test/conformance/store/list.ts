import { expect } from 'vitest';
import { changeFor } from '../../../src/job/change.ts';
import { checkFilter, checkPage, type JobFilter, type JobOrder } from '../../../src/job/filter.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { count, HOUR, ids, list, newJob, newJobs, put, putOne, random, startWorker, T0 } from '../fixtures.ts';

const pages = async (
  store: Store,
  order: JobOrder,
  limit: number,
  between: () => Promise<unknown> = async () => {},
  filter: JobFilter = {},
) => {
  const found: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list(
      checkFilter(filter),
      checkPage({ order, limit, ...(after === undefined ? {} : { after }) }),
    );
    found.push(...ids(page.jobs));
    if (page.next === null) return found;
    expect(page.jobs).toHaveLength(limit);
    after = page.next;
    await between();
  }
};

export const listCases = ({ test }: Subject): void => {
  test('newest first by default, oldest first on request', async (store) => {
    const all = await put(store, newJobs(5));
    expect(ids(await list(store, {}, { order: 'oldest' }))).toEqual(all);
    expect(ids(await list(store))).toEqual(all.toReversed());
  });

  test('next shows waiting jobs in the order in which they run', async (store) => {
    const { below } = random(3);
    await put(
      store,
      Array.from({ length: 60 }, (_, i) =>
        newJob({ queue: `q${i % 4}`, priority: 1 + below(4), runAt: T0 - below(3) }),
      ),
    );
    await put(store, [newJob({ status: 'created' })]);
    const shown = await pages(store, 'next', 7);
    expect(ids(await (await startWorker(store)).claim())).toEqual(shown);
    expect(shown).toHaveLength(60);
  });

  test('paging visits every job once while others are inserted, in both orders', async (store) => {
    const before = await put(store, newJobs(101));
    const newest = await pages(store, 'newest', 10, () => put(store, newJobs(3)));
    expect(newest).toEqual(before.toReversed());
    const all = ids(await list(store, {}, { order: 'oldest' }));
    const oldest = await pages(store, 'oldest', 25, () => putOne(store));
    expect(oldest.slice(0, all.length)).toEqual(all);
    expect(new Set(oldest).size).toBe(oldest.length);
  });

  test('paging goes on when the jobs of the last page were removed', async (store) => {
    const before = await put(store, newJobs(30));
    let turned = 0;
    const removeLast = () => {
      turned += 10;
      return store.remove({ ids: before.slice(turned - 10, turned) }, T0);
    };
    const found = await pages(store, 'oldest', 10, removeLast);
    expect(found).toEqual(before);
  });

  test('a page that ends exactly at the end has no next', async (store) => {
    await put(store, newJobs(4));
    expect((await store.list({}, checkPage({ limit: 4 }))).next).toBeNull();
    expect((await store.list({}, checkPage({ limit: 3 }))).next).not.toBeNull();
    expect(await store.list(checkFilter({ queue: 'nowhere' }), checkPage({}))).toEqual({ jobs: [], next: null });
  });

  test('a cursor that is none of ours is refused', async (store) => {
    for (const after of ['x', '1.2', ' ', '1e999', '-', '1;2'])
      await expect(store.list({}, checkPage({ after })), after).rejects.toMatchObject({ code: 'BAD_CURSOR' });
    await expect(store.list({}, checkPage({ order: 'next', after: '5' }))).rejects.toMatchObject({
      code: 'BAD_CURSOR',
    });
  });

  test('every filter finds what it names, and nothing else', async (store) => {
    await seed(store);
    const cases: [JobFilter, string[]][] = [
      [{ id: ['mail', 'nobody'] }, ['mail']],
      [{ status: 'failed' }, ['failed-1', 'failed-2', 'failed-3']],
      [{ status: ['created', 'failed'] }, ['held', 'failed-1', 'failed-2', 'failed-3']],
      [{ status: ['queued', 'cancelled'] }, ['mail', 'report', 'nested', 'child', 'cancelled']],
      [{ type: 'report' }, ['report']],
      [{ type: ['report', 'mail'], queue: 'slow' }, ['report']],
      [{ priority: [1, 2] }, ['report']],
      [{ parent: 'mail' }, ['child']],
      [{ tag: 'a' }, ['mail', 'report']],
      [{ tag: 'b' }, ['report']],
      [{ userInitiated: false }, ['report']],
      [{ userInitiated: true, tag: 'a' }, ['mail']],
      [{ createdAfter: T0 + HOUR }, ['held', 'nested', 'child', 'cancelled']],
      [{ createdBefore: T0 + HOUR }, ['failed-1', 'failed-2', 'failed-3', 'mail', 'report']],
      [{ createdAfter: T0 + 1, createdBefore: T0 + HOUR }, ['mail', 'report']],
    ];
    for (const [filter, expected] of cases) {
      expect(ids(await list(store, filter)).sort(), JSON.stringify(filter)).toEqual(expected.toSorted());
      expect(await count(store, filter), JSON.stringify(filter)).toBe(expected.length);
    }
  });

  test('a payload is found by the value at a path, with its type', async (store) => {
    await seed(store);
    const cases: [JobFilter['payload'], string[]][] = [
      [{ 'user.id': 42 }, ['nested']],
      [{ 'user.id': '42' }, []],
      [{ 'user.name': 'Ada "the" %_\\ first' }, ['nested']],
      [{ 'items.0.sku': 'x1' }, ['nested']],
      [{ 'items.1.sku': 'x1' }, []],
      [{ big: true }, ['nested']],
      [{ big: false }, []],
      [{ nothing: null }, ['nested']],
      [{ missing: null }, []],
      [{ 'user.id': 42, big: true }, ['nested']],
      [{ 'user.id': 42, big: false }, []],
    ];
    for (const [payload, expected] of cases) {
      expect(ids(await list(store, { payload: payload! })), JSON.stringify(payload)).toEqual(expected);
      expect(await count(store, { payload: payload! })).toBe(expected.length);
    }
  });

  test('an error is found by a part of its text; % and _ mean themselves', async (store) => {
    await seed(store);
    const cases: [string, string[]][] = [
      ['100%', ['failed-1']],
      ['%', ['failed-1']],
      ['a_b', ['failed-2']],
      ['_', ['failed-2']],
      ['c:\\', ['failed-3']],
      ['SMTP', ['failed-1', 'failed-2', 'failed-3']],
      ['smtp', ['failed-1', 'failed-2', 'failed-3']],
      ['nothing of the kind', []],
    ];
    for (const [error, expected] of cases) expect(ids(await list(store, { error })).sort(), error).toEqual(expected);
  });

  test('filters hold for the order "next" too', async (store) => {
    await seed(store);
    expect(ids(await list(store, { tag: 'a' }, { order: 'next' }))).toEqual(['report', 'mail']);
    expect(ids(await list(store, { queue: 'slow' }, { order: 'next' }))).toEqual(['report']);
  });
};

const seed = async (store: Store): Promise<void> => {
  await put(
    store,
    [1, 2, 3].map((n) => newJob({ id: `failed-${n}`, maxAttempts: 1 })),
  );
  const jobs = await (await startWorker(store)).claim();
  const messages = ['SMTP: disk 100% full', 'SMTP: a_b', 'SMTP: c:\\ not found'];
  await store.applyChanges(
    jobs.map((job, i) =>
      changeFor(
        job,
        { kind: 'failed', failure: { name: 'Error', message: messages[i]! } },
        { wait: () => 0, retryTimeouts: true },
        T0,
      ),
    ),
  );
  await put(
    store,
    [
      newJob({ id: 'mail', tags: ['a'] }),
      newJob({ id: 'report', type: 'report', queue: 'slow', priority: 1, tags: ['a', 'b'], userInitiated: false }),
    ],
    T0 + 1,
  );
  const nested = {
    user: { id: 42, name: 'Ada "the" %_\\ first' },
    ...{ items: [{ sku: 'x1' }, { sku: 'x2' }], big: true, nothing: null, filler: 'z'.repeat(2000) },
  };
  await put(
    store,
    [
      newJob({ id: 'held', status: 'created' }),
      newJob({ id: 'nested', payload: JSON.stringify(nested) }),
      newJob({ id: 'child', parentId: 'mail' }),
      newJob({ id: 'cancelled' }),
    ],
    T0 + HOUR,
  );
  await store.requestCancel({ ids: ['cancelled'] }, 'enough', T0 + HOUR);
};
