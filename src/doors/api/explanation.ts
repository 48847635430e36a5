/** Why a job does not run, on the wire: one shape per reason, times as ISO 8601 in UTC. */
import * as z from 'zod';
import type { JobExplanation } from '../../job/reason.ts';
import { at, status } from './words.ts';

const n = z.int().min(0);
const maybe = <S extends z.ZodType>(schema: S) => schema.nullable();
const words = z.array(z.string()).readonly();

const holder = z.strictObject({
  id: z.string(),
  type: z.string(),
  worker: maybe(z.string()),
  startedAt: maybe(at),
});
const full = { limit: n, running: n, holders: z.array(holder).readonly().describe('At most 20, by their start.') };
const children = { total: n, unfinished: n };

const reason = <const C extends string, S extends z.ZodRawShape>(code: C, facts: S) =>
  z.strictObject({
    code: z.literal(code),
    says: z.string().describe('One sentence for people.'),
    next: maybe(z.string()).describe('What can be done about it.'),
    ...facts,
  });

const REASONS = [
  reason('held', {}),
  reason('delayed', { runAt: at }),
  reason('retry-wait', { runAt: at, attempts: n, maxAttempts: n, crashes: n, error: maybe(z.string()) }),
  reason('queue-paused', {
    ...{ queue: z.string(), by: maybe(z.string()), reason: maybe(z.string()), since: maybe(at), until: maybe(at) },
  }),
  reason('queue-full', { queue: z.string(), ...full }),
  reason('key-full', { key: z.string(), ...full }),
  reason('no-worker', {}),
  reason('unknown-type', { type: z.string(), known: words }),
  reason('queue-not-served', { queue: z.string(), served: words }),
  reason('workers-full', {
    workers: z.array(z.strictObject({ name: z.string(), slots: n, running: n })).readonly(),
  }),
  reason('runner-full', { runner: z.string(), slots: n, running: n }),
  reason('runner-down', { runner: z.string(), problem: z.string() }),
  reason('behind', { ahead: n, atLeast: z.boolean().describe('There may be more; they were not counted further.') }),
  reason('expired', { expiresAt: at }),
  reason('starting', { workers: words }),
  reason('running', {
    ...{ worker: maybe(z.string()), since: maybe(at), leaseUntil: maybe(at), timeoutAt: maybe(at) },
    ...{ deadlineAt: maybe(at), progress: z.number() },
  }),
  reason('worker-silent', { worker: maybe(z.string()), leaseUntil: maybe(at) }),
  reason('cancel-requested', { at }),
  reason('batch-open', children),
  reason('batch-waiting', children),
  reason('ended', { status, at: maybe(at), error: maybe(z.string()), hasResult: z.boolean() }),
] as const;

export const explanation = z.strictObject({
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  status: z.string().describe('As people see it.'),
  at: at.describe('Of when all this is.'),
  reasons: z.array(z.discriminatedUnion('code', REASONS)).readonly().describe('What comes first stands first.'),
});

export type ExplanationView = z.infer<typeof explanation>;

const TIMES: ReadonlySet<string> = new Set([
  ...['at', 'runAt', 'since', 'until', 'expiresAt'],
  ...['startedAt', 'leaseUntil', 'timeoutAt', 'deadlineAt'],
]);

/** The same with every time in another form, however deep it lies. */
const withTimes = (value: unknown, change: (time: never) => unknown): unknown => {
  if (Array.isArray(value)) return value.map((one) => withTimes(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      TIMES.has(name) && one !== null ? change(one as never) : withTimes(one, change),
    ]),
  );
};

export const explanationView = (found: JobExplanation): ExplanationView =>
  withTimes(found, (ms: number) => new Date(ms).toISOString()) as ExplanationView;

export const explanationOf = (view: ExplanationView): JobExplanation =>
  withTimes(view, (iso: string) => Date.parse(iso)) as JobExplanation;
