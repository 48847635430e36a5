/** What commands need of a client: one that has the database open, or one that speaks to a service elsewhere. */
import type { Client } from '../../engine/client.ts';
import type { EventMap, EventName } from '../../engine/events.ts';

type Verbs =
  | ('enqueue' | 'enqueueMany' | 'get' | 'list' | 'count' | 'explain' | 'attempts' | 'logs' | 'result')
  | ('cancel' | 'cancelAll' | 'retry' | 'retryAll' | 'remove' | 'removeAll')
  | ('reprioritise' | 'reschedule' | 'runNow' | 'pauseJob' | 'resumeJob')
  | ('queues' | 'pauseQueue' | 'resumeQueue' | 'limitQueue' | 'stats' | 'metrics' | 'now');

/** A worker, without what only processes on its own machine make use of. */
type Worker = Omit<Awaited<ReturnType<Client['workers']>>[number], 'beat' | 'pidStart'>;

export interface Desk extends Pick<Client, Verbs> {
  workers(): Promise<readonly Worker[]>;
  readonly bulk: Pick<Client['bulk'], 'preview'>;
  /** Hears what happens to jobs; only where the database is open. */
  on?<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): unknown;
}
