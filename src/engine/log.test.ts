import { expect, test } from 'vitest';
import { EVENT_NAMES, type EventMap, type EventName, Events } from './events.ts';
import { type Logger, logEvents } from './log.ts';

const ERROR = new Error('below');
const base = { jobId: 'a', seq: 1, type: 't', queue: 'q', at: 0 };

const planned = { scheduleId: 'nightly', type: 't', at: 0 };
const SLOTS = { count: 2, firstSlotAt: 0, lastSlotAt: 60_000 };

/** One event of each name, and the line that it becomes; null where the move itself says it already. A move to `failed` decides nothing. */
const LINES: { readonly [E in EventName]: readonly [event: EventMap[E], line: string | null] } = {
  'job-status-changed': [
    { ...base, status: 'failed', from: 'running', attempts: 1, runAt: 0, error: null },
    'info: job a is failed',
  ],
  'job-progress': [{ ...base, progress: 40, note: null }, 'debug: job a is at 40 %'],
  'job-completed': [{ ...base, result: { secret: 'of the customer' } }, null],
  'job-failed': [{ ...base, error: 'no', attempts: 3 }, 'error: job a failed'],
  'job-timeout': [{ ...base, error: 'late', attempts: 3 }, 'error: job a timed out'],
  'job-cancelled': [{ ...base, reason: 'no' }, null],
  'job-cancel-requested': [{ ...base, reason: 'no' }, 'info: job a was asked to stop'],
  'job-retrying': [{ ...base, error: 'no', attempts: 1, runAt: 0 }, 'warn: job a will run again'],
  'job-removed': [base, null],
  'job-late-result': [base, 'warn: a late result of job a was dropped'],
  'job-still-running': [{ ...base, reason: 'It does not stop.' }, 'warn: It does not stop.'],
  'schedule-fired': [{ ...planned, jobId: 'a', slotAt: 0, byHand: false }, 'info: schedule nightly started job a'],
  'schedule-missed': [{ ...planned, ...SLOTS, reason: 'late' }, 'warn: schedule nightly: 2 runs were missed'],
  'schedule-skipped': [
    { ...planned, ...SLOTS, count: 1, reason: 'overlap' },
    'warn: schedule nightly: 1 run was left out',
  ],
  'schedule-changed': [{ ...planned, change: 'paused', actor: 'ada', reason: null }, 'info: schedule nightly: paused'],
  'schedule-problem': [
    { ...planned, problem: 'no such zone' },
    'error: schedule nightly has no next run; it is tried again',
  ],
  'clock-jumped': [{ byMs: 3_600_000, at: 0 }, 'warn: the clock jumped by 3600000 ms; schedules were looked at anew'],
  'worker-started': [{ worker: 'w', slots: 10 }, 'info: worker w started with 10 slots'],
  'worker-stopped': [{ worker: 'w' }, 'info: worker w stopped'],
  'worker-lost': [{ worker: 'w' }, 'warn: worker w is gone; its jobs go on'],
  'lease-lost': [{ worker: 'w', jobs: 2 }, 'error: worker w lost its lease; results of 2 jobs are dropped'],
  'loop-blocked': [{ blockedMs: 5000 }, 'warn: the event loop is blocked for 5000 ms; use a thread or a child process'],
  'runner-down': [{ runner: 'w.py', error: ERROR }, 'error: the runner w.py is out of service; its jobs wait'],
  'runner-up': [{ runner: 'w.py' }, 'info: the runner w.py is back'],
  'orphans-released': [{ count: 2, quarantined: 0 }, 'warn: 2 jobs of dead workers were given back'],
  'store-unavailable': [{ error: ERROR }, 'error: the database does not answer; trying again'],
  'store-recovered': [{ afterMs: 9 }, 'info: the database is back after 9 ms'],
  'store-repaired': [
    { file: 'f', kept: 'f.damaged', recovered: 5, unreadable: 1 },
    'error: the database was damaged: 5 jobs were read, the damaged file is kept at f.damaged',
  ],
  error: [{ error: ERROR, during: 'a test' }, 'error: an error during a test'],
};

const logged = (levels: readonly string[]) => {
  const lines: { line: string; fields: object }[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ line: `${level}: ${message}`, fields });
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    isLevelEnabled: (level) => levels.includes(level),
  };
  const events = new Events(() => {});
  logEvents(events, logger);
  return { lines, events };
};

const emit = <E extends EventName>(events: Events, name: E) => events.emit(name, () => LINES[name][0]);

test.each(EVENT_NAMES)('%s', (name) => {
  const { lines, events } = logged(['debug', 'info', 'warn', 'error']);
  emit(events, name);
  expect(lines.map(({ line }) => line)).toEqual(LINES[name][1] === null ? [] : [LINES[name][1]]);
  if (name.startsWith('job-') && lines[0]) expect(lines[0].fields).toMatchObject({ jobId: 'a' });
  if (name === 'error' || name === 'store-unavailable') expect(lines[0]!.fields).toEqual({ err: ERROR });
});

test.each<[Partial<EventMap['job-status-changed']>, string]>([
  [{ status: 'running', at: 7, runAt: 2, attempts: 3 }, 'debug: job a was taken 5 ms after its time, attempt 3'],
  [{ status: 'queued', at: 7, runAt: 7 }, 'debug: job a may run as soon as there is a slot'],
  [{ status: 'queued', at: 0, runAt: 60_000 }, 'debug: job a waits until 1970-01-01T00:01:00.000Z'],
])('a decision of the scheduler is a line of the level debug: %j', (given, line) => {
  const { lines, events } = logged(['debug']);
  events.emit('job-status-changed', () => ({ ...LINES['job-status-changed'][0], ...given }));
  expect(lines.map((one) => one.line)).toEqual([line]);
});

test('a payload or a result is never in a line', () => {
  const { lines, events } = logged(['debug', 'info', 'warn', 'error']);
  for (const name of EVENT_NAMES) emit(events, name);
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('what is below the level is not listened to', () => {
  const { lines, events } = logged(['error']);
  for (const name of EVENT_NAMES) emit(events, name);
  expect(lines.every(({ line }) => line.startsWith('error: '))).toBe(true);
  events.emit('job-progress', () => expect.unreachable('it was made'));
});
