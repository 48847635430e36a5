/** What the API answers with: jobs, attempts, queues, workers, figures. Times are ISO 8601 in UTC, lengths of time milliseconds. */
import * as z from 'zod';
import { ACTIONS } from '../../job/actions.ts';
import { STATUSES } from '../../job/states.ts';
import { at, json, maybe, n, status } from './words.ts';

const list = <S extends z.ZodType>(schema: S) => z.array(schema).readonly();

const batchCounts = { total: n, completed: n, failed: n, timeout: n, cancelled: n };

const batch = z.strictObject({
  ...batchCounts,
  policy: z.union([z.enum(['finish', 'fail-fast']), z.strictObject({ atLeast: z.int().min(1) })]),
  open: z.boolean().describe('More jobs are to come.'),
  callbacks: list(z.strictObject({ on: z.enum(['success', 'failure', 'end']), type: z.string(), id: z.string() })),
});

export const job = z.strictObject({
  seq: n.describe('The order of insertion.'),
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  status,
  shown: z.string().describe('The status as people see it: `scheduled` and `retrying` are told apart from `queued`.'),
  allowed: list(z.enum(ACTIONS)).describe('What this caller may do to the job now.'),
  priority: z.int(),
  payload: json,
  progress: z.number().min(0).max(100),
  note: maybe(z.string()),
  result: json,
  error: maybe(z.string()),
  attempts: n,
  maxAttempts: n,
  crashes: n,
  maxCrashes: n,
  life: n,
  claim: n,
  parentId: maybe(z.string()),
  tenant: maybe(z.string()).describe('Whose job it is.'),
  replayOf: maybe(z.string()),
  userInitiated: z.boolean(),
  scheduleId: maybe(z.string()).describe('The schedule that made it.'),
  slotAt: maybe(at).describe('The nominal time that its schedule made it for.'),
  tags: list(z.string()),
  key: maybe(z.string()),
  limitKey: maybe(z.string()),
  timeoutMs: maybe(z.number()),
  held: z.boolean(),
  worker: maybe(z.string()),
  createdAt: at,
  queuedAt: maybe(at),
  runAt: at,
  startedAt: maybe(at),
  completedAt: maybe(at),
  timeoutAt: maybe(at),
  expiresAt: maybe(at),
  totalMs: maybe(z.number()),
  deadlineAt: maybe(at),
  cancelRequestedAt: maybe(at),
  batch: maybe(batch),
});

export const jobPage = z.strictObject({
  jobs: list(job),
  next: maybe(z.string()).describe('Pass it as `after` to get the next page; null at the end.'),
});

export interface FailureView {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: FailureView;
  readonly output?: string;
}

const failure: z.ZodType<FailureView, FailureView> = z.strictObject({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  stack: z.string().optional().describe("Of the handler's own error."),
  cause: z.lazy(() => failure).optional(),
  output: z.string().optional().describe('What the process that did the work wrote last to its standard error.'),
});

const OUTCOMES = [
  ...(['running', 'completed', 'failed', 'timeout'] as const),
  ...(['cancelled', 'snoozed', 'released', 'crashed'] as const),
] as const;

export const attempt = z.strictObject({
  claim: n,
  attempt: n.describe('Its number within its life, from 1.'),
  life: n,
  startedAt: at,
  endedAt: maybe(at),
  worker: maybe(z.string()),
  outcome: z.enum(OUTCOMES),
  error: maybe(failure),
});

export const logLine = z.strictObject({
  claim: n,
  n,
  at,
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string(),
  fields: maybe(z.record(z.string(), json)),
});

/** An error as RFC 9457 has it, with the parts of ours. */
export const problem = z.strictObject({
  type: z.string().describe('Where the code is explained.'),
  title: z.string(),
  status: z.int(),
  code: z.string().describe('Never changes: match on this.'),
  detail: z.string(),
  field: z.string().optional(),
  found: z.string().optional(),
  allowed: z.string().optional(),
  next: z.string().optional().describe('What to do.'),
  instance: z.string().optional(),
});

export const enqueued = z.strictObject({
  id: z.string(),
  seq: n,
  outcome: z
    .enum(['inserted', 'existing', 'replaced'])
    .describe('`existing` and `replaced` mean that its key was taken.'),
});

export const enqueuedItem = z.discriminatedUnion('outcome', [
  enqueued,
  z.strictObject({ id: z.string(), outcome: z.literal('rejected'), error: problem }),
]);

const counts = z.strictObject(
  Object.fromEntries(STATUSES.map((name) => [name, n])) as Record<(typeof STATUSES)[number], typeof n>,
);

export const QUEUE_ACTIONS = ['pause', 'resume', 'limit'] as const;

export const queue = z.strictObject({
  name: z.string(),
  allowed: list(z.enum(QUEUE_ACTIONS)).describe('What this caller may do to it now.'),
  paused: z.boolean(),
  pausedReason: maybe(z.string()),
  pausedBy: maybe(z.string()),
  pausedUntil: maybe(at),
  pausedAt: maybe(at),
  maxRunning: maybe(z.int()),
  counts,
  oldestDueAt: maybe(at).describe('Run time of the oldest job that could run now.'),
});

export const worker = z.strictObject({
  owner: z.string().describe('Random per start.'),
  name: z.string(),
  host: z.string(),
  pid: z.int(),
  slots: n,
  running: n,
  queues: maybe(list(z.string())).describe('null: all of them.'),
  types: list(z.string()),
  alive: z.boolean().describe('Its lease has not ended.'),
  startedAt: at,
  beatAt: at.describe('When it was last heard of.'),
  leaseUntil: at,
  blockedMs: n.describe('How long its event loop has been blocked.'),
});

const nameCounts = list(z.strictObject({ name: z.string(), count: n })).describe('Most first, at most 20.');

const failureGroup = z.strictObject({
  fingerprint: z.string().describe('Finds its jobs, as a filter and in `q`.'),
  pattern: z.string().describe('The first line of the message, without numbers, ids and addresses.'),
  message: z.string().describe('Of the job that ended last.'),
  name: maybe(z.string()),
  code: maybe(z.string()),
  count: n,
  timeouts: n.describe('Of these, those that ran out of time.'),
  firstAt: at,
  lastAt: at,
  types: nameCounts,
  queues: nameCounts,
  samples: list(z.strictObject({ id: z.string(), type: z.string(), endedAt: at })).describe('Those that ended last.'),
  series: list(n).describe('How many ended in each of 24 parts of the time from `since` to `until`.'),
});

export const failures = z.strictObject({
  groups: list(failureGroup).describe('Most first.'),
  looked: n.describe('How many failed jobs were looked at, the newest ones.'),
  more: z.boolean().describe('There are older ones, which were not.'),
  allowed: list(z.enum(['retry', 'cancel', 'remove'])).describe('What this caller may do to all jobs of a group.'),
  found: n.describe('Groups that were found, also those beyond the limit.'),
  since: at,
  until: at,
});

export const stats = z.strictObject({
  total: n,
  byStatus: counts,
  byType: z.record(z.string(), counts),
  lateResults: n.describe('Results that came after their lease was lost, and were dropped.'),
  sizeBytes: n,
});

const flow = { created: n, started: n, completed: n, failed: n, timeout: n, cancelled: n, retried: n };
const percentiles = maybe(z.strictObject({ p50: z.number(), p95: z.number(), p99: z.number() }));

const figures = z.strictObject({
  ...flow,
  createdPerSecond: z.number(),
  completedPerSecond: z.number(),
  errorRate: maybe(z.number()),
  averageWaitMs: maybe(z.number()),
  averageRunMs: maybe(z.number()),
  waitMs: percentiles,
  runMs: percentiles,
});

const perStep = z
  .strictObject({ created: list(n), completed: list(n), failed: list(n) })
  .describe('One number per step of the series; `failed` with those that timed out.');

export const metrics = z.strictObject({
  since: at,
  until: at,
  stepMs: n,
  series: list(
    z.strictObject({ at, ...flow, waiting: maybe(n), running: maybe(n), waitMs: percentiles, runMs: percentiles }),
  ),
  total: figures,
  types: z.record(z.string(), figures),
  queues: z
    .record(z.string(), z.strictObject({ ...figures.shape, series: perStep }))
    .describe('Empty unless `perQueue` was asked for.'),
});

export const health = z.strictObject({
  ok: z.boolean(),
  at,
  database: z.strictObject({ ok: z.boolean(), problem: maybe(z.string()), sizeBytes: n }),
  loop: maybe(z.strictObject({ ticking: z.boolean(), ageMs: n, running: n })).describe(
    "This process's own loop; null where it runs no jobs.",
  ),
  queueDepth: n,
  errorRates: z.record(z.string(), z.number()),
  rates: z.strictObject({ created: z.number(), completed: z.number() }),
});

export type JobView = z.infer<typeof job>;
export type AttemptView = z.infer<typeof attempt>;
export type LogLineView = z.infer<typeof logLine>;
export type QueueView = z.infer<typeof queue>;
export type WorkerView = z.infer<typeof worker>;
export type MetricsView = z.infer<typeof metrics>;
export type FailuresView = z.infer<typeof failures>;
export type StatsView = z.infer<typeof stats>;
export type HealthView = z.infer<typeof health>;
export type Problem = z.infer<typeof problem>;
