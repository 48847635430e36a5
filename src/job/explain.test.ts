/** The decision alone, for what is hard to bring about; test/explain.test.ts asks real stores. */
import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import type { Job } from './job.ts';
import type { RunnerRoom, Standing, WorkerFacts } from './standing.ts';

const NOW = Date.UTC(2026, 0, 31, 8);
const HOUR = 3_600_000;

const aJob = (given: Partial<Job> = {}): Job => ({
  ...{ seq: 1, id: 'j', type: 'mail', queue: 'emails', status: 'queued', priority: 5, payload: null, progress: 0 },
  ...{
    note: null,
    result: null,
    error: null,
    attempts: 0,
    maxAttempts: 3,
    crashes: 0,
    maxCrashes: 5,
    life: 1,
    claim: 0,
  },
  ...{
    parentId: null,
    tenant: null,
    replayOf: null,
    scheduleId: null,
    slotAt: null,
    userInitiated: true,
    tags: [],
    key: null,
    limitKey: null,
    timeoutMs: null,
  },
  ...{ held: false, worker: null, createdAt: NOW, queuedAt: NOW, runAt: NOW, startedAt: null, completedAt: null },
  ...{ timeoutAt: null, expiresAt: null, totalMs: null, deadlineAt: null, cancelRequestedAt: null, batch: null },
  ...given,
});

const worker = (given: Partial<WorkerFacts> = {}): WorkerFacts => ({
  ...{ owner: 'w1#boot', name: 'w1', slots: 2, running: 0, queues: null, types: ['mail'], leaseUntil: NOW + HOUR },
  ...given,
});

const OPEN = { max: null, running: 0, holders: [] };

const standing = (job: Partial<Job> = {}, given: Partial<Standing> = {}): Standing => ({
  job: aJob(job),
  owner: null,
  queue: { name: 'emails', pause: null, places: OPEN },
  key: null,
  ahead: 0,
  workers: [worker()],
  ...given,
});

const room = (given: Partial<RunnerRoom> = {}): RunnerRoom => ({
  ...{ owner: 'w1#boot', name: 'threads', types: ['mail'], slots: 2, running: 2, problem: null, ...given },
});

const codes = (given: Standing, rooms: RunnerRoom[] = []) => explain(given, NOW, rooms).reasons.map(({ code }) => code);
const says = (given: Standing, rooms: RunnerRoom[] = []) => explain(given, NOW, rooms).reasons.map((one) => one.says);

describe('a job that waits', () => {
  test.each<[string, Standing, RunnerRoom[], string[]]>([
    ['is about to start if nothing holds it back', standing(), [], ['starting']],
    ['is due at the very moment of its time', standing({ runAt: NOW }), [], ['starting']],
    ['is early until then', standing({ runAt: NOW + 1 }), [], ['delayed']],
    ['has expired', standing({ expiresAt: NOW }), [], ['expired']],
    [
      'does not expire once it has started',
      standing({ expiresAt: NOW, startedAt: NOW - 9, attempts: 1 }),
      [],
      ['starting'],
    ],
    ['waits after a crash alone', standing({ crashes: 1, runAt: NOW + HOUR }), [], ['retry-wait']],
    [
      'waits for nobody whose lease is over',
      standing({}, { workers: [worker({ leaseUntil: NOW })] }),
      [],
      ['no-worker'],
    ],
    ['is in a runner without room', standing(), [room()], ['runner-full']],
    [
      'is in a runner out of service',
      standing(),
      [room({ slots: 0, running: 0, problem: 'it crashed' })],
      ['runner-down'],
    ],
    ['is in a runner with room', standing(), [room({ running: 1 })], ['starting']],
    [
      "is in another's hands where two can take it",
      standing({}, { workers: [worker(), worker({ owner: 'w2#b' })] }),
      [room()],
      ['starting'],
    ],
    [
      'is not held back by the runner of a worker that does not serve it',
      standing({}, { workers: [worker({ owner: 'w2#b' })] }),
      [room()],
      ['starting'],
    ],
    ['is told of its order only when it could run', standing({ runAt: NOW + HOUR }, { ahead: 7 }), [], ['delayed']],
  ])('%s', (_, given, rooms, expected) => {
    expect(codes(given, rooms)).toEqual(expected);
  });

  test('a pause that is over is none', () => {
    const pause = { reason: null, by: null, since: NOW - HOUR, until: NOW };
    expect(codes(standing({}, { queue: { name: 'emails', pause, places: OPEN } }))).toEqual(['starting']);
    const on = { name: 'emails', pause: { ...pause, until: NOW + 1 }, places: OPEN };
    expect(codes(standing({}, { queue: on }))).toEqual(['queue-paused']);
  });

  test('everything that holds it back is told, what comes first first', () => {
    const holders = [{ id: 'h', type: 'mail', worker: 'w1', startedAt: NOW }];
    const given = standing(
      { held: true, status: 'created', runAt: NOW + HOUR, limitKey: 'k' },
      {
        queue: {
          name: 'emails',
          pause: { reason: null, by: null, since: null, until: null },
          places: { max: 1, running: 1, holders },
        },
        key: { max: 1, running: 1, holders },
        workers: [],
      },
    );
    expect(codes(given)).toEqual(['held', 'delayed', 'queue-paused', 'queue-full', 'key-full', 'no-worker']);
  });

  test('of many holders it names three and counts the rest', () => {
    const holders = [1, 2, 3, 4].map((i) => ({
      id: `h${i}`,
      type: 'mail',
      worker: i === 2 ? null : 'w1',
      startedAt: NOW,
    }));
    const places = { max: 4, running: 4, holders };
    expect(says(standing({}, { queue: { name: 'emails', pause: null, places } }))[0]).toBe(
      'The queue "emails" runs 4 of 4 at once: h1 on w1, h2, h3 on w1 and 1 more.',
    );
  });

  test('failures and crashes are told apart', () => {
    const at = new Date(NOW + HOUR).toISOString();
    const waiting = { runAt: NOW + HOUR, error: 'no' };
    expect(says(standing({ ...waiting, attempts: 2, crashes: 1 }))).toEqual([
      `Attempt 2 of 3 failed, and once its worker died (no); the next begins after ${at}.`,
    ]);
    expect(says(standing({ ...waiting, crashes: 2 }))).toEqual([
      `Its worker died under it (no); the next begins after ${at}.`,
    ]);
  });
});

describe('a job that runs', () => {
  const running = { status: 'running', worker: 'w1', startedAt: NOW - HOUR, attempts: 1 } as const;

  test('under a lease that is over is told so, and that somebody gives it back', () => {
    const silent = standing(running, { owner: 'w1#boot', workers: [worker({ leaseUntil: NOW })] });
    expect(codes(silent)).toEqual(['worker-silent', 'running']);
    expect(says(silent)[0]).toBe('Its worker w1 is silent: its lease ended at 2026-01-31T08:00:00.000Z.');
    const gone = standing(running, { owner: 'w1#boot', workers: [] });
    expect(says(gone)[0]).toBe('Its worker w1 is gone: another gives it back to the queue.');
  });

  test('without any limit of time says only where and since when', () => {
    const bare = standing(running, { owner: 'w1#boot' });
    expect(says(bare)).toEqual([
      'It runs on w1 since 2026-01-31T07:00:00.000Z, 0 % done; the lease of its worker runs to 2026-01-31T09:00:00.000Z and is renewed.',
    ]);
  });
});

describe('a job that has ended', () => {
  test.each<[Partial<Job>, string, string | null]>([
    [
      { status: 'completed', completedAt: NOW, result: 1 },
      'It completed at 2026-01-31T08:00:00.000Z. Its result is kept.',
      null,
    ],
    [{ status: 'completed', completedAt: NOW }, 'It completed at 2026-01-31T08:00:00.000Z. It gave no result.', null],
    [
      { status: 'timeout', completedAt: NOW, error: 'Too slow.' },
      'It ran out of time at 2026-01-31T08:00:00.000Z: Too slow.',
      'To run it again: backline jobs retry j',
    ],
    [{ status: 'cancelled', completedAt: null }, 'It was cancelled.', 'To run it again: backline jobs retry j'],
  ])('says how (%#)', (job, said, next) => {
    expect(explain(standing(job), NOW).reasons).toMatchObject([{ code: 'ended', says: said, next }]);
  });
});
