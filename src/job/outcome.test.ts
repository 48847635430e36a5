import { describe, expect, test } from 'vitest';
import { BacklineError } from './backline-error.ts';
import type { ErrorVerdict } from './define.ts';
import {
  NoRetryError,
  type Outcome,
  outcomeOfError,
  RemoteError,
  RetryAfterError,
  readFailure,
  Stop,
  toFailure,
} from './outcome.ts';

describe('what a thrown error means', () => {
  const plain = new Error('no');
  const never = new NoRetryError('never');
  const later = new RetryAfterError('busy', '30s');

  test.each<[string, unknown, ErrorVerdict | undefined, Partial<Outcome>]>([
    ['an error', plain, undefined, { kind: 'failed' }],
    ['an error to be retried', plain, 'retry', { kind: 'failed' }],
    ['an error that must not be retried', plain, 'never', { kind: 'failed', retry: 'never' }],
    ['an error with a time', plain, { retryAfter: '2s' }, { kind: 'failed', retry: 2000 }],
    ['an error to be put off', plain, { snooze: '5m' }, { kind: 'snoozed', delayMs: 300_000 }],
    ['NoRetryError', never, undefined, { kind: 'failed', retry: 'never' }],
    ['NoRetryError, overruled', never, 'retry', { kind: 'failed' }],
    ['NoRetryError, put off', never, { snooze: 1 }, { kind: 'snoozed', delayMs: 1 }],
    ['RetryAfterError', later, undefined, { kind: 'failed', retry: 30_000 }],
    ['RetryAfterError, overruled', later, 'never', { kind: 'failed', retry: 'never' }],
    ['RetryAfterError, with the usual backoff', later, 'retry', { kind: 'failed' }],
    ['a stop', new Stop({ kind: 'snoozed', delayMs: 9 }), 'never', { kind: 'snoozed', delayMs: 9 }],
  ])('%s', (_, thrown, verdict, expected) => {
    const outcome = outcomeOfError(thrown, verdict);
    expect(outcome).toMatchObject(expected);
    if (!('retry' in expected)) expect(outcome).not.toHaveProperty('retry');
  });

  test.each<unknown>(['nevr', 5, true, [], {}, { snooze: 'soon' }, { retryAfter: -1 }, { retryAfter: null }])(
    'a verdict that is none, such as %j, is refused',
    (verdict) => {
      expect(() => outcomeOfError(plain, verdict as ErrorVerdict)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', field: expect.stringMatching(/^onError/) }),
      );
    },
  );

  test('null is no verdict', () => {
    expect(outcomeOfError(never, null as never)).toMatchObject({ kind: 'failed', retry: 'never' });
  });

  test.each([-1, Number.NaN, 'soon', undefined])('RetryAfterError refuses the delay %j', (delay) => {
    expect(() => new RetryAfterError('busy', delay as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', field: 'delay' }),
    );
  });
});

describe('what is kept of an error', () => {
  test('name, message, code, stack and the chain of causes', () => {
    class HttpError extends Error {
      override readonly name = 'HttpError';
      readonly code = 'ECONNRESET';
    }
    const low = Object.assign(new Error('socket closed'), { code: 42 });
    const kept = toFailure(new HttpError('no answer', { cause: new TypeError('in between', { cause: low }) }));
    expect(kept).toMatchObject({
      name: 'HttpError',
      message: 'no answer',
      code: 'ECONNRESET',
      stack: expect.stringContaining('outcome.test.ts'),
      cause: { name: 'TypeError', cause: { message: 'socket closed', code: '42' } },
    });
    expect(JSON.parse(JSON.stringify(kept))).toEqual(kept);
  });

  test('a connection that was tried at several addresses says why', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:25'), { code: 'ECONNREFUSED' });
    const all = Object.assign(new AggregateError([refused, new Error('other')]), { code: 'ECONNREFUSED' });
    expect(toFailure(all)).toMatchObject({
      name: 'AggregateError',
      message: 'connect ECONNREFUSED 127.0.0.1:25',
      code: 'ECONNREFUSED',
      cause: { name: 'Error', message: 'connect ECONNREFUSED 127.0.0.1:25' },
    });
  });

  test('a ring of causes ends', () => {
    const ring = new Error('round');
    ring.cause = ring;
    let depth = 0;
    for (let failure = toFailure(ring); failure.cause; failure = failure.cause) depth++;
    expect(depth).toBe(10);
  });

  test('our own errors keep no stack: their message says it all', () => {
    expect(toFailure(new BacklineError('LEASE_LOST', { message: 'gone' }))).toEqual({
      name: 'BacklineError',
      message: 'gone',
      code: 'LEASE_LOST',
    });
  });

  test('long messages and stacks are cut, and half characters are mended', () => {
    const error = new Error('😀'.repeat(20_000));
    error.stack = 'x'.repeat(100_000);
    const { message, stack } = toFailure(error);
    expect(message.length).toBe(10_001);
    expect(message.isWellFormed()).toBe(true);
    expect(stack!.length).toBe(20_001);
    expect(toFailure(new Error('\ud800')).message).toBe('\ufffd');
  });

  test('an error without a message is named', () => {
    expect(toFailure(new RangeError()).message).toBe('RangeError');
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;

  test.each<[string, unknown, string]>([
    ['text', 'plain text', 'plain text'],
    ['empty text', '', ''],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 42, '42'],
    ['NaN', Number.NaN, 'NaN'],
    ['a BigInt', 10n, '10'],
    ['a symbol', Symbol('why'), 'Symbol(why)'],
    ['an object', { code: 5 }, '{"code":5}'],
    ['a ring', circular, '[object Object]'],
  ])('%s that was thrown is described', (_, thrown, message) => {
    expect(toFailure(thrown)).toEqual({ name: 'Thrown', message });
  });

  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('no message for you');
    },
  });

  test.each<[string, unknown]>([
    ['a message that is no text', Object.assign(new Error('x'), { message: 42 })],
    ['a name that is no text', Object.assign(new Error('x'), { name: { odd: true } })],
    ['a stack that is no text', Object.assign(new Error('x'), { stack: 42 })],
    ['a getter that throws', hostile],
    ['a revoked proxy', revoked.proxy],
    ['an object that cannot be turned into text', Object.assign(Object.create(null), circular)],
    ['a cause that throws', new Error('above', { cause: hostile })],
  ])('%s breaks nothing', (_, thrown) => {
    const kept = toFailure(thrown);
    expect(typeof kept.name).toBe('string');
    expect(typeof kept.message).toBe('string');
    expect(kept.message).not.toBe('');
    expect(JSON.parse(JSON.stringify(kept))).toEqual(kept);
  });
});

describe('an error from elsewhere', () => {
  const failure = {
    name: 'ValueError',
    message: 'no',
    code: 'E1',
    stack: 'line 1',
    output: 'last words',
    cause: { name: 'KeyError', message: 'below' },
  };

  test('is an error again, and is kept as it was', () => {
    const error = new RemoteError(failure);
    expect(error).toMatchObject({ name: 'ValueError', message: 'no', code: 'E1', stack: 'line 1' });
    expect(error.cause).toBeInstanceOf(RemoteError);
    expect(toFailure(error)).toBe(failure);
    expect(toFailure(new Error('above', { cause: error })).cause).toBe(failure);
  });

  test.each<['never' | number | undefined, Partial<Outcome>]>([
    [undefined, { kind: 'failed', failure }],
    ['never', { kind: 'failed', failure, retry: 'never' }],
    [500, { kind: 'failed', failure, retry: 500 }],
  ])('that says %j about another attempt is heard', (retry, expected) => {
    expect(outcomeOfError(new RemoteError(failure, retry), undefined)).toEqual(expected);
    expect(outcomeOfError(new RemoteError(failure, retry), 'retry')).toEqual({ kind: 'failed', failure });
  });

  const deep = (levels: number): object => ({
    message: `${levels}`,
    ...(levels > 0 ? { cause: deep(levels - 1) } : {}),
  });

  test.each<[unknown, object]>([
    ['text', { name: 'Error', message: 'text' }],
    [undefined, { name: 'Error', message: 'undefined' }],
    [{}, { name: 'Error', message: 'no message' }],
    [{ name: 'A' }, { name: 'A', message: 'A' }],
    [
      { name: 5, message: ['x'], code: {}, stack: 1, cause: null },
      { name: 'Error', message: 'no message' },
    ],
    [
      { message: 'm', code: 7, cause: 'why' },
      { name: 'Error', message: 'm', code: '7', cause: { name: 'Error', message: 'why' } },
    ],
  ])('that was told as %j is read plainly', (told, read) => {
    expect(readFailure(told)).toEqual(read);
  });

  test('is kept within bounds', () => {
    const read = readFailure({
      name: 'n'.repeat(1e5),
      message: 'm'.repeat(1e6),
      stack: 's'.repeat(1e6),
      code: 'c'.repeat(1e5),
    });
    expect(JSON.stringify(read).length).toBeLessThan(31_000);
    let levels = 0;
    for (let one: { cause?: object } | undefined = readFailure(deep(100)); one; one = one.cause) levels++;
    expect(levels).toBe(11);
  });
});
