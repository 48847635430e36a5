/** A store for one request that may come again: what it inserts, it inserts once. */
import { idempotencyKeyReused } from '../job/errors.ts';
import type { ScheduleStore } from '../store/schedule-store.ts';
import type { RequestKey, Store } from '../store/store.ts';

/** @param key the caller's own word for the request, for messages. */
export const onceIn = (store: Store, request: RequestKey, key: string): Store => {
  let n = 0;
  const insert: Store['insert'] = async (jobs, now) => {
    // A request may insert several times; it does so in the same order when it comes again.
    const outcomes = await store.insertOnce({ ...request, key: `${request.key}#${n++}` }, jobs, now);
    if (outcomes === null) throw idempotencyKeyReused(key);
    return outcomes;
  };
  const run: ScheduleStore['run'] = async (id, run, now) => {
    const outcome = await store.schedules.runOnce({ ...request, key: `${request.key}#${n++}` }, id, run, now);
    if (outcome === null) throw idempotencyKeyReused(key);
    return outcome;
  };
  return but(store, { insert, schedules: but(store.schedules, { run }) });
};

/** The same object, but for these. */
const but = <T extends object>(one: T, others: Partial<T>): T =>
  new Proxy(one, {
    get: (target, name) => {
      if (Object.hasOwn(others, name)) return Reflect.get(others, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
