/** Secrets on their way through the engine: in clear for the handler, and nowhere else. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BatchEnd, JobManager, job, ThreadPool, WorkerPool } from 'backline';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { newKey } from '../../src/engine/keyring.ts';
import { codeOf, freshFile, IMPATIENT, listen, newManager, refusalOf, startManager } from '../managers.ts';
import { until } from '../wait.ts';

const TOKEN = 'ya29.a0AfH6SMBx-open-sesame';
const PIN = 90_210_777;

interface Login {
  readonly user: string;
  readonly token: string;
  readonly auth?: { readonly pin: number };
}

/** Everything that is in the folder of a database, but its key. */
const bytesOf = (database: string): string =>
  readdirSync(dirname(database))
    .filter((name) => !name.endsWith('.key'))
    .map((name) => readFileSync(join(dirname(database), name), 'latin1'))
    .join('\n');

const expectNone = (text: string): void => {
  for (const form of [TOKEN, String(PIN), encodeURIComponent(TOKEN), btoa(TOKEN).slice(0, -4)])
    expect(text).not.toContain(form);
};

const seen: Login[] = [];
const types = () => ({
  login: job({ secrets: ['auth.pin'], run: (login: Login) => void seen.push(login) }),
  tell: job({
    secrets: ['auth.pin'],
    run: (login: Login, ctx) => {
      ctx.log.info(
        { headers: { Authorization: `Bearer ${login.token}` }, pin: login.auth?.pin },
        `with ${login.token}`,
      );
      ctx.progress({ done: 1, total: 2, message: `as ${login.token}` });
      return { apiKey: 'fresh from elsewhere', used: [login.token, login.auth?.pin], user: login.user };
    },
  }),
  fail: job({
    secrets: ['auth.pin'],
    maxAttempts: 1,
    run: (login: Login) => {
      throw Object.assign(new Error(`401 ${login.token}`, { cause: new Error(JSON.stringify(login)) }), {
        code: TOKEN,
      });
    },
  }),
});

const payload = { user: 'ada', token: TOKEN, auth: { pin: PIN } };
const masked = { user: 'ada', token: '***', auth: { pin: '***' } };

test('the handler sees secrets in clear; the file, the log, the events and every answer do not', async () => {
  const database = freshFile();
  const manager = await startManager({ jobs: types() }, database);
  const heard = listen(manager);
  const told = await manager.enqueue('tell', payload);
  expect(await manager.result(told)).toEqual({ apiKey: '***', used: ['***', '***'], user: 'ada' });
  const failed = await manager.enqueue('fail', payload);
  const error = await refusalOf(() => manager.result(failed));
  const login = await manager.enqueue('login', payload);
  await manager.result(login);
  expect(seen.at(-1)).toEqual(payload);
  await until(() => heard.filter(({ name }) => name === 'job-completed').length === 2);

  const shown = [await manager.get(told.id), await manager.attempts(failed.id), await manager.logs(told.id)];
  expect(shown[0]).toMatchObject({ payload: masked, note: null });
  expect(shown[1]).toMatchObject([
    { error: { message: '401 ***', code: '***', cause: { message: expect.any(String) } } },
  ]);
  expect(shown[2]).toMatchObject([{ fields: { headers: { Authorization: '***' }, pin: '***' }, message: 'with ***' }]);
  expect((await manager.list({ type: 'login' })).jobs[0]!.payload).toEqual(masked);
  expect(heard.some(({ name }) => name === 'job-progress')).toBe(true);
  expectNone(JSON.stringify([shown, heard, error.message, String(error.cause), await manager.getAllJobs()]));
  await manager.close();
  expectNone(bytesOf(database));
});

test('a payload that does not fit its schema is refused without its secrets', async () => {
  const strict = job({
    input: z.object({ token: z.string().refine(() => false, { error: (issue) => `not ${issue.input}` }) }),
    run: () => 1,
  });
  const manager = await startManager({ jobs: { strict } });
  const error = await refusalOf(() => manager.enqueue('strict', { token: TOKEN }));
  expect(error).toMatchObject({ code: 'INVALID_PAYLOAD', field: 'payload.token' });
  expect(error.message).toContain('not ***');
  expectNone(JSON.stringify([error, error.message, error.stack, String(error.cause)]));
});

test.each([
  ['key', { key: `login ${TOKEN}` }],
  ['id', { id: PIN.toString() }],
  ['tags', { tags: ['x', String(PIN)] }],
  ['limitKey', { limitKey: TOKEN }],
])('a secret in %s is refused, because names are stored as they are', async (field, options) => {
  const manager = await startManager({ jobs: types(), worker: false });
  const error = await refusalOf(() => manager.enqueue('login', payload, options));
  expect(error).toMatchObject({ code: 'SECRET_IN_NAME', field });
  expectNone(error.message);
  expect((await manager.stats()).total).toBe(0);
});

test('a job type may say what is no secret, and a manager what secrets are called', async () => {
  const page = job({ notSecret: ['pageToken'], run: (given: { pageToken: string }) => given });
  const one = await startManager({ jobs: { page } });
  const paged = await one.enqueue('page', { pageToken: 'p2' });
  expect(await one.result(paged)).toEqual({ pageToken: 'p2' });
  expect((await one.get(paged.id))!.payload).toEqual({ pageToken: 'p2' });
  const two = await startManager({ worker: false, secrets: { names: ['iban'] } });
  const other = await two.enqueue('any', { iban: 'DE02', token: 'shown' });
  expect((await two.get(other.id))!.payload).toEqual({ iban: '***', token: 'shown' });
  const three = await startManager({ worker: false, secrets: { names: false } });
  const none = await three.enqueue('any', { token: 'shown' });
  expect((await three.get(none.id))!.payload).toEqual({ token: 'shown' });
});

describe('what becomes of them later', () => {
  test('a replay has them, also where an edited payload shows the mask', async () => {
    const database = freshFile();
    const manager = await startManager({ jobs: types() }, database);
    const first = await manager.enqueue('login', payload);
    await manager.result(first);
    const again = await manager.replay(first.id);
    await manager.result(again);
    expect(seen.at(-1)).toEqual(payload);
    const edited = await manager.replay(first.id, { ...masked, user: 'bob' });
    await manager.result(edited);
    expect(seen.at(-1)).toEqual({ ...payload, user: 'bob' });
    const other = await manager.replay(first.id, { user: 'cid', token: 'another secret' });
    await manager.result(other);
    expect(seen.at(-1)).toEqual({ user: 'cid', token: 'another secret' });
    await manager.close();
    expectNone(bytesOf(database));
    expect(bytesOf(database)).not.toContain('another secret');
  });

  test('a retry in a later life has them', async () => {
    let fails = true;
    const flaky = job({
      maxAttempts: 1,
      run: (login: Login) => {
        if (fails) throw new Error('not yet');
        seen.push(login);
      },
    });
    const manager = await startManager({ jobs: { flaky } });
    const { id } = await manager.enqueue('flaky', payload);
    await codeOf(() => manager.result(id));
    fails = false;
    await manager.retry(id);
    await manager.result(id);
    expect(seen.at(-1)).toEqual(payload);
  });

  test('a job that replaces another under its key has its own', async () => {
    const manager = await startManager({ jobs: types() });
    const first = await manager.enqueue('login', { ...payload, token: 'the first one' }, { key: 'k', held: true });
    const second = await manager.enqueue('login', payload, { key: 'k', onConflict: 'replace' });
    expect(second).toMatchObject({ id: first.id, outcome: 'replaced' });
    await manager.resumeJob(first.id);
    await manager.result(first.id);
    expect(seen.at(-1)).toEqual(payload);
  });

  test('batches, their jobs and their callbacks have them, in every life', async () => {
    const database = freshFile();
    const ends: BatchEnd<Login>[] = [];
    const end = job({ secrets: ['payload.auth.pin'], run: (given: BatchEnd<Login>) => void ends.push(given) });
    const manager = await startManager({ jobs: { ...types(), end } }, database);
    const batch = await manager.enqueueBatch({
      type: 'logins',
      failurePolicy: { atLeast: 2 },
      payload: { password: TOKEN },
      jobs: [
        { type: 'login', payload },
        { type: 'fail', payload },
      ],
      onEnd: { type: 'end', payload },
    });
    await until(() => ends.length === 1);
    await manager.retry(batch.id);
    await until(() => ends.length === 2);
    expect(ends.map((given) => given.payload)).toEqual([payload, payload]);
    expect((await manager.get(batch.id))!.payload).toEqual({ password: '***' });
    await manager.close();
    expectNone(bytesOf(database));
  });

  test('a job that a handler hands in has them', async () => {
    const outer = job({ run: (login: Login, ctx) => ctx.enqueue('login', login) });
    const manager = await startManager({ jobs: { ...types(), outer } });
    const { id } = await manager.enqueue('outer', payload);
    await manager.result((await manager.result<{ id: string }>(id)).id);
    expect(seen.at(-1)).toEqual(payload);
  });

  test('a result that a handler writes in its own transaction is without them', async () => {
    const database = freshFile();
    const work = job({
      run: async (login: Login, ctx) => {
        const db = new Database(database);
        try {
          db.transaction(() => void ctx.complete(db, { used: login.token, password: 'new one' }))();
        } finally {
          db.close();
        }
      },
    });
    const manager = await startManager({ jobs: { work } }, database);
    const handed = await manager.enqueue('work', payload);
    expect(await manager.result(handed)).toEqual({ used: '***', password: '***' });
  });

  test.each([
    ['a thread', () => new ThreadPool({ module: new URL('./programs.ts', import.meta.url), maxThreads: 1 })],
    ['a child process', () => new WorkerPool({ module: new URL('./programs.ts', import.meta.url), maxWorkers: 1 })],
  ])('%s gets them, and what it tells is without them', async (_, pool) => {
    const database = freshFile();
    const runner = pool();
    const manager = await startManager(
      {
        jobs: {
          tell: job({ runner, secrets: ['auth.pin'] }),
          blurt: job({ runner, secrets: ['auth.pin'], maxAttempts: 1 }),
        },
      },
      database,
    );
    const heard = listen(manager);
    const told = await manager.enqueue('tell', payload);
    expect(await manager.result(told)).toEqual({ used: '***', length: TOKEN.length });
    const blurted = await manager.enqueue('blurt', payload);
    const error = await refusalOf(() => manager.result(blurted));
    const answers = [await manager.attempts(blurted.id), await manager.logs(told.id), await manager.getAllJobs()];
    expectNone(JSON.stringify([answers, heard, error.message, String(error.cause)]));
    await manager.close();
    expectNone(bytesOf(database));
  });
});

describe('without the key', () => {
  test('a job is put off with its attempt, and says which key is missing; with it, it runs', async () => {
    const database = freshFile();
    const [key, other] = [newKey(), newKey()];
    const producer = await startManager({ worker: false, secrets: { key } }, database);
    const { id } = await producer.enqueue('login', payload);
    const stranger = await startManager({ jobs: types(), secrets: { key: other } }, database);
    await until(async () => (await producer.get(id))!.claim === 1 && (await producer.get(id))!.status === 'queued');
    const put = (await producer.get(id))!;
    expect(put).toMatchObject({ status: 'queued', attempts: 0, payload: { token: '***' } });
    expect(put.runAt - Date.now()).toBeGreaterThan(200_000);
    const [attempt] = await producer.attempts(id);
    expect(attempt).toMatchObject({ outcome: 'released', error: { code: 'SECRET_KEY_MISSING' } });
    expect(attempt!.error!.message).toMatch(/with the key [0-9a-f]{12}, which this process does not have/);
    await stranger.close();
    await startManager({ jobs: types(), secrets: { key: other, oldKeys: [key] } }, database);
    await producer.runNow(id);
    await producer.result(id);
    expect(seen.at(-1)).toEqual(payload);
  });

  test('a job whose secret was copied from another fails, and is not tried again', async () => {
    const database = freshFile();
    const manager = await startManager({ jobs: types() }, database);
    const [one, two] = [
      await manager.enqueue('login', { ...payload, token: 'the first one' }, { held: true }),
      await manager.enqueue('login', payload, { held: true }),
    ];
    const db = new Database(database);
    db.prepare('UPDATE jobs SET payload = (SELECT payload FROM jobs WHERE id = ?) WHERE id = ?').run(two.id, one.id);
    db.close();
    await manager.resumeJob(one.id);
    await codeOf(() => manager.result(one));
    expect((await manager.attempts(one.id)).at(-1)).toMatchObject({
      outcome: 'failed',
      error: { code: 'SECRET_UNREADABLE' },
    });
  });

  test('a file whose key is lost still shows its jobs, and takes new ones', async () => {
    const database = freshFile();
    const first = await startManager({ worker: false }, database);
    const { id } = await first.enqueue('login', payload);
    await first.close();
    rmSync(`${database}.key`);
    const second = await startManager({ jobs: types() }, database);
    expect((await second.get(id))!.payload).toMatchObject({ token: '***' });
    await second.result(await second.enqueue('login', payload));
    expect(seen.at(-1)).toEqual(payload);
    expect(await codeOf(() => second.replay(id))).toBe('SECRET_KEY_MISSING');
  });
});

test('a rotation puts everything under the new key, while work goes on, and says what it cannot read', async () => {
  const database = freshFile();
  const [old, fresh, lost] = [newKey(), newKey(), newKey()];
  const write = async (key: string, hand: (manager: JobManager) => Promise<unknown>) => {
    const manager = new JobManager(database, { ...IMPATIENT, worker: false, secrets: { key } });
    await manager.start();
    await hand(manager);
    await manager.close();
  };
  await write(lost, (manager) => manager.enqueue('login', payload, { id: 'lost' }));
  const long = { ...payload, text: 'x'.repeat(3000) };
  await write(old, async (manager) => {
    for (let i = 0; i < 450; i++) void manager.enqueue('login', i % 10 ? payload : long, { id: `j${i}` });
    const end = { type: 'login', payload, options: {} };
    await manager.enqueueBatch({ type: 'open', id: 'batch', jobs: [], open: true, onEnd: end });
  });
  const keys = { key: fresh, oldKeys: [old] };
  const rotating = newManager({ worker: false, secrets: keys }, database);
  await rotating.start();
  const rotation = await rotating.secrets.rotate();
  expect(rotation).toMatchObject({ rewritten: 451, current: 0, unreadableCount: 1 });
  expect(rotation.unreadable).toMatchObject([{ id: 'lost', code: 'SECRET_KEY_MISSING' }]);
  expect(await rotating.secrets.rotate()).toMatchObject({ rewritten: 0, current: 451, unreadableCount: 1 });
  const onlyFresh = await startManager({ jobs: { ...types(), end: types().login }, secrets: { key: fresh } }, database);
  const before = seen.length;
  onTestFinished(() => onlyFresh.close({ timeout: 0 }));
  await until(async () => (await onlyFresh.count({ status: 'completed' })) === 450);
  expect(new Set(seen.slice(before).map(({ token }) => token))).toEqual(new Set([TOKEN]));
  await onlyFresh.sealBatch('batch');
  await until(async () => (await onlyFresh.count({ status: 'completed' })) === 452);
});
