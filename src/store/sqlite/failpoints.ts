/**
 * Named moments at which the crash tests kill the process. In normal operation `hit` is not set and a failpoint costs one
 * property read.
 */
export const FAILPOINTS = [
  'transaction-begun',
  'job-inserted',
  'payload-inserted',
  'request-inserted',
  'batch-inserted',
  'batch-settled',
  'callback-inserted',
  'jobs-taken',
  'change-applied',
  'attempt-written',
  'progress-written',
  'log-written',
  'worker-registered',
  'worker-declared-dead',
  'orphan-released',
  'cancel-written',
  'job-revived',
  'job-adjusted',
  'job-removed',
  'job-pruned',
  'queue-changed',
  'counts-written',
  'journal-written',
  'before-commit',
  'after-commit',
  'migration-step',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

export const failpoints: { hit?: (name: Failpoint) => void } = {};
