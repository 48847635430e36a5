/** Errors of changes of many jobs; part of errors.ts, which hands them on. */
import { error } from './backline-error.ts';

export const bulkChanged = error('BULK_CHANGED', (expected: number, count: number) => ({
  message: `By now it would be done to ${count} jobs, not to ${expected}; nothing was begun.`,
  field: 'expected',
  found: String(expected),
  allowed: String(count),
  next: 'Look at a new preview.',
}));

export const builtInType = error('BUILT_IN_TYPE', (type: string) => ({
  message: `The job type "${type}" is Backline's own.`,
  field: 'type',
  found: type,
  allowed: 'a name that does not begin with "backline."',
}));
