import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Repeater } from './service.ts';

const EVERY = 1000;

const repeat = (work: () => Promise<void>, onError: (error: unknown) => void = () => {}) => {
  const repeater = new Repeater(work, { everyMs: EVERY, keepAlive: true, onError });
  return repeater;
};

describe('a repeater', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const count = () => {
    const calls = { n: 0 };
    return { calls, work: async () => void calls.n++ };
  };

  test('does its work again and again, first after one interval', async () => {
    const { calls, work } = count();
    const repeater = repeat(work);
    repeater.start();
    expect(calls.n).toBe(0);
    await vi.advanceTimersByTimeAsync(3 * EVERY);
    expect(calls.n).toBe(3);
    await repeater.stop();
    await vi.advanceTimersByTimeAsync(5 * EVERY);
    expect(calls.n).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('started twice, it works once', async () => {
    const { calls, work } = count();
    const repeater = repeat(work);
    repeater.start();
    repeater.start();
    await vi.advanceTimersByTimeAsync(EVERY);
    expect(calls.n).toBe(1);
    await repeater.stop();
  });

  test('may be stopped before it was started, and twice', async () => {
    const repeater = repeat(async () => {});
    await repeater.stop();
    repeater.start();
    await repeater.stop();
    await repeater.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is never at work twice at once, and stop waits for the work', async () => {
    let finish = () => {};
    let running = 0;
    const repeater = repeat(async () => {
      expect(++running).toBe(1);
      await new Promise<void>((resolve) => (finish = resolve));
      running--;
    });
    repeater.start();
    await vi.advanceTimersByTimeAsync(EVERY);
    repeater.soon();
    await vi.advanceTimersByTimeAsync(10 * EVERY);
    let stopped = false;
    const stop = repeater.stop().then(() => (stopped = true));
    await vi.advanceTimersByTimeAsync(0);
    expect([running, stopped]).toEqual([1, false]);
    finish();
    await stop;
    expect([running, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('goes on after its work failed', async () => {
    const errors: unknown[] = [];
    let n = 0;
    const repeater = repeat(
      async () => {
        if (++n < 3) throw new Error(`fault ${n}`);
      },
      (error) => errors.push((error as Error).message),
    );
    repeater.start();
    await vi.advanceTimersByTimeAsync(4 * EVERY);
    expect([n, errors]).toEqual([4, ['fault 1', 'fault 2']]);
    await repeater.stop();
  });

  test('"soon" brings the next time forward; while at work, it means once more afterwards', async () => {
    let finish = () => {};
    let n = 0;
    const repeater = repeat(() => {
      n++;
      return new Promise<void>((resolve) => (finish = resolve));
    });
    repeater.soon();
    expect(vi.getTimerCount()).toBe(0);
    repeater.start();
    repeater.soon(5);
    await vi.advanceTimersByTimeAsync(5);
    expect(n).toBe(1);
    repeater.soon(5);
    repeater.soon(5);
    finish();
    await vi.advanceTimersByTimeAsync(5);
    expect(n).toBe(2);
    finish();
    await vi.advanceTimersByTimeAsync(EVERY - 1);
    expect(n).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(n).toBe(3);
    finish();
    await repeater.stop();
  });

  test('"soon", said again and again, does not push the time away', async () => {
    const { calls, work } = count();
    const repeater = repeat(work);
    repeater.start();
    for (let i = 0; i < 20; i++) {
      repeater.soon(3);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(calls.n).toBeGreaterThanOrEqual(5);
    await repeater.stop();
  });

  test('"soon" that is later than the next time changes nothing', async () => {
    const { calls, work } = count();
    const repeater = repeat(work);
    repeater.start();
    await vi.advanceTimersByTimeAsync(EVERY - 10);
    repeater.soon(500);
    await vi.advanceTimersByTimeAsync(10);
    expect(calls.n).toBe(1);
    await repeater.stop();
  });
});
