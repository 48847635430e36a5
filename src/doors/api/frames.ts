/** What goes over the live wires: small pieces of news, never a payload or a result. */
import type { EventMap, JobEvent } from '../../engine/events.ts';
import type { Status } from '../../job/states.ts';

/** What every frame carries. */
interface Head {
  /** The process that counted it, and its number there. */
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

/** How a job is now, as far as its changes said: several changes in a short time are one frame. */
export interface JobFrame extends Head {
  readonly kind: 'job';
  readonly jobId: string;
  readonly seq: number;
  readonly type: string;
  readonly queue: string;
  /** Missing only of a job that was removed. */
  readonly status?: Status;
  readonly attempts?: number;
  readonly runAt?: string;
  readonly error?: string | null;
  /** 0 to 100. */
  readonly progress?: number;
  readonly note?: string | null;
  /** It runs, and was asked to stop. */
  readonly cancelRequested?: true;
  readonly removed?: true;
}

/** The switches of a queue. */
export interface QueueFrame extends Head {
  readonly kind: 'queue';
  readonly queue: string;
  readonly paused: boolean;
  readonly pausedReason: string | null;
  readonly pausedUntil: string | null;
  readonly maxRunning: number | null;
}

export interface WorkerFrame extends Head {
  readonly kind: 'worker';
  readonly worker: string;
  readonly change: 'started' | 'stopped' | 'lost';
}

export interface ServiceFrame extends Head {
  readonly kind: 'service';
  readonly change: 'store-unavailable' | 'store-recovered';
}

/** Something was missed, and cannot be told any more: what is on show must be fetched anew. */
export interface GapFrame extends Head {
  readonly kind: 'gap';
  readonly reason: 'too-old' | 'too-slow' | 'other-process';
  readonly action: 'refetch';
}

export type Frame = JobFrame | QueueFrame | WorkerFrame | ServiceFrame | GapFrame;

type Bare<F> = F extends Frame ? Omit<F, 'id'> : never;
/** A frame that has no number yet. */
export type News = Bare<Exclude<Frame, GapFrame>>;
export type JobNews = Bare<JobFrame>;

export const KINDS = ['job', 'queue', 'worker', 'service'] as const satisfies readonly News['kind'][];

/** Whatever a job says about itself, a frame stays small. */
const MAX_TEXT = 500;

const short = (text: string | null): string | null =>
  text !== null && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).toWellFormed()}…` : text;

const iso = (at: number): string => new Date(at).toISOString();

const about = ({ jobId, seq, type, queue, at }: JobEvent) =>
  ({ kind: 'job', at: iso(at), jobId, seq, type, queue }) as const;

/** One event of a job → what it says. */
export const NEWS = {
  'job-status-changed': (event: EventMap['job-status-changed']): JobNews => ({
    ...{ ...about(event), status: event.status, attempts: event.attempts, runAt: iso(event.runAt) },
    error: short(event.error),
  }),
  // Only a running job has progress, or can be asked to stop.
  'job-progress': (event: EventMap['job-progress']): JobNews => ({
    ...{ ...about(event), status: 'running', progress: event.progress, note: short(event.note) },
  }),
  'job-cancel-requested': (event: EventMap['job-cancel-requested']): JobNews => ({
    ...{ ...about(event), status: 'running', cancelRequested: true, error: short(event.reason) },
  }),
  'job-removed': (event: EventMap['job-removed']): JobNews => ({ ...about(event), removed: true }),
} as const;

/** What the news is about: newer news of the same thing takes the place of the older. A job is its number, which no other job ever has; its id may be used again once it was removed. */
export const keyOf = (news: News): string =>
  news.kind === 'job'
    ? `job ${news.seq}`
    : news.kind === 'queue'
      ? `queue ${news.queue}`
      : news.kind === 'worker'
        ? `worker ${news.worker}`
        : 'service';

/** Newer news over older: what it does not speak of stays, unless a new state has begun or the job is gone. */
export const merged = (older: News | undefined, newer: News): News => {
  if (older?.kind !== 'job' || newer.kind !== 'job' || newer.removed || older.removed) return newer;
  if (newer.status === 'created' || (newer.status === 'queued' && older.status !== 'queued')) return newer;
  const { cancelRequested, ...rest } = older;
  const asked = newer.status === 'running' && cancelRequested ? { cancelRequested } : {};
  return { ...rest, ...asked, ...newer };
};
