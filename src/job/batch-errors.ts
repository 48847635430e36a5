/** Errors of batches; part of errors.ts, which hands them on. */
import { error } from './backline-error.ts';

export const batchEnded = error('BATCH_ENDED', (batch: string, status: string) => ({
  message: `The batch "${batch}" is ${status}: it takes no more jobs.`,
  field: 'parent',
  found: status,
  allowed: 'a batch that has not ended',
  next: 'Hand in a new batch, or keep one open with open: true until sealBatch().',
}));

export const notABatch = error('NOT_A_BATCH', (what: string, id: string) => ({
  message: `Job ${id} is no batch: it cannot be ${what}.`,
  field: 'id',
  found: id,
  allowed: 'the id that enqueueBatch() returned',
}));

export const notForBatches = error('NOT_FOR_BATCHES', (what: string, id: string, next: string) => ({
  message: `Job ${id} is a batch, whose work is that of its jobs: it cannot be ${what}.`,
  field: 'id',
  found: id,
  next,
}));

export const batchFailed = error('BATCH_FAILED', (id: string, policy: string, counts: string) => ({
  message: `Too many jobs of the batch did not complete (policy: ${policy}): ${counts}.`,
  field: 'failurePolicy',
  found: counts,
  next: `List what failed with: backline jobs ls --where "parent:${id} status:failed". Retry the batch to run again what did not complete.`,
}));
