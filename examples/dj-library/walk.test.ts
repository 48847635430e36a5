import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { freshFolder } from './testing.ts';
import { type Problem, walk } from './walk.ts';

const make = async (folder: string, ...names: string[]) => {
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), name);
  }
};

const found = async (folder: string, paths = [folder], extensions?: string[]) => {
  const problems: Problem[] = [];
  const files: string[] = [];
  for await (const { path } of walk(paths, { extensions, onProblem: (one) => problems.push(one) }))
    files.push(relative(folder, path));
  return { files: files.sort(), problems };
};

test('audio files are found in all folders, whatever the case of their extension; hidden ones are not', async () => {
  const folder = freshFolder();
  await make(
    folder,
    'a.wav',
    'b.MP3',
    'c/d.FlAc',
    'c/e/f.opus',
    'c/text.txt',
    'no-extension',
    '._a.wav',
    '.hidden/g.wav',
    'Ünïcode 音.wav',
  );
  expect(await found(folder)).toEqual({
    files: ['a.wav', 'b.MP3', 'c/d.FlAc', 'c/e/f.opus', 'Ünïcode 音.wav'].sort(),
    problems: [],
  });
  expect((await found(folder, [folder], ['txt', '.MP3'])).files).toEqual(['b.MP3', 'c/text.txt']);
});

test('links in a circle end, and a file with several names is one file', async () => {
  const folder = freshFolder();
  await make(folder, 'a/b/c.wav');
  await symlink(folder, join(folder, 'a/b/up'));
  await symlink(join(folder, 'a'), join(folder, 'again'));
  await symlink(join(folder, 'a/b/c.wav'), join(folder, 'other.wav'));
  expect(new Set((await found(folder)).files)).toEqual(new Set(['a/b/c.wav']));
});

test('what cannot be looked at is told with its code, and costs nothing else', async () => {
  const folder = freshFolder();
  await make(folder, 'a.wav', 'sub/b.wav');
  await symlink(join(folder, 'self.wav'), join(folder, 'self.wav'));
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling.wav'));
  const { files, problems } = await found(folder, [folder, join(folder, 'none'), join(folder, 'a.wav/below')]);
  expect(files).toEqual(['a.wav', 'sub/b.wav']);
  expect(problems.map(({ path, code }) => [relative(folder, path), code]).sort()).toEqual([
    ['a.wav/below', 'ENOTDIR'],
    ['dangling.wav', 'ENOENT'],
    ['none', 'ENOENT'],
    ['self.wav', 'ELOOP'],
  ]);
});

test('a folder that is removed while others are walked is told, and costs nothing else', async () => {
  const folder = freshFolder();
  await make(folder, 'first/a.wav', 'second/b.wav', 'third/c.wav');
  const problems: Problem[] = [];
  const files: string[] = [];
  const paths = ['first', 'second', 'third'].map((name) => join(folder, name));
  for await (const { path } of walk(paths, { onProblem: (one) => problems.push(one) })) {
    files.push(relative(folder, path));
    if (files.length === 1) await rename(join(folder, 'second'), join(folder, 'elsewhere'));
  }
  expect(files).toEqual(['first/a.wav', 'third/c.wav']);
  expect(problems).toEqual([{ path: join(folder, 'second'), code: 'ENOENT' }]);
});

test('a path may name a file, and is walked once however often it is given', async () => {
  const folder = freshFolder();
  await make(folder, 'x/a.wav');
  expect((await found(folder, [join(folder, 'x'), join(folder, 'x'), folder])).files).toEqual(['x/a.wav']);
  expect((await found(folder, [join(folder, 'x/a.wav')])).files).toEqual(['x/a.wav']);
});

test('a signal ends it between two files', async () => {
  const folder = freshFolder();
  await make(folder, 'a.wav', 'b.wav', 'c.wav');
  const controller = new AbortController();
  const walking = walk([folder], { signal: controller.signal });
  await walking.next();
  controller.abort(new Error('enough'));
  await expect(walking.next()).rejects.toThrow('enough');
});
