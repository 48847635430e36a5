/** What is told of jobs that run, of batches, and of what has ended; part of explain.ts. */
import { unfinishedOf } from './batch.ts';
import type { Job } from './job.ts';
import type { Reason } from './reason.ts';
import type { Standing } from './standing.ts';
import { REVIVABLE } from './states.ts';

export const runs = ({ job, owner, workers }: Standing, now: number): Reason[] => {
  const { worker, startedAt, timeoutAt, deadlineAt, progress, cancelRequestedAt } = job;
  const row = workers.find((one) => one.owner === owner);
  const leaseUntil = row?.leaseUntil ?? null;
  const found: Reason[] = [];
  if (cancelRequestedAt !== null)
    found.push({
      code: 'cancel-requested',
      at: cancelRequestedAt,
      says: `It was asked to stop at ${at(cancelRequestedAt)}, and has not ended yet.`,
      next: 'A handler stops when it heeds ctx.signal; threads and children are killed after their grace.',
    });
  if (leaseUntil === null || leaseUntil <= now)
    found.push({
      code: 'worker-silent',
      worker,
      leaseUntil,
      says:
        leaseUntil === null
          ? `Its worker ${worker ?? ''} is gone: another gives it back to the queue.`.replace('  ', ' ')
          : `Its worker ${worker} is silent: its lease ended at ${at(leaseUntil)}.`,
      next: 'A live worker gives it back to the queue within a lease; if none is alive, start one: backline work',
    });
  const limits = [
    timeoutAt === null ? null : `its time-out is ${at(timeoutAt)}`,
    deadlineAt === null ? null : `all of it must end by ${at(deadlineAt)}`,
    leaseUntil === null || leaseUntil <= now
      ? null
      : `the lease of its worker runs to ${at(leaseUntil)} and is renewed`,
  ].filter((one) => one !== null);
  found.push({
    code: 'running',
    worker,
    since: startedAt,
    leaseUntil,
    timeoutAt,
    deadlineAt,
    progress,
    says: `It runs${worker ? ` on ${worker}` : ''}${startedAt === null ? '' : ` since ${at(startedAt)}`}, ${progress} % done${
      limits.length === 0 ? '' : `; ${limits.join('; ')}`
    }.`,
    next: null,
  });
  return found;
};

export const batchRuns = (job: Job): Reason[] => {
  const batch = job.batch!;
  const { total, open } = batch;
  const unfinished = unfinishedOf(batch);
  const counts = `${unfinished.toLocaleString('en-US')} of its ${total.toLocaleString('en-US')} jobs have not ended`;
  const found: Reason[] = [];
  if (job.cancelRequestedAt !== null)
    found.push({
      code: 'cancel-requested',
      at: job.cancelRequestedAt,
      says: `The batch was cancelled at ${at(job.cancelRequestedAt)}, and ends when its jobs have.`,
      next: null,
    });
  if (open)
    found.push({
      code: 'batch-open',
      total,
      unfinished,
      says: `The batch is open for more jobs; ${counts}.`,
      next: 'Seal it when no more are to come: sealBatch().',
    });
  else
    found.push({
      code: 'batch-waiting',
      total,
      unfinished,
      says: `The batch waits for its jobs: ${counts}.`,
      next: `Look at them: backline jobs ls --where 'parent:${job.id} status:created,queued,running'`,
    });
  return found;
};

const ENDS: Readonly<Partial<Record<Job['status'], string>>> = {
  completed: 'It completed',
  failed: 'It failed',
  timeout: 'It ran out of time',
  cancelled: 'It was cancelled',
};

export const ended = (job: Job): Reason => {
  const { status, completedAt, error, result, id } = job;
  const hasResult = result !== null;
  const kept = status !== 'completed' ? '' : hasResult ? ' Its result is kept.' : ' It gave no result.';
  return {
    code: 'ended',
    status,
    at: completedAt,
    error,
    hasResult,
    says: `${ENDS[status]}${completedAt === null ? '' : ` at ${at(completedAt)}`}${error ? `: ${error.replace(/\.$/, '')}` : ''}.${kept}`,
    next: (REVIVABLE as readonly string[]).includes(status) ? `To run it again: backline jobs retry ${id}` : null,
  };
};

const at = (ms: number): string => new Date(ms).toISOString();
