import { describe, expect, test } from 'vitest';
import { STATUSES } from '../../job/states.ts';
import {
  checkJobNumber,
  checkLimit,
  checkProgram,
  enqueueOptionsOf,
  priorityInside,
  priorityOutside,
  programOf,
  programShown,
  retriesOf,
  STATES,
  stateOf,
} from './queue-words.ts';

const CODE = expect.objectContaining({ code: 'INVALID_OPTION' });

describe('states', () => {
  test.each([
    ['created', 'pending'],
    ['queued', 'pending'],
    ['running', 'running'],
    ['completed', 'completed'],
    ['failed', 'failed'],
    ['timeout', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const)('%s is %s', (inside, outside) => {
    expect(stateOf(inside)).toBe(outside);
  });

  test('each of ours is in one of theirs', () => {
    expect(Object.values(STATES).flat().sort()).toEqual([...STATUSES].sort());
  });
});

describe('priorities', () => {
  test.each([
    [0, 5],
    [1, 4],
    [4, 1],
    [5, 1],
    [1000, 1],
    [-1, 6],
    [-5, 10],
    [-6, 10],
    [-1_000_000, 10],
  ])('%i is %i inside, and comes back as it was given', (given, inside) => {
    expect(priorityInside(given)).toBe(inside);
    const { tags, priority } = enqueueOptionsOf({ program_id: 1, priority: given });
    expect(priority).toBe(inside);
    expect(priorityOutside({ tags: tags!, priority: inside })).toBe(given);
  });

  test('the higher number never runs after a lower one', () => {
    for (let given = -20; given < 20; given++)
      expect(priorityInside(given + 1)).toBeLessThanOrEqual(priorityInside(given));
  });

  test('of a job whose priority was changed since, what was given says nothing', () => {
    expect(priorityOutside({ tags: ['priority:100'], priority: 7 })).toBe(-2);
  });

  test.each([1.5, Number.NaN, '1', null])('%s is none', (priority) => {
    expect(() => enqueueOptionsOf({ program_id: 1, priority: priority as number })).toThrow(CODE);
  });
});

describe('retries', () => {
  test.each([
    // status, attempts, maxAttempts → retry_count, max_retries
    ['queued', 0, 4, 0, 3],
    ['running', 1, 4, 0, 3],
    ['queued', 1, 4, 1, 3],
    ['running', 2, 4, 1, 3],
    ['queued', 3, 4, 3, 3],
    ['failed', 4, 4, 3, 3],
    ['completed', 1, 4, 0, 3],
    ['failed', 1, 1, 0, 0],
    ['queued', 1, 1, 0, 0],
    ['cancelled', 0, 4, 0, 3],
  ] as const)('%s after %i of %i executions', (status, attempts, maxAttempts, retry_count, max_retries) => {
    expect(retriesOf({ status, attempts, maxAttempts })).toEqual({ retry_count, max_retries });
  });

  test('three by default, so four executions; none is one', () => {
    expect(enqueueOptionsOf({ program_id: 1 }).maxAttempts).toBe(4);
    expect(enqueueOptionsOf({ program_id: 1, max_retries: 0 }).maxAttempts).toBe(1);
    expect(() => enqueueOptionsOf({ program_id: 1, max_retries: -1 })).toThrow(CODE);
  });
});

describe('programs', () => {
  test.each([
    [7, '7', 7],
    ['7', '7', 7],
    ['007', '007', '007'],
    ['credits', 'credits', 'credits'],
    [0, '0', 0],
  ])('%s', (given, program, shown) => {
    expect(checkProgram(given, 'program_id')).toBe(program);
    expect(programOf({ tenant: enqueueOptionsOf({ program_id: given }).tenant! })).toBe(program);
    expect(programShown(program)).toBe(shown);
  });

  test.each(['', ' 1', '-1', '../1', 'a b', 'a/b', '1;DROP', 'x'.repeat(81), 1.5e300 * 1e300, -1, null, {}])(
    '%s is none',
    (given) => {
      expect(() => checkProgram(given, 'program_id')).toThrow(CODE);
    },
  );

  test('a job without one has none', () => {
    expect(programOf({ tenant: null })).toBeNull();
    expect(programShown(null)).toBeNull();
  });
});

describe('numbers in paths', () => {
  test.each([
    ['1', 1],
    ['123', 123],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('job %s', (given, n) => {
    expect(checkJobNumber(given, 'job_id')).toBe(n);
  });

  test.each(['0', '-1', '1.5', 'abc', '1e3', '0x1', '9007199254740993', '', ' 1', '01'])('job %j is none', (given) => {
    expect(() => checkJobNumber(given, 'job_id')).toThrow(CODE);
  });

  test.each([
    [undefined, 20],
    ['1', 1],
    ['20', 20],
    ['1000', 1000],
  ])('limit %s', (given, limit) => {
    expect(checkLimit(given)).toBe(limit);
  });

  test.each(['0', '-1', 'abc', '1e9', '1001', '1.5', '', ['1', '2']])('limit %j is none', (given) => {
    expect(() => checkLimit(given)).toThrow(CODE);
  });
});

test('a time is passed on as it is, and none means at once', () => {
  expect(enqueueOptionsOf({ program_id: 1, scheduled_at: '2099-01-01T00:00:00Z' })).toMatchObject({
    runAt: '2099-01-01T00:00:00Z',
  });
  expect(enqueueOptionsOf({ program_id: 1 })).not.toHaveProperty('runAt');
});
