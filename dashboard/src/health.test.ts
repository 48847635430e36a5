import { describe, expect, test } from 'vitest';
import type { QueueView, WorkerView } from '../../src/client.ts';
import { concernsOf, orphanTypes, type Seen } from './health.ts';

const AT = '2027-01-15T08:00:00.000Z';
const ago = (ms: number): string => new Date(Date.parse(AT) - ms).toISOString();
const NO_COUNTS = { created: 0, queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, timeout: 0 };

const queue = (given: Partial<QueueView> = {}): QueueView => ({
  ...{ name: 'emails', allowed: [], paused: false, pausedReason: null, pausedBy: null, pausedUntil: null },
  ...{ pausedAt: null, maxRunning: null, counts: NO_COUNTS, oldestDueAt: null },
  ...given,
});

const worker = (given: Partial<WorkerView> = {}): WorkerView => ({
  ...{
    owner: 'web#1',
    name: 'web',
    host: 'h',
    pid: 1,
    slots: 4,
    running: 0,
    queues: null,
    types: ['mail'],
    alive: true,
  },
  ...{ startedAt: ago(1e6), beatAt: ago(100), leaseUntil: AT, blockedMs: 0 },
  ...given,
});

const seen = (given: Partial<Seen> = {}): Seen => ({
  ...{ at: AT, queues: [queue()], workers: [worker()], schedules: [], failures: undefined },
  stats: { total: 1, byStatus: NO_COUNTS, byType: {}, lateResults: 0, sizeBytes: 0 },
  health: {
    ...{ ok: true, at: AT, database: { ok: true, problem: null, sizeBytes: 0 }, loop: null },
    ...{ queueDepth: 0, errorRates: {}, rates: { created: 0, completed: 0 } },
  },
  failed: { count: 0, during: 'the last hour' },
  ...given,
});

const says = (given: Partial<Seen>): string[] => concernsOf(seen(given)).map(({ level, says }) => `${level}: ${says}`);
const waits = (n: number) => ({ ...NO_COUNTS, queued: n });

describe('what is wrong, and where', () => {
  test('is nothing where nothing is', () => {
    expect(concernsOf(seen())).toEqual([]);
    // Jobs that were due a moment ago are on their way.
    expect(says({ queues: [queue({ counts: waits(3), oldestDueAt: ago(900) })] })).toEqual([]);
  });

  test('names the database and the server that stands still', () => {
    const health = seen().health;
    expect(
      says({
        health: {
          ...health,
          database: { ok: false, problem: 'disk is full', sizeBytes: 0 },
          loop: { ticking: false, ageMs: 9000, running: 1 },
        },
      }),
    ).toEqual([
      'bad: The database does not answer: disk is full.',
      "bad: The server's own worker has stood still for 9.0 s.",
    ]);
  });

  test('names queues that are behind or paused, and lets paused ones be while nothing waits in them', () => {
    const queues = [
      queue({ name: 'late', counts: waits(7), oldestDueAt: ago(380_000) }),
      queue({
        name: 'shut',
        paused: true,
        pausedReason: 'the bank is closed',
        counts: waits(1),
        oldestDueAt: ago(9e6),
      }),
      queue({ name: 'idle', paused: true }),
    ];
    expect(says({ queues })).toEqual([
      'look: late is behind: the oldest of 7 jobs has waited 6 min 20 s.',
      'look: shut is paused (the bank is closed): 1 job waits.',
    ]);
  });

  test('names who is silent, what nobody knows, and that nobody is there at all', () => {
    const stats = { ...seen().stats, byType: { mail: waits(1), report: waits(412), done: NO_COUNTS } };
    const silent = worker({ owner: 'x#2', name: 'batch-1', alive: false, beatAt: ago(40_000), types: ['report'] });
    expect(orphanTypes(stats, [worker(), silent])).toEqual([['report', 412]]);
    expect(says({ stats, workers: [worker(), silent] })).toEqual([
      'bad: batch-1 has not been heard of for 40 s.',
      'bad: No worker knows report: 412 jobs of it cannot run.',
    ]);
    const queues = [queue({ counts: waits(2), oldestDueAt: ago(5000) })];
    expect(says({ workers: [], queues })).toEqual(['bad: No worker is alive, and jobs wait in emails.']);
    expect(says({ workers: [] })).toEqual([]);
  });

  test('tells what failed and which schedule cannot run; the worst stands first', () => {
    const schedules = [{ id: 'nightly', problem: 'no such zone' }] as unknown as Seen['schedules'];
    const failures = { groups: [{ count: 412, message: 'SMTP 421\nmore' }] } as unknown as Seen['failures'];
    expect(says({ schedules, failures, failed: { count: 31, during: 'the last hour' } })).toEqual([
      'bad: nightly cannot run: no such zone',
      'look: 31 jobs failed in the last hour; most often: SMTP 421',
    ]);
  });
});
