/** Bad input at the library's door: a coded error that names the field, what was found and what is allowed; nothing written. */
import { type EnqueueOptions, JobManager, job } from 'backline';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { freshFolder, newManager, refusalOf, startManager } from './managers.ts';

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));
afterEach(() => expect(unhandled).toEqual([]));

const jobs = {
  echo: job({ run: (payload: unknown) => payload }),
  mail: job({ input: z.object({ to: z.string() }), run: () => 1 }),
};

const start = () => startManager({ jobs, maxPayloadBytes: 1000 });

type Manager = Awaited<ReturnType<typeof start>>;
type Expected = { code: string; field?: string | undefined; found?: string; allowed?: RegExp; next?: RegExp };

/** Whatever it is, it is refused, nothing is written, and the manager works on. */
const expectRefusal = async (attempt: (manager: Manager) => unknown, { allowed, next, ...expected }: Expected) => {
  const manager = await start();
  const error = await refusalOf(() => attempt(manager));
  expect(error).toMatchObject(expected);
  if (allowed) expect(error.allowed).toMatch(allowed);
  if (next) expect(error.next).toMatch(next);
  if (error.allowed) expect(error.message).toContain(`Allowed: ${error.allowed}.`);
  expect(error.message).not.toMatch(/ {4}at |\[object Object\] is/);
  expect(await manager.stats()).toMatchObject({ total: 0 });
  expect(await manager.result(await manager.enqueue('echo', 'alive'))).toBe('alive');
};

const ring: Record<string, unknown> = { list: [] };
(ring['list'] as unknown[]).push({ back: ring });

describe('a payload', () => {
  test.each<[string, unknown, Expected]>([
    ['in a ring', ring, { code: 'INVALID_PAYLOAD', field: 'payload.list[0].back', found: 'refers back to itself' }],
    ['with a BigInt', { n: 1n }, { code: 'INVALID_PAYLOAD', field: 'payload.n' }],
    ['with a function', { on: { end: () => 1 } }, { code: 'INVALID_PAYLOAD', field: 'payload.on.end' }],
    ['with a symbol', [Symbol('x')], { code: 'INVALID_PAYLOAD', field: 'payload[0]' }],
    ['with NaN', { ratio: Number.NaN }, { code: 'INVALID_PAYLOAD', field: 'payload.ratio' }],
    ['with Infinity', Number.POSITIVE_INFINITY, { code: 'INVALID_PAYLOAD', field: 'payload' }],
    ['with a Map', { m: new Map() }, { code: 'INVALID_PAYLOAD', field: 'payload.m' }],
    ['with bytes', { b: Buffer.from('x') }, { code: 'INVALID_PAYLOAD', field: 'payload.b' }],
    ['with a class instance', { e: new Error('x') }, { code: 'INVALID_PAYLOAD', field: 'payload.e' }],
    ['with a date that is none', { at: new Date('x') }, { code: 'INVALID_PAYLOAD', field: 'payload.at' }],
    [
      'with __proto__',
      JSON.parse('{"a":{"__proto__":{"admin":1}}}'),
      { code: 'INVALID_PAYLOAD', field: 'payload.a.__proto__' },
    ],
    [
      'that is too large',
      { text: 'é'.repeat(500) },
      { code: 'PAYLOAD_TOO_LARGE', field: 'payload', found: '1011 bytes', allowed: /at most 1000 bytes/ },
    ],
    [
      'that fails when it is read',
      {
        get x() {
          throw new Error('hostile');
        },
      },
      { code: 'INVALID_PAYLOAD', field: 'payload' },
    ],
  ])('%s', async (_, payload, expected) => {
    await expectRefusal((manager) => manager.enqueue('echo', payload), expected);
    await expectRefusal(
      (manager) =>
        manager.enqueueMany([
          { type: 'echo', payload: 1 },
          { type: 'echo', payload },
        ]),
      {
        ...expected,
        field: `jobs[1].${expected.field}`,
      },
    );
  });

  test('that does not fit its schema', async () => {
    await expectRefusal((manager) => manager.enqueue('mail', { to: 5 } as never), {
      code: 'INVALID_PAYLOAD',
      field: 'payload.to',
    });
    await expectRefusal((manager) => manager.enqueue('mail'), { code: 'INVALID_PAYLOAD', field: 'payload' });
  });

  test('cannot change what all objects share', async () => {
    const manager = await start();
    const payload = JSON.parse('{"constructor": {"prototype": {"polluted": true}}}');
    expect(await manager.result(await manager.enqueue('echo', payload))).toEqual(payload);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('a job type', () => {
  test.each<[unknown, Expected]>([
    [
      'ehco',
      {
        code: 'UNKNOWN_JOB_TYPE',
        field: 'type',
        found: 'ehco',
        allowed: /^echo, mail$/,
        next: /Did you mean "echo"\?/,
      },
    ],
    ['nothing.like.it', { code: 'UNKNOWN_JOB_TYPE', field: 'type' }],
    ['toString', { code: 'UNKNOWN_JOB_TYPE', field: 'type' }],
    ['__proto__', { code: 'UNKNOWN_JOB_TYPE', field: 'type' }],
    ['', { code: 'INVALID_OPTION', field: 'type', found: '""' }],
    ['a b', { code: 'INVALID_OPTION', field: 'type' }],
    ['../etc/passwd', { code: 'INVALID_OPTION', field: 'type' }],
    ['x'.repeat(101), { code: 'INVALID_OPTION', field: 'type' }],
    [undefined, { code: 'INVALID_OPTION', field: 'type', found: 'undefined' }],
    [null, { code: 'INVALID_OPTION', field: 'type' }],
    [5, { code: 'INVALID_OPTION', field: 'type', found: '5' }],
    [{ type: 'echo' }, { code: 'INVALID_OPTION', field: 'type' }],
  ])('%j', async (name, expected) => {
    await expectRefusal((manager) => manager.enqueue(name as 'echo', 1), expected);
  });
});

describe('options of a job', () => {
  const whole = (field: string, found: string): Expected => ({
    code: 'INVALID_OPTION',
    field,
    found,
    allowed: /a whole number from 1 to/,
  });
  const time = (field: string): Expected => ({ code: 'INVALID_OPTION', field, allowed: /offset or Z/ });
  const wait = (field: string, found?: string): Expected => ({
    code: 'INVALID_OPTION',
    field,
    ...(found ? { found } : {}),
    allowed: /'30s'/,
  });

  test.each<[unknown, Expected]>([
    [{ priority: 0 }, whole('priority', '0')],
    [{ priority: 11 }, whole('priority', '11')],
    [{ priority: 1.5 }, whole('priority', '1.5')],
    [{ priority: Number.NaN }, whole('priority', 'NaN')],
    [{ priority: Number.POSITIVE_INFINITY }, whole('priority', 'Infinity')],
    [{ priority: '5' }, whole('priority', '"5"')],
    [{ priority: null }, whole('priority', 'null')],
    [{ priority: 5n }, whole('priority', '5n')],
    [{ maxAttempts: 0 }, whole('maxAttempts', '0')],
    [{ maxAttempts: -1 }, whole('maxAttempts', '-1')],
    [{ maxCrashes: 0 }, whole('maxCrashes', '0')],
    [{ delay: -1 }, wait('delay', '-1')],
    [{ delay: Number.NaN }, wait('delay', 'NaN')],
    [{ delay: '5 minutes' }, wait('delay', '"5 minutes"')],
    [{ delay: new Date() }, wait('delay')],
    [{ timeout: -5 }, wait('timeout', '-5')],
    [{ timeout: Number.POSITIVE_INFINITY }, wait('timeout', 'Infinity')],
    [{ timeout: true }, wait('timeout', 'true')],
    [{ runAt: 'tomorrow' }, time('runAt')],
    [{ runAt: '2026-12-01T10:00:00' }, time('runAt')],
    [{ runAt: '2026-02-30T10:00:00Z' }, time('runAt')],
    [{ runAt: new Date(Number.NaN) }, time('runAt')],
    [{ runAt: -1 }, time('runAt')],
    [{ expiresAt: '2026-12-01' }, time('expiresAt')],
    [{ expiresAt: 1000 }, { code: 'INVALID_OPTION', field: 'expiresAt', allowed: /after the job may start/ }],
    [
      { delay: 1, runAt: 1 },
      { code: 'INVALID_OPTION', field: 'delay', allowed: /not both/ },
    ],
    [{ id: '' }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ id: '../../x' }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ id: 'a\u0000b' }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ id: '\ud800' }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ id: 'x'.repeat(201) }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ id: 42 }, { code: 'INVALID_OPTION', field: 'id' }],
    [{ queue: 'a b' }, { code: 'INVALID_OPTION', field: 'queue' }],
    [{ queue: '' }, { code: 'INVALID_OPTION', field: 'queue' }],
    [{ key: '' }, { code: 'INVALID_OPTION', field: 'key' }],
    [{ keyWindow: '1h' }, { code: 'INVALID_OPTION', field: 'keyWindow', allowed: /together with key/ }],
    [
      { key: 'k', onConflict: 'ignore' },
      { code: 'INVALID_OPTION', field: 'onConflict', allowed: /return, replace, reject/ },
    ],
    [{ limitKey: 5 }, { code: 'INVALID_OPTION', field: 'limitKey' }],
    [{ parent: '' }, { code: 'INVALID_OPTION', field: 'parent' }],
    [{ parent: 'nobody' }, { code: 'PARENT_NOT_FOUND', field: 'parent', found: 'nobody' }],
    [{ tags: 'x' }, { code: 'INVALID_OPTION', field: 'tags' }],
    [{ tags: ['ok', 'not ok'] }, { code: 'INVALID_OPTION', field: 'tags[1]', found: '"not ok"' }],
    [{ userInitiated: 1 }, { code: 'INVALID_OPTION', field: 'userInitiated', allowed: /true or false/ }],
    [{ held: 'yes' }, { code: 'INVALID_OPTION', field: 'held' }],
    [{ tx: 'db' }, { code: 'INVALID_OPTION', field: 'tx' }],
    [{ tx: {} }, { code: 'BAD_TRANSACTION', field: 'tx' }],
    [
      { prioirty: 1 },
      { code: 'UNKNOWN_OPTION', field: 'prioirty', allowed: /queue, priority/, next: /Did you mean "priority"\?/ },
    ],
    [{ retries: 1 }, { code: 'UNKNOWN_OPTION', field: 'retries' }],
    [JSON.parse('{"__proto__":{"priority":1}}'), { code: 'UNKNOWN_OPTION', field: '__proto__' }],
    [null, { code: 'INVALID_OPTION', field: 'options' }],
    [5, { code: 'INVALID_OPTION', field: 'options' }],
    ['high', { code: 'INVALID_OPTION', field: 'options' }],
    [[], { code: 'INVALID_OPTION', field: 'options' }],
  ])('%o', async (options, expected) => {
    await expectRefusal((manager) => manager.enqueue('echo', 1, options as EnqueueOptions), expected);
  });

  test('the same id twice', async () => {
    const manager = await start();
    await manager.result(await manager.enqueue('echo', 1, { id: 'once' }));
    expect(await refusalOf(() => manager.enqueue('echo', 2, { id: 'once' }))).toMatchObject({
      code: 'DUPLICATE_JOB_ID',
      field: 'id',
      found: 'once',
    });
    expect(await manager.get('once')).toMatchObject({ payload: 1 });
    expect(await manager.count()).toBe(1);
  });
});

describe('every other call', () => {
  test.each<[string, (manager: Manager) => unknown, Expected]>([
    ['get', (m) => m.get(5 as never), { code: 'INVALID_OPTION', field: 'id' }],
    ['get', (m) => m.get(''), { code: 'INVALID_OPTION', field: 'id' }],
    ['list', (m) => m.list({ stauts: 'failed' } as never), { code: 'UNKNOWN_OPTION', field: 'stauts', next: /status/ }],
    [
      'list',
      (m) => m.list({ status: 'done' as never }),
      { code: 'INVALID_OPTION', field: 'status', allowed: /completed/ },
    ],
    ['list', (m) => m.list({}, { limit: 0 }), { code: 'INVALID_OPTION', field: 'limit' }],
    ['list', (m) => m.list({}, { after: 'nonsense' }), { code: 'BAD_CURSOR', field: 'after' }],
    ['list', (m) => m.list({}, { after: '1.2.3' }), { code: 'BAD_CURSOR' }],
    ['list', (m) => m.list({}, { order: 'next', after: '1' }), { code: 'BAD_CURSOR' }],
    ['list', (m) => m.list(null as never), { code: 'INVALID_OPTION', field: 'filter' }],
    ['count', (m) => m.count({ priority: 0 }), { code: 'INVALID_OPTION', field: 'priority' }],
    ['attempts', (m) => m.attempts('a b'), { code: 'INVALID_OPTION', field: 'id' }],
    ['logs', (m) => m.logs('a', { limit: 0 }), { code: 'INVALID_OPTION', field: 'limit' }],
    ['logs', (m) => m.logs('a', { after: 5 } as never), { code: 'INVALID_OPTION', field: 'after' }],
    ['logs', (m) => m.logs('a', { after: { claim: 1 } } as never), { code: 'INVALID_OPTION', field: 'after' }],
    ['logs', (m) => m.logs('a', { from: 5 } as never), { code: 'UNKNOWN_OPTION', field: 'from' }],
    ['logs', (m) => m.logs('a', null as never), { code: 'INVALID_OPTION', field: 'options' }],
    ['result', (m) => m.result(null as never), { code: 'INVALID_OPTION', field: 'id' }],
    ['result', (m) => m.result({} as never), { code: 'INVALID_OPTION', field: 'id' }],
    ['result', (m) => m.result('a', { timeout: Number.NaN }), { code: 'INVALID_OPTION', field: 'timeout' }],
    ['cancel', (m) => m.cancel('a', { reason: '' }), { code: 'INVALID_OPTION', field: 'reason' }],
    ['cancel', (m) => m.cancel('a', { why: 'x' } as never), { code: 'UNKNOWN_OPTION', field: 'why' }],
    ['cancel', (m) => m.cancel(undefined as never), { code: 'INVALID_OPTION', field: 'id' }],
    ['cancelAll', (m) => m.cancelAll({}), { code: 'FILTER_TOO_WIDE', field: 'filter', next: /all: true/ }],
    ['cancelAll', (m) => m.cancelAll(undefined as never), { code: 'FILTER_TOO_WIDE' }],
    ['cancelAll', (m) => m.cancelAll({ all: 'yes' } as never), { code: 'UNKNOWN_OPTION', field: 'all' }],
    [
      'cancelAll',
      (m) => m.cancelAll({ all: true, status: 'failed' } as never),
      { code: 'UNKNOWN_OPTION', field: 'all' },
    ],
    ['retryAll', (m) => m.retryAll({}), { code: 'FILTER_TOO_WIDE' }],
    ['removeAll', (m) => m.removeAll({}), { code: 'FILTER_TOO_WIDE' }],
    ['retry', (m) => m.retry('a/b'), { code: 'INVALID_OPTION', field: 'id' }],
    ['replay', (m) => m.replay('nobody'), { code: 'JOB_NOT_FOUND', found: 'nobody' }],
    ['reprioritise', (m) => m.reprioritise('a', 0), { code: 'INVALID_OPTION', field: 'priority' }],
    ['reprioritise', (m) => m.reprioritise('nobody', 1), { code: 'JOB_NOT_FOUND' }],
    ['reschedule', (m) => m.reschedule('a', 'soon'), { code: 'INVALID_OPTION', field: 'runAt' }],
    ['pauseJob', (m) => m.pauseJob('nobody'), { code: 'JOB_NOT_FOUND' }],
    ['remove', (m) => m.remove([] as never), { code: 'INVALID_OPTION', field: 'id' }],
    ['pauseQueue', (m) => m.pauseQueue('a b'), { code: 'INVALID_OPTION', field: 'queue' }],
    ['pauseQueue', (m) => m.pauseQueue('a', { until: 'noon' }), { code: 'INVALID_OPTION', field: 'until' }],
    ['resumeQueue', (m) => m.resumeQueue(''), { code: 'INVALID_OPTION', field: 'queue' }],
    ['limitQueue', (m) => m.limitQueue('a', -1), { code: 'INVALID_OPTION', field: 'maxRunning' }],
    ['limitQueue', (m) => m.limitQueue('a', Number.NaN), { code: 'INVALID_OPTION', field: 'maxRunning' }],
    ['limitQueue', (m) => m.limitQueue('a', undefined as never), { code: 'INVALID_OPTION', field: 'maxRunning' }],
    ['limitKey', (m) => m.limitKey('', 1), { code: 'INVALID_OPTION', field: 'key' }],
    ['limitKey', (m) => m.limitKey('k', 1.5), { code: 'INVALID_OPTION', field: 'maxRunning' }],
    ['backup', (m) => m.backup(5 as never), { code: 'INVALID_OPTION', field: 'file' }],
    ['backup', (m) => m.backup(''), { code: 'INVALID_OPTION', field: 'file' }],
    ['backup', (m) => m.backup('no/such/folder/copy.db'), { code: 'STORE_UNAVAILABLE' }],
    [
      'on',
      (m) => m.on('job-done' as never, () => {}),
      { code: 'INVALID_OPTION', field: 'event', allowed: /job-completed/ },
    ],
    ['on', (m) => m.on('job-failed', 'x' as never), { code: 'INVALID_OPTION', field: 'listener' }],
    ['close', (m) => m.close({ timeout: 'soon' }), { code: 'INVALID_OPTION', field: 'timeout' }],
  ])('%s (%#)', async (_, attempt, expected) => {
    await expectRefusal(attempt, expected);
  });
});

describe('a new manager', () => {
  const make = (database: unknown, options: unknown = {}) => new JobManager(database as string, options as object);

  test.each<[unknown, Expected]>([
    [undefined, { code: 'INVALID_OPTION', field: 'database', found: 'undefined' }],
    [null, { code: 'INVALID_OPTION', field: 'database' }],
    ['', { code: 'INVALID_OPTION', field: 'database' }],
    [5, { code: 'INVALID_OPTION', field: 'database' }],
    [{ jobs }, { code: 'INVALID_OPTION', field: 'database' }],
  ])('on the database %j', async (database, expected) => {
    const { allowed: _, ...rest } = expected;
    expect(await refusalOf(() => make(database))).toMatchObject(rest);
  });

  test.each<[unknown, Expected]>([
    [{ maxConcurrentJob: 5 }, { code: 'UNKNOWN_OPTION', field: 'maxConcurrentJob' }],
    [{ maxConcurrentJobs: 0 }, { code: 'INVALID_OPTION', field: 'maxConcurrentJobs' }],
    [{ jobs: { mail: {} } }, { code: 'INVALID_OPTION', field: 'mail.run' }],
    [{ jobs: { mail: { run: () => 1, priority: 11 } } }, { code: 'INVALID_OPTION', field: 'mail.priority' }],
    [{ jobs: { mail: { run: () => 1, prioirty: 1 } } }, { code: 'UNKNOWN_OPTION', field: 'prioirty' }],
    [{ jobs: [] }, { code: 'INVALID_OPTION', field: 'jobs' }],
    [{ jobs: null }, { code: 'INVALID_OPTION', field: 'jobs' }],
    [null, { code: 'INVALID_OPTION', field: 'JobManager' }],
  ])('with the options %j', async (options, expected) => {
    expect(await refusalOf(() => make(':memory:', options))).toMatchObject(expected);
  });

  test.each<[string, string]>([
    ['mysql://user:hush@host/db', 'UNKNOWN_STORE'],
    ['sqlite:', 'UNKNOWN_STORE'],
    ['.', 'NOT_OUR_DATABASE'],
  ])('cannot start on %j, says why, and shows no password', async (database, code) => {
    const error = await refusalOf(() => newManager({ jobs }, database).start());
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('hush');
  });

  test('cannot start on a file that is something else, and leaves that file as it was', async () => {
    const { readFileSync, writeFileSync } = await import('node:fs');
    const file = `${freshFolder()}/notes.txt`;
    writeFileSync(file, 'these are my notes, and no database\n'.repeat(100));
    const before = readFileSync(file);
    expect((await refusalOf(() => newManager({ jobs }, file).start())).code).toMatch(
      /^(NOT_OUR_DATABASE|STORE_DAMAGED)$/,
    );
    expect(readFileSync(file)).toEqual(before);
  });
});
