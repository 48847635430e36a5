import { link, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeName, identityOf, moveIfSame, removeIfSame, tidy, writeWhole } from './files.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const identity = async (name: string) => identityOf(await lstat(at(name), { bigint: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-drop-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a reader never sees a part of a file that is written as a whole', async () => {
  const texts = ['a'.repeat(200_000), 'b'.repeat(100_000)];
  await writeWhole(at('x'), texts[0]!);
  let writing = true;
  const seen = new Set<number>();
  const reader = (async () => {
    while (writing) {
      const text = await readFile(at('x'), 'utf8');
      expect(texts).toContain(text);
      seen.add(text.length);
    }
  })();
  for (let i = 0; i < 100; i++) await writeWhole(at('x'), texts[i % 2]!, { durable: i % 10 === 0 });
  writing = false;
  await reader;
  expect(seen.size).toBe(2);
  expect(await readdir(folder)).toEqual(['x']);
});

test('a write that fails leaves the file as it was, and nothing beside it', async () => {
  await mkdir(at('x'));
  await expect(writeWhole(at('x'), 'text')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(folder)).toEqual(['x']);
});

test('a name that is taken is kept where the caller asks for that', async () => {
  await writeWhole(at('x'), 'first', { keep: true });
  await expect(writeWhole(at('x'), 'second', { keep: true })).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await readFile(at('x'), 'utf8')).toBe('first');
  expect(await readdir(folder)).toEqual(['x']);
});

test('a file is removed if it is the one meant', async () => {
  await writeFile(at('x'), 'text');
  expect(await removeIfSame(at('x'), await identity('x'))).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

test('a file that took the name meanwhile is not removed', async () => {
  await writeFile(at('x'), 'old');
  const old = await identity('x');
  await writeFile(at('new'), 'newer');
  await rename(at('new'), at('x'));
  expect(await removeIfSame(at('x'), old)).toBe(false);
  expect(await readFile(at('x'), 'utf8')).toBe('newer');
  expect(await readdir(folder)).toEqual(['x']);
});

test('a file that is gone is not an error', async () => {
  await writeFile(at('x'), 'text');
  const old = await identity('x');
  await rm(at('x'));
  expect(await removeIfSame(at('x'), old)).toBe(false);
});

test('a directory is moved aside like a file', async () => {
  await mkdir(at('x'));
  expect(await moveIfSame(at('x'), await identity('x'), at('y'))).toBe(true);
  expect(await readdir(folder)).toEqual(['y']);
});

test('a free name does not exist yet', async () => {
  expect(await freeName(at('x.bad'))).toBe(at('x.bad'));
  await writeFile(at('x.bad'), '');
  await writeFile(at('x.bad-2'), '');
  expect(await freeName(at('x.bad'))).toBe(at('x.bad-3'));
});

test('a file that a killed process was taking away gets its name back', async () => {
  await writeFile(at('.backline-drop-done-x.job'), 'text');
  await tidy(folder, Date.now());
  expect(await readdir(folder)).toEqual(['x.job']);
});

test('a file that a killed process was taking away goes if a newer one has its name', async () => {
  await writeFile(at('.backline-drop-done-x.job'), 'old');
  await writeFile(at('x.job'), 'newer');
  await tidy(folder, Date.now());
  expect(await readdir(folder)).toEqual(['x.job']);
  expect(await readFile(at('x.job'), 'utf8')).toBe('newer');
});

test('old temporary files are tidied away; fresh ones and those of others are not', async () => {
  const old = new Date(Date.now() - 120_000);
  for (const name of ['.backline-drop-0a.tmp', '.backline-drop-1b.tmp', 'x.tmp', 'x.job.tmp']) {
    await writeFile(at(name), '');
    if (name !== '.backline-drop-1b.tmp') await utimes(at(name), old, old);
  }
  await tidy(folder, Date.now());
  expect(await readdir(folder)).toEqual(['.backline-drop-1b.tmp', 'x.job.tmp', 'x.tmp']);
});

test('two names of one file are one identity', async () => {
  await writeFile(at('x'), 'text');
  await link(at('x'), at('y'));
  expect(await identity('x')).toEqual(await identity('y'));
});
