import { expect, test } from 'vitest';
import { storeClosed } from '../job/errors.ts';
import { type EventMap, Events } from './events.ts';
import { StoreWatch } from './store-watch.ts';

const watched = () => {
  let now = 1000;
  const events = new Events(() => {});
  const heard: unknown[] = [];
  events.on('store-unavailable', (event: EventMap['store-unavailable']) => heard.push(event));
  events.on('store-recovered', (event: EventMap['store-recovered']) => heard.push(event));
  const watch = new StoreWatch(events, { now: () => 0, monotonic: () => now });
  const pass = (ms: number) => {
    now += ms;
  };
  return { watch, heard, pass };
};

test('says once that the store is away, and once that it is back, with the time it took', () => {
  const { watch, heard, pass } = watched();
  watch.up('claim');
  watch.down('claim', 'first');
  pass(300);
  watch.down('claim', 'second');
  expect(watch.problem).toBe('second');
  pass(400);
  watch.up('claim');
  watch.up('claim');
  expect(watch.problem).toBeNull();
  expect(heard).toEqual([{ error: 'first' }, { afterMs: 700 }]);
});

test('takes its own end for no outage', () => {
  const { watch, heard } = watched();
  watch.down('claim', storeClosed());
  expect(watch.problem).toBeNull();
  expect(heard).toEqual([]);
});

test('is not back before everything works that did not: reading may work while writing does not', () => {
  const { watch, heard, pass } = watched();
  watch.down('claim', 'locked');
  watch.up('poll');
  watch.down('finish', 'locked too');
  pass(100);
  watch.up('claim');
  expect(watch.problem).toBe('locked too');
  expect(heard).toHaveLength(1);
  watch.up('finish');
  expect(heard).toEqual([{ error: 'locked' }, { afterMs: 100 }]);
});
