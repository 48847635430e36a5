/** Every operation of the API, once: its route, what it takes and what it answers. REST, OpenAPI, IPC and the typed client come from it. */
import * as z from 'zod';
import { about } from './contract-about.ts';
import { audit, me, tokens } from './contract-access.ts';
import { bulk } from './contract-bulk.ts';
import { enqueueOptions, jobs, newJob } from './contract-jobs.ts';
import { events, uploads } from './contract-live.ts';
import { schedules } from './contract-schedules.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import { enqueuedItem, failures, health, job, metrics, queue, stats, worker } from './shapes.ts';
import * as w from './words.ts';

const callback = z.strictObject({
  type: w.typeName,
  payload: w.json.optional(),
  options: enqueueOptions
    .omit({
      id: true,
      key: true,
      keyWindow: true,
      onConflict: true,
      parent: true,
      tenant: true,
      expiresAt: true,
      held: true,
    })
    .optional(),
});

const newBatch = z.strictObject({
  type: w.typeName,
  jobs: z.array(newJob).max(10_000),
  payload: w.json.optional(),
  failurePolicy: w
    .says(
      z.union([z.enum(['finish', 'fail-fast']), z.strictObject({ atLeast: z.int().min(1) })]),
      "'finish', 'fail-fast' or { atLeast: n } with a whole number from 1",
    )
    .optional()
    .describe('What a job that does not complete means for the batch.'),
  onSuccess: callback.optional(),
  onFailure: callback.optional(),
  onEnd: callback.optional(),
  open: w.flag.optional().describe('More jobs follow, until the batch is sealed.'),
  id: w.id.optional(),
  queue: w.queueName.optional(),
  priority: w.priority.optional(),
  userInitiated: w.flag.optional(),
  tags: w.tags.optional(),
  parent: w.id.optional(),
  tenant: w.tenant.optional(),
  totalTimeout: w.durationOrNever.optional(),
});

/** Operations that take nothing refuse what they are given. */
const nothing = z.strictObject({}).optional();
const oneQueue = z.strictObject({ name: w.queueName });

export const contract = {
  jobs,
  batches: {
    enqueue: operation(ROUTES.batches.enqueue)
      .input(newBatch)
      .output(z.strictObject({ id: z.string(), seq: z.int(), jobs: z.array(enqueuedItem) })),
    seal: operation(ROUTES.batches.seal)
      .input(z.strictObject({ id: w.id }))
      .output(job),
  },
  bulk,
  queues: {
    list: operation(ROUTES.queues.list)
      .input(nothing)
      .output(z.strictObject({ at: w.at, queues: z.array(queue) })),
    pause: operation(ROUTES.queues.pause)
      .input(z.strictObject({ name: w.queueName, reason: w.text(1000).optional(), until: w.instant.optional() }))
      .output(queue),
    resume: operation(ROUTES.queues.resume).input(oneQueue).output(queue),
    limit: operation(ROUTES.queues.limit)
      .input(z.strictObject({ name: w.queueName, maxRunning: w.maxRunning }))
      .output(queue),
  },
  schedules,
  limits: {
    set: operation(ROUTES.limits.set)
      .input(z.strictObject({ key: w.text(200), maxRunning: w.maxRunning }))
      .output(z.strictObject({ key: z.string(), maxRunning: z.int().nullable() })),
  },
  workers: {
    list: operation(ROUTES.workers.list)
      .input(nothing)
      .output(z.strictObject({ at: w.at, workers: z.array(worker) })),
  },
  failures: {
    list: operation(ROUTES.failures.list)
      .input(z.strictObject({ limit: w.whole(1, 200).optional().describe('Groups at most. Default 50.') }).optional())
      .output(failures),
  },
  stats: {
    get: operation(ROUTES.stats.get).input(nothing).output(stats),
  },
  metrics: {
    get: operation(ROUTES.metrics.get)
      .input(
        z
          .strictObject({
            since: w.instant.optional().describe('Default: an hour before `until`.'),
            until: w.instant.optional().describe('Default: until now.'),
            queue: w.queueName.optional(),
            type: w.typeName.optional(),
            perQueue: w.flag.optional().describe("Also each queue's own figures and series."),
            stepMs: z.int().min(60_000).optional().describe('Length of one step, in whole minutes. Default 60,000.'),
          })
          .optional(),
      )
      .output(metrics),
  },
  me,
  tokens,
  audit,
  health: {
    get: operation(ROUTES.health.get).input(nothing).output(health),
  },
  about,
  events,
  uploads,
};

export type Contract = typeof contract;
