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
      model.ask(job, now);
      requested++;
    }
  }
  return { cancelled, requested };
};

export const revive = (model: Model, ids: readonly string[], now: number): number =>
  named(model, ids).reduce((revived, job) => revived + reviveOne(model, job, now), 0);

/** A batch lives again with those of its jobs that did not complete. */
const reviveOne = (model: Model, job: ModelJob, now: number): number => {
  if (!isOver(job) || job.status === 'completed') return 0;
  if (job.key !== null && model.all((other) => other.key === job.key && !isOver(other)).length > 0) return 0;
  if (!job.batch) model.requeue(job, now, 0, now);
  Object.assign(job, { life: job.life + 1, crashes: 0, progress: 0, held: false });
  Object.assign(job, { startedAt: null, expiresAt: null, cancelRequestedAt: null });
  if (!job.batch) return 1;
  const { totalMs } = job.batch;
  Object.assign(job, { status: 'running', startedAt: now, completedAt: null });
  job.deadlineAt = totalMs === null ? null : now + totalMs;
  Object.assign(job.batch, { open: false, timedOut: false, result: null });
  model.touched.add(job.id);
  if (job.parentId !== null) model.touched.add(job.parentId);
  return model.childrenOf(job.id).reduce((revived, child) => revived + reviveOne(model, child, now), 1);
};

export const adjust = (
  model: Model,
  id: string,
  change: { priority?: number; runAt?: number; held?: boolean },
  now: number,
): string => {
  const job = model.jobs.get(id);
  if (!job) return 'missing';
  if (job.batch) return 'batch';
  if (!waits(job)) return 'refused';
  Object.assign(job, change);
  job.status = job.held ? 'created' : 'queued';
  if (!job.held) job.queuedAt ??= now;
  return 'done';
};

export const seal = (model: Model, id: string): string => {
  const job = model.jobs.get(id);
  if (!job?.batch) return job ? 'no-batch' : 'missing';
  if (isOver(job)) return 'refused';
  job.batch.open = false;
  model.touched.add(id);
  return 'done';
};

/** The youngest first: a parent may go if no child of it stays. What a batch counts stays as long as that runs. */
export const remove = (model: Model, ids: readonly string[]): number => {
  let removed = 0;
  for (const job of named(model, ids).reverse())
    if (job.status !== 'running' && model.childrenOf(job.id).length === 0 && !model.isCounted(job)) {
      model.delete(job);
      removed++;
    }
  return removed;
};

export const expire = (model: Model, now: number): number => {
  const jobs = model.expired(now);
  for (const job of jobs) model.end(job, 'cancelled', now);
  for (const { id, deadlineAt } of model.all(({ status }) => status === 'running'))
    if (deadlineAt !== null && deadlineAt <= now) model.touched.add(id);
  return jobs.length;
};

/** By age until nothing is old any more, then what is over the number to keep, the oldest first. */
export const prune = (model: Model, retention: { doneBefore: number; failedBefore: number; keep: number }): number => {
  let pruned = 0;
  for (;;) {
    const free = model.all((job) => isOver(job) && model.childrenOf(job.id).length === 0 && !model.isCounted(job));
    const isOld = (job: ModelJob) =>
      job.completedAt! <
      (['completed', 'cancelled'].includes(job.status) ? retention.doneBefore : retention.failedBefore);
    const old = free.filter(isOld);
    const over = model.all(isOver).length - retention.keep;
    const going = old.length > 0 ? old : free.slice(0, Math.max(0, over));
    if (going.length === 0) return pruned;
    for (const job of going) model.delete(job);
    pruned += going.length;
  }
};
