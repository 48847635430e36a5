/** What the service says of itself. Lengths of time are milliseconds; null is never, without end, or all. */
import * as z from 'zod';
import type { ShownSetting } from './context.ts';
import { operation } from './operation.ts';
import { ROUTES } from './routes.ts';
import * as w from './words.ts';

const ms = z.number().nullable();
const texts = z.array(z.string()).readonly();

const setting: z.ZodType<ShownSetting> = z.strictObject({
  name: z.string(),
  value: z.string().nullable().describe('As it was given; secrets are masked. null where nothing is set.'),
  place: z.string().describe('The flag, the variable or the file that it comes from, or `default`.'),
  says: z.string().describe('What it is for.'),
});

const answer = z.strictObject({
  ...{ at: w.at, version: z.string(), node: z.string() },
  database: z.strictObject({
    kind: z.enum(['sqlite', 'postgresql']),
    where: z
      .string()
      .nullable()
      .describe('Its address, secrets masked; null for whoever is not an admin of all of it.'),
    durability: z.enum(['disk', 'process']),
  }),
  timeZone: z.string().describe('Of schedules that name none.'),
  worker: z.strictObject({ slots: z.int(), queues: texts.nullable(), types: texts }).describe('Of this process.'),
  keeps: z.strictObject({ completedMs: ms, failedMs: ms, maxFinished: z.int().nullable(), metricsMs: ms }),
  limits: z.strictObject({
    ...{ timeoutMs: ms, maxAttempts: z.int(), leaseMs: z.number(), shutdownMs: z.number() },
    ...{ maxPayloadBytes: z.int(), maxLogBytes: z.int() },
  }),
  uploads: z.strictObject({ maxBytes: z.int() }).nullable().describe('null where no files are taken.'),
  settings: z
    .array(setting)
    .readonly()
    .nullable()
    .describe(
      'Of a service that was started by the command line; null of others, and for whoever is not an admin of all of it.',
    ),
});

export type AboutView = z.infer<typeof answer>;

export const about = {
  get: operation(ROUTES.about.get).input(z.strictObject({}).optional()).output(answer),
};
