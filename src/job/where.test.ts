import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import { parseWhere, payloadWords } from './where.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

const refusal = (text: string): BacklineError => {
  try {
    parseWhere(text, NOW);
  } catch (error) {
    return error as BacklineError;
  }
  throw new Error(`${text} was not refused`);
};

describe('a filter as people type it', () => {
  test.each<[string, unknown]>([
    ['', {}],
    ['   \t ', {}],
    ['status:failed', { status: ['failed'] }],
    ['state:failed', { status: ['failed'] }],
    ['status:failed,timeout queue:emails', { status: ['failed', 'timeout'], queue: ['emails'] }],
    ['  type:a,b  id:x,y ', { type: ['a', 'b'], id: ['x', 'y'] }],
    ['priority:1,2', { priority: [1, 2] }],
    ['tag:nightly parent:p-1', { tag: 'nightly', parent: 'p-1' }],
    ['tenant:ada,bob', { tenant: ['ada', 'bob'] }],
    ['user:false', { userInitiated: false }],
    ['since:1h', { createdAfter: NOW - HOUR }],
    ['since:2026-03-01T09:00Z until:90m', { createdAfter: NOW - 3 * HOUR, createdBefore: NOW - 1.5 * HOUR }],
    ['since:"2026-03-01T10:00:00+01:00"', { createdAfter: NOW - 3 * HOUR }],
    ['since:36500d', { createdAfter: 0 }],
    ['payload.__proto__:1', { payload: Object.fromEntries([['__proto__', 1]]) }],
    ['error:"SMTP 421"', { error: 'SMTP 421' }],
    ['error:"say \\"no\\", 100% \\\\ done"', { error: 'say "no", 100% \\ done' }],
    ['fingerprint:0123456789abcdef batch:false', { fingerprint: '0123456789abcdef', batch: false }],
    ['error:ECONNREFUSED:25', { error: 'ECONNREFUSED:25' }],
    ['payload.user.id:42', { payload: { 'user.id': 42 } }],
    ['args.user.id:42', { payload: { 'user.id': 42 } }],
    ['payload.user.id:"42"', { payload: { 'user.id': '42' } }],
    ['payload.a:-1.5e3 payload.b:true payload.c:null', { payload: { a: -1500, b: true, c: null } }],
    [
      'payload.a:9007199254740993 payload.b:007 payload.c:1e999',
      { payload: { a: '9007199254740993', b: '007', c: '1e999' } },
    ],
    ['payload.items.0.sku:x-1', { payload: { 'items.0.sku': 'x-1' } }],
    ['payload.naïve:日本', { payload: { naïve: '日本' } }],
  ])('%j', (text, filter) => {
    expect(parseWhere(text, NOW)).toEqual(filter);
  });

  test.each<[string, RegExp]>([
    ['emails', /"emails" in the filter has no key\. Allowed: status: type: queue:/],
    ['stauts:failed', /"stauts:failed" in the filter has no known key\..*Did you mean "status"\?/],
    ['toString:1', /has no known key/],
    ['__proto__:1', /has no known key/],
    [
      'status:fialed',
      /"status:fialed" in the filter is not possible\. Allowed: created, queued,.*Did you mean "failed"\?/,
    ],
    ['status:failed,', /has an empty value/],
    ['queue:', /"queue:" in the filter has an empty value\. Allowed: queue:value\./],
    [':x', /has no key/],
    ['"status":x', /has no key/],
    ['priority:0', /whole number from 1 to 10/],
    ['priority:11', /whole number from 1 to 10/],
    ['priority:high', /whole number from 1 to 10/],
    ['priority:NaN', /whole number from 1 to 10/],
    ['priority:1.5', /whole number from 1 to 10/],
    ['since:yesterday', /is no time\. Allowed: how long ago, such as 30m/],
    ['since:-1h', /is no time/],
    ['since:2026-03-01T09:00', /is no time.*with an offset or Z/],
    ['until:', /has an empty value/],
    ['user:yes', /neither true nor false/],
    ['tag:a,b', /takes one value/],
    ['error:SMTP,421', /takes one value.*double quotes/],
    ['error:"SMTP 421', /has a quote that does not end/],
    ['error:"a"b', /goes on after its value/],
    ['queue:a"b', /goes on after its value/],
    ['queue:../etc', /letters, digits or/],
    ['status:failed status:timeout', /"status:timeout" in the filter says "status" a second time/],
    ['status:failed state:timeout', /a second time/],
    ['payload.a:1 payload.a:2', /a second time/],
    ['payload.:1', /has no known key/],
    ['payload.a..b:1', /names joined by dots/],
    ['payload:1', /has no known key/],
  ])('%j is refused', (text, message) => {
    const error = refusal(text);
    expect(error.code).toBe('BAD_WHERE');
    expect(error.field).toBe('where');
    expect(error.message).toMatch(message);
  });

  test('long and hostile texts are refused quickly', () => {
    const started = performance.now();
    for (const text of ['"'.repeat(100_000), `error:"${'\\'.repeat(99_999)}`, 'a'.repeat(100_000), ':'.repeat(100_000)])
      expect(refusal(text).code).toBe('BAD_WHERE');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test('a payload as words is read as the same payload', () => {
  const payload = { 'user.id': 42, a: '42', b: 'say "\\no\\", please', c: true, d: null, e: -1.5e-7, f: 'true' };
  expect(parseWhere(payloadWords(payload), NOW)).toEqual({ payload });
});
