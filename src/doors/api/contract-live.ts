/** What happens as it happens, and files that become jobs. */
import { eventIterator } from '@orpc/contract';
import * as z from 'zod';
import { KINDS } from './frames.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import { UPLOAD_STATES } from './uploads.ts';
import * as w from './words.ts';

const few = <T extends z.ZodType>(item: T) => w.says(z.array(item).min(1).max(100), 'a list of 1 to 100');

export const watchInput = z.strictObject({
  kind: few(w.word(...KINDS))
    .optional()
    .describe('Kinds of frames; all if not given.'),
  status: few(w.status).optional().describe('Jobs that are in one of these states, or have just left it.'),
  type: few(w.typeName).optional(),
  queue: few(w.queueName).optional(),
  id: few(w.id).optional().describe('Ids of jobs.'),
  parent: w.id.optional(),
  schedule: w.id.optional(),
  // Whatever it is: what is no place of ours gets a gap.
  lastEventId: w.says(z.string().max(200), 'text of at most 200 characters').optional(),
});

const head = { id: z.string(), at: w.at };

const jobFrame = z.strictObject({
  ...{ ...head, kind: z.literal('job'), jobId: z.string(), seq: z.int(), type: z.string(), queue: z.string() },
  ...{ status: w.status.optional(), attempts: z.int().optional(), runAt: w.at.optional() },
  ...{ error: z.string().nullable().optional(), progress: z.number().optional() },
  ...{ note: z.string().nullable().optional(), cancelRequested: z.literal(true).optional() },
  removed: z.literal(true).optional(),
});

const queueFrame = z.strictObject({
  ...{ ...head, kind: z.literal('queue'), queue: z.string(), paused: z.boolean(), pausedReason: z.string().nullable() },
  ...{ pausedUntil: w.at.nullable(), maxRunning: z.int().nullable() },
});

export const frame = z.discriminatedUnion('kind', [
  jobFrame,
  queueFrame,
  z.strictObject({
    ...{ ...head, kind: z.literal('worker'), worker: z.string(), change: z.enum(['started', 'stopped', 'lost']) },
  }),
  z.strictObject({
    ...{ ...head, kind: z.literal('service'), change: z.enum(['store-unavailable', 'store-recovered']) },
  }),
  z.strictObject({
    ...{ ...head, kind: z.literal('gap'), reason: z.enum(['too-old', 'too-slow', 'other-process']) },
    action: z.literal('refetch'),
  }),
]);

export const events = {
  watch: operation(ROUTES.events.watch).input(watchInput.optional()).output(eventIterator(frame)),
};

export const uploadId = w
  .says(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/), '1 to 64 letters, digits or - (no - first)')
  .describe('The id of an upload; also the name of its job file.');

export const upload = z.strictObject({
  ...{ id: z.string(), name: z.string(), state: z.enum(UPLOAD_STATES), bytesReceived: z.int() },
  bytesExpected: z.int().nullable().describe('What the sender said that the whole request has.'),
  startedAt: w.at,
  status: z.record(z.string(), z.unknown()).nullable().describe('What the status file of its job says.'),
  problem: z.strictObject({ code: z.string(), message: z.string() }).nullable().describe('Why it was cut.'),
});

export type UploadView = z.infer<typeof upload>;

export const uploads = {
  list: operation(ROUTES.uploads.list)
    .input(z.strictObject({ limit: w.whole(1, 1000).optional().describe('Default 100.') }).optional())
    .output(
      z.strictObject({
        uploads: z.array(upload),
        maxBytes: z.int().describe('The largest file that is taken, in bytes.'),
      }),
    ),
  get: operation(ROUTES.uploads.get)
    .input(z.strictObject({ id: uploadId }))
    .output(upload),
};
