import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../util/clock.ts';
import { markOf } from '../../util/process.ts';
import { FolderLock, LOCK_NAME } from './folder-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-drop-'));
});
afterEach(() => rm(folder, { recursive: true }));

const lockOf = (clock = systemClock) => new FolderLock(folder, clock);
const content = async () => JSON.parse(await readFile(join(folder, LOCK_NAME), 'utf8')) as Record<string, unknown>;
const heldBy = (about: object) =>
  writeFile(join(folder, LOCK_NAME), JSON.stringify({ token: 't', since: '2026-01-01T00:00:00.000Z', ...about }));

test('the first takes the lock and keeps it; the second is told who has it', async () => {
  const [first, second] = [lockOf(), lockOf()];
  expect(await first.hold()).toBeNull();
  expect(await second.hold()).toMatchObject({ pid: process.pid });
  expect(await first.hold()).toBeNull();
  await first.release();
  expect(await second.hold()).toBeNull();
  await second.release();
  expect(await readdir(folder)).toEqual([]);
});

test('of many that come at once, one gets it', async () => {
  const locks = Array.from({ length: 10 }, () => lockOf());
  const answers = await Promise.all(locks.map((lock) => lock.hold()));
  expect(answers.filter((answer) => answer === null)).toHaveLength(1);
});

test('of many that find a dead holder at once, one gets it', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const mark = markOf(child.pid!);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await heldBy(mark);
  const locks = Array.from({ length: 10 }, () => lockOf());
  const answers = await Promise.all(locks.map((lock) => lock.hold()));
  // Those that took a look too early may have lost; a second look settles it.
  const settled = await Promise.all(locks.map((lock) => lock.hold()));
  expect(answers.filter((answer) => answer === null).length).toBeLessThanOrEqual(1);
  expect(settled.filter((answer) => answer === null)).toHaveLength(1);
});

test('a process that got the number of a dead one is not mistaken for it', async () => {
  await heldBy({ ...markOf(process.pid), pidStart: markOf(process.pid).pidStart?.replace(/\d+$/, '1') });
  expect(await lockOf().hold()).toBeNull();
});

test('a holder that can be seen to live is respected for ever', async () => {
  let at = 0;
  const clock = { now: () => Date.now(), monotonic: () => at };
  await heldBy(markOf(process.pid));
  const lock = lockOf(clock);
  expect(await lock.hold()).toMatchObject({ token: 't' });
  at += 3_600_000;
  expect(await lock.hold()).toMatchObject({ token: 't' });
});

test.each([
  [
    'on another machine',
    JSON.stringify({ token: 't', host: 'elsewhere', pid: 1, pidStart: 'boot pid:[1] 5', since: '' }),
  ],
  ['that cannot be read', 'not JSON'],
])('a holder %s is respected until it has been silent for half a minute', async (_, text) => {
  let at = 0;
  const clock = { now: () => Date.now(), monotonic: () => at };
  await writeFile(join(folder, LOCK_NAME), text);
  const lock = lockOf(clock);
  expect(await lock.hold()).not.toBeNull();
  at += 29_000;
  expect(await lock.hold()).not.toBeNull();
  at += 1000;
  expect(await lock.hold()).toBeNull();
});

test('a holder elsewhere that shows a sign of life begins its half minute anew', async () => {
  let at = 0;
  const lock = lockOf({ now: () => Date.now(), monotonic: () => at });
  const holder = { host: 'elsewhere', pid: 1, pidStart: 'boot pid:[1] 5' };
  await heldBy(holder);
  expect(await lock.hold()).not.toBeNull();
  at += 29_000;
  await heldBy({ ...holder, since: 'later' });
  expect(await lock.hold()).not.toBeNull();
  at += 29_000;
  expect(await lock.hold()).not.toBeNull();
});

test('a holder whose lock was taken away notices, and does not take it back', async () => {
  const lock = lockOf();
  expect(await lock.hold()).toBeNull();
  await heldBy(markOf(process.pid));
  expect(await lock.hold()).toMatchObject({ token: 't' });
  await lock.release();
  expect(await content()).toMatchObject({ token: 't' });
});

test('a lock that somebody deleted is made again', async () => {
  const lock = lockOf();
  expect(await lock.hold()).toBeNull();
  await rm(join(folder, LOCK_NAME));
  expect(await lock.hold()).toBeNull();
  expect(await content()).toMatchObject({ pid: process.pid });
});
