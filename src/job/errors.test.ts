import { describe, expect, test } from 'vitest';
import { didYouMean, show } from '../util/text.ts';
import { BacklineError } from './backline-error.ts';
import * as errors from './errors.ts';
import { codes, duplicateJobId, inItem, invalidOption, jobFailed } from './errors.ts';

/** Every way to make an error, with arguments that a message could stumble over. */
const makers = Object.entries(errors).flatMap(([name, maker]) => {
  if (
    typeof maker !== 'function' ||
    ['BacklineError', 'show', 'didYouMean', 'inItem', 'inPart', 'isClosed'].includes(name)
  )
    return [];
  return [[name, maker as unknown as (...args: unknown[]) => BacklineError] as const];
});

/** Where the usual arguments do not fit. */
const ARGUMENTS: Readonly<Record<string, unknown[]>> = {
  unknownOption: ['options', 'prioirty', ['priority']],
  unknownJobType: ['mial', ['mail']],
  jobExpired: [0],
  deadlinePassed: [0],
  managerExists: [['database', 'jobs']],
};

describe('every error', () => {
  test('there is one maker for each code', () => {
    expect(makers).toHaveLength(codes.length);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(makers)('%s has a code of its own and a message of whole sentences', (name, make) => {
    const error = make(...(ARGUMENTS[name] ?? ['some-name', 3, 'a or b', 4]));
    expect(error).toBeInstanceOf(BacklineError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('BacklineError');
    expect(codes).toContain(error.code);
    expect(error.message).not.toMatch(/undefined|\[object|null/);
    expect(error.message).toMatch(/\S/);
    if (error.allowed !== undefined) expect(error.message).toContain(`Allowed: ${error.allowed}.`);
    if (error.next !== undefined) expect(error.message.endsWith(error.next)).toBe(true);
  });
});

describe('a message', () => {
  test('says what was found, what is allowed and the next step', () => {
    expect(invalidOption('priority', 0, 'a whole number from 1 to 10').message).toBe(
      'priority is 0. Allowed: a whole number from 1 to 10.',
    );
    expect(duplicateJobId('a').message).toBe(
      'A job with the id "a" exists. Leave out id to get a new one, or use key to return the existing job.',
    );
  });

  test('keeps the cause', () => {
    const cause = new Error('below');
    expect(jobFailed('a', 'below', cause).cause).toBe(cause);
    expect('cause' in duplicateJobId('a')).toBe(false);
  });

  test('of an item names the item, and says nothing twice', () => {
    const inner = invalidOption('priority', 0, 'a whole number from 1 to 10');
    const outer = inItem(3, inner) as BacklineError;
    expect(outer).toMatchObject({ code: 'INVALID_OPTION', field: 'jobs[3].priority', found: '0', cause: inner });
    expect(outer.message).toBe('jobs[3]: priority is 0. Allowed: a whole number from 1 to 10.');
    const fault = new TypeError('x');
    expect(inItem(3, fault)).toBe(fault);
  });
});

describe('a value in an error', () => {
  const ring: Record<string, unknown> = {};
  ring['self'] = ring;

  test.each<[unknown, string]>([
    [5, '5'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['a "b"', '"a \\"b\\""'],
    [10n, '10n'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [{ a: [1] }, '{"a":[1]}'],
    [ring, '[object Object]'],
    [{ n: 1n }, '[object Object]'],
    [new Date(Number.NaN), 'Invalid Date'],
    ['x'.repeat(200), `"${'x'.repeat(76)}…`],
    ['two\nlines', '"two\\nlines"'],
  ])('is shown short and on one line (%#)', (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});

describe('"did you mean"', () => {
  const known = ['priority', 'queue', 'maxAttempts', 'tx'];

  test.each([
    ['prioirty', 'priority'],
    ['Queue', 'queue'],
    ['queues', 'queue'],
    ['maxattempt', 'maxAttempts'],
    ['qqq', undefined],
    ['completely', undefined],
    ['x'.repeat(101), undefined],
  ])('%s → %s', (word, guess) => {
    expect(didYouMean(word, known)).toBe(guess && `Did you mean "${guess}"?`);
  });

  test('says nothing where nothing is known', () => {
    expect(didYouMean('queue', [])).toBeUndefined();
  });
});
