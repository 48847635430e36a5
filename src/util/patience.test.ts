import { expect, onTestFinished, test, vi } from 'vitest';
import { Patience } from './patience.ts';

const never = new Promise<void>(() => {});

test('what comes in time is waited for, what does not is left', async () => {
  const patience = new Patience(20);
  expect(await patience.until(Promise.resolve('here'))).toBe(true);
  expect(await patience.until(undefined)).toBe(true);
  expect(await patience.until(never)).toBe(false);
});

test('all waits together last as long as one may', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const patience = new Patience(2000);
  const since = performance.now();
  for (let i = 0; i < 5; i++) {
    const waiting = patience.until(never);
    await vi.runAllTimersAsync();
    expect(await waiting).toBe(false);
  }
  expect(performance.now() - since).toBe(2000);
  // What is there already is seen all the same.
  expect(await patience.until(Promise.resolve())).toBe(true);
});

test('what fails in time fails', async () => {
  await expect(new Patience(1000).until(Promise.reject(new TypeError('no')))).rejects.toThrow('no');
});
