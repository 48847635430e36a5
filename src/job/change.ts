import type { Wait } from './backoff.ts';
import { stableRandom } from './backoff.ts';
import { crashedTooOften, deadlinePassed } from './errors.ts';
import type { AttemptOutcome, ClaimedJob, Failure } from './job.ts';
import { type Outcome, toFailure } from './outcome.ts';
import type { FinalStatus } from './states.ts';

/**
 * A guarded change: applied only while the job is still running under this claim, and, unless it cancels, while nobody has asked
 * for a cancel.
 */
export interface Change {
  readonly job: ClaimedJob;
  readonly to: 'queued' | FinalStatus;
  readonly outcome: Exclude<AttemptOutcome, 'running'>;
  readonly at: number;
  /** When it runs again; only for `queued`. */
  readonly runAt: number;
  /** The attempts used up afterwards. */
  readonly attempts: number;
  /** The crashes counted afterwards. */
  readonly crashes: number;
  readonly result: string | null;
  readonly failure: Failure | null;
}

/** What decides between another attempt and the end. */
export interface RetryPolicy {
  readonly wait: Wait;
  readonly retryTimeouts: boolean;
}

/** What becomes of a job whose attempt ended so. `lost` and `completed-in-transaction` are not written, so they are not asked. */
export const changeFor = (
  job: ClaimedJob,
  outcome: Exclude<Outcome, { kind: 'lost' | 'completed-in-transaction' }>,
  policy: RetryPolicy,
  now: number,
): Change => {
  switch (outcome.kind) {
    case 'completed':
      return complete(job, outcome.result, now);
    case 'failed':
      return fail(job, outcome.failure, outcome.retry, policy, now);
    case 'timeout':
      return timeOut(job, outcome.failure, outcome.last ? { ...policy, retryTimeouts: false } : policy, now);
    case 'crashed':
      return crash(job, outcome.failure, policy, now);
    case 'cancelled':
      return cancel(job, outcome.reason, now);
    case 'snoozed':
      return putBack(job, 'snoozed', now + outcome.delayMs, now);
    case 'released':
      // It keeps its place in the queue, unless it would come straight back.
      return {
        ...putBack(job, 'released', outcome.delayMs === undefined ? job.runAt : now + outcome.delayMs, now),
        failure: outcome.failure ?? null,
      };
  }
};

export const complete = (job: ClaimedJob, result: string | null, now: number): Change => ({
  ...end(job, 'completed', now),
  result,
});

export const cancel = (job: ClaimedJob, reason: string, now: number): Change => ({
  ...end(job, 'cancelled', now),
  failure: { name: 'Cancelled', message: reason },
});

const fail = (
  job: ClaimedJob,
  failure: Failure,
  retry: 'never' | number | undefined,
  policy: RetryPolicy,
  now: number,
): Change => {
  if (retry === 'never' || job.attempts >= job.maxAttempts) return { ...end(job, 'failed', now), failure };
  return again(job, 'failed', failure, now + (retry ?? policy.wait(job.attempts, failure, stableRandom(job.id))), now);
};

/** A timed-out attempt is a failed attempt; when none is left, the job ends in `timeout`. */
const timeOut = (job: ClaimedJob, failure: Failure, policy: RetryPolicy, now: number): Change => {
  if (!policy.retryTimeouts || job.attempts >= job.maxAttempts) return { ...end(job, 'timeout', now), failure };
  return again(job, 'timeout', failure, now + policy.wait(job.attempts, failure, stableRandom(job.id)), now);
};

/** The attempt is given back; but what kills one worker after the other is set aside. */
const crash = (job: ClaimedJob, failure: Failure, policy: RetryPolicy, now: number): Change => {
  const crashes = job.crashes + 1;
  if (crashes < job.maxCrashes) {
    const runAt = now + policy.wait(crashes, failure, stableRandom(job.id));
    return { ...again(job, 'crashed', failure, runAt, now), attempts: job.attempts - 1, crashes };
  }
  const aside = toFailure(crashedTooOften(crashes, failure.message));
  return { ...end(job, 'failed', now), outcome: 'crashed', failure: { ...aside, cause: failure }, crashes };
};

const end = (job: ClaimedJob, to: FinalStatus, now: number): Change => ({
  job,
  to,
  outcome: to,
  at: now,
  runAt: job.runAt,
  attempts: job.attempts,
  crashes: job.crashes,
  result: null,
  failure: null,
});

/**
 * Another attempt, unless it could only begin when the time in total is over: then the job ends here, and does not wait for
 * nothing.
 */
const again = (
  job: ClaimedJob,
  outcome: 'failed' | 'timeout' | 'crashed',
  failure: Failure,
  runAt: number,
  now: number,
): Change => {
  if (job.deadlineAt !== null && runAt >= job.deadlineAt)
    return {
      ...end(job, 'timeout', now),
      outcome,
      failure: { ...toFailure(deadlinePassed(job.deadlineAt)), cause: failure },
    };
  return { ...end(job, 'failed', now), to: 'queued', outcome, runAt, failure };
};

/** Back to the queue with the attempt given back. */
const putBack = (job: ClaimedJob, outcome: 'snoozed' | 'released', runAt: number, now: number): Change => ({
  ...end(job, 'failed', now),
  to: 'queued',
  outcome,
  runAt,
  attempts: job.attempts - 1,
});
