/** A store for one request that may come again: what it inserts, it inserts once. */
import { idempotencyKeyReused } from '../job/errors.ts';
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
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'insert') return insert;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
};
