import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { hasEnded, markOf } from './process.ts';

const startChild = async () => {
  const child = spawn(process.execPath, ['-e', "console.log('up'); setInterval(() => {}, 1000)"]);
  await once(child.stdout, 'data');
  return child;
};

const end = async (child: Awaited<ReturnType<typeof startChild>>) => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

/** Where the system tells when a process started; elsewhere only the number is known. */
const knowsStarts = existsSync('/proc/self/stat');

test('this process has not ended', () => {
  const mark = markOf(process.pid);
  expect(mark).toMatchObject({ host: hostname(), pid: process.pid });
  if (knowsStarts) expect(mark.pidStart).toMatch(/^\S+ \S+ \d+$/);
  expect(hasEnded(mark)).toBe(false);
});

test('another process has ended when it has, and not before', async () => {
  const child = await startChild();
  const mark = markOf(child.pid!);
  expect(hasEnded(mark)).toBe(false);
  await end(child);
  expect(hasEnded(mark)).toBe(true);
});

test('a process whose number was given to another one has ended', () => {
  const mark = markOf(process.pid);
  const before = { ...mark, pidStart: mark.pidStart?.replace(/\d+$/, '1') ?? null };
  expect(hasEnded(before)).toBe(knowsStarts);
});

test('nothing is certain about another machine, another container, or the time before a restart', async () => {
  const child = await startChild();
  const mark = markOf(child.pid!);
  await end(child);
  expect(hasEnded({ ...mark, pidStart: null, host: 'elsewhere' })).toBe(false);
  if (knowsStarts) {
    const [boot, namespace, start] = mark.pidStart!.split(' ');
    expect(hasEnded({ ...mark, pidStart: `other-boot ${namespace} ${start}` })).toBe(false);
    expect(hasEnded({ ...mark, pidStart: `${boot} pid:[1] ${start}` })).toBe(false);
  }
});
