/** A database as commands see it: what they change is written into the audit. */
import { userInfo } from 'node:os';
import type { Client } from '../../engine/client.ts';
import { isRecord } from '../../job/check.ts';

/** Who sits here, as the system knows them. */
export const actorHere = (): string => {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
};

interface Told {
  readonly target?: string | null;
  readonly filter?: unknown;
  readonly count?: number;
  readonly detail?: unknown;
}

type Tell = (args: readonly unknown[], answer: unknown) => Told | null;

const one =
  (more: (args: readonly unknown[]) => unknown = () => null): Tell =>
  (args, answer) =>
    answer === false || answer === 'no' ? null : { target: String(args[0]), count: 1, detail: more(args) };

const many: Tell = ([which], answer) => {
  const { cancelled, requested } = isRecord(answer) ? answer : {};
  return { filter: which, count: typeof answer === 'number' ? answer : Number(cancelled) + Number(requested) };
};

/** Verb → its name in the API, and what is told of it. Payloads stay out of it. */
const CHANGES: Readonly<Record<string, readonly [action: string, tell: Tell]>> = {
  enqueue: [
    'jobs.enqueue',
    ([type], answer) => ({ target: (answer as { id: string }).id, count: 1, detail: { type } }),
  ],
  enqueueMany: ['jobs.enqueueMany', (_, answer) => ({ count: (answer as readonly unknown[]).length })],
  cancel: ['jobs.cancel', one(([, options]) => options)],
  cancelAll: ['bulk.cancel', many],
  retry: ['jobs.retry', one()],
  retryAll: ['bulk.retry', many],
  replay: ['jobs.replay', one()],
  remove: ['jobs.remove', one()],
  removeAll: ['bulk.remove', many],
  reprioritise: ['jobs.reprioritise', one(([, priority]) => ({ priority }))],
  reschedule: ['jobs.reschedule', one(([, runAt]) => ({ runAt }))],
  runNow: ['jobs.runNow', one()],
  pauseJob: ['jobs.pause', one()],
  resumeJob: ['jobs.resume', one()],
  pauseQueue: ['queues.pause', one(([, options]) => options)],
  resumeQueue: ['queues.resume', one()],
  limitQueue: ['queues.limit', one(([, maxRunning]) => ({ maxRunning }))],
};

/** What is told of a schedule: never what its jobs get. */
const scheduled: Tell = ([first], answer) => {
  if (answer === false) return null;
  return { target: String(isRecord(first) ? first['id'] : first), count: 1 };
};

const SCHEDULE_CHANGES: typeof CHANGES = Object.fromEntries(
  ['add', 'register', 'update', 'remove', 'pause', 'resume', 'run'].map((verb) => [
    verb,
    [`schedules.${verb}`, scheduled],
  ]),
);

export const audited = <C extends Client>(client: C): C =>
  told(client, CHANGES, client, { schedules: scheduledBy(client.schedules, client) } as Partial<C>);

const scheduledBy = (schedules: Client['schedules'], client: Client): Client['schedules'] =>
  told(schedules, SCHEDULE_CHANGES, client, {
    from: (...args: Parameters<Client['schedules']['from']>) => scheduledBy(schedules.from(...args), client),
  });

/** The same object; what its verbs change is written down. */
const told = <T extends object>(one: T, changes: typeof CHANGES, { audit }: Client, others: Partial<T>): T =>
  new Proxy(one, {
    get: (target, name) => {
      if (Object.hasOwn(others, name)) return Reflect.get(others, name);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const change = typeof name === 'string' && Object.hasOwn(changes, name) ? changes[name] : undefined;
      if (!change) return value.bind(target);
      return async (...args: unknown[]) => {
        const answer: unknown = await value.apply(target, args);
        const line = change[1](args, answer);
        if (line) await audit.record({ actor: actorHere(), door: 'cli', action: change[0], ...line });
        return answer;
      };
    },
  });
