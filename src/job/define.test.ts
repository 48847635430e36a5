import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import { checkJobTypes, type Jobs, job } from './define.ts';

const run = () => 1;
const input = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;

const refusal = (jobs: unknown): BacklineError => {
  try {
    checkJobTypes(jobs as Jobs);
  } catch (error) {
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

describe('job types', () => {
  test('are taken with all their defaults', () => {
    const key = () => 'k';
    const onError = () => 'never' as const;
    const mail = job({
      run,
      queue: 'mails',
      priority: 2,
      maxAttempts: 9,
      maxCrashes: 1,
      timeout: '10s',
      backoff: 5,
      retryTimeouts: false,
      runner: 'in-process',
      key,
      limitKey: key,
      onError,
    });
    const checked = checkJobTypes({ mail, 'track.analyze': { run, input, timeout: false } });
    expect([...checked.keys()]).toEqual(['mail', 'track.analyze']);
    expect(checked.get('mail')).toMatchObject({ name: 'mail', queue: 'mails', timeout: 10_000, retryTimeouts: false });
    expect(checked.get('mail')!.backoff!(1, { name: 'E', message: '' }, () => 0)).toBe(5);
    expect(checked.get('track.analyze')).toMatchObject({ name: 'track.analyze', timeout: null, input });
  });

  test('none are known where none are given', () => {
    expect(checkJobTypes(undefined).size).toBe(0);
    expect(checkJobTypes({}).size).toBe(0);
  });

  test.each<[unknown, string]>([
    [{ mail: {} }, 'mail.run'],
    [{ mail: { run: 'handler' } }, 'mail.run'],
    [{ mail: { run, priority: 0 } }, 'mail.priority'],
    [{ mail: { run, priority: 11 } }, 'mail.priority'],
    [{ mail: { run, maxAttempts: 0 } }, 'mail.maxAttempts'],
    [{ mail: { run, timeout: -1 } }, 'mail.timeout'],
    [{ mail: { run, timeout: true } }, 'mail.timeout'],
    [{ mail: { run, queue: 'a b' } }, 'mail.queue'],
    [{ mail: { run, input: {} } }, 'mail.input'],
    [{ mail: { run, input: { '~standard': {} } } }, 'mail.input'],
    [{ mail: { run, backoff: 'often' } }, 'mail.backoff'],
    [{ mail: { run, backoff: { kind: 'fixed' } } }, 'mail.backoff.delay'],
    [{ mail: { run, runner: 'thread' } }, 'mail.runner'],
    [{ mail: { run, key: 'k' } }, 'mail.key'],
    [{ mail: { run, onError: 'never' } }, 'mail.onError'],
    [{ mail: run }, 'job type "mail"'],
    [{ mail: null }, 'job type "mail"'],
    [{ 'no spaces': { run } }, 'job type'],
    [{ '': { run } }, 'job type'],
    ['mail', 'jobs'],
    [[{ run }], 'jobs'],
    [null, 'jobs'],
  ])('%j are refused, naming the field', (jobs, field) => {
    expect(refusal(jobs)).toMatchObject({ code: 'INVALID_OPTION', field });
  });

  test('an unknown default gets a suggestion, and names the type', () => {
    expect(refusal({ mail: { run, maxAttempt: 3 } })).toMatchObject({
      code: 'UNKNOWN_OPTION',
      field: 'maxAttempt',
      message: expect.stringContaining('job type "mail" has no option "maxAttempt"'),
      next: 'Did you mean "maxAttempts"?',
    });
  });
});
