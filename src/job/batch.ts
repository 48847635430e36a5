/**
 * Batches: what becomes of a parent whose state and progress derive from its children. Pure: counts and a policy → a verdict. The
 * store asks in the transaction in which a child moved.
 */
import { type Check, isRecord } from './check.ts';
import { batchFailed, deadlinePassed, invalidOption } from './errors.ts';
import type { FinalStatus } from './states.ts';

/**
 * What a failed child means for its batch.
 * - `finish`: nothing; the batch is completed when all are final, whatever they ended in, and its result counts them.
 * - `fail-fast`: the first child that fails, times out or is cancelled has the rest cancelled, and the batch fails.
 * - `{ atLeast: n }`: the batch is completed if at least n children are; when that can no longer be, the rest is cancelled.
 */
export type FailurePolicy = 'finish' | 'fail-fast' | { readonly atLeast: number };

/** How many children there are, and how many ended in what. A batch's result. */
export interface BatchCounts {
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly timeout: number;
  readonly cancelled: number;
}

export const noBatchCounts = (): { -readonly [name in keyof BatchCounts]: number } => ({
  total: 0,
  completed: 0,
  failed: 0,
  timeout: 0,
  cancelled: 0,
});

/** What a page or a command shows of a batch. */
export interface BatchInfo extends BatchCounts {
  readonly policy: FailurePolicy;
  /** More jobs are to come: it does not end before it is sealed. */
  readonly open: boolean;
  /** Jobs that it hands in when it ends, and the ids they have or will have. */
  readonly callbacks: readonly { readonly on: CallbackKind; readonly type: string; readonly id: string }[];
}

/** `success`: it completed; `failure`: it ended otherwise; `end`: it ended. */
export type CallbackKind = 'success' | 'failure' | 'end';

/** What a callback's handler gets as its payload; `payload` is what was given with the callback. */
export interface BatchEnd<Payload = unknown> {
  readonly batch: BatchCounts & { readonly id: string; readonly type: string; readonly status: FinalStatus };
  readonly payload: Payload;
}

export const failurePolicyCheck: Check<FailurePolicy> = (value, field) => {
  if (value === 'finish' || value === 'fail-fast') return value;
  const n = isRecord(value) && Object.keys(value).length === 1 ? value['atLeast'] : undefined;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1)
    throw invalidOption(field, value, "'finish', 'fail-fast' or { atLeast: n } with a whole number from 1");
  return { atLeast: n };
};

/** All that a verdict depends on. */
export interface BatchState {
  readonly id: string;
  readonly policy: FailurePolicy;
  readonly open: boolean;
  readonly counts: BatchCounts;
  /** Why it is to be cancelled, if somebody asked. */
  readonly cancelReason: string | null;
  /** When its time in total ran out, if it did while there was something left to do. */
  readonly timedOutAt: number | null;
}

export type Verdict =
  | { readonly kind: 'goes-on' }
  /** Nothing can change its end any more: what is unfinished is cancelled. */
  | { readonly kind: 'cancel-rest'; readonly reason: string }
  | { readonly kind: 'ends'; readonly status: FinalStatus; readonly error: string | null };

/** What becomes of a batch now. A requested cancel outweighs a time-out, and both outweigh the policy. */
export const verdictOf = (state: BatchState): Verdict => {
  const { id, counts, open } = state;
  const doom = doomOf(state);
  if (unfinishedOf(counts) > 0)
    return doom === null ? { kind: 'goes-on' } : { kind: 'cancel-rest', reason: `batch ${id}: ${doom}` };
  return open && doom === null ? { kind: 'goes-on' } : endOf(state);
};

/** Why the rest of a batch is of no use any more, or null. */
const doomOf = ({ policy, open, counts, cancelReason, timedOutAt }: BatchState): string | null => {
  if (cancelReason !== null) return cancelReason;
  if (timedOutAt !== null) return 'its time in total is over';
  if (policy === 'fail-fast') return badOf(counts) > 0 ? 'one of its jobs did not complete' : null;
  if (policy === 'finish' || open || stillReachable(counts) >= policy.atLeast) return null;
  return `no more than ${stillReachable(counts)} of its jobs can complete, and ${policy.atLeast} must`;
};

const endOf = ({ id, policy, counts, cancelReason, timedOutAt }: BatchState): Verdict => {
  const ends = (status: FinalStatus, error: string | null) => ({ kind: 'ends', status, error }) as const;
  if (cancelReason !== null) return ends('cancelled', cancelReason);
  if (timedOutAt !== null) return ends('timeout', deadlinePassed(timedOutAt).message);
  if (counts.total > 0 && counts.cancelled === counts.total) return ends('cancelled', 'every job of it was cancelled');
  if (policy === 'finish') return ends('completed', null);
  const enough = policy === 'fail-fast' ? badOf(counts) === 0 : counts.completed >= policy.atLeast;
  return enough
    ? ends('completed', null)
    : ends('failed', batchFailed(id, policyText(policy), countsText(counts)).message);
};

export const unfinishedOf = (counts: BatchCounts): number => counts.total - counts.completed - badOf(counts);

const badOf = ({ failed, timeout, cancelled }: BatchCounts): number => failed + timeout + cancelled;

const stillReachable = (counts: BatchCounts): number => counts.total - badOf(counts);

/** The share of final children in whole percent; 100 belongs to a batch that has completed. */
export const progressOf = (counts: BatchCounts): number =>
  counts.total === 0 ? 0 : Math.min(99, Math.floor((100 * (counts.total - unfinishedOf(counts))) / counts.total));

export const noteOf = (counts: BatchCounts): string => {
  const bad = BAD.filter((status) => counts[status] > 0).map((status) => `, ${counts[status]} ${WORDS[status]}`);
  return `${counts.total - unfinishedOf(counts)} of ${counts.total}${bad.join('')}`;
};

const BAD = ['failed', 'timeout', 'cancelled'] as const;
const WORDS = { failed: 'failed', timeout: 'timed out', cancelled: 'cancelled' } as const;

const countsText = (counts: BatchCounts): string =>
  `${counts.completed} of ${counts.total} completed${BAD.map((status) => `, ${counts[status]} ${WORDS[status]}`).join('')}`;

/** A policy in plain words. */
export const policyText = (policy: FailurePolicy): string =>
  typeof policy === 'string' ? policy : `at least ${policy.atLeast}`;

/**
 * How many children may still move before the whole percent can change: until then nobody needs to count them. An end moves the
 * share more than a removal does, and a new child lowers it. Where the rest is being cancelled, the next move may be one more to cancel.
 */
export const movesToSpare = (counts: BatchCounts, progress: number, verdict: Verdict): number => {
  if (verdict.kind === 'cancel-rest') return 1;
  const next = Math.max(progress, progressOf(counts)) + 1;
  return Math.max(1, Math.ceil((next * counts.total) / 100) - (counts.total - unfinishedOf(counts)));
};

/** How many children may still be lost (end without completing, or be removed) before the policy can say something else. */
export const lossesToSpare = (policy: FailurePolicy, counts: BatchCounts): number => {
  if (policy === 'finish') return Number.MAX_SAFE_INTEGER;
  return policy === 'fail-fast' ? 0 : Math.max(0, stillReachable(counts) - policy.atLeast);
};

/** Which callbacks an end calls, in this order. */
export const callbacksOf = (status: FinalStatus): readonly CallbackKind[] => [
  status === 'completed' ? 'success' : 'failure',
  'end',
];
