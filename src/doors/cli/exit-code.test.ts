import { expect, test } from 'vitest';
import { BacklineError } from '../../job/backline-error.ts';
import { codes } from '../../job/errors.ts';
import { EXIT, EXIT_HELP, exitCodeOf } from './exit-code.ts';

const exitOf = (code: string) => exitCodeOf(new BacklineError(code, { message: code }));

test.each([
  ['INVALID_OPTION', 2],
  ['BAD_CONFIG_FILE', 2],
  ['NO_DATABASE', 3],
  ['STORE_DAMAGED', 3],
  ['STORE_NEWER', 4],
  ['JOB_NOT_FOUND', 5],
  ['DUPLICATE_JOB_ID', 6],
  ['JOB_FAILED', 1],
  ['PORT_TAKEN', 1],
])('%s ends with %d', (code, exit) => {
  expect(codes).toContain(code);
  expect(exitOf(code)).toBe(exit);
});

test('every error of the store is told apart from a failed job', () => {
  const store = codes.filter((code) => code.startsWith('STORE_'));
  expect(store.length).toBeGreaterThan(5);
  for (const code of store) expect([EXIT.store, EXIT.migration]).toContain(exitOf(code));
});

test('an error without a code ends with 1', () => {
  expect([new Error('x'), undefined, 'text'].map(exitCodeOf)).toEqual([1, 1, 1]);
});

test('the help names every exit code', () => {
  for (const code of Object.values(EXIT)) expect(EXIT_HELP).toMatch(new RegExp(`\\b${code} `));
});
