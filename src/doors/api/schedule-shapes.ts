/** What the API answers about schedules. Times are ISO 8601 in UTC, lengths of time milliseconds. */
import * as z from 'zod';
import { STATUSES } from '../../job/states.ts';
import type { Calendar } from '../../schedule/calendar.ts';
import { at, json, maybe, n } from './words.ts';

const list = <S extends z.ZodType>(schema: S) => z.array(schema).readonly();

/** Its parts are checked by the room that knows them, which names the one at fault. */
export const calendar = (z.unknown() as unknown as z.ZodType<Calendar, Calendar>).describe(
  'Days and hours that count: an object with one of weekdays, businessDays, dates, ics, daily, weekly, between, and, or, not.',
);

export const SCHEDULE_ACTIONS = ['update', 'remove', 'pause', 'resume', 'run'] as const;
export const OVERLAPS = ['skip', 'queueOne', 'queueAll', 'cancelOther'] as const;
const policy = z.union([
  z.enum(['runOnce', 'runAll', 'skip']),
  z.strictObject({ window: z.number().describe('Milliseconds.') }),
]);

const dst = z.strictObject({
  gap: z.enum(['after', 'skip']).optional(),
  overlap: z.enum(['once', 'twice']).optional(),
});

const trigger = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('cron'),
    cron: z.string(),
    timeZone: z.string(),
    dst: dst.optional(),
    calendar: calendar.optional(),
    onExcluded: z.enum(['skip', 'nextDay']).optional(),
  }),
  z.strictObject({
    kind: z.literal('interval'),
    everyMs: z.number(),
    firstAt: at,
    sinceMade: z.literal(true).optional().describe('No start was given: it counts from when it was made.'),
    jitterMs: z.number(),
    timeZone: z.string(),
    calendar: calendar.optional(),
  }),
  z.strictObject({ kind: z.literal('once'), at }),
]);

export const schedule = z.strictObject({
  id: z.string(),
  type: z.string().describe('Of the jobs it starts.'),
  payload: json,
  job: z
    .strictObject({
      ...{ queue: z.string(), priority: z.int(), maxAttempts: n, maxCrashes: n },
      ...{ timeoutMs: maybe(z.number()), totalMs: maybe(z.number()), startMs: maybe(z.number()) },
      ...{ key: maybe(z.string()), limitKey: maybe(z.string()), tenant: maybe(z.string()), tags: list(z.string()) },
    })
    .describe('What else every one of its jobs has.'),
  trigger,
  words: z.string().describe('When it runs, in words.'),
  allowed: list(z.enum(SCHEDULE_ACTIONS)).describe('What this caller may do to it now.'),
  missed: policy.describe('What becomes of slots that passed.'),
  overlap: z.enum(OVERLAPS).describe('What becomes of a slot while `maxInstances` of its jobs are unfinished.'),
  maxInstances: n,
  source: z.enum(['code', 'cli', 'api']).describe('Who said last what it is.'),
  build: maybe(z.union([z.number(), z.string()])).describe('The build of the program that registered it.'),
  version: n.describe('Grows with every change, not with a run.'),
  pause: maybe(z.strictObject({ at, reason: maybe(z.string()), actor: maybe(z.string()), until: maybe(at) })),
  nextSlot: maybe(at).describe('null while it is paused or has a problem, and after the last one.'),
  nextAt: maybe(at).describe('When the run of that slot starts: later by the jitter.'),
  zoneData: maybe(z.string()).describe('The version of the time zone data that it was computed with.'),
  problem: maybe(z.string()).describe('Why no next slot can be computed; tried again every minute.'),
  counts: z
    .strictObject({ fired: n, missed: n, skipped: n, byHand: n })
    .describe('Slots that started a job, passed without one, were left out; and runs that people asked for.'),
  lastSlot: maybe(at),
  lastJobId: maybe(z.string()),
  lastFiredAt: maybe(at),
  createdAt: at,
  updatedAt: at,
});

export const schedulePage = z.strictObject({
  at,
  schedules: list(schedule),
  next: maybe(z.string()).describe('Pass it as `after` to get the next page; null at the end.'),
});

const run = z.strictObject({
  at,
  local: z.string().describe('What the clocks of its zone show.'),
  note: maybe(z.string()).describe('What a clock change has to do with it.'),
});

export const nextRuns = z.strictObject({
  words: z.string(),
  timeZone: z.string(),
  runs: list(run),
  clockChanges: list(
    z.strictObject({
      at,
      from: z.string().describe('What the clocks show when it comes.'),
      to: z.string().describe('And at once after it.'),
      effect: z.string(),
      runs: list(run).describe('The last one before it and the first two from it on.'),
    }),
  ),
});

const scheduledJob = z.strictObject({
  id: z.string(),
  slotAt: maybe(at),
  ...{ status: z.enum(STATUSES), shown: z.string().describe('The status as people see it.') },
  ...{ createdAt: at, startedAt: maybe(at), completedAt: maybe(at) },
  byHand: z.boolean().describe('A person asked for it.'),
});

export const scheduleRuns = z.strictObject({ id: z.string(), jobs: list(scheduledJob) });

const KINDS = [
  ...(['added', 'updated', 'paused', 'resumed', 'removed'] as const),
  ...(['fired', 'missed', 'skipped', 'ran', 'ended', 'retimed', 'problem', 'recovered'] as const),
] as const;

const entry = z.strictObject({
  at,
  kind: z.enum(KINDS),
  slotAt: maybe(at).describe('The slot; of several, the first.'),
  lastSlotAt: maybe(at).describe('Of several, the last.'),
  count: n.describe('How many slots.'),
  jobId: maybe(z.string()),
  actor: maybe(z.string()),
  reason: maybe(z.string()),
  changes: maybe(z.record(z.string(), z.strictObject({ from: json, to: json }))).describe('Of `updated`.'),
});

export const historyPage = z.strictObject({
  entries: list(entry),
  next: maybe(n).describe('Pass it as `before` to get the next page; null at the end.'),
});

export type ScheduleView = z.infer<typeof schedule>;
export type ScheduledJobView = z.infer<typeof scheduledJob>;
export type NextRunsView = z.infer<typeof nextRuns>;
export type HistoryEntryView = z.infer<typeof entry>;
export type ScheduleAction = (typeof SCHEDULE_ACTIONS)[number];
