import { describe, expect, test } from 'vitest';
import type { Status } from '../../job/states.ts';
import { everyone } from './access.ts';
import { type FeedFilter, selectionOf } from './frame-filter.ts';
import { type Entry, FrameLog, type JobFacts } from './frame-log.ts';
import type { News } from './frames.ts';

const at = '2026-01-31T00:00:00.000Z';
const entryOf = (news: News, states: readonly Status[] = [], facts?: JobFacts | null): Entry => {
  const log = new FrameLog(10);
  log.append(news, ...states);
  const [entry] = log.read(0, log.head, () => true, 1e6).entries;
  entry!.facts = facts;
  return entry!;
};

const facts = { parentId: 'p', scheduleId: 's', tenant: 'north' };
const job = (states: readonly Status[], more?: JobFacts | null) =>
  entryOf({ kind: 'job', at, jobId: 'a', seq: 1, type: 'mail', queue: 'letters', status: states[0]! }, states, more);
const removed = entryOf({ kind: 'job', at, jobId: 'a', seq: 1, type: 'mail', queue: 'letters', removed: true });
const switches = { paused: true, pausedReason: null, pausedUntil: null, maxRunning: null } as const;
const queue = entryOf({ kind: 'queue', at, queue: 'letters', ...switches });
const schedule = entryOf({ kind: 'schedule', at, schedule: 'nightly', type: 'mail' });
const worker = entryOf({ kind: 'worker', at, worker: 'w', change: 'lost' });
const service = entryOf({ kind: 'service', at, change: 'store-unavailable' });
const running = job(['running', 'queued'], facts);

const fits = (filter: FeedFilter, entry: Entry, seen: object = {}, place = 0): boolean =>
  selectionOf(filter, { ...everyone, ...seen }).fits(entry, place);

describe('a reader', () => {
  test.each<[FeedFilter, Entry, boolean]>([
    [{}, running, true],
    [{}, queue, true],
    [{}, worker, true],
    [{}, schedule, true],
    [{ kind: ['schedule'] }, schedule, true],
    [{}, service, true],
    [{ kind: ['queue', 'service'] }, running, false],
    [{ kind: ['queue', 'service'] }, service, true],
    [{ type: ['mail', 'x'] }, running, true],
    [{ type: ['x'] }, running, false],
    [{ type: ['mail'] }, worker, false],
    [{ type: ['mail'] }, schedule, false],
    [{ kind: ['worker'] }, schedule, false],
    [{ queue: ['letters'] }, running, true],
    [{ queue: ['letters'] }, queue, true],
    [{ queue: ['letters'] }, worker, false],
    [{ queue: ['x'] }, queue, false],
    [{ id: ['a'] }, running, true],
    [{ id: ['b'] }, running, false],
    [{ id: ['a'] }, queue, false],
    [{ status: ['running'] }, running, true],
    [{ status: ['queued'] }, running, true],
    [{ status: ['failed'] }, running, false],
    [{ status: ['failed'] }, removed, true],
    [{ status: ['failed'], type: ['x'] }, removed, false],
    [{ parent: 'p' }, running, true],
    [{ parent: 'q' }, running, false],
    [{ schedule: 's' }, running, true],
    [{ schedule: 't' }, running, false],
    [{ parent: 'p' }, job(['running'], null), false],
    [{ parent: 'p' }, job(['running']), false],
    [{ parent: 'p' }, queue, false],
    [{ parent: 'p', type: ['x'] }, running, false],
  ])('who asks for %j', (filter, entry, hears) => {
    expect(fits(filter, entry)).toBe(hears);
  });

  test('of one state hears that a job left it, once', () => {
    const log = new FrameLog(10);
    const news = (status: Status): News => ({ kind: 'job', at, jobId: 'a', seq: 1, type: 't', queue: 'q', status });
    log.append(news('queued'), 'queued', 'created');
    log.append(news('running'), 'running', 'queued');
    log.append(news('running'), 'running');
    const { fits } = selectionOf({ status: ['queued'] }, everyone);
    expect(log.read(1, log.head, fits, 1e6).entries).toHaveLength(1);
    expect(log.read(2, log.head, fits, 1e6).entries).toHaveLength(0);
  });

  test.each<[says: string, seen: object, entry: Entry, hears: boolean]>([
    ['of some queues hears of jobs in them', { queues: ['letters'] }, running, true],
    ['of some queues hears of their switches', { queues: ['letters'] }, queue, true],
    ['of other queues hears nothing of them', { queues: ['x'] }, running, false],
    ['of other queues hears nothing of their switches', { queues: ['x'] }, queue, false],
    ['of some queues hears nothing of schedules', { queues: ['letters'] }, schedule, false],
    ['of a tenant hears nothing of schedules', { tenants: ['north'] }, schedule, false],
    ['of some queues hears nothing of workers', { queues: ['letters'] }, worker, false],
    ['of some queues hears nothing of the database', { queues: ['letters'] }, service, false],
    ['of no queue hears nothing', { queues: [] }, running, false],
    ['of a tenant hears of its jobs', { tenants: ['north'] }, running, true],
    ['of another tenant does not', { tenants: ['south'] }, running, false],
    [
      'of a tenant hears nothing of jobs that belong to nobody',
      { tenants: ['north'] },
      job(['running'], { ...facts, tenant: null }),
      false,
    ],
    ['of a tenant hears nothing of jobs that are gone', { tenants: ['north'] }, removed, false],
    ['of a tenant hears nothing of queues', { tenants: ['north'] }, queue, false],
    ['of a tenant hears nothing of workers', { tenants: ['north'] }, worker, false],
  ])('%s', (_, seen, entry, hears) => {
    expect(fits({}, entry, seen)).toBe(hears);
  });

  test('cannot ask for more than it may see', () => {
    expect(fits({ queue: ['letters'] }, running, { queues: ['x'] })).toBe(false);
    expect(fits({ id: ['a'] }, running, { tenants: ['south'] })).toBe(false);
  });

  test('shares its answers only with who asks for the same and sees the same', () => {
    const key = (filter: FeedFilter, seen: object = {}) => selectionOf(filter, { ...everyone, ...seen }).key;
    expect(key({ type: ['a'] })).toBe(key({ type: ['a'] }));
    const others = [
      key({}),
      key({ type: ['a'] }),
      key({ queue: ['a'] }),
      key({}, { queues: ['a'] }),
      key({}, { tenants: ['a'] }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });
});
