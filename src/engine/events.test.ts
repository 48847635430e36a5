import { describe, expect, test } from 'vitest';
import type { StoreChange } from '../store/store.ts';
import { EVENT_NAMES, type EventMap, type EventName, Events, emitChange } from './events.ts';

const newEvents = () => {
  const unheard: EventMap['error'][] = [];
  return { events: new Events((event) => unheard.push(event)), unheard };
};

const removed = { jobId: 'a', seq: 1, type: 't', queue: 'q', at: 5 };

describe('the emitter', () => {
  test('calls every listener in order, with the same event', () => {
    const { events } = newEvents();
    const heard: unknown[] = [];
    events.on('job-removed', (event) => heard.push(['first', event]));
    events.on('job-removed', (event) => heard.push(['second', event]));
    events.emit('job-removed', () => removed);
    expect(heard).toEqual([
      ['first', removed],
      ['second', removed],
    ]);
  });

  test('calls a listener of "once" once, and one that was taken off never', () => {
    const { events } = newEvents();
    const heard: string[] = [];
    const off = () => void heard.push('off');
    events.once('job-removed', () => void heard.push('once'));
    events.on('job-removed', off);
    events.off('job-removed', off);
    events.emit('job-removed', () => removed);
    events.emit('job-removed', () => removed);
    expect(heard).toEqual(['once']);
  });

  test('does not even make an event that nobody hears', () => {
    const { events } = newEvents();
    events.emit('job-removed', () => expect.unreachable('it was made'));
  });

  test('a listener that throws does not keep the others from hearing, and becomes an error event', () => {
    const { events, unheard } = newEvents();
    const fault = new Error('listener');
    const heard: unknown[] = [];
    events.on('job-removed', () => {
      throw fault;
    });
    events.on('job-removed', (event) => heard.push(event));
    events.emit('job-removed', () => removed);
    expect(heard).toEqual([removed]);
    expect(unheard).toEqual([{ error: fault, during: 'a listener of "job-removed"' }]);
  });

  test('a listener that rejects becomes an error event', async () => {
    const { events } = newEvents();
    const fault = new Error('listener');
    const error = new Promise((resolve) => events.on('error', resolve));
    events.on('job-removed', async () => {
      throw fault;
    });
    events.emit('job-removed', () => removed);
    expect(await error).toEqual({ error: fault, during: 'a listener of "job-removed"' });
  });

  test('an error that nobody hears is handed on, never thrown', () => {
    const { events, unheard } = newEvents();
    events.emit('error', () => ({ error: 'x', during: 'a test' }));
    expect(unheard).toEqual([{ error: 'x', during: 'a test' }]);
  });

  test('a listener of "error" that throws does not begin a ring', () => {
    const { events, unheard } = newEvents();
    events.on('error', () => {
      throw new Error('again');
    });
    events.emit('error', () => ({ error: 'x', during: 'a test' }));
    expect(unheard).toMatchObject([{ during: 'a listener of "error"' }]);
  });

  test('not even the last resort may break the one who emits', () => {
    const events = new Events(() => {
      throw new Error('the logger is broken');
    });
    events.on('job-removed', () => {
      throw new Error('the listener too');
    });
    expect(() => events.emit('job-removed', () => removed)).not.toThrow();
    expect(() => events.emit('error', () => ({ error: 'x', during: 'a test' }))).not.toThrow();
  });
});

describe('a change in the store', () => {
  const change = (given: Partial<StoreChange>): StoreChange => ({
    kind: 'status',
    seq: 1,
    id: 'a',
    type: 't',
    queue: 'q',
    at: 5,
    from: 'running',
    to: 'queued',
    attempts: 1,
    runAt: 9,
    ...given,
  });

  const told = (given: Partial<StoreChange>): [EventName, object][] => {
    const { events } = newEvents();
    const heard: [EventName, object][] = [];
    for (const name of EVENT_NAMES) events.on(name, (event) => heard.push([name, event]));
    emitChange(events, change(given));
    return heard;
  };

  const base = removed;
  const status = (to: string, from: string | null, error: string | null = null) => [
    'job-status-changed',
    { ...base, status: to, from, attempts: 1, runAt: 9, error },
  ];

  test.each<[string, Partial<StoreChange>, unknown[]]>([
    [
      'a new job is created, then queued',
      { from: null, to: 'queued' },
      [status('created', null), status('queued', 'created')],
    ],
    ['a held job is only created', { from: null, to: 'created' }, [status('created', null)]],
    ['a claim', { from: 'queued', to: 'running' }, [status('running', 'queued')]],
    [
      'a completion with its result',
      { to: 'completed', result: '{"n":1}' },
      [status('completed', 'running'), ['job-completed', { ...base, result: { n: 1 } }]],
    ],
    [
      'a completion with nothing',
      { to: 'completed', result: null },
      [status('completed', 'running'), ['job-completed', { ...base, result: null }]],
    ],
    [
      'a completion with false',
      { to: 'completed', result: 'false' },
      [status('completed', 'running'), ['job-completed', { ...base, result: false }]],
    ],
    [
      'a failure',
      { to: 'failed', error: 'no' },
      [status('failed', 'running', 'no'), ['job-failed', { ...base, error: 'no', attempts: 1 }]],
    ],
    [
      'a time-out',
      { to: 'timeout', error: 'late' },
      [status('timeout', 'running', 'late'), ['job-timeout', { ...base, error: 'late', attempts: 1 }]],
    ],
    [
      'a cancel',
      { from: 'queued', to: 'cancelled', error: 'why' },
      [status('cancelled', 'queued', 'why'), ['job-cancelled', { ...base, reason: 'why' }]],
    ],
    [
      'another attempt',
      { to: 'queued', error: 'no' },
      [status('queued', 'running', 'no'), ['job-retrying', { ...base, error: 'no', attempts: 1, runAt: 9 }]],
    ],
    ['a person lets it go on', { from: 'created', to: 'queued' }, [status('queued', 'created')]],
    ['a person revives it', { from: 'failed', to: 'queued' }, [status('queued', 'failed')]],
    ['a job that stays where it is', { from: 'queued', to: 'queued' }, []],
    [
      'progress',
      { kind: 'progress', to: 'running', progress: 40, note: '4 of 10' },
      [['job-progress', { ...base, progress: 40, note: '4 of 10' }]],
    ],
    [
      'a cancel that is asked for',
      { kind: 'cancel-requested', to: 'running', error: 'why' },
      [['job-cancel-requested', { ...base, reason: 'why' }]],
    ],
    ['a removal', { kind: 'removed', from: 'failed', to: 'failed' }, [['job-removed', base]]],
  ])('%s', (_, given, events) => {
    expect(told(given)).toEqual(events);
  });
});
