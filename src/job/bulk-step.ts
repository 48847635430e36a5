/** What a store is asked about a change of many jobs, and told to do of it. */
import type { NewJob } from './enqueue-options.ts';
import type { ClaimedJob } from './job.ts';

export interface SurveyOptions {
  /** What `same` means: this priority, this time, or due by this time. */
  readonly same: { readonly priority: number | null; readonly runAt: number | null; readonly dueBy: number | null };
  /** What `blocked` means: it would not go because of its family, or not come back because of its key. */
  readonly blockedBy: 'family' | 'key' | 'nothing';
}

export interface BulkStep {
  readonly job: ClaimedJob;
  /** The jobs it is done to; 1,000 at most. */
  readonly ids: readonly string[];
  readonly doing: BulkDoing;
  /** The number of its log line. */
  readonly n: number;
  /** What is written down of it. @param done of how many jobs it could be done. */
  readonly note: (done: number) => { readonly percent: number; readonly message: string; readonly fields: string };
}

export type BulkDoing =
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'retry' | 'remove' }
  | { readonly kind: 'adjust'; readonly change: BulkAdjustment }
  /** New jobs instead of these. */
  | { readonly kind: 'insert'; readonly jobs: readonly NewJob[] };

export type BulkOutcome =
  | { readonly kind: 'done'; readonly done: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  | { readonly kind: 'lost' };

/** As `Adjustment` of the store, for jobs alone. */
export interface BulkAdjustment {
  readonly priority?: number;
  readonly runAt?: number;
  readonly held?: boolean;
}
