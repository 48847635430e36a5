import { describe, expect, test } from 'vitest';
import { codes, invalidOption, jobNotFound } from '../../job/errors.ts';
import { errorOf, isProblem } from './from-wire.ts';
import { asOurs, codesWithStatus, problemOf, statusOf, toWire } from './problem.ts';

test('every code of the system has a status, once', () => {
  expect([...codesWithStatus()].sort()).toEqual([...codes].sort());
});

test.each([
  ['INVALID_OPTION', 400],
  ['JOB_NOT_FOUND', 404],
  ['NOT_ALLOWED_NOW', 409],
  ['PAYLOAD_TOO_LARGE', 413],
  ['HOST_REFUSED', 421],
  ['STORE_BUSY', 503],
  ['STORE_FULL', 507],
  ['UNEXPECTED', 500],
  ['A_CODE_OF_THE_FUTURE', 500],
])('%s is answered with %d', (code, status) => {
  expect(statusOf(code)).toBe(status);
});

describe('a problem', () => {
  test('holds the parts of the error, each once', () => {
    expect(problemOf(invalidOption('limit', 0, 'a whole number from 1 to 1000'))).toEqual({
      type: '/api/docs#INVALID_OPTION',
      title: 'Invalid option',
      status: 400,
      code: 'INVALID_OPTION',
      detail: 'limit is 0.',
      field: 'limit',
      found: '0',
      allowed: 'a whole number from 1 to 1000',
    });
  });

  test('becomes the same error at the other end', () => {
    const error = jobNotFound('a');
    const back = errorOf(JSON.parse(JSON.stringify(problemOf(error))));
    expect(back.message).toBe(error.message);
    expect({ ...back.details }).toEqual({ ...error.details });
    expect(back.code).toBe('JOB_NOT_FOUND');
  });

  test('of what is not ours says nothing of what it was', () => {
    const fault = new TypeError('the password is hunter2');
    const wire = toWire(fault);
    expect(wire.status).toBe(500);
    expect(JSON.stringify(wire.toJSON())).not.toMatch(/hunter2|TypeError|\.ts/);
    expect(asOurs(fault).cause).toBe(fault);
  });

  test.each([[null], ['x'], [{}], [{ code: 'X' }], [{ code: 1, detail: '' }]])('%j is none', (value) => {
    expect(isProblem(value)).toBe(false);
  });
});
