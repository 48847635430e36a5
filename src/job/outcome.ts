import { BacklineError } from './backline-error.ts';
import { checkDuration, type Duration, isRecord } from './check.ts';
import type { ErrorVerdict } from './define.ts';
import { invalidOption } from './errors.ts';
import type { Failure } from './job.ts';

/** What one attempt can end in. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: string | null }
  /** The handler completed the job in its own transaction; the store knows whether that committed. If not, `otherwise` holds. */
  | {
      readonly kind: 'completed-in-transaction';
      readonly otherwise: Exclude<Outcome, { kind: 'completed-in-transaction' }>;
    }
  /** `retry` overrides the backoff: never again, or after so many milliseconds. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly retry?: 'never' | number }
  /** `last`: the time in total is over, and no attempt may follow. */
  | { readonly kind: 'timeout'; readonly failure: Failure; readonly last?: true }
  | { readonly kind: 'cancelled'; readonly reason: string }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  /** The thread or process that did the work died: a crash is counted, and the attempt is given back. */
  | { readonly kind: 'crashed'; readonly failure: Failure }
  /** Handed back unfinished, by a worker that stops, lacks a key, or whose runner is out of service. `failure`: why, if it is worth saying. */
  | { readonly kind: 'released'; readonly failure?: Failure; readonly delayMs?: number }
  /** The lease went to another worker: nothing may be written. */
  | { readonly kind: 'lost' };

/** Throw it from a handler when trying again cannot help. */
export class NoRetryError extends Error {
  override readonly name = 'NoRetryError';
}

/** Throw it from a handler when the other side said how long to wait; uses an attempt. */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError';
  readonly delayMs: number;

  /** @param delay milliseconds or text such as `'30s'`. @throws INVALID_OPTION */
  constructor(message: string, delay: Duration, options?: ErrorOptions) {
    super(message, options);
    this.delayMs = checkDuration(delay, 'delay');
  }
}

/** Ends an attempt with an outcome of its own: `ctx.cancel()` and `ctx.snooze()` throw it, and runners whose work died. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(`The job stops here: ${outcome.kind}.`);
    this.outcome = outcome;
  }
}

/** An error that was thrown elsewhere, in a thread or another process: what was kept of it, as an error again. */
export class RemoteError extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  /** What is kept with the attempt. */
  readonly failure: Failure;
  /** What the error itself says about another attempt; a number is the delay in milliseconds. */
  readonly retry: 'never' | number | undefined;

  constructor(failure: Failure, retry?: 'never' | number) {
    super(failure.message, failure.cause ? { cause: new RemoteError(failure.cause) } : undefined);
    this.name = failure.name;
    this.code = failure.code;
    this.failure = failure;
    this.retry = retry;
    if (failure.stack !== undefined) this.stack = failure.stack;
  }
}

/**
 * What a thrown value means for its job. `verdict` is what the job type's `onError` said of it.
 * @throws INVALID_OPTION if the verdict is none.
 */
export const outcomeOfError = (thrown: unknown, verdict: ErrorVerdict | undefined): Outcome => {
  if (thrown instanceof Stop) return thrown.outcome;
  const failure = toFailure(thrown);
  const said = verdict ?? ownVerdict(thrown);
  if (said === 'retry') return { kind: 'failed', failure };
  if (said === 'never') return { kind: 'failed', failure, retry: 'never' };
  if (isRecord(said) && 'snooze' in said)
    return { kind: 'snoozed', delayMs: checkDuration(said.snooze, 'onError.snooze') };
  if (isRecord(said) && 'retryAfter' in said)
    return { kind: 'failed', failure, retry: checkDuration(said.retryAfter, 'onError.retryAfter') };
  throw invalidOption('onError', said, "'retry', 'never', { retryAfter }, { snooze } or nothing");
};

/** What the error itself says, where nobody says otherwise. */
const ownVerdict = (thrown: unknown): ErrorVerdict => {
  const retry = retryOf(thrown);
  return typeof retry === 'number' ? { retryAfter: retry } : (retry ?? 'retry');
};

/** What the error itself says about another attempt: none, or after so many milliseconds. */
export const retryOf = (thrown: unknown): 'never' | number | undefined => {
  if (thrown instanceof RemoteError) return thrown.retry;
  if (thrown instanceof NoRetryError) return 'never';
  return thrown instanceof RetryAfterError ? thrown.delayMs : undefined;
};

const MAX_NAME = 200;
const MAX_MESSAGE = 10_000;
const MAX_STACK = 20_000;
const MAX_CAUSES = 10;

/** Any thrown value → what is kept of it, with its chain of causes. Never throws, whatever was thrown. */
export const toFailure = (thrown: unknown, depth = 0): Failure => {
  try {
    if (thrown instanceof RemoteError) return thrown.failure;
    return thrown instanceof Error
      ? failureOf(thrown, depth)
      : { name: 'Thrown', message: clip(describe(thrown), MAX_MESSAGE) };
  } catch {
    return { name: 'Thrown', message: 'Something was thrown that cannot be read.' };
  }
};

const failureOf = (error: Error, depth: number): Failure => {
  const { code } = error as { code?: unknown };
  // Connections that were tried at several addresses fail with an AggregateError, often without a message of its own.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const cause = error.cause ?? first;
  return {
    name: clip(error.name, MAX_NAME),
    message: clip(error.message || (first instanceof Error && first.message) || error.name, MAX_MESSAGE),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: clip(code, MAX_NAME) } : {}),
    // Our own errors say everything in their message; a stack would only hide it.
    ...(error.stack && !(error instanceof BacklineError) ? { stack: clip(error.stack, MAX_STACK) } : {}),
    ...(cause !== undefined && depth < MAX_CAUSES ? { cause: toFailure(cause, depth + 1) } : {}),
  };
};

/** A failure as another program told it → the same, within bounds; what it did not tell is made up plainly. */
export const readFailure = (told: unknown, depth = 0): Failure => {
  if (!isRecord(told)) return { name: 'Error', message: clip(describe(told), MAX_MESSAGE) };
  const { name, message, code, stack, cause } = told;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  return {
    name: isText(name) ? clip(name, MAX_NAME) : 'Error',
    message: clip(isText(message) ? message : isText(name) ? name : 'no message', MAX_MESSAGE),
    ...(isText(code) || typeof code === 'number' ? { code: clip(code, MAX_NAME) } : {}),
    ...(isText(stack) ? { stack: clip(stack, MAX_STACK) } : {}),
    ...(cause !== undefined && cause !== null && depth < MAX_CAUSES ? { cause: readFailure(cause, depth + 1) } : {}),
  };
};

const describe = (thrown: unknown): string => {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
};

const clip = (value: unknown, max: number): string => {
  const text = String(value);
  return (text.length > max ? `${text.slice(0, max)}…` : text).toWellFormed();
};
