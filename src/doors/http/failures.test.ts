import { expect, test } from 'vitest';
import { Failures } from './failures.ts';

test('an address waits after ten failures, for the rest of five minutes', () => {
  let now = 0;
  const failures = new Failures(() => now);
  for (let i = 0; i < 10; i++) {
    expect(failures.waitMs('a')).toBe(0);
    failures.failed('a');
  }
  now = 60_000;
  expect(failures.waitMs('a')).toBe(240_000);
  expect(failures.waitMs('b')).toBe(0);
  now = 300_000;
  expect(failures.waitMs('a')).toBe(0);
  failures.failed('a');
  expect(failures.waitMs('a')).toBe(0);
});

test('a few failures are forgotten, too', () => {
  let now = 0;
  const failures = new Failures(() => now);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 9; i++) failures.failed('a');
    expect(failures.waitMs('a')).toBe(0);
    now += 300_000;
    expect(failures.waitMs('a')).toBe(0);
  }
});

test('many addresses cost no memory: the oldest is forgotten', () => {
  const failures = new Failures(() => 0);
  for (let i = 0; i < 10; i++) failures.failed('first');
  expect(failures.waitMs('first')).toBeGreaterThan(0);
  for (let i = 0; i < 10_000; i++) failures.failed(`other ${i}`);
  expect(failures.waitMs('first')).toBe(0);
});
