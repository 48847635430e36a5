/** What runs inside a thread or a Node child: takes jobs, calls their handlers, says what became of them. */
import { BacklineError } from '../job/backline-error.ts';
import { checkDuration, isRecord } from '../job/check.ts';
import type { Context, JobLog } from '../job/context.ts';
import { invalidResult, notAvailableHere, unknownJobType, workerModule } from '../job/errors.ts';
import type { LogLevel } from '../job/job.ts';
import { NoRetryError, retryOf, Stop, toFailure } from '../job/outcome.ts';
import { validate } from '../job/payload.ts';
import { toPercent } from '../job/progress.ts';
import { jsonProblem } from '../util/json.ts';
import type { FromWorker, ToWorker, Verdict } from './child-messages.ts';

/** Does one kind of work. The same as a job type's `run` in process, but for `ctx.enqueue` and `ctx.complete`. */
export type Handler = (payload: never, ctx: Context) => unknown;

/** Handlers by job type, or one for all types: `ctx.job.type` tells which. Job types made by `job()` will do. */
export type Handlers =
  | Handler
  | Readonly<Record<string, Handler | { readonly run?: Handler; readonly input?: unknown }>>;

type Order = ToWorker & { kind: 'job' };

/** What a module exports → its handlers. @throws WORKER_MODULE */
export const handlersIn = (module: unknown, name: string): Handlers => {
  const { default: main, jobs } = Object(module) as { default?: unknown; jobs?: unknown };
  return checkHandlers(main ?? jobs, name);
};

/** @throws WORKER_MODULE */
export const checkHandlers = (handlers: unknown, name: string): Handlers => {
  if (typeof handlers === 'function') return handlers as Handler;
  if (!isRecord(handlers)) throw workerModule(name, 'exports no handlers');
  for (const [type, one] of Object.entries(handlers)) {
    const run = isRecord(one) ? one['run'] : one;
    if (typeof run !== 'function') throw workerModule(name, `has no function for "${type}"`);
  }
  return handlers as Handlers;
};

export class Serving {
  readonly #handlers: Handlers;
  readonly #send: (message: FromWorker) => void;
  #current: { readonly run: number; readonly controller: AbortController } | null = null;

  constructor(handlers: Handlers, send: (message: FromWorker) => void) {
    this.#handlers = handlers;
    this.#send = send;
  }

  /** One at a time: the pool does not hand over the next before it has heard of the last. */
  take(order: Order): void {
    const controller = new AbortController();
    this.#current = { run: order.run, controller };
    void this.#work(order, controller).then((verdict) => {
      this.#current = null;
      this.#sendVerdict(verdict);
    });
  }

  cancel({ run, code, reason }: ToWorker & { kind: 'cancel' }): void {
    if (this.#current?.run === run) this.#current.controller.abort(new BacklineError(code, { message: reason }));
  }

  async #work(order: Order, controller: AbortController): Promise<Verdict> {
    const { run, payload, type } = order;
    let asked: Verdict | undefined;
    const ask = (verdict: Verdict, stop: Stop): never => {
      asked = verdict;
      throw stop;
    };
    try {
      const { call, input } = this.#handlerOf(type);
      const valid = input === undefined ? payload : await valued(input, payload);
      const result = await call(valid as never, this.#context(order, controller, ask));
      return asked ?? { kind: 'result', run, result: result ?? null };
    } catch (error) {
      return asked ?? errorOf(run, error);
    }
  }

  #handlerOf(type: string): { call: Handler; input?: unknown } {
    const handlers = this.#handlers;
    if (typeof handlers === 'function') return { call: handlers };
    const found = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
    if (found === undefined) throw unknownJobType(type, Object.keys(handlers));
    return typeof found === 'function' ? { call: found } : { call: found.run!, input: found.input };
  }

  /** A result that cannot travel is an error; the work is done, so that doing it again would not help. */
  #sendVerdict(verdict: Verdict): void {
    const { run } = verdict;
    try {
      const found = verdict.kind === 'result' ? jsonProblem(verdict.result, 'result') : undefined;
      if (found) throw invalidResult(found.path, found.problem);
      this.#send(verdict);
    } catch (error) {
      this.#send({ ...errorOf(run, error), retry: 'never' });
    }
  }

  #context({ run, job, attempt }: Order, controller: AbortController, ask: (v: Verdict, s: Stop) => never): Context {
    const say = (message: FromWorker) => {
      if (this.#current?.run === run) this.#send(message);
    };
    return {
      job,
      attempt,
      signal: controller.signal,
      log: logOf((level, fields, message) => say({ kind: 'log', run, level, message, fields })),
      progress: (progress) => {
        toPercent(progress);
        say({ kind: 'progress', run, progress });
      },
      heartbeat: () => say({ kind: 'heartbeat', run }),
      cancel: (reason = 'cancelled by its handler') =>
        ask({ kind: 'cancelled', run, reason }, new Stop({ kind: 'cancelled', reason })),
      snooze: (given) => {
        const delay = checkDuration(given, 'delay');
        return ask({ kind: 'snooze', run, delay }, new Stop({ kind: 'snoozed', delayMs: delay }));
      },
      enqueue: async () => {
        throw notAvailableHere('ctx.enqueue()');
      },
      complete: async () => {
        throw notAvailableHere('ctx.complete()');
      },
    };
  }
}

/** A payload that does not fit its schema fits no better next time. */
const valued = async (input: unknown, payload: unknown): Promise<unknown> => {
  try {
    return await validate(input as Parameters<typeof validate>[0], payload);
  } catch (error) {
    throw new NoRetryError('', { cause: error });
  }
};

const errorOf = (run: number, thrown: unknown): Verdict & { kind: 'error' } => {
  const [error, retry] =
    thrown instanceof NoRetryError && thrown.message === ''
      ? [thrown.cause, 'never' as const]
      : [thrown, retryOf(thrown)];
  const said = typeof retry === 'number' ? { afterMs: retry } : retry;
  return { kind: 'error', run, error: toFailure(error), ...(said === undefined ? {} : { retry: said }) };
};

type Write = (level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string) => void;

const logOf = (write: Write): JobLog => {
  const method =
    (level: LogLevel) =>
    (...args: [string] | [Readonly<Record<string, unknown>>, string]) =>
      args.length === 1 ? write(level, {}, String(args[0])) : write(level, readable(args[0]), String(args[1]));
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
};

/** Log fields are for reading: what cannot travel is described instead of refused. */
const readable = (fields: unknown): Readonly<Record<string, unknown>> => {
  if (!isRecord(fields)) return {};
  try {
    const json = JSON.stringify(fields, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value instanceof Error ? `${value.name}: ${value.message}` : value,
    );
    return JSON.parse(json) as Record<string, unknown>;
  } catch (error) {
    return { unreadable: String(error) };
  }
};
