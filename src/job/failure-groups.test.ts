import { expect, test } from 'vitest';
import { type FailedJob, FailureGroups } from './failure-groups.ts';
import { fingerprintOf } from './fingerprint.ts';

const T0 = 1_800_000_000_000;
const DRAWN = { from: T0, to: T0 + 100, parts: 4 };

const failed = (n: number, given: Partial<FailedJob> = {}): FailedJob => ({
  ...{ seq: n, id: `j${n}`, type: 'mail', queue: 'emails', status: 'failed', message: `SMTP ${n}` },
  ...{ name: 'SmtpError', code: null, endedAt: T0 + n },
  ...given,
});

const groupsOf = (...jobs: readonly FailedJob[]) => {
  const groups = new FailureGroups(DRAWN);
  for (const job of jobs) groups.add(job);
  return groups;
};

test('a group tells how many, since when, where, and the last of its jobs', () => {
  const [group, ...others] = groupsOf(
    failed(30, { queue: 'late', status: 'timeout' }),
    failed(1),
    failed(99, { type: 'news', code: 'E421' }),
    failed(2, { message: 'other' }),
  ).top(10);
  expect(group).toEqual({
    ...{ fingerprint: fingerprintOf('SMTP 1'), pattern: 'SMTP #', message: 'SMTP 99', name: 'SmtpError', code: 'E421' },
    ...{ count: 3, timeouts: 1, firstAt: T0 + 1, lastAt: T0 + 99, series: [1, 1, 0, 1] },
    types: [
      { name: 'mail', count: 2 },
      { name: 'news', count: 1 },
    ],
    queues: [
      { name: 'emails', count: 2 },
      { name: 'late', count: 1 },
    ],
    samples: [
      { id: 'j99', type: 'news', endedAt: T0 + 99 },
      { id: 'j30', type: 'mail', endedAt: T0 + 30 },
      { id: 'j1', type: 'mail', endedAt: T0 + 1 },
    ],
  });
  expect(others.map(({ pattern }) => pattern)).toEqual(['other']);
});

test('however many jobs it has, a group keeps five, the last ones', () => {
  const [group] = groupsOf(...Array.from({ length: 500 }, (_, n) => failed((n * 37) % 500))).top(1);
  expect(group).toMatchObject({ count: 500 });
  expect(group!.samples.map(({ id }) => id)).toEqual(['j499', 'j498', 'j497', 'j496', 'j495']);
});

test('the largest comes first, then what came last; the rest is left out', () => {
  const groups = groupsOf(
    failed(1, { message: 'a' }),
    failed(2, { message: 'b' }),
    failed(3, { message: 'c' }),
    failed(1, { message: 'c' }),
  );
  expect(groups.top(2).map(({ message }) => message)).toEqual(['c', 'b']);
  expect(groups.size).toBe(3);
});

test('what ended outside of the time that is drawn counts, and is not drawn', () => {
  const [group] = groupsOf(failed(1, { endedAt: T0 - 5 }), failed(100)).top(1);
  expect(group).toMatchObject({ count: 2, series: [0, 0, 0, 0] });
});
