/** Where a job stands, as somebody may know it who sees only a part of the jobs: that others are before it, and not which. */
import type { Reach } from '../job/filter.ts';
import type { Job } from '../job/job.ts';
import type { Places, Standing, WorkerFacts } from '../job/standing.ts';

/** @param seen which of some jobs exist within reach. */
export const standingWithin = async (
  standing: Standing,
  job: Job,
  { queues, tenants }: Reach,
  seen: (ids: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<Standing> => {
  const { queue, key, ahead, workers } = standing;
  const holders = [...queue.places.holders, ...(key?.holders ?? [])].map(({ id }) => id);
  const known = await seen([...new Set(holders)]);
  const places = (all: Places): Places => ({ ...all, holders: all.holders.filter(({ id }) => known.has(id)) });
  // Queues are served for all tenants: who is bound to some knows its own jobs' queue, and no other.
  const knows = (name: string): boolean => (tenants === null ? queues!.includes(name) : name === job.queue);
  const served = (worker: WorkerFacts): WorkerFacts => ({ ...worker, queues: worker.queues?.filter(knows) ?? null });
  const pause = queue.pause && (tenants === null ? queue.pause : { ...queue.pause, by: null, reason: null });
  return {
    ...standing,
    job,
    queue: { ...queue, pause, places: places(queue.places) },
    key: key && places(key),
    workers: workers.map(served),
    // Not how many: that would be a count of the jobs of others.
    ...(tenants === null || ahead === 0 ? {} : { ahead: 1, moreAhead: true }),
  };
};
