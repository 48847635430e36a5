import { describe, expect, test } from 'vitest';
import { type Change, cancel, changeFor, complete, type RetryPolicy } from './change.ts';
import type { ClaimedJob } from './job.ts';
import type { Outcome } from './outcome.ts';

const NOW = 1_800_000_000_000;
const FAILURE = { name: 'Error', message: 'no' };

const claimed = (attempts: number, maxAttempts = 3): ClaimedJob => ({
  seq: 7,
  id: 'job-7',
  type: 'mail',
  queue: 'default',
  priority: 5,
  payload: '{}',
  attempts,
  maxAttempts,
  life: 1,
  claim: 4,
  crashes: 0,
  maxCrashes: 5,
  parentId: null,
  tenant: null,
  key: null,
  deadlineAt: null,
  limitKey: null,
  scheduleId: null,
  slotAt: null,
  timeoutMs: 1000,
  startedAt: NOW - 500,
  runAt: NOW - 600,
});

type Decided = Exclude<Outcome, { kind: 'lost' | 'completed-in-transaction' }>;
type Row = [outcome: Decided, attempts: number, retryTimeouts: boolean, expected: Partial<Change>];

const policy = (retryTimeouts: boolean): RetryPolicy => ({ wait: (attempt) => attempt * 100, retryTimeouts });

const failed: Decided = { kind: 'failed', failure: FAILURE };
const timeout: Decided = { kind: 'timeout', failure: FAILURE };
const waits = (ms: number, outcome: Change['outcome'], attempts: number): Partial<Change> => ({
  to: 'queued',
  outcome,
  runAt: NOW + ms,
  attempts,
});
const ends = (to: Exclude<Change['to'], 'queued'>, attempts: number): Partial<Change> => ({
  to,
  outcome: to,
  runAt: NOW - 600,
  attempts,
});

describe('what becomes of a job', () => {
  test.each<Row>([
    [{ kind: 'completed', result: '{"ok":1}' }, 1, true, { ...ends('completed', 1), result: '{"ok":1}' }],
    [{ kind: 'completed', result: null }, 3, true, { ...ends('completed', 3), result: null }],
    [failed, 1, true, { ...waits(100, 'failed', 1), failure: FAILURE }],
    [failed, 2, true, { ...waits(200, 'failed', 2), failure: FAILURE }],
    [failed, 3, true, { ...ends('failed', 3), failure: FAILURE }],
    [failed, 4, true, { ...ends('failed', 4), failure: FAILURE }],
    [failed, 1, false, { ...waits(100, 'failed', 1), failure: FAILURE }],
    [{ ...failed, retry: 'never' }, 1, true, { ...ends('failed', 1), failure: FAILURE }],
    [{ ...failed, retry: 12_345 }, 1, true, { ...waits(12_345, 'failed', 1), failure: FAILURE }],
    [{ ...failed, retry: 0 }, 1, true, { ...waits(0, 'failed', 1), failure: FAILURE }],
    [{ ...failed, retry: 12_345 }, 3, true, { ...ends('failed', 3), failure: FAILURE }],
    [timeout, 1, true, { ...waits(100, 'timeout', 1), failure: FAILURE }],
    [timeout, 3, true, { ...ends('timeout', 3), failure: FAILURE }],
    [timeout, 1, false, { ...ends('timeout', 1), failure: FAILURE }],
    [{ kind: 'cancelled', reason: 'not needed' }, 1, true, ends('cancelled', 1)],
    [{ kind: 'cancelled', reason: 'not needed' }, 3, true, ends('cancelled', 3)],
    [{ kind: 'snoozed', delayMs: 60_000 }, 1, true, { ...waits(60_000, 'snoozed', 0), failure: null }],
    [{ kind: 'snoozed', delayMs: 60_000 }, 3, true, { ...waits(60_000, 'snoozed', 2), failure: null }],
    [{ kind: 'released' }, 3, true, { ...waits(-600, 'released', 2), failure: null }],
  ])('%j in attempt %i of 3, time-outs retried: %j', (outcome, attempts, retryTimeouts, expected) => {
    const job = claimed(attempts);
    const change = changeFor(job, outcome, policy(retryTimeouts), NOW);
    expect(change).toMatchObject({ job, at: NOW, ...expected });
    if (outcome.kind !== 'completed') expect(change.result).toBeNull();
  });

  const crashed: Decided = { kind: 'crashed', failure: FAILURE };

  test.each<[crashes: number, expected: Partial<Change>]>([
    [0, { ...waits(100, 'crashed', 0), crashes: 1, failure: FAILURE }],
    [3, { ...waits(400, 'crashed', 0), crashes: 4, failure: FAILURE }],
    [4, { ...ends('failed', 1), outcome: 'crashed', crashes: 5 }],
  ])(
    'a crash after %i of at most 5 gives the attempt back, and the last one sets the job aside',
    (crashes, expected) => {
      const change = changeFor({ ...claimed(1), crashes }, crashed, policy(true), NOW);
      expect(change).toMatchObject(expected);
      if (change.to === 'failed') expect(change.failure).toMatchObject({ code: 'CRASHED_TOO_OFTEN', cause: FAILURE });
    },
  );

  test.each<[Decided, number]>([
    [failed, 100],
    [timeout, 100],
    [crashed, 100],
    [{ ...failed, retry: 5000 }, 5000],
  ])('%j does not wait for an attempt that could only begin when the time in total is over', (outcome, waitMs) => {
    const before = { ...claimed(1), deadlineAt: NOW + waitMs };
    const change = changeFor(before, outcome, policy(true), NOW);
    expect(change).toMatchObject({
      to: 'timeout',
      outcome: outcome.kind,
      failure: { code: 'DEADLINE_PASSED', cause: FAILURE },
    });
    expect(changeFor({ ...before, deadlineAt: NOW + waitMs + 1 }, outcome, policy(true), NOW).to).toBe('queued');
  });

  test('a time-out because the time in total is over is the last', () => {
    expect(changeFor(claimed(1), { ...timeout, last: true }, policy(true), NOW)).toMatchObject(ends('timeout', 1));
  });

  test('a reason to cancel is kept as its failure', () => {
    expect(cancel(claimed(1), 'not needed', NOW).failure).toEqual({ name: 'Cancelled', message: 'not needed' });
  });

  test('completing keeps no failure of an earlier attempt', () => {
    expect(complete(claimed(2), '1', NOW).failure).toBeNull();
  });

  test('one attempt is all there is where maxAttempts is 1', () => {
    expect(changeFor(claimed(1, 1), failed, policy(true), NOW).to).toBe('failed');
    expect(changeFor(claimed(1, 1), timeout, policy(true), NOW).to).toBe('timeout');
  });

  test('the backoff is asked with the attempt, the failure and numbers that are stable for the job', () => {
    const asked: unknown[] = [];
    const wait: RetryPolicy['wait'] = (attempt, failure, random) => {
      asked.push([attempt, failure, random(1)]);
      return 1;
    };
    changeFor(claimed(2), failed, { wait, retryTimeouts: true }, NOW);
    changeFor(claimed(2), failed, { wait, retryTimeouts: true }, NOW);
    expect(asked[0]).toEqual([2, FAILURE, expect.any(Number)]);
    expect(asked[1]).toEqual(asked[0]);
  });
});
