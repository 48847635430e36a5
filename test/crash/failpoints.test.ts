import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isFinal } from '../../src/job/states.ts';
import { FAILPOINTS, type Failpoint } from '../../src/store/sqlite/failpoints.ts';
import type { Store } from '../../src/store/store.ts';
import { drain, list, newJob, startWorker } from '../conformance/fixtures.ts';
import { Child, endChildren } from './child.ts';
import { newFolder, reopen } from './files.ts';

let place: ReturnType<typeof newFolder>;
beforeEach(() => {
  place = newFolder();
});
afterEach(async () => {
  await endChildren();
  place.dispose();
});

const idsOf = (child: Child, fact: string): string[] => child.all(fact).flatMap(({ ids }) => ids as string[]);

/** What was promised to the dead process must be true for the one that comes after it. */
const expectPromises = async (store: Store, child: Child): Promise<void> => {
  expect((await store.checkIntegrity()).problems).toEqual([]);
  const deleted = new Set(idsOf(child, 'deleting'));
  const revived = new Set(idsOf(child, 'reviving'));
  const prunes = child.all('deleting-finished').length > 0;
  const jobs = new Map((await list(store)).map((job) => [job.id, job]));
  const stands = (id: string, status: string) => {
    const job = jobs.get(id);
    if (!job) expect(prunes || deleted.has(id), `${id} was ${status} and is gone`).toBe(true);
    else if (!revived.has(id)) expect(job.status, id).toBe(status);
  };
  for (const id of idsOf(child, 'completed')) stands(id, 'completed');
  for (const id of idsOf(child, 'cancelled')) stands(id, 'cancelled');
  for (const id of idsOf(child, 'enqueued'))
    if (!prunes && !deleted.has(id)) expect(jobs.has(id), `${id} was enqueued and is gone`).toBe(true);
};

/** A request that comes again is answered as it was, or is carried out now, if it was not before. */
const expectRequests = async (store: Store, child: Child): Promise<void> => {
  for (const { key } of child.all('requesting')) {
    const send = () => store.insertOnce({ key: String(key), fingerprint: 'f', until: Date.now() * 2 }, [newJob()], 0);
    const answer = await send();
    const before = child.all('requested').find((fact) => fact['key'] === key);
    if (before) expect(answer).toMatchObject([{ kind: 'inserted', id: before['id'] }]);
    expect(await send()).toEqual(answer);
  }
};

const expectRecovery = async (store: Store, child: Child): Promise<void> => {
  const now = Date.now() + 60_000;
  await store.releaseOrphans(await store.workers(), now);
  const running = await list(store, { status: 'running' });
  expect(running.filter(({ batch }) => batch === null)).toEqual([]);
  const after = await startWorker(store, 'after', { types: ['mail'] });
  const ran = await drain(store, after, 10, now);
  const completed = new Set(idsOf(child, 'completed'));
  expect(ran.filter((id) => completed.has(id))).toEqual([]);
  expect(new Set(ran).size).toBe(ran.length);
  const jobs = await list(store);
  expect(jobs.filter(({ status }) => !isFinal(status))).toEqual([]);
  // Every batch has ended, and with it called back: once, unless retention has taken the call already.
  const ids = new Set(jobs.map(({ id }) => id));
  const prunes = child.all('deleting-finished').length > 0;
  const calls = jobs.flatMap(({ batch }) => batch?.callbacks ?? []);
  expect(calls.filter(({ id }) => !prunes && !ids.has(id))).toEqual([]);
  expect((await store.checkIntegrity()).problems).toEqual([]);
};

const killAt = async (failpoint: Failpoint, nth: number): Promise<void> => {
  const child = new Child('store-child.ts', { file: place.file, failpoint, nth });
  const end = await child.ended;
  expect(child.errors).toBe('');
  expect(end).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.all('hit')).toEqual([{ fact: 'hit', name: failpoint }]);
  const { store, report } = await reopen(place.file);
  try {
    expect(report).toBeUndefined();
    await expectPromises(store, child);
    await expectRequests(store, child);
    await expectRecovery(store, child);
  } finally {
    await store.close();
  }
};

test('a process that is left alone comes to its end, past every failpoint', async () => {
  const child = new Child('store-child.ts', { file: place.file, failpoint: null, nth: 0 });
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.all('survived')).toHaveLength(1);
});

describe('a process that is killed loses nothing that was promised, and doubles nothing that was done', () => {
  for (const failpoint of FAILPOINTS) {
    test(`at ${failpoint}, the first time`, () => killAt(failpoint, 1));
    if (failpoint !== 'migration-step') test(`at ${failpoint}, in the middle of its work`, () => killAt(failpoint, 3));
  }
});
