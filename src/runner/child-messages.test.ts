import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isVerdict, jobMessage, parseLine, readMessage } from './child-messages.ts';

describe('a message', () => {
  test.each<[string, object]>([
    ['{"kind":"ready","protocol":1}', { kind: 'ready', protocol: 1 }],
    ['{"kind":"ready","protocol":1,"name":"x","more":1}', { kind: 'ready', protocol: 1, name: 'x' }],
    ['{"kind":"unready","error":{"name":"A","message":"b"}}', { kind: 'unready', error: { name: 'A', message: 'b' } }],
    ['{"kind":"unready"}', { kind: 'unready', error: { name: 'Error', message: 'undefined' } }],
    ['{"kind":"progress","run":1,"progress":50.5}', { kind: 'progress', run: 1, progress: 50.5 }],
    [
      '{"kind":"progress","run":1,"progress":{"done":1,"total":2,"message":"m"}}',
      { kind: 'progress', run: 1, progress: { done: 1, total: 2, message: 'm' } },
    ],
    ['{"kind":"log","run":1,"message":"m"}', { kind: 'log', run: 1, level: 'info', message: 'm', fields: {} }],
    ['{"kind":"heartbeat","run":1}', { kind: 'heartbeat', run: 1 }],
    ['{"kind":"result","run":2}', { kind: 'result', run: 2, result: undefined }],
    ['{"kind":"result","run":2,"result":[1]}', { kind: 'result', run: 2, result: [1] }],
    ['{"kind":"error","run":1,"error":"text"}', { kind: 'error', run: 1, error: { name: 'Error', message: 'text' } }],
    [
      '{"kind":"error","run":1,"error":{"message":"m","code":5,"cause":{"name":"N"}},"retry":"never"}',
      {
        kind: 'error',
        run: 1,
        error: { name: 'Error', message: 'm', code: '5', cause: { name: 'N', message: 'N' } },
        retry: 'never',
      },
    ],
    [
      '{"kind":"error","run":1,"error":{"message":"m"},"retry":{"afterMs":5}}',
      { kind: 'error', run: 1, error: { name: 'Error', message: 'm' }, retry: { afterMs: 5 } },
    ],
    ['{"kind":"cancelled","run":1}', { kind: 'cancelled', run: 1, reason: 'cancelled by its handler' }],
    ['{"kind":"snooze","run":1,"delay":"5m"}', { kind: 'snooze', run: 1, delay: 300_000 }],
  ])('%s', (line, message) => {
    expect(parseLine(line)).toEqual(message);
  });

  test.each<[string, string]>([
    ['hello', 'is not JSON'],
    ['{"kind":"resu', 'is not JSON'],
    ['null', 'is no object'],
    ['[]', 'is no object'],
    ['{}', 'names neither'],
    ['{"kind":"result"}', 'names neither'],
    ['{"kind":"result","run":"1"}', 'names neither'],
    ['{"kind":"dance","run":1}', 'is of no known kind'],
    ['{"kind":"progress","run":1}', 'has no progress'],
    ['{"kind":"progress","run":1,"progress":"50"}', 'has no progress'],
    ['{"kind":"progress","run":1,"progress":{"done":1}}', 'has no progress'],
    ['{"kind":"log","run":1,"level":"fatal","message":"m"}', 'is no log line'],
    ['{"kind":"log","run":1}', 'is no log line'],
    ['{"kind":"snooze","run":1}', 'has no delay'],
    ['{"kind":"snooze","run":1,"delay":-1}', 'has no delay'],
    ['{"kind":"error","run":1,"error":{},"retry":{"afterMs":"soon"}}', 'has a retry'],
  ])('%s is refused: it %s', (line, problem) => {
    expect(() => parseLine(line)).toThrow(
      expect.objectContaining({ code: 'WORKER_GARBAGE', message: expect.stringContaining(problem) }),
    );
  });

  test('of a long line only the beginning is shown', () => {
    expect(() => parseLine('x'.repeat(100_000))).toThrow(/^.{0,300}$/);
  });

  test.each([2, '1', undefined])('of version %j is refused', (protocol) => {
    expect(() => readMessage({ kind: 'ready', protocol })).toThrow(
      expect.objectContaining({ code: 'WORKER_PROTOCOL' }),
    );
  });

  test('which is not text is shown as far as it can be', () => {
    const ring: Record<string, unknown> = { kind: 'x' };
    ring['self'] = ring;
    expect(() => readMessage(ring)).toThrow('[object Object]');
    expect(() => readMessage(() => 1)).toThrow('is no object');
  });
});

const kinds = ['ready', 'unready', 'progress', 'log', 'heartbeat', 'result', 'error', 'cancelled', 'snooze'];

test('docs/worker-protocol.md lists every kind, and no other', () => {
  const page = readFileSync(new URL('../../docs/worker-protocol.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  expect(listed).toEqual(['job', 'cancel', 'exit', ...kinds]);
});

test('four kinds end a job', () => {
  expect(kinds.filter((kind) => isVerdict({ kind, run: 1 } as never))).toEqual([
    'result',
    'error',
    'cancelled',
    'snooze',
  ]);
});

test('a worker is told of its job what a handler may know, and no more', () => {
  const job = {
    ...{ seq: 1, id: 'a', type: 't', queue: 'q', priority: 5, payload: '{}', attempts: 2, maxAttempts: 3, crashes: 0 },
    ...{ maxCrashes: 5, life: 1, claim: 9, parentId: null, tenant: null, key: null, limitKey: 'secret', timeoutMs: 7 },
    ...{ deadlineAt: null, startedAt: 10, runAt: 9, scheduleId: 'nightly', slotAt: 8 },
  };
  expect(jobMessage(job, 4)).toEqual({
    kind: 'job',
    run: 4,
    type: 't',
    attempt: 2,
    timeoutMs: 7,
    job: {
      id: 'a',
      seq: 1,
      type: 't',
      queue: 'q',
      priority: 5,
      maxAttempts: 3,
      life: 1,
      parentId: null,
      tenant: null,
      startedAt: 10,
      runAt: 9,
      scheduleId: 'nightly',
      slotAt: 8,
    },
  });
});
