import { describe, expect, test } from 'vitest';
import { addHistogram, bucketOf, percentile } from './histogram.ts';

describe('a time lies in the bucket', () => {
  test.each([
    [-5, 0],
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [1000, 10],
    [1024, 11],
    [300_000, 19],
    [2 ** 22 - 1, 22],
    [2 ** 22, 23],
    [30 * 86_400_000, 23],
    [2 ** 31, 23],
  ])('%d ms: %d', (ms, bucket) => {
    expect(bucketOf(ms)).toBe(bucket);
  });
});

const of = (...times: number[]): number[] => {
  const histogram: number[] = [];
  for (const ms of times) histogram[bucketOf(ms)] = (histogram[bucketOf(ms)] ?? 0) + 1;
  return Array.from(histogram, (n) => n ?? 0);
};

test('a percentile is never off by more than a factor of two', () => {
  const times = Array.from({ length: 1000 }, (_, i) => i + 1);
  for (const share of [0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1]) {
    const found = percentile(of(...times), share)!;
    expect(found / (share * 1000)).toBeGreaterThan(0.5);
    expect(found / (share * 1000)).toBeLessThan(2);
  }
});

test('a percentile grows with its share', () => {
  const histogram = of(0, 3, 3, 17, 200, 9000, 2 ** 23);
  const all = Array.from({ length: 101 }, (_, i) => percentile(histogram, i / 100)!);
  expect([...all].sort((a, b) => a - b)).toEqual(all);
  expect(all.at(-1)).toBe(2 ** 22);
});

test('of nothing there is no percentile', () => {
  expect(percentile([], 0.5)).toBeNull();
  expect(percentile([0, 0], 0.5)).toBeNull();
});

test('histograms are added bucket by bucket, whichever is longer', () => {
  const sum = [1, 2];
  addHistogram(sum, [1, 0, 0, 4]);
  addHistogram(sum, [1]);
  expect(sum).toEqual([3, 2, 0, 4]);
});
