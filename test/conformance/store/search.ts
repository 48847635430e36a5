import { expect } from 'vitest';
import type { JobFilter } from '../../../src/job/filter.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { count, ids, list, newJob, newJobs, put } from '../fixtures.ts';

const PATHS = ['user.id', 'items.0.sku', '$ref', 'größe', 'deep.er.still', 'a-b'];

/** Of every kind of value, small and large, and some that no path leads to. */
const PAYLOADS: readonly unknown[] = [
  { user: { id: 42 } },
  { user: { id: 42 }, text: 'x'.repeat(5000) },
  { user: { id: '42' } },
  { user: { id: 42.5 } },
  { user: { id: -1e300 } },
  { user: { id: true } },
  { user: { id: null } },
  { user: { id: 'x'.repeat(6000) } },
  { user: { id: 'it\'s "quoted" \\ 💥' } },
  { user: { id: { id: 42 } } },
  { user: 42 },
  { items: [{ sku: 'A-1' }, { sku: 'B-2' }] },
  { items: { 0: { sku: 'A-1' } } },
  { $ref: '#/a', größe: 7, 'a-b': 1, deep: { er: { still: 'yes' } } },
  [1, 2],
  'user.id',
  null,
];

const SEARCHES: readonly NonNullable<JobFilter['payload']>[] = [
  ...[42, '42', 42.5, -1e300, true, null, 'x'.repeat(6000), 'it\'s "quoted" \\ 💥'].map((id) => ({ 'user.id': id })),
  ...[{ 'items.0.sku': 'A-1' }, { $ref: '#/a' }, { größe: 7 }, { 'deep.er.still': 'yes' }, { 'a-b': 1 }],
  { größe: 7, $ref: '#/a' },
  { 'user.id': 'nobody' },
];

const answers = (store: Store) =>
  Promise.all(
    SEARCHES.map(async (payload) => [
      ids(await list(store, { payload })),
      ids(await list(store, { payload }, { order: 'oldest', limit: 1 })),
      await count(store, { payload, type: 'mail' }),
    ]),
  );

export const searchCases = ({ test, testTwo }: Subject): void => {
  test('an index on a path changes no answer, whatever the payloads are', async (store) => {
    const payloads = PAYLOADS.map((payload) => JSON.stringify(payload));
    await put(
      store,
      payloads.map((payload) => newJob({ payload })),
    );
    const before = await answers(store);
    expect(before[0]![0]).toHaveLength(2);
    for (const path of PATHS) expect(await store.indexPayload(path.split('.'), true), path).toBe(true);
    expect(await answers(store)).toEqual(before);
    // What comes in later is in the index, too.
    await put(
      store,
      payloads.map((payload) => newJob({ payload })),
    );
    const later = await answers(store);
    expect(later.map(([found]) => (found as string[]).length)).toEqual(
      before.map(([found]) => 2 * (found as string[]).length),
    );
    for (const path of PATHS) expect(await store.indexPayload(path.split('.'), false)).toBe(true);
    expect(await answers(store)).toEqual(later);
  });

  test('it is made once, and dropped once', async (store) => {
    const path = ['user', 'id'];
    expect(await store.indexPayload(path, false)).toBe(false);
    expect(await store.indexPayload(path, true)).toBe(true);
    expect(await store.indexPayload(path, true)).toBe(false);
    expect(await store.indexPayload(['user'], false)).toBe(false);
    expect(await store.indexPayload(path, false)).toBe(true);
    expect(await store.indexPayload(path, false)).toBe(false);
  });

  test('jobs that are removed are found no more, and the database stays sound', async (store) => {
    await store.indexPayload(['n'], true);
    const [first, second] = await put(store, newJobs(2, { payload: '{"n":1}' }));
    await put(store, [newJob({ payload: `{"n":1,"text":"${'x'.repeat(3000)}"}` })]);
    await store.remove({ ids: [first!] }, 0);
    expect(ids(await list(store, { payload: { n: 1 } }))).toHaveLength(2);
    expect(ids(await list(store, { payload: { n: 1 }, id: second! }))).toEqual([second]);
    expect((await store.checkIntegrity()).problems).toEqual([]);
  });

  testTwo('an index that one process makes, another uses', async (first, second) => {
    await put(first, newJobs(3, { payload: '{"n":1}' }));
    expect(await first.indexPayload(['n'], true)).toBe(true);
    expect(await second.indexPayload(['n'], true)).toBe(false);
    expect(await count(second, { payload: { n: 1 } })).toBe(3);
  });
};
