import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import { checkEnqueueOptions, ENQUEUE_OPTIONS } from './enqueue-options.ts';

const refusal = (given: unknown): BacklineError => {
  try {
    checkEnqueueOptions(given);
  } catch (error) {
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

describe('options of one job', () => {
  test('every option is taken, and in the form that is used inside', () => {
    const tx = {};
    const all = {
      id: 'mail-1',
      queue: 'mails',
      priority: 1,
      delay: '5m',
      maxAttempts: 7,
      maxCrashes: 2,
      timeout: false as const,
      totalTimeout: '1h',
      key: 'user 42',
      keyWindow: '1h',
      onConflict: 'reject' as const,
      limitKey: 'smtp.example.test',
      parent: 'batch-1',
      tenant: 'ada',
      tags: ['night', 'eu'],
      userInitiated: false,
      expiresAt: '2030-01-01T00:00:00Z',
      held: true,
      tx,
    };
    expect(Object.keys({ ...all, runAt: 0, startTimeout: 0 }).sort()).toEqual(Object.keys(ENQUEUE_OPTIONS).sort());
    expect(checkEnqueueOptions(all)).toEqual({
      ...all,
      delay: 300_000,
      timeout: null,
      totalTimeout: 3_600_000,
      keyWindow: 3_600_000,
      expiresAt: Date.UTC(2030, 0, 1),
    });
    expect(checkEnqueueOptions({ runAt: new Date(9) })).toEqual({ runAt: 9 });
    expect(checkEnqueueOptions(undefined)).toEqual({});
  });

  test.each<[object, string]>([
    [{ delay: 1, runAt: 1 }, 'delay'],
    [{ expiresAt: 1, startTimeout: 1 }, 'startTimeout'],
    [{ totalTimeout: -1 }, 'totalTimeout'],
    [{ keyWindow: '1h' }, 'keyWindow'],
    [{ onConflict: 'return' }, 'onConflict'],
    [{ tags: new Array(21).fill('a') }, 'tags'],
    [{ tags: ['a', ''] }, 'tags[1]'],
    [{ tx: 'db' }, 'tx'],
    [{ tx: null }, 'tx'],
    [{ id: 'a/../b' }, 'id'],
    [{ id: 'x'.repeat(201) }, 'id'],
    [{ key: '' }, 'key'],
  ])('%j is refused, naming the field', (given, field) => {
    expect(refusal(given)).toMatchObject({ code: 'INVALID_OPTION', field });
  });
});
