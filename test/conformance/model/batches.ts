/** What becomes of batches, in the model: from the rules alone, by looking at every child every time. */
import type { FinalStatus } from '../../../src/job/states.ts';
import { newJob } from '../fixtures.ts';
import { isOver, type Model, type ModelBatch, type ModelJob, waits } from './model.ts';

/** After every command: each batch that was touched, the youngest first, and those that this touches, until none is left. */
export const settle = (model: Model, now: number): void => {
  while (model.touched.size > 0) {
    const youngest = model.all(({ id }) => model.touched.has(id)).at(-1);
    if (!youngest) return model.touched.clear();
    model.touched.delete(youngest.id);
    if (youngest.batch && youngest.status === 'running') settleOne(model, youngest, youngest.batch, now);
  }
};

const settleOne = (model: Model, job: ModelJob, batch: ModelBatch, now: number): void => {
  const children = model.childrenOf(job.id);
  const left = children.filter((child) => !isOver(child));
  if (job.deadlineAt !== null && job.deadlineAt <= now && (left.length > 0 || batch.open)) batch.timedOut = true;
  const doomed = isDoomed(job, batch, children);
  if (left.length === 0 && (doomed || !batch.open)) return end(model, job, batch, children, now);
  const final = children.length - left.length;
  const share = children.length === 0 ? 0 : Math.floor((100 * final) / children.length);
  job.progress = Math.max(job.progress, Math.min(99, share));
  if (doomed) for (const child of left) waits(child) ? model.end(child, 'cancelled', now) : model.ask(child, now);
};

const lost = (children: readonly ModelJob[]) =>
  children.filter((child) => isOver(child) && child.status !== 'completed').length;

const isDoomed = (job: ModelJob, { policy, open, timedOut }: ModelBatch, children: readonly ModelJob[]): boolean => {
  if (job.cancelRequestedAt !== null || timedOut) return true;
  if (policy === 'fail-fast') return lost(children) > 0;
  return typeof policy === 'object' && !open && children.length - lost(children) < policy.atLeast;
};

const statusOf = (job: ModelJob, { policy, timedOut }: ModelBatch, children: readonly ModelJob[]): FinalStatus => {
  if (job.cancelRequestedAt !== null) return 'cancelled';
  if (timedOut) return 'timeout';
  if (children.length > 0 && children.every(({ status }) => status === 'cancelled')) return 'cancelled';
  const needed = policy === 'finish' ? 0 : policy === 'fail-fast' ? children.length : policy.atLeast;
  return children.length - lost(children) >= needed ? 'completed' : 'failed';
};

const end = (model: Model, job: ModelJob, batch: ModelBatch, children: readonly ModelJob[], now: number): void => {
  const status = statusOf(job, batch, children);
  const of = (wanted: FinalStatus) => children.filter((child) => child.status === wanted).length;
  batch.result = {
    total: children.length,
    ...{ completed: of('completed'), failed: of('failed'), timeout: of('timeout'), cancelled: of('cancelled') },
  };
  model.end(job, status, now);
  const told = { id: job.id, type: job.type, status, ...batch.result };
  for (const { on, job: given } of batch.callbacks) {
    if (on !== 'end' && (on === 'success') !== (status === 'completed')) continue;
    const id = job.life === 1 ? given.id : `${given.id}:${job.life}`;
    const payload = JSON.stringify({ batch: told, payload: JSON.parse(given.payload) });
    model.insert(newJob({ ...given, id, payload, runAt: now, timeoutMs: given.timeoutMs }), now);
    model.fresh.push(model.jobs.get(id)!);
  }
};
