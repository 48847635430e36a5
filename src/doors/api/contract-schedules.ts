/** Operations on schedules: their inputs and answers. */
import * as z from 'zod';
import { enqueueOptions } from './contract-jobs.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import { calendar, historyPage, nextRuns, OVERLAPS, schedule, schedulePage, scheduleRuns } from './schedule-shapes.ts';
import * as w from './words.ts';

/** As the library's options of every job of a schedule; a test compares the two. */
export const scheduledOptions = enqueueOptions.pick({
  ...{ queue: true, priority: true, maxAttempts: true, maxCrashes: true, timeout: true, totalTimeout: true },
  ...{ startTimeout: true, key: true, limitKey: true, tenant: true, tags: true },
});

const time = w.text(100).describe('ISO 8601 with an offset or Z; beside `timeZone` also local time without one.');

/** When it runs. Expressions, zones, times and calendars are checked by the library, which names the part at fault. */
const trigger = {
  cron: w.text(1000).describe('5 fields, 6 with the second first, or a nickname such as `@daily`.'),
  interval: w.duration.describe('From one run to the next, at a fixed rate; from 100 ms.'),
  at: time,
  timeZone: w.text(100).describe('IANA zone. Default: that of the service.'),
  calendar,
  onExcluded: w.word('skip', 'nextDay').describe('Of `cron`: what becomes of a slot that the calendar excludes.'),
  dst: z
    .strictObject({ gap: w.word('after', 'skip').optional(), overlap: w.word('once', 'twice').optional() })
    .describe('Of `cron`: what becomes of fixed times when clocks change.'),
  start: time.describe('Of `interval`: the first slot. Default: one interval from now.'),
  jitter: w.duration.describe('Of `interval`: each run starts up to so much later than its slot.'),
};

const policy = w.says(
  z.union([z.enum(['runOnce', 'runAll', 'skip']), z.strictObject({ window: w.duration })]),
  "runOnce, runAll, skip, or { window: '2h' }",
);

/** What may be changed of a schedule, and is said of a new one. */
export const scheduleChanges = z
  .strictObject({
    type: w.typeName,
    payload: w.json,
    options: scheduledOptions.describe('What every one of its jobs has.'),
    ...trigger,
    missed: policy.describe('What becomes of slots that passed in a downtime, a sleep or a pause. Default `runOnce`.'),
    overlap: w
      .word(...OVERLAPS)
      .describe('What becomes of a slot while `maxInstances` of its jobs are unfinished. Default `skip`.'),
    maxInstances: w.whole(1, 10_000).describe('Unfinished jobs at one time. Default 1.'),
  })
  .partial();

export const newSchedule = z.strictObject({
  id: w.scheduleId,
  ...scheduleChanges.shape,
  type: w.typeName,
  build: w
    .says(z.union([z.int().min(0), w.text(100)]), 'a whole number from 0, or text of 1 to 100 characters')
    .optional()
    .describe('What code registers under this id must be newer.'),
});

const one = z.strictObject({ id: w.scheduleId });
const guarded = z.strictObject({
  ...one.shape,
  version: w.whole(1, Number.MAX_SAFE_INTEGER).optional().describe('Only if it still has this version.'),
});

export const schedules = {
  list: operation(ROUTES.schedules.list)
    .input(
      z
        .strictObject({
          limit: w.whole(1, 1000).describe('Schedules per page. Default 100.'),
          after: w.scheduleId.describe('The `next` of the page before.'),
          type: w.typeName.describe('Only those that start jobs of this type.'),
          paused: w.flag,
        })
        .partial()
        .optional(),
    )
    .output(schedulePage),
  get: operation(ROUTES.schedules.get).input(one).output(schedule),
  add: operation(ROUTES.schedules.add).input(newSchedule).output(schedule),
  update: operation(ROUTES.schedules.update)
    .input(z.strictObject({ ...guarded.shape, ...scheduleChanges.shape }))
    .output(schedule),
  remove: operation(ROUTES.schedules.remove)
    .input(guarded)
    .output(z.strictObject({ id: z.string(), removed: z.literal(true) })),
  pause: operation(ROUTES.schedules.pause)
    .input(z.strictObject({ ...guarded.shape, reason: w.text(1000).optional(), until: w.instant.optional() }))
    .output(schedule),
  resume: operation(ROUTES.schedules.resume).input(guarded).output(schedule),
  run: operation(ROUTES.schedules.run)
    .input(one)
    .output(z.strictObject({ id: z.string().describe('Of the job.') })),
  next: operation(ROUTES.schedules.next)
    .input(z.strictObject({ ...one.shape, count: w.whole(1, 1000).optional().describe('How many. Default 5.') }))
    .output(nextRuns),
  preview: operation(ROUTES.schedules.preview)
    .input(z.strictObject({ ...trigger, count: w.whole(1, 1000).describe('How many runs. Default 5.') }).partial())
    .output(nextRuns),
  runs: operation(ROUTES.schedules.runs)
    .input(
      z.strictObject({
        ids: w.says(z.array(w.scheduleId).min(1).max(100), 'a list of 1 to 100'),
        limit: w.whole(1, 100).optional().describe('Jobs per schedule. Default 30.'),
      }),
    )
    .output(z.strictObject({ schedules: z.array(scheduleRuns) })),
  history: operation(ROUTES.schedules.history)
    .input(
      z.strictObject({
        ...one.shape,
        limit: w.whole(1, 1000).optional().describe('Entries per page. Default 100.'),
        before: w.whole(0, Number.MAX_SAFE_INTEGER).optional().describe('The `next` of the page before.'),
      }),
    )
    .output(historyPage),
};
