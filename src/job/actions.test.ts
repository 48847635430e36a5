import { describe, expect, test } from 'vitest';
import { ACTIONS, possibleActions } from './actions.ts';
import { STATUSES } from './states.ts';

const job = { status: 'queued', held: false, cancelRequestedAt: null, batch: null } as const;
const batch = { open: false };

describe('what can be done', () => {
  test.each([
    ['a job that waits', job, ['cancel', 'replay', 'reprioritise', 'reschedule', 'runNow', 'pause', 'remove']],
    [
      'a job that is held',
      { ...job, status: 'created', held: true } as const,
      ['cancel', 'replay', 'reprioritise', 'reschedule', 'runNow', 'resume', 'remove'],
    ],
    ['a job that runs', { ...job, status: 'running' } as const, ['cancel', 'replay']],
    ['one that was asked to stop', { ...job, status: 'running', cancelRequestedAt: 1 } as const, ['replay']],
    ['a completed job', { ...job, status: 'completed' } as const, ['replay', 'remove']],
    ['a failed job', { ...job, status: 'failed' } as const, ['retry', 'replay', 'remove']],
    ['a batch that runs', { ...job, status: 'running', batch } as const, ['cancel']],
    ['an open batch', { ...job, status: 'running', batch: { open: true } } as const, ['cancel', 'seal']],
    ['a failed batch', { ...job, status: 'failed', batch } as const, ['retry', 'remove']],
  ])('to %s', (_, given, expected) => {
    expect(possibleActions(given)).toEqual(expected);
  });

  test('every action is possible in some state', () => {
    const all = STATUSES.flatMap((status) =>
      [true, false].flatMap((held) =>
        [null, { open: true }].flatMap((one) => possibleActions({ ...job, status, held, batch: one })),
      ),
    );
    expect(new Set(all)).toEqual(new Set(ACTIONS));
  });
});
