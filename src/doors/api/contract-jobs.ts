/** Operations on jobs: their inputs and answers. */
import * as z from 'zod';
import { explanation } from './explanation.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import { attempt, enqueued, enqueuedItem, job, jobPage, logLine } from './shapes.ts';
import * as w from './words.ts';

/** As the library's options of `enqueue`; a test compares the two. */
export const enqueueOptions = z.strictObject({
  id: w.id.optional().describe("The job's own id. A duplicate is an error."),
  queue: w.queueName.optional(),
  priority: w.priority.optional(),
  delay: w.duration.optional().describe('Runs this long from now.'),
  runAt: w.instant.optional(),
  maxAttempts: w.whole(1, 10_000).optional(),
  maxCrashes: w.whole(1, 10_000).optional(),
  timeout: w.durationOrNever.optional().describe('How long one attempt may take.'),
  totalTimeout: w.durationOrNever.optional().describe('How long all attempts and the waits between them may take.'),
  startTimeout: w.durationOrNever.optional().describe('It expires if it has not started by then.'),
  key: w.text(200).optional().describe('At most one unfinished job has this key.'),
  keyWindow: w.duration.optional(),
  onConflict: w.word('return', 'replace', 'reject').optional(),
  limitKey: w.text(200).optional(),
  parent: w.id.optional(),
  tenant: w.tenant.optional().describe('Whose job it is; that of its parent if not given.'),
  tags: w.tags.optional(),
  userInitiated: w.flag.optional(),
  expiresAt: w.instant.optional(),
  held: w.flag.optional().describe('Waits until it is resumed.'),
});

export const newJob = z.strictObject({
  type: w.typeName,
  payload: w.json.optional(),
  options: enqueueOptions.optional(),
});

const FILTER = {
  status: z.array(w.status).max(1000),
  type: z.array(w.typeName).max(1000),
  queue: z.array(w.queueName).max(1000),
  priority: z.array(w.priority).max(1000),
  id: z.array(w.id).max(1000),
  parent: w.id,
  schedule: w.id.describe('Made by this schedule.'),
  tenant: z.array(w.tenant).max(1000),
  tag: w.tag,
  userInitiated: w.flag,
  createdAfter: w.instant.describe('Made at or after.'),
  createdBefore: w.instant.describe('Made before.'),
  error: w.text(1000).describe('Text within the error message, letters of either case.'),
  fingerprint: w.fingerprint.describe('Failed and timed-out jobs with this error; see failures.list.'),
  batch: w.flag.describe('Whether it is a batch.'),
  q: w
    .text(4000)
    .describe('The filter as the command line has it: `status:failed queue:emails since:1h payload.user.id:42`.'),
};

/** Which jobs are meant. Every part must hold; a list means "any of these". */
export const filter = z.strictObject(FILTER).partial();

const page = {
  order: w.word('newest', 'oldest', 'next').optional().describe('`next`: as they will run.'),
  limit: w.whole(1, 1000).optional().describe('Jobs per page. Default 100.'),
  after: w.text(500).optional().describe('The `next` of the page before.'),
};

/** Filters for changes of many jobs: all of them only if that is said. */
export const which = z
  .strictObject({ ...filter.shape, all: z.literal(true).optional() })
  .describe('A filter, or `all` where every job is meant.');

const one = z.strictObject({ id: w.id });

export const jobs = {
  enqueue: operation(ROUTES.jobs.enqueue).input(newJob).output(enqueued),
  enqueueMany: operation(ROUTES.jobs.enqueueMany)
    .input(z.strictObject({ jobs: z.array(newJob).max(10_000) }))
    .output(z.strictObject({ jobs: z.array(enqueuedItem) })),
  list: operation(ROUTES.jobs.list)
    .input(z.strictObject({ ...filter.shape, ...page }).optional())
    .output(jobPage),
  count: operation(ROUTES.jobs.count)
    .input(filter.optional())
    .output(z.strictObject({ count: z.int() })),
  get: operation(ROUTES.jobs.get).input(one).output(job),
  explain: operation(ROUTES.jobs.explain).input(one).output(explanation),
  attempts: operation(ROUTES.jobs.attempts)
    .input(one)
    .output(z.strictObject({ attempts: z.array(attempt) })),
  logs: operation(ROUTES.jobs.logs)
    .input(
      z.strictObject({
        id: w.id,
        after: w.logPosition.optional().describe('The `next` of the answer before.'),
        limit: w.whole(1, 10_000).optional().describe('Lines per answer. Default 1,000.'),
      }),
    )
    .output(z.strictObject({ lines: z.array(logLine), next: z.string().nullable() })),
  result: operation(ROUTES.jobs.result)
    .input(
      z.strictObject({
        id: w.id,
        timeoutMs: w.whole(0, 60_000).optional().describe('How long to wait at most. Default 30,000.'),
      }),
    )
    .output(z.strictObject({ id: z.string(), result: w.json })),
  cancel: operation(ROUTES.jobs.cancel)
    .input(
      z.strictObject({
        id: w.id,
        reason: w.text(1000).optional(),
        tree: w.flag.optional().describe('With all its descendants.'),
      }),
    )
    .output(job),
  retry: operation(ROUTES.jobs.retry).input(one).output(job),
  replay: operation(ROUTES.jobs.replay)
    .input(z.strictObject({ id: w.id, payload: w.json.optional().describe('Instead of the old one.') }))
    .output(enqueued),
  reprioritise: operation(ROUTES.jobs.reprioritise)
    .input(z.strictObject({ id: w.id, priority: w.priority }))
    .output(job),
  reschedule: operation(ROUTES.jobs.reschedule)
    .input(z.strictObject({ id: w.id, runAt: w.instant }))
    .output(job),
  runNow: operation(ROUTES.jobs.runNow).input(one).output(job),
  pause: operation(ROUTES.jobs.pause).input(one).output(job),
  resume: operation(ROUTES.jobs.resume).input(one).output(job),
  remove: operation(ROUTES.jobs.remove)
    .input(one)
    .output(z.strictObject({ id: z.string(), removed: z.literal(true) })),
};
