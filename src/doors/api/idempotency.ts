/** Requests that make something and may be sent again: who asks for what, in short. */
import { createHash } from 'node:crypto';
import type { Client } from '../../engine/client.ts';
import { invalidOption } from '../../job/errors.ts';
import type { Context } from './context.ts';

const KEY = /^[\x21-\x7e]{1,200}$/;

/** The client that makes things: each of them once, if the request has a key. @throws INVALID_OPTION. */
export const makerOf = (
  { client, caller, idempotencyKey: key }: Context,
  operation: string,
  input: unknown,
): Client => {
  if (key === undefined) return client;
  if (!KEY.test(key)) throw invalidOption('idempotency-key', key, '1 to 200 characters of ASCII, without spaces');
  const fingerprint = createHash('sha256')
    .update(`${operation} ${sorted(input)}`)
    .digest('base64url');
  return client.forRequest({ key, caller: caller.id, fingerprint });
};

/** JSON in which the order of names does not matter. */
const sorted = (input: unknown): string =>
  JSON.stringify(input, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  ) ?? '';
