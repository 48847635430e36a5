import type { StandardSchemaV1 } from '@standard-schema/spec';
import { jsonProblem } from '../util/json.ts';
import type { BacklineError } from './backline-error.ts';
import { invalidPayload, invalidResult, payloadTooLarge } from './errors.ts';

/**
 * Payload → JSON text.
 * @param maxBytes largest UTF-8 size of the text.
 * @throws INVALID_PAYLOAD naming the path, PAYLOAD_TOO_LARGE.
 */
export const encodePayload = (payload: unknown, maxBytes: number, field = 'payload'): string =>
  encode(payload ?? null, maxBytes, field, invalidPayload);

/** Result → JSON text, or null for "no result". @throws INVALID_RESULT naming the path, PAYLOAD_TOO_LARGE. */
export const encodeResult = (result: unknown, maxBytes: number): string | null =>
  result === undefined || result === null ? null : encode(result, maxBytes, 'result', invalidResult);

const encode = (
  value: unknown,
  maxBytes: number,
  field: string,
  refuse: (field: string, problem: string) => BacklineError,
): string => {
  const found = jsonProblem(value, field);
  if (found) throw refuse(found.path, found.problem);
  const json = JSON.stringify(value);
  // A character is at most three bytes of UTF-8 per UTF-16 unit: count only where it could matter.
  if (json.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(json);
    if (bytes > maxBytes) throw payloadTooLarge(field, bytes, maxBytes);
  }
  return json;
};

type Issues = StandardSchemaV1.FailureResult;

/**
 * Checks a payload with a Standard Schema (zod, valibot, arktype and others: https://standardschema.dev).
 * @returns the schema's output, or a promise of it where the schema is asynchronous.
 * @throws INVALID_PAYLOAD naming the path of the first issue.
 */
export const validate = (schema: StandardSchemaV1 | undefined, payload: unknown, field = 'payload'): unknown => {
  if (!schema) return payload;
  const failed = (error: unknown): never => {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidPayload(field, `could not be checked: its schema failed with "${reason}"`, error);
  };
  let answer: ReturnType<StandardSchemaV1['~standard']['validate']>;
  try {
    answer = schema['~standard'].validate(payload);
  } catch (error) {
    return failed(error);
  }
  return answer instanceof Promise ? answer.then((late) => output(late, field), failed) : output(answer, field);
};

const output = (answer: StandardSchemaV1.Result<unknown>, field: string): unknown => {
  if (!answer.issues) return answer.value;
  const [first, ...more] = (answer as Issues).issues;
  // Not path.map: a library's path may be a list of its own kind, whose map makes something else.
  const path = Array.from(first?.path ?? [], (part) => `.${String(typeof part === 'object' ? part.key : part)}`).join(
    '',
  );
  const also = more.length > 0 ? ` (and ${more.length} more)` : '';
  throw invalidPayload(`${field}${path}`, `does not fit its schema: ${first?.message ?? 'no reason given'}${also}`);
};
