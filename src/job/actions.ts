/** What can be done to a job as it is now. Pure; doors show only these, and the store's guards have the last word. */
import type { Job } from './job.ts';
import { isFinal, REVIVABLE, type Status } from './states.ts';

export const ACTIONS = [
  ...(['cancel', 'retry', 'replay', 'reprioritise', 'reschedule'] as const),
  ...(['runNow', 'pause', 'resume', 'seal', 'remove'] as const),
] as const;

export type Action = (typeof ACTIONS)[number];

type Asked = Pick<Job, 'status' | 'held' | 'cancelRequestedAt'> & { readonly batch: { readonly open: boolean } | null };

/** Whether each is possible. A batch runs without a worker: what is done to its jobs cannot be done to it. */
const POSSIBLE: Readonly<Record<Action, (job: Asked) => boolean>> = {
  cancel: ({ status, cancelRequestedAt }) => !isFinal(status) && cancelRequestedAt === null,
  retry: ({ status }) => (REVIVABLE as readonly Status[]).includes(status),
  replay: ({ batch }) => batch === null,
  reprioritise: (job) => waits(job),
  reschedule: (job) => waits(job),
  runNow: (job) => waits(job),
  pause: (job) => waits(job) && !job.held,
  resume: (job) => waits(job) && job.held,
  seal: ({ batch, status }) => batch?.open === true && status === 'running',
  remove: ({ status }) => status !== 'running',
};

const waits = ({ batch, status }: Asked): boolean => batch === null && (status === 'created' || status === 'queued');

export const possibleActions = (job: Asked): Action[] => ACTIONS.filter((action) => POSSIBLE[action](job));
