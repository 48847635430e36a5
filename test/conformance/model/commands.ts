/** Random histories: lists of commands as plain data, so that fast-check can shrink and print them. */
import fc from 'fast-check';
import type { FailurePolicy } from '../../../src/job/batch.ts';

export const TYPES = ['a', 'b', 'c'] as const;
export const QUEUES = ['q0', 'q1', 'q2'] as const;
export const KEYS = ['k0', 'k1'] as const;

/** What the three workers know and serve. */
export const WORKERS = [
  { name: 'w0', types: TYPES, queues: null },
  { name: 'w1', types: ['a', 'b'], queues: null },
  { name: 'w2', types: ['a', 'c'], queues: ['q0', 'q1'] },
] as const;

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
/** Which of the jobs, claims or workers there are at that moment; taken modulo their number. */
const pick = fc.nat(60);
const worker = fc.nat(2);

/** How often each thing happens. `batches` has trees and batches of them; `limits` goes for keys and queues that are full most of the time. */
const PROFILES = {
  everything: {
    limitKeys: [null, null, ...KEYS],
    delays: [0, 0, 0, 500, 5000],
    keys: [null, null, null, 'u0', 'u1'],
    sizes: 3,
    parents: 5,
    first: [],
    rare: 1,
    batches: 0,
  },
  limits: {
    limitKeys: [null, 'k0', 'k0', 'k0', 'k1'],
    delays: [0, 0, 500],
    keys: [null, null, null, null, null, 'u0'],
    sizes: 4,
    first: [
      { do: 'limit-key', key: 'k0', max: 1 },
      { do: 'limit-key', key: 'k1', max: 2 },
      { do: 'limit-queue', queue: 'q1', max: 1 },
    ],
    parents: 5,
    rare: 0,
    batches: 0,
  },
  batches: {
    limitKeys: [null, null, null, 'k0'],
    delays: [0, 0, 0, 500],
    keys: [null, null, null, null, null, 'u0'],
    sizes: 3,
    parents: 3,
    first: [],
    rare: 1,
    batches: 1,
  },
} as const;
export type Profile = keyof typeof PROFILES;

const specOf = (profile: Profile) => {
  const { limitKeys, delays, keys, parents } = PROFILES[profile];
  return fc.record({
    type: oneOf(...TYPES),
    queue: oneOf(...QUEUES),
    priority: oneOf(1, 5, 5, 9),
    delay: oneOf<number>(...delays),
    limitKey: oneOf<string | null>(...limitKeys),
    key: oneOf<string | null>(...keys),
    keyWindow: oneOf(null, null, 1000),
    onConflict: oneOf('return' as const, 'replace' as const, 'reject' as const),
    parent: fc.option(pick, { freq: parents }),
    held: oneOf(false, false, false, true),
    maxAttempts: oneOf(1, 2, 3),
    maxCrashes: oneOf(1, 2, 5),
    expires: oneOf(null, null, null, 300, 900),
    large: oneOf(false, false, false, false, true),
    sameId: oneOf(false, false, false, false, false, false, true),
  });
};
export type JobSpec = ReturnType<typeof specOf> extends fc.Arbitrary<infer T> ? T : never;

const batchOf = (profile: Profile) =>
  fc.record({
    do: fc.constant('batch' as const),
    queue: oneOf(...QUEUES),
    policy: oneOf<FailurePolicy>('finish', 'fail-fast', { atLeast: 1 }, { atLeast: 2 }),
    open: oneOf(false, false, true),
    callbacks: fc.subarray(['success', 'failure', 'end'] as const),
    parent: fc.option(pick, { freq: 2 }),
    totalMs: oneOf(null, null, null, 600),
    sameId: oneOf(false, false, false, false, false, true),
    jobs: fc.array(specOf(profile), { maxLength: 4 }),
  });
export type BatchSpec = ReturnType<typeof batchOf> extends fc.Arbitrary<infer T> ? T : never;

const END = oneOf(
  ...([
    'completed',
    'completed',
    'completed',
    'failed',
    'given-up',
    'timeout',
    'cancelled',
    'snoozed',
    'released',
  ] as const),
  'crashed',
);

const commandOf = (profile: Profile) => {
  const { sizes, rare, batches } = PROFILES[profile];
  const jobs = fc.array(specOf(profile), { minLength: 1, maxLength: sizes });
  const it = <T extends string>(name: T) => fc.constant(name);
  return fc.oneof(
    { weight: 10, arbitrary: fc.record({ do: it('insert'), jobs }) },
    { weight: 8 * batches, arbitrary: batchOf(profile) },
    { weight: 3 * batches, arbitrary: fc.record({ do: it('seal'), pick }) },
    { weight: 10, arbitrary: fc.record({ do: it('claim'), worker, n: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 9, arbitrary: fc.record({ do: it('finish'), pick, end: END }) },
    { weight: 3 * rare, arbitrary: fc.record({ do: it('finish-late'), pick, end: END }) },
    { weight: rare, arbitrary: fc.record({ do: it('progress'), pick, percent: fc.nat(100) }) },
    { weight: 2 + rare, arbitrary: fc.record({ do: it('cancel'), pick, tree: fc.boolean() }) },
    { weight: rare, arbitrary: fc.record({ do: it('cancel-queue'), queue: oneOf(...QUEUES) }) },
    { weight: 3 + 4 * batches, arbitrary: fc.record({ do: it('revive'), pick, all: oneOf(false, false, true) }) },
    { weight: 3, arbitrary: fc.record({ do: it('priority'), pick, priority: oneOf(1, 5, 9) }) },
    { weight: 2, arbitrary: fc.record({ do: it('reschedule'), pick, delay: oneOf(-100, 0, 800) }) },
    { weight: 2, arbitrary: fc.record({ do: it('hold'), pick, held: fc.boolean() }) },
    { weight: 1 + rare, arbitrary: fc.record({ do: it('remove'), pick, all: oneOf(false, false, true) }) },
    { weight: 2, arbitrary: fc.record({ do: it('pause'), queue: oneOf(...QUEUES), forMs: oneOf(null, 600) }) },
    { weight: 2, arbitrary: fc.record({ do: it('resume'), queue: oneOf(...QUEUES) }) },
    { weight: 3, arbitrary: fc.record({ do: it('limit-queue'), queue: oneOf(...QUEUES), max: oneOf(null, 0, 1, 2) }) },
    { weight: 3, arbitrary: fc.record({ do: it('limit-key'), key: oneOf(...KEYS), max: oneOf(null, 0, 1, 1, 2) }) },
    { weight: 3, arbitrary: fc.record({ do: it('die'), worker }) },
    { weight: rare, arbitrary: fc.record({ do: it('leave'), worker }) },
    { weight: 1 + rare, arbitrary: fc.record({ do: it('expire') }) },
    {
      weight: 2 * rare,
      arbitrary: fc.record({ do: it('prune'), doneMs: oneOf(0, 500), failedMs: oneOf(0, 500), keep: oneOf(0, 3, 99) }),
    },
    { weight: 5, arbitrary: fc.record({ do: it('wait'), ms: oneOf(1, 100, 500, 5000) }) },
  );
};
export type Command = ReturnType<typeof commandOf> extends fc.Arbitrary<infer T> ? T : never;

export const historiesOf = (profile: Profile): fc.Arbitrary<Command[]> =>
  fc
    .array(commandOf(profile), { minLength: 1, maxLength: 40, size: 'max' })
    .map((commands) => [...PROFILES[profile].first, ...commands]);
