/** What happens around every operation, whichever door it came through: who may, and errors in our words. */
import { implement, ORPCError, ValidationError } from '@orpc/server';
import type * as z from 'zod';
import { invalidOption, notPermitted } from '../../job/errors.ts';
import { permits } from './access.ts';
import { recordOf, writeDown } from './audited.ts';
import { clientFor } from './bound.ts';
import type { Context } from './context.ts';
import { contract } from './contract.ts';
import { makerOf } from './idempotency.ts';
import { errorOfIssue } from './issues.ts';

/** What we answer is checked by the compiler and by tests, not anew for every page of a thousand jobs. */
const unchecked = { initialOutputValidationIndex: Number.NaN };

/** What the engine writes into the audit itself: when it begins, and when it ends. */
const TOLD_INSIDE: readonly string[] = ['bulk.start'];

export const api = implement(contract, unchecked)
  .$context<Context>()
  .use(async ({ context, path, procedure, next }, input) => {
    const { scope, creates, changes } = procedure['~orpc'].meta;
    const name = path.join('.');
    if (!permits(context.caller, scope)) throw notPermitted(name, scope, context.caller.scope);
    try {
      const client = clientFor(context.caller, context.client);
      const maker = creates ? makerOf({ ...context, client }, name, input) : client;
      const answer = await next({ context: { client, maker, source: context.client } });
      if (changes && !TOLD_INSIDE.includes(name))
        await writeDown(context.client, recordOf(context, name, input, answer.output));
      return answer;
    } catch (error) {
      throw inOurWords(error, procedure['~orpc'].inputSchema, input);
    }
  });

/** What the schema of an input says, as our error; anything else as it is. */
const inOurWords = (error: unknown, schema: unknown, input: unknown): unknown => {
  const { cause } = error instanceof ORPCError ? error : {};
  if (!(cause instanceof ValidationError)) return error;
  const [issue] = cause.issues;
  // Every schema of the contract is one of zod's.
  return issue
    ? errorOfIssue(issue as z.core.$ZodIssue, schema as z.core.$ZodType, input)
    : invalidOption('input', input, 'what the reference says');
};
