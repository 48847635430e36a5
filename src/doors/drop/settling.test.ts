import type { BigIntStats } from 'node:fs';
import { expect, test } from 'vitest';
import { Settling } from './settling.ts';

const heldClock = () => {
  let at = 1_000_000;
  const pass = (ms: number): void => {
    at += ms;
  };
  return { now: () => at + 5_000_000, monotonic: () => at, pass };
};

const statsOf = (about: { ino: bigint; mtimeMs: number; size: bigint }) =>
  ({ ...about, mtimeMs: BigInt(about.mtimeMs), mtimeNs: BigInt(about.mtimeMs) * 1_000_000n }) as BigIntStats;

test('a file is as quiet as the time since its last change', () => {
  const clock = heldClock();
  const settling = new Settling(clock);
  const stats = { ino: 1n, mtimeMs: clock.now(), size: 3n };
  expect(settling.quietMs('x', statsOf(stats))).toBe(0);
  clock.pass(400);
  expect(settling.quietMs('x', statsOf(stats))).toBe(400);
  expect(settling.quietMs('x', statsOf({ ...stats, mtimeMs: clock.now(), size: 4n }))).toBe(0);
});

test('a file that was left alone long before it was seen is quiet at once', () => {
  const clock = heldClock();
  expect(new Settling(clock).quietMs('x', statsOf({ ino: 1n, mtimeMs: clock.now() - 9000, size: 3n }))).toBe(9000);
});

test("a file from a machine whose clock is ahead is judged by this process's own watch", () => {
  const clock = heldClock();
  const settling = new Settling(clock);
  const ahead = statsOf({ ino: 1n, mtimeMs: clock.now() + 3_600_000, size: 3n });
  expect(settling.quietMs('x', ahead)).toBe(0);
  clock.pass(700);
  expect(settling.quietMs('x', ahead)).toBe(700);
});

test('a new file with an old name is judged anew', () => {
  const clock = heldClock();
  const settling = new Settling(clock);
  settling.quietMs('x', statsOf({ ino: 1n, mtimeMs: clock.now(), size: 3n }));
  clock.pass(700);
  expect(settling.quietMs('x', statsOf({ ino: 2n, mtimeMs: clock.now() + 1, size: 3n }))).toBe(0);
  settling.keepOnly(new Set());
  expect(settling.quietMs('x', statsOf({ ino: 2n, mtimeMs: clock.now() + 1, size: 3n }))).toBe(0);
});
