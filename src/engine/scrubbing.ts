/** What an attempt ended in, without the secrets of its job. */
import type { Failure } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import type { Scrubber } from '../job/secrets.ts';

export const outcomeWithout = <O extends Outcome>(outcome: O, scrubber: Scrubber): O => {
  switch (outcome.kind) {
    case 'failed':
    case 'timeout':
    case 'crashed':
    case 'released':
      return outcome.failure ? { ...outcome, failure: failureWithout(outcome.failure, scrubber) } : outcome;
    case 'cancelled':
      return { ...outcome, reason: scrubber.text(outcome.reason) };
    case 'completed-in-transaction':
      return { ...outcome, otherwise: outcomeWithout(outcome.otherwise, scrubber) };
    default:
      return outcome;
  }
};

const failureWithout = (failure: Failure, scrubber: Scrubber): Failure => {
  const { name, message, code, stack, cause, output } = failure;
  return {
    name: scrubber.text(name),
    message: scrubber.text(message),
    ...(code === undefined ? {} : { code: scrubber.text(code) }),
    ...(stack === undefined ? {} : { stack: scrubber.text(stack) }),
    ...(cause === undefined ? {} : { cause: failureWithout(cause, scrubber) }),
    ...(output === undefined ? {} : { output: scrubber.text(output) }),
  };
};
