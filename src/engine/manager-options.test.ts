import { describe, expect, test } from 'vitest';
import type { BacklineError } from '../job/backline-error.ts';
import { checkManagerOptions } from './manager-options.ts';

const refusal = (given: unknown): BacklineError => {
  try {
    checkManagerOptions(given);
  } catch (error) {
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

const FAILURE = { name: 'Error', message: 'no' };
const zero = () => 0;

describe('options of a manager', () => {
  test('the defaults are the documented ones', () => {
    const settings = checkManagerOptions({});
    expect(settings).toMatchObject({
      worker: true,
      queues: null,
      slots: 10,
      timeoutMs: 300_000,
      maxAttempts: 3,
      progressIntervalMs: 1000,
      cleanupMs: 60_000,
      retention: {
        completedMs: 7 * 86_400_000,
        failedMs: 30 * 86_400_000,
        maxFinished: 1_000_000,
        auditMs: 90 * 86_400_000,
      },
      metricsMs: 7 * 86_400_000,
      pollMs: 1000,
      leaseMs: 20_000,
      graceMs: 1000,
      shutdownMs: 10_000,
      stuckLoopMs: null,
      maxPayloadBytes: 1_048_576,
      maxLogBytes: 65_536,
      ids: 'uuid-v7',
      durability: 'disk',
      handleSignals: true,
    });
    expect(settings.defaultWait(1, FAILURE, zero)).toBe(5000);
    expect(settings.defaultWait(2, FAILURE, zero)).toBe(10_000);
    expect(Object.isFrozen(settings)).toBe(true);
    expect(checkManagerOptions(undefined)).toMatchObject({ slots: 10 });
  });

  test('a program that only enqueues leaves signals alone', () => {
    expect(checkManagerOptions({ worker: false }).handleSignals).toBe(false);
    expect(checkManagerOptions({ worker: false, handleSignals: true }).handleSignals).toBe(true);
  });

  test.each<[unknown, object]>([
    [{ defaultTimeout: 300 }, { timeoutMs: 300_000 }],
    [{ defaultTimeout: 0.5 }, { timeoutMs: 500 }],
    [{ defaultTimeout: '5m' }, { timeoutMs: 300_000 }],
    [{ defaultTimeout: false }, { timeoutMs: null }],
    [
      { retention: { completed: false, maxFinished: false } },
      { retention: { completedMs: null, failedMs: 30 * 86_400_000, maxFinished: null, auditMs: 90 * 86_400_000 } },
    ],
    [
      { retention: { failed: '1h', maxFinished: 0 } },
      { retention: { completedMs: 7 * 86_400_000, failedMs: 3_600_000, maxFinished: 0 } },
    ],
    [{ retention: { metrics: '1d' } }, { metricsMs: 86_400_000 }],
    [{ retention: { metrics: false } }, { metricsMs: null }],
    [{ stuckLoopLimit: '1m' }, { stuckLoopMs: 60_000 }],
    [{ maxLogBytes: 0 }, { maxLogBytes: 0 }],
    [{ queues: [] }, { queues: [] }],
    [{ logger: false }, { logger: false }],
    [{ logger: console }, { logger: console }],
  ])('%j', (given, settings) => {
    expect(checkManagerOptions(given)).toMatchObject(settings);
  });

  test.each<[unknown, string]>([
    [{ worker: 'yes' }, 'worker'],
    [{ queues: 'mails' }, 'queues'],
    [{ queues: ['a', ''] }, 'queues[1]'],
    [{ processId: '' }, 'processId'],
    [{ processId: 7 }, 'processId'],
    [{ maxConcurrentJobs: 0 }, 'maxConcurrentJobs'],
    [{ maxConcurrentJobs: Number.NaN }, 'maxConcurrentJobs'],
    [{ maxConcurrentJobs: Number.POSITIVE_INFINITY }, 'maxConcurrentJobs'],
    [{ maxConcurrentJobs: 1.5 }, 'maxConcurrentJobs'],
    [{ defaultTimeout: -1 }, 'defaultTimeout'],
    [{ defaultTimeout: true }, 'defaultTimeout'],
    [{ retryDelay: -1 }, 'retryDelay'],
    [{ progressUpdateInterval: 'often' }, 'progressUpdateInterval'],
    [{ cleanupInterval: 99 }, 'cleanupInterval'],
    [{ pollInterval: 0 }, 'pollInterval'],
    [{ lease: 499 }, 'lease'],
    [{ grace: Number.NaN }, 'grace'],
    [{ shutdownTimeout: '-1s' }, 'shutdownTimeout'],
    [{ stuckLoopLimit: true }, 'stuckLoopLimit'],
    [{ retention: 5 }, 'retention'],
    [{ retention: { completed: 'ever' } }, 'retention.completed'],
    [{ retention: { maxFinished: -1 } }, 'retention.maxFinished'],
    [{ maxPayloadBytes: 0 }, 'maxPayloadBytes'],
    [{ maxLogBytes: -1 }, 'maxLogBytes'],
    [{ ids: 'uuid' }, 'ids'],
    [{ durability: 'none' }, 'durability'],
    [{ busyTimeout: null }, 'busyTimeout'],
    [{ handleSignals: 1 }, 'handleSignals'],
    [{ logger: {} }, 'logger'],
    [{ logger: true }, 'logger'],
    [{ logger: null }, 'logger'],
    [{ clock: {} }, 'clock'],
    [null, 'JobManager'],
    ['sqlite:x', 'JobManager'],
  ])('%j is refused, naming the field', (given, field) => {
    expect(refusal(given)).toMatchObject({ code: 'INVALID_OPTION', field });
  });

  test.each(['pollInterval', 'cleanupInterval', 'lease', 'grace', 'shutdownTimeout', 'progressUpdateInterval'])(
    '%s is at most what a timer can hold, for above it a timer fires at once',
    (field) => {
      expect(refusal({ [field]: '25d' })).toMatchObject({ code: 'INVALID_OPTION', field });
      expect(() => checkManagerOptions({ [field]: '24d' })).not.toThrow();
    },
  );

  test('an unknown name gets a suggestion', () => {
    expect(refusal({ maxConcurentJobs: 5 })).toMatchObject({
      code: 'UNKNOWN_OPTION',
      field: 'maxConcurentJobs',
      next: 'Did you mean "maxConcurrentJobs"?',
    });
    expect(refusal({ retention: { complete: 5 } })).toMatchObject({
      code: 'UNKNOWN_OPTION',
      field: 'complete',
      next: 'Did you mean "completed"?',
    });
  });
});
