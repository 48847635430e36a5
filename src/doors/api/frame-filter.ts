/** Who hears what: what a reader asked for, and what its caller may see. */
import { STATUSES, type Status } from '../../job/states.ts';
import type { Caller } from './access.ts';
import type { Entry, JobFacts } from './frame-log.ts';
import type { News } from './frames.ts';

/** Every part must hold. What speaks of jobs lets only frames of jobs through; `queue` also those of these queues. */
export interface FeedFilter {
  readonly kind?: readonly News['kind'][] | undefined;
  /** Jobs that are in one of these states, or have just left it. */
  readonly status?: readonly Status[] | undefined;
  readonly type?: readonly string[] | undefined;
  readonly queue?: readonly string[] | undefined;
  /** Ids of jobs. */
  readonly id?: readonly string[] | undefined;
  readonly parent?: string | undefined;
  readonly schedule?: string | undefined;
}

/** What one reader may hear; readers with the same key hear the same. */
export interface Selection {
  readonly key: string;
  /** Whether something must be looked up of jobs that pass `mayFit`. */
  readonly needsFacts: boolean;
  /** What can be said without looking anything up. @param place where the reader is in the log. */
  mayFit(entry: Entry, place: number): boolean;
  /** What can be said with it. */
  fits(entry: Entry, place: number): boolean;
}

export const selectionOf = (filter: FeedFilter, { queues, tenants }: Pick<Caller, 'queues' | 'tenants'>): Selection => {
  const { kind, status, type, queue, id, parent, schedule } = filter;
  const ofJobs = [status, type, id, parent, schedule].some((part) => part !== undefined);
  const states = status?.map((one) => STATUSES.indexOf(one));
  const [kinds, types, ids, wanted] = [setOf<string>(kind), setOf(type), setOf(id), setOf(queue)];
  const seen = setOf(queues ?? undefined);
  const restricted = queues !== null || tenants !== null;
  const inQueue = (name: string): boolean => (wanted?.has(name) ?? true) && (seen?.has(name) ?? true);
  const mayFit = ({ frame, touched }: Entry, place: number): boolean => {
    if (kinds && !kinds.has(frame.kind)) return false;
    if (frame.kind === 'job')
      return (
        inQueue(frame.queue) &&
        (types?.has(frame.type) ?? true) &&
        (ids?.has(frame.jobId) ?? true) &&
        (frame.removed === true || (states?.some((state) => touched[state]! > place) ?? true))
      );
    if (ofJobs) return false;
    if (frame.kind === 'queue') return inQueue(frame.queue) && tenants === null;
    // Schedules, workers and the database are nobody's business who sees only a part.
    return !restricted && queue === undefined;
  };
  const needsFacts = parent !== undefined || schedule !== undefined || tenants !== null;
  const factsFit = (facts: JobFacts | null | undefined): boolean =>
    facts !== null &&
    facts !== undefined &&
    (parent === undefined || facts.parentId === parent) &&
    (schedule === undefined || facts.scheduleId === schedule) &&
    (tenants === null || (facts.tenant !== null && tenants.includes(facts.tenant)));
  return {
    key: JSON.stringify([kind, status, type, queue, id, parent, schedule, queues, tenants].map((part) => part ?? 0)),
    needsFacts,
    mayFit,
    fits: (entry, place) =>
      mayFit(entry, place) && (!needsFacts || entry.frame.kind !== 'job' || factsFit(entry.facts)),
  };
};

const setOf = <T>(items: readonly T[] | undefined): ReadonlySet<T> | undefined => items && new Set(items);
