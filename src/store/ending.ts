/** What watchers hear of an attempt that ended. */
import type { Change } from '../job/change.ts';
import type { StoreChange } from './store.ts';

/** @param message of the failure; null if there is none. */
export const endingOf = ({ job, to, at, attempts, runAt, result }: Change, message: string | null): StoreChange => ({
  kind: 'status',
  seq: job.seq,
  id: job.id,
  type: job.type,
  queue: job.queue,
  at,
  from: 'running',
  to,
  attempts,
  runAt,
  ...(to === 'completed' ? { result } : {}),
  ...(message === null ? {} : { error: message }),
});
