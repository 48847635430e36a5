/** The states of a job and the table of allowed moves. docs/states.md draws it, and a test compares the two. */

export const STATUSES = ['created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'timeout'] as const;

/**
 * `created` waits for something that is not time (a hold); `queued` may run from its run time on; the last four are final.
 */
export type Status = (typeof STATUSES)[number];

/** From → to. Only a batch moves from `created` to `running`: it waits for no worker. A final state has no moves: only a person's retry begins a new life (see `REVIVABLE`). */
export const MOVES = {
  created: ['queued', 'running', 'cancelled'],
  queued: ['created', 'running', 'cancelled'],
  running: ['queued', 'completed', 'failed', 'cancelled', 'timeout'],
  completed: [],
  failed: [],
  cancelled: [],
  timeout: [],
} as const satisfies Record<Status, readonly Status[]>;

/** Final states from which a person's retry may start a new life. */
export const REVIVABLE = ['failed', 'cancelled', 'timeout'] as const satisfies readonly Status[];

export const ACTIVE = ['created', 'queued', 'running'] as const satisfies readonly Status[];

/** What a person may remove: everything but what runs. */
export const REMOVABLE = [
  'created',
  'queued',
  'completed',
  'failed',
  'cancelled',
  'timeout',
] as const satisfies readonly Status[];

export const FINAL = ['completed', 'failed', 'cancelled', 'timeout'] as const satisfies readonly Status[];

export type FinalStatus = (typeof FINAL)[number];

export const isFinal = (status: Status): status is FinalStatus => MOVES[status].length === 0;

export const mayMove = (from: Status, to: Status): boolean => (MOVES[from] as readonly Status[]).includes(to);

/** The word a person sees: `queued` is split into `scheduled` (queued for later) and `retrying` (after a failure). */
export const shownStatus = (job: { status: Status; runAt: number; attempts: number }, now: number): string => {
  if (job.status !== 'queued' || job.runAt <= now) return job.status;
  return job.attempts > 0 ? 'retrying' : 'scheduled';
};
