/** What people and chores do, in the model. */
import { isOver, type Model, type ModelJob, waits } from './model.ts';

export const withDescendants = (model: Model, ids: readonly string[]): string[] => {
  const found = new Set(ids);
  for (const id of found) for (const child of model.childrenOf(id)) found.add(child.id);
  return [...found];
};

const named = (model: Model, ids: readonly string[]): ModelJob[] => model.all(({ id }) => ids.includes(id));

export const cancel = (model: Model, ids: readonly string[], now: number): { cancelled: number; requested: number } => {
  let [cancelled, requested] = [0, 0];
  for (const job of named(model, ids)) {
    if (waits(job)) {
      model.end(job, 'cancelled', now);
      cancelled++;
    } else if (job.status === 'running') {
      job.cancelRequestedAt ??= now;
      requested++;
    }
  }
  return { cancelled, requested };
};

export const revive = (model: Model, ids: readonly string[], now: number): number => {
  let revived = 0;
  for (const job of named(model, ids)) {
    if (!isOver(job) || job.status === 'completed') continue;
    if (job.key !== null && model.all((other) => other.key === job.key && !isOver(other)).length > 0) continue;
    model.requeue(job, now, 0, now);
    Object.assign(job, { life: job.life + 1, crashes: 0, progress: 0, held: false });
    Object.assign(job, { startedAt: null, expiresAt: null, cancelRequestedAt: null });
    revived++;
  }
  return revived;
};

export const adjust = (
  model: Model,
  id: string,
  change: { priority?: number; runAt?: number; held?: boolean },
  now: number,
): string => {
  const job = model.jobs.get(id);
  if (!job) return 'missing';
  if (!waits(job)) return 'refused';
  Object.assign(job, change);
  job.status = job.held ? 'created' : 'queued';
  if (!job.held) job.queuedAt ??= now;
  return 'done';
};

/** The youngest first: a parent may go if no child of it stays. */
export const remove = (model: Model, ids: readonly string[]): number => {
  let removed = 0;
  for (const job of named(model, ids).reverse())
    if (job.status !== 'running' && model.childrenOf(job.id).length === 0) {
      model.jobs.delete(job.id);
      removed++;
    }
  return removed;
};

export const expire = (model: Model, now: number): number => {
  const jobs = model.expired(now);
  for (const job of jobs) model.end(job, 'cancelled', now);
  return jobs.length;
};

/** By age until nothing is old any more, then what is over the number to keep, the oldest first. */
export const prune = (model: Model, retention: { doneBefore: number; failedBefore: number; keep: number }): number => {
  let pruned = 0;
  for (;;) {
    const free = model.all((job) => isOver(job) && model.childrenOf(job.id).length === 0);
    const isOld = (job: ModelJob) =>
      job.completedAt! <
      (['completed', 'cancelled'].includes(job.status) ? retention.doneBefore : retention.failedBefore);
    const old = free.filter(isOld);
    const over = model.all(isOver).length - retention.keep;
    const going = old.length > 0 ? old : free.slice(0, Math.max(0, over));
    if (going.length === 0) return pruned;
    for (const { id } of going) model.jobs.delete(id);
    pruned += going.length;
  }
};
