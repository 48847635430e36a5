import { describe, expect, test } from 'vitest';
import { ACTIVE, FINAL, isFinal, MOVES, mayMove, REVIVABLE, STATUSES, type Status, shownStatus } from './states.ts';

/** The whole table once more, as design.md tells it: from, and every state that may follow. */
const ALLOWED: Record<Status, string> = {
  created: 'queued running cancelled',
  queued: 'created running cancelled',
  running: 'queued completed failed cancelled timeout',
  completed: '',
  failed: '',
  cancelled: '',
  timeout: '',
};

describe('the states', () => {
  test('are the seven words, in the order of a life', () => {
    expect(STATUSES).toEqual(['created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'timeout']);
  });

  test('each is either active or final', () => {
    expect([...ACTIVE, ...FINAL]).toEqual(STATUSES);
    for (const status of STATUSES) expect(isFinal(status)).toBe((FINAL as readonly Status[]).includes(status));
  });

  test.each(STATUSES.flatMap((from) => STATUSES.map((to) => [from, to] as const)))('%s → %s', (from, to) => {
    expect(mayMove(from, to)).toBe(ALLOWED[from].split(' ').includes(to));
  });

  test('a final state has no moves, and only what did not complete may live again', () => {
    for (const status of FINAL) expect(MOVES[status]).toEqual([]);
    expect(REVIVABLE).toEqual(FINAL.filter((status) => status !== 'completed'));
  });

  test('every final state can be reached from running', () => {
    expect(FINAL.filter((status) => !mayMove('running', status))).toEqual([]);
  });
});

describe('the word a person sees', () => {
  test.each<[Status, number, number, string]>([
    ['queued', 1000, 0, 'queued'],
    ['queued', 999, 2, 'queued'],
    ['queued', 1001, 0, 'scheduled'],
    ['queued', 1001, 1, 'retrying'],
    ['created', 1001, 0, 'created'],
    ['running', 1001, 1, 'running'],
    ['completed', 1001, 1, 'completed'],
    ['timeout', 1001, 3, 'timeout'],
  ])('%s with run time %i and %i attempts is %s', (status, runAt, attempts, word) => {
    expect(shownStatus({ status, runAt, attempts }, 1000)).toBe(word);
  });
});
