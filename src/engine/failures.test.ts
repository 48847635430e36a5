import { job } from 'backline';
import { expect, test } from 'vitest';
import { codeOf, startManager } from '../../test/managers.ts';
import { failuresOf, LOOKED_AT_MOST } from './failures.ts';

test('failed jobs are grouped by their error, and a group is found by its fingerprint', async () => {
  const jobs = {
    send: job({
      maxAttempts: 1,
      run: (n: number) => {
        throw new TypeError(n === 9 ? 'no such user' : `SMTP ${420 + n}`);
      },
    }),
  };
  const manager = await startManager({ jobs });
  for (const n of [1, 2, 3, 9]) await manager.result(await manager.enqueue('send', n)).catch(() => {});
  const { groups, ...rest } = await manager.failures();
  expect(rest).toMatchObject({ looked: 4, more: false, found: 2 });
  expect(groups).toMatchObject([
    { pattern: 'SMTP #', message: 'SMTP 423', name: 'TypeError', count: 3 },
    { pattern: 'no such user', count: 1 },
  ]);
  expect(groups[0]!.series).toHaveLength(24);
  expect(groups[0]!.series.at(-1)).toBe(3);
  expect(await manager.retryAll({ fingerprint: groups[0]!.fingerprint })).toBe(3);
  expect((await manager.failures({ limit: 1 })).groups).toHaveLength(1);
  expect(await codeOf(() => manager.failures({ limit: 201 }))).toBe('INVALID_OPTION');
});

test('however many jobs failed, a bounded number is looked at, in lots, and the answer says so', async () => {
  const all = Array.from({ length: 12_345 }, (_, i) => ({
    seq: 12_345 - i,
    message: `no ${i}`,
    endedAt: 1,
    type: 'a',
    queue: 'b',
  }));
  const asked: number[] = [];
  const store = {
    failures: async (before: number | null, limit: number) => {
      asked.push(limit);
      return all.filter(({ seq }) => before === null || seq < before).slice(0, limit);
    },
  };
  const found = await failuresOf(store as never, {}, 1000);
  expect(found).toMatchObject({ looked: LOOKED_AT_MOST, more: true, groups: [{ count: LOOKED_AT_MOST }] });
  expect(Math.max(...asked)).toBeLessThanOrEqual(1000);
  all.length = LOOKED_AT_MOST;
  expect(await failuresOf(store as never, {}, 1000)).toMatchObject({ looked: LOOKED_AT_MOST, more: false });
});
