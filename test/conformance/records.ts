/** Small records with defaults, for tests and for their child processes. */
import type { NewJob } from '../../src/job/enqueue-options.ts';
import type { LeaseOptions, WorkerInfo } from '../../src/store/store.ts';

/** A moment to start from; every case moves on from here by hand. */
export const T0 = 1_800_000_000_000;
export const SECOND = 1000;
export const HOUR = 3_600_000;

let made = 0;

/** A complete job that is due at once. */
export const newJob = (given: Partial<NewJob> = {}): NewJob => ({
  id: `job-${++made}`,
  type: 'mail',
  queue: 'default',
  status: 'queued',
  priority: 5,
  payload: '{}',
  runAt: T0,
  maxAttempts: 3,
  maxCrashes: 5,
  timeoutMs: 60_000,
  key: null,
  keyUntil: null,
  onConflict: 'return',
  limitKey: null,
  parentId: null,
  tenant: null,
  replayOf: null,
  tags: [],
  userInitiated: true,
  expiresAt: null,
  totalMs: null,
  ...given,
});

export const newJobs = (n: number, given: Partial<NewJob> = {}): NewJob[] =>
  Array.from({ length: n }, () => newJob(given));

export const ALL_TYPES = ['mail', 'report', 'import'];

export const workerInfo = (name: string, given: Partial<WorkerInfo> = {}): WorkerInfo => ({
  owner: `${name}#boot`,
  name,
  host: 'host',
  pid: 4711,
  pidStart: null,
  slots: 10,
  queues: null,
  types: ALL_TYPES,
  startedAt: T0,
  ...given,
});

/** A lease that never beats by itself within a case. */
export const STILL: LeaseOptions = {
  leaseMs: HOUR,
  beatMs: HOUR,
  stuckLoopMs: null,
  now: () => T0,
  onLost: () => {},
  onBlocked: () => {},
  onTrouble: () => {},
};

/** A generator of repeatable random numbers (mulberry32). */
export const random = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  const oneOf = <T>(items: readonly T[]): T => items[below(items.length)]!;
  return { next, below, oneOf };
};
