import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import { type Backoff, checkBackoff, stableRandom } from './backoff.ts';

const FAILURE = { name: 'Error', message: 'no' };
const HOUR = 3_600_000;
const zero = () => 0;
const almostOne = () => 0.999_999;

const delays = (backoff: Backoff, random: (n: number) => number, attempts = 5): number[] => {
  const wait = checkBackoff(backoff);
  return Array.from({ length: attempts }, (_, i) => wait(i + 1, FAILURE, random));
};

describe('a backoff', () => {
  test.each<[string, Backoff, number[]]>([
    ['a number is a fixed delay', 250, [250, 250, 250, 250, 250]],
    ['text is a fixed delay', '2s', [2000, 2000, 2000, 2000, 2000]],
    ['no delay at all', 0, [0, 0, 0, 0, 0]],
    ['fixed', { kind: 'fixed', delay: '1s' }, [1000, 1000, 1000, 1000, 1000]],
    ['linear', { kind: 'linear', delay: 100 }, [100, 200, 300, 400, 500]],
    ['linear under a cap', { kind: 'linear', delay: 100, max: 250 }, [100, 200, 250, 250, 250]],
    ['exponential', { kind: 'exponential', delay: 100 }, [100, 200, 400, 800, 1600]],
    ['exponential by a factor', { kind: 'exponential', delay: 100, factor: 3 }, [100, 300, 900, 2700, 8100]],
    ['exponential by 1 stays', { kind: 'exponential', delay: 100, factor: 1 }, [100, 100, 100, 100, 100]],
    ['exponential under a cap', { kind: 'exponential', delay: 100, max: 500 }, [100, 200, 400, 500, 500]],
    ['a fixed delay above the cap', { kind: 'fixed', delay: '2h' }, [HOUR, HOUR, HOUR, HOUR, HOUR]],
    ['a function of the attempt', (attempt) => `${attempt}s`, [1000, 2000, 3000, 4000, 5000]],
  ])('%s', (_, backoff, expected) => {
    expect(delays(backoff, zero)).toEqual(expected);
  });

  test('a function sees the failure', () => {
    const wait = checkBackoff((_: number, { message }: { message: string }) => (message === 'no' ? 7 : 9));
    expect(wait(1, FAILURE, zero)).toBe(7);
  });

  test('an exponential one adds at most a tenth, so that jobs which failed together part', () => {
    const [least, most] = [zero, almostOne].map((random) => delays({ kind: 'exponential', delay: 1000 }, random));
    for (let i = 0; i < 5; i++) {
      expect(most![i]).toBeGreaterThan(least![i]! * 1.09);
      expect(most![i]).toBeLessThanOrEqual(least![i]! * 1.1);
    }
  });

  test('an exponential one stops at one hour, even where the power is infinite', () => {
    const wait = checkBackoff({ kind: 'exponential', delay: 5000 });
    expect(wait(30, FAILURE, almostOne)).toBe(HOUR);
    expect(wait(10_000, FAILURE, almostOne)).toBe(HOUR);
  });

  test('decorrelated jitter lies between its delay and three times the delay before', () => {
    const wait = checkBackoff({ kind: 'jitter', delay: 100, max: '1m' });
    const lowest = Array.from({ length: 12 }, (_, i) => wait(i + 1, FAILURE, zero));
    expect(lowest).toEqual(lowest.map(() => 100));
    const highest = Array.from({ length: 12 }, (_, i) => wait(i + 1, FAILURE, almostOne));
    expect(highest.slice(0, 3)).toEqual([300, 900, 2700]);
    expect(highest.at(-1)).toBe(60_000);
    for (const id of ['a', 'b', 'c', 'd']) {
      let before = 100;
      for (let attempt = 1; attempt <= 20; attempt++) {
        const delay = wait(attempt, FAILURE, stableRandom(id));
        expect(delay).toBeGreaterThanOrEqual(100);
        expect(delay).toBeLessThanOrEqual(Math.min(60_000, before * 3 + 1));
        before = delay;
      }
    }
  });

  test('jobs that fail together come back at different times', () => {
    const wait = checkBackoff({ kind: 'jitter', delay: '1s' });
    const times = new Set(Array.from({ length: 200 }, (_, i) => wait(3, FAILURE, stableRandom(`job-${i}`))));
    expect(times.size).toBeGreaterThan(190);
  });

  test.each<[unknown, string]>([
    [-1, 'backoff'],
    [Number.NaN, 'backoff'],
    [Number.POSITIVE_INFINITY, 'backoff'],
    ['soon', 'backoff'],
    ['', 'backoff'],
    [null, 'backoff'],
    [true, 'backoff'],
    [[1000], 'backoff'],
    [{ kind: 'fixed' }, 'backoff.delay'],
    [{ kind: 'fixed', delay: -5 }, 'backoff.delay'],
    [{ kind: 'fixed', delay: 5, max: 'long' }, 'backoff.max'],
    [{ delay: 5 }, 'backoff.kind'],
    [{ kind: 'quadratic', delay: 5 }, 'backoff.kind'],
    [{ kind: 'toString', delay: 5 }, 'backoff.kind'],
    [{ kind: '__proto__', delay: 5 }, 'backoff.kind'],
    [{ kind: 'exponential', delay: 5, factor: 0.5 }, 'backoff.factor'],
    [{ kind: 'exponential', delay: 5, factor: Number.NaN }, 'backoff.factor'],
    [{ kind: 'exponential', delay: 5, factor: '2' }, 'backoff.factor'],
  ])('%j is refused, naming the field', (backoff, field) => {
    expect(() => checkBackoff(backoff)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', field }));
  });

  test('an unknown name is refused with a suggestion', () => {
    expect(() => checkBackoff({ kind: 'fixed', dealy: 5 })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION', field: 'dealy', next: 'Did you mean "delay"?' }),
    );
  });

  test('what a function answers is checked when it answers', () => {
    const wait = checkBackoff(() => Number.NaN);
    expect(() => wait(2, FAILURE, zero)).toThrow(expect.objectContaining({ field: 'backoff(2)' }) as BacklineError);
  });
});

describe('the stable random numbers', () => {
  test('are the same for the same job and attempt, and others for others', () => {
    expect(stableRandom('a')(1)).toBe(stableRandom('a')(1));
    expect(stableRandom('a')(1)).not.toBe(stableRandom('a')(2));
    expect(stableRandom('a')(1)).not.toBe(stableRandom('b')(1));
  });

  test('fill the range from 0 to 1 evenly', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) tenths[Math.floor(stableRandom(`job-${i}`)(1 + (i % 3)) * 10)]!++;
    for (const n of tenths) {
      expect(n).toBeGreaterThan(800);
      expect(n).toBeLessThan(1200);
    }
  });
});
