/** What a caller hears of the jobs that were handed in. */
import type { BacklineError } from '../job/backline-error.ts';
import type { BatchCounts } from '../job/batch.ts';
import type { InputOf, Jobs } from '../job/define.ts';
import type { EnqueueOptions, NewJob } from '../job/enqueue-options.ts';
import { batchEnded, duplicateJobId, duplicateKey, parentNotFound } from '../job/errors.ts';
import type { InsertOutcome } from '../store/store.ts';

/** A job that was handed in. `outcome`: `existing` and `replaced` mean that its key was taken. */
export interface Enqueued<Result = unknown> {
  readonly id: string;
  readonly seq: number;
  readonly outcome: 'inserted' | 'existing' | 'replaced';
  /** Only for the type system: what the handler returns. */
  readonly result?: Result;
}

export type EnqueuedItem =
  | Enqueued
  | { readonly id: string; readonly outcome: 'rejected'; readonly error: BacklineError };

/** A batch that was handed in, and what became of each of its jobs. */
export interface EnqueuedBatch {
  readonly id: string;
  readonly seq: number;
  readonly jobs: readonly EnqueuedItem[];
  /** Only for the type system: what `result()` yields of it. */
  readonly result?: BatchCounts;
}

/** One job of a list. */
export interface EnqueueItem<J extends Jobs, Name extends keyof J & string = keyof J & string> {
  readonly type: Name;
  readonly payload?: InputOf<J[Name]>;
  readonly options?: Omit<EnqueueOptions, 'tx'>;
}

export const toEnqueuedBatch = (
  [first, ...rest]: readonly InsertOutcome[],
  [batch, ...jobs]: readonly NewJob[],
): EnqueuedBatch => {
  const { id, seq } = toEnqueued(first!, batch!);
  return { id, seq, jobs: rest.map((outcome, i) => toItem(outcome, jobs[i]!)) };
};

export const toItem = (outcome: InsertOutcome, job: NewJob): EnqueuedItem => {
  try {
    return toEnqueued(outcome, job);
  } catch (error) {
    return { id: outcome.id, outcome: 'rejected', error: error as BacklineError };
  }
};

export const toEnqueued = (outcome: InsertOutcome, job: { key: string | null; parentId: string | null }): Enqueued => {
  switch (outcome.kind) {
    case 'inserted':
    case 'existing':
    case 'replaced':
      return { id: outcome.id, seq: outcome.seq, outcome: outcome.kind };
    case 'duplicate-id':
      throw duplicateJobId(outcome.id);
    case 'key-taken':
      throw duplicateKey(job.key ?? '', outcome.existing, `is ${outcome.status}`);
    case 'no-parent':
      throw parentNotFound(job.parentId ?? '');
    // Only a schedule makes jobs with a slot, and it reads the outcome itself.
    case 'slot-taken':
      throw duplicateJobId(outcome.id);
    case 'parent-ended':
      throw batchEnded(job.parentId ?? '', outcome.status);
  }
};
