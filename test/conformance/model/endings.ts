/** How an attempt ends in a history, as the engine would write it. */
import { type Change, changeFor } from '../../../src/job/change.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';

const POLICY = { wait: () => 500, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };

export const changeOf = (job: ClaimedJob, end: string, now: number): Change => {
  switch (end) {
    case 'failed':
    case 'timeout':
      return changeFor(job, { kind: end, failure: FAILURE }, POLICY, now);
    case 'given-up':
      return changeFor(job, { kind: 'failed', failure: FAILURE, retry: 'never' }, POLICY, now);
    case 'crashed':
      return changeFor(job, { kind: 'crashed', failure: FAILURE }, POLICY, now);
    case 'cancelled':
      return changeFor(job, { kind: 'cancelled', reason: 'no' }, POLICY, now);
    case 'snoozed':
      return changeFor(job, { kind: 'snoozed', delayMs: 300 }, POLICY, now);
    case 'released':
      return changeFor(job, { kind: 'released' }, POLICY, now);
    default:
      return changeFor(job, { kind: 'completed', result: '1' }, POLICY, now);
  }
};
