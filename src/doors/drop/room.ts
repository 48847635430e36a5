import type { EnqueueOptions } from '../../job/enqueue-options.ts';
import type { Attempt, Job } from '../../job/job.ts';
import type { Clock } from '../../util/clock.ts';
import type { Identity } from './files.ts';
import type { JobFields } from './job-file.ts';

/** What the door needs of a JobManager. */
export interface DropClient {
  enqueue(type: string, payload: unknown, options: EnqueueOptions): Promise<unknown>;
  get(id: string): Promise<Job | null>;
  attempts(id: string): Promise<readonly Attempt[]>;
  on(event: 'job-status-changed' | 'job-progress', listener: (change: { readonly jobId: string }) => void): unknown;
  off(event: 'job-status-changed' | 'job-progress', listener: (change: { readonly jobId: string }) => void): unknown;
}

/** Something an operator may want to read. */
export interface DropEvent {
  readonly kind: 'holding' | 'standby' | 'taken' | 'finished' | 'refused' | 'ignored' | 'problem' | 'recovered';
  /** One sentence. */
  readonly message: string;
  /** Name of the job file, where there is one. */
  readonly file?: string;
  readonly jobId?: string;
  readonly error?: unknown;
}

/** Options that a dropped job may be given; the rest is the door's own. */
export type DropJobOptions = Pick<
  EnqueueOptions,
  'queue' | 'priority' | 'maxAttempts' | 'maxCrashes' | 'timeout' | 'tags' | 'limitKey'
>;

/** What every step of the door works with. */
export interface Room {
  readonly folder: string;
  readonly client: DropClient;
  readonly jobType: string;
  readonly jobOptions: DropJobOptions;
  readonly fields: JobFields;
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly say: (event: DropEvent) => void;
}

/** A dropped job that is followed until its status file is final. */
export interface Drop {
  readonly stem: string;
  readonly jobId: string;
  /** Epoch seconds. */
  readonly startTime: number;
  /** The job file it came from, as it was seen last; null if that is gone. */
  file: Identity | null;
  /** A newer file under the same name, which waits for its turn. */
  next: Identity | null;
  /** What its status file says, as far as we wrote it; null if not yet. */
  written: string | null;
}
