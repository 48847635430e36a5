/**
 * How long things took, as counts in buckets that double: bucket 0 holds less than 1 ms, bucket n from 2^(n−1) to less than 2^n ms,
 * and the last one everything from 2^22 ms (70 minutes) on. Two histograms are added bucket by bucket.
 */
export type Histogram = readonly number[];

export const BUCKETS = 24;

export const bucketOf = (ms: number): number => (ms < 1 ? 0 : Math.min(BUCKETS - 1, 32 - Math.clz32(ms)));

/** Adds `more` into `sum`, which may be shorter. */
export const addHistogram = (sum: number[], more: Histogram): void => {
  for (let i = 0; i < more.length; i++) sum[i] = (sum[i] ?? 0) + (more[i] ?? 0);
};

/**
 * The time that the given share of all stayed below, within its bucket as if spread evenly; null for an empty histogram.
 * @param share 0 to 1; 0.95 for the 95th percentile.
 */
export const percentile = (histogram: Histogram, share: number): number | null => {
  const total = histogram.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [i, n] of histogram.entries()) {
    const wanted = share * total - below;
    if (n > 0 && wanted <= n) return within(i, Math.max(0, wanted) / n);
    below += n;
  }
  return within(histogram.length - 1, 1);
};

const within = (bucket: number, part: number): number => {
  const from = bucket === 0 ? 0 : 2 ** (bucket - 1);
  // Nobody knows how far the last one reaches.
  const to = bucket === BUCKETS - 1 ? from : 2 ** bucket;
  return Math.round(from + (to - from) * part);
};
