/** The small schemas of which the contract is made, and what each of them allows, in the words of an error. */
import * as z from 'zod';
import type { Duration } from '../../job/check.ts';
import { STATUSES } from '../../job/states.ts';

const SAYS = z.registry<{ readonly allowed: string }>();

/** What a schema allows, as an error says it. */
export const allowedBy = (schema: z.core.$ZodType): string | undefined => SAYS.get(schema as z.ZodType)?.allowed;

/** Notes what a schema allows. */
export const says = <S extends z.ZodType>(schema: S, allowed: string): S => {
  SAYS.add(schema, { allowed });
  return schema;
};

/** Names that are safe in a shell, a path and a page; as `name` of src/job/check.ts has them. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.:@+-]*$/u;

const named = (maxLength: number) =>
  says(
    z.string().min(1).max(maxLength).regex(NAME),
    `1 to ${maxLength} letters, digits or _ . : @ + - (a letter, a digit or _ first)`,
  );

export const id = named(200).describe('The id of a job.');
export const queueName = named(100).describe('The name of a queue.');
export const typeName = named(100).describe('The name of a job type.');
export const scheduleId = named(190).describe('The id of a schedule.');
export const tenant = named(200);
export const tag = named(100);
export const tags = says(z.array(tag).max(20), 'a list of at most 20');

export const text = (maxLength: number) =>
  says(z.string().min(1).max(maxLength), `text of 1 to ${maxLength} characters`);

export const whole = (min: number, max: number) =>
  says(z.int().min(min).max(max), `a whole number from ${min} to ${max}`);

export const priority = whole(1, 10).describe('1 runs first, 10 last.');
export const flag = says(z.boolean(), 'true or false');
export const status = says(z.enum(STATUSES), STATUSES.join(', '));

export const word = <const T extends readonly [string, ...string[]]>(...words: T) =>
  says(z.enum(words), words.join(', '));

const OFFSET = 'ISO 8601 text with an offset or Z, such as 2026-01-31T08:00:00Z';

/** An instant that a caller gives. */
export const instant = says(
  z.string().regex(/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/),
  OFFSET,
);

/** An instant that we give: ISO 8601 in UTC, to the millisecond. */
export const at = z.iso.datetime().describe('ISO 8601 in UTC.');

const LENGTH = /^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$/;
const DURATION = "milliseconds from 0, or text such as '500ms', '30s', '5m', '2h', '7d'";

const length = () => [z.number().min(0), z.string().regex(LENGTH)] as const;

export const duration: z.ZodType<Duration, Duration> = says(z.union(length()), DURATION);
export const durationOrNever: z.ZodType<Duration | false, Duration | false> = says(
  z.union([...length(), z.literal(false)]),
  `${DURATION}, or false for never`,
);

/** A whole number that counts something. */
export const n = z.int().min(0);
export const maybe = <S extends z.ZodType>(schema: S) => schema.nullable();

/** Whatever JSON can hold. */
export const json = z.unknown();

/** Of an error, whatever numbers stand in its message. */
export const fingerprint = says(z.string().regex(/^[0-9a-f]{16}$/), '16 digits from 0 to f, as failures.list has them');

/** How many jobs may run at once; null lifts the limit. */
export const maxRunning = says(
  z.int().min(0).max(1_000_000).nullable(),
  'a whole number from 0 to 1000000, or null for no limit',
);

/** A place in a log: `claim:n` of the last line seen. */
export const logPosition = says(z.string().regex(/^\d{1,15}:\d{1,15}$/), 'the `next` of the answer before');
