import { renameSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, freshFile, listen, newManager, only, startManager } from '../../test/managers.ts';
import { nextEvent, signal, until } from '../../test/wait.ts';
import { job } from '../job/define.ts';

const echo = job({ run: (payload: unknown) => payload });

/** Another program that holds the write lock. */
const lock = (file: string) => {
  const db = new Database(file);
  onTestFinished(() => void db.close());
  db.exec('BEGIN IMMEDIATE');
  return { release: () => void db.exec('ROLLBACK') };
};

describe('a database that is away', () => {
  test('behind the lock of another program: said once, callers are told, and nothing is lost', async () => {
    const file = freshFile();
    const go = signal();
    const slow = job({ run: () => go.reached.then(() => 'worked') });
    const manager = await startManager({ jobs: { slow, echo }, busyTimeout: 30 }, file);
    const heard = listen(manager);
    const { id } = await manager.enqueue('slow', null);
    await until(async () => (await manager.get(id))?.status === 'running');
    const away = nextEvent(manager, 'store-unavailable');
    const { release } = lock(file);
    go.reach();
    expect(await codeOf(() => manager.enqueue('echo', 1))).toBe('STORE_BUSY');
    expect(await away).toMatchObject({ error: { code: 'STORE_BUSY' } });
    const health = await manager.health();
    expect(health).toMatchObject({ ok: false, database: { ok: false, problem: expect.stringContaining('locked') } });
    // Polls, claims and results go on being tried; they read well all the while, which must not count as recovery.
    await until(async () => (await codeOf(() => manager.enqueue('echo', 2))) === 'STORE_BUSY' && heard.length > 0);
    for (let i = 0; i < 5; i++) expect(await codeOf(() => manager.enqueue('echo', 3))).toBe('STORE_BUSY');
    release();
    expect(await manager.result(id)).toBe('worked');
    await until(() => only(heard, 'store-recovered').length === 1);
    expect(only(heard, 'store-unavailable')).toHaveLength(1);
    expect(only(heard, 'store-recovered')[0]!.afterMs).toBeGreaterThan(0);
    expect(await manager.result(await manager.enqueue('echo', 'back'))).toBe('back');
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['completed']);
    await until(async () => (await manager.health()).ok);
  });

  test('because its file was moved: said once, and work goes on when it is back', async () => {
    const file = freshFile();
    const manager = await startManager({ jobs: { echo } }, file);
    const heard = listen(manager);
    const away = nextEvent(manager, 'store-unavailable');
    renameSync(file, `${file}.moved`);
    expect(await away).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
    expect((await manager.health()).database).toMatchObject({ ok: false, problem: expect.stringContaining('moved') });
    const back = nextEvent(manager, 'store-recovered');
    renameSync(`${file}.moved`, file);
    await back;
    expect(await manager.result(await manager.enqueue('echo', 1))).toBe(1);
    expect(only(heard, 'store-unavailable')).toHaveLength(1);
  });

  test('at the start is an error with a code, and a later start works', async () => {
    const file = freshFile();
    const manager = newManager({ jobs: { echo } }, `${file}/below/a/file`);
    new Database(file).close();
    expect(await codeOf(() => manager.start())).toBe('STORE_UNAVAILABLE');
    expect(await codeOf(() => manager.enqueue('echo', 1))).toBe('NOT_STARTED');
    renameSync(file, `${file}.moved`);
    const heard = listen(manager);
    await manager.start();
    expect(await manager.result(await manager.enqueue('echo', 1))).toBe(1);
    await until(() => only(heard, 'job-completed').length === 1);
  });
});

describe('a wall clock that jumps', () => {
  /** A clock that is right, but for what it is told to jump. */
  const jumping = () => {
    const clock = { off: 0, now: () => Date.now() + clock.off, monotonic: () => performance.now() };
    return clock;
  };

  test.each([
    ['forward', 3_600_000],
    ['backward', -3_600_000],
  ])('%s takes no job from a live worker', async (_, off) => {
    const file = freshFile();
    const go = signal();
    const slow = job({ run: () => go.reached.then(() => 'mine') });
    const worker = await startManager({ jobs: { slow, echo }, lease: '5s', processId: 'live' }, file);
    const { id } = await worker.enqueue('slow', null, { timeout: false });
    await until(async () => (await worker.get(id))?.status === 'running');
    const clock = jumping();
    const other = await startManager({ jobs: { echo }, lease: '5s', clock }, file);
    const heard = listen(other);
    clock.off = off;
    // The rescuer of the other looks several times, and sees the heartbeat move meanwhile.
    const beat = async () => (await other.workers()).find(({ name }) => name === 'live')?.beat ?? Number.NaN;
    const first = await beat();
    await until(async () => !((await beat()) <= first + 3));
    expect(only(heard, 'worker-lost')).toEqual([]);
    expect(only(heard, 'orphans-released')).toEqual([]);
    expect(await other.get(id)).toMatchObject({ status: 'running', crashes: 0 });
    expect(await other.result(await other.enqueue('echo', 1))).toBe(1);
    go.reach();
    expect(await worker.result(id)).toBe('mine');
  });

  test('forward makes due what it makes due; backward does not keep a new job waiting', async () => {
    const clock = jumping();
    const manager = await startManager({ jobs: { echo }, clock });
    const later = await manager.enqueue('echo', 'later', { delay: '1h' });
    clock.off = 3_700_000;
    expect(await manager.result(later)).toBe('later');
    clock.off = -3_600_000;
    expect(await manager.result(await manager.enqueue('echo', 'now'))).toBe('now');
  });
});

test('a worker that died is noticed by its silence, and its job runs again in its old place', async () => {
  const file = freshFile();
  const { openStore } = await import('../store/open.ts');
  const dead = await openStore(file);
  const manager = await startManager({ jobs: { echo }, lease: '500ms', worker: false }, file);
  const { id } = await manager.enqueue('echo', 'again');
  const info = {
    owner: 'gone#1',
    name: 'gone',
    host: 'elsewhere',
    pid: 1,
    pidStart: null,
    slots: 1,
    queues: null,
    types: ['echo'],
    startedAt: 0,
  };
  const still = {
    leaseMs: 500,
    beatMs: 3_600_000,
    stuckLoopMs: null,
    now: Date.now,
    onLost: () => {},
    onBlocked: () => {},
    onTrouble: () => {},
  };
  await dead.keepLease(info, still);
  expect((await dead.claim({ owner: 'gone#1', n: 1, types: ['echo'] }, Date.now())).jobs).toHaveLength(1);
  const rescuer = await startManager({ jobs: { echo }, lease: '500ms' }, file);
  const heard = listen(rescuer);
  expect(await rescuer.result(id)).toBe('again');
  expect(only(heard, 'worker-lost')).toMatchObject([{ worker: 'gone' }]);
  expect(only(heard, 'orphans-released')).toMatchObject([{ count: 1, quarantined: 0 }]);
  expect(await rescuer.get(id)).toMatchObject({ attempts: 1, crashes: 1 });
  await dead.close();
});
