/** Notes each minute how deep the queues are, and forgets metrics that are older than the retention allows, in small chunks. */
import type { Store } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';
import { sleep } from '../../util/sleep.ts';

export const SAMPLE_MS = 60_000;
const BREATH_MS = 5;
/** In one round; the rest is forgotten in the next. */
const CHUNKS = 100;

/** @param keepMs how long metrics are kept; null keeps them. */
export const sampleDepths = async (store: Store, clock: Clock, keepMs: number | null): Promise<void> => {
  const now = clock.now();
  const before = keepMs === null ? null : now - keepMs;
  for (let chunk = 0; chunk < CHUNKS && (await store.sampleDepths(now, before)) > 0; chunk++) await sleep(BREATH_MS);
};
