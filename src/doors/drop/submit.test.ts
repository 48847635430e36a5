import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { submitJob } from './submit.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-drop-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a submitted job is a file named after its id, with the time in seconds', async () => {
  const jobs = join(folder, 'new', 'jobs');
  const id = await submitJob(jobs, { catalog_path: '/a.csv', audio_base_path: '/audio' });
  expect(await readdir(jobs)).toEqual([`${id}.job`]);
  const content = JSON.parse(await readFile(join(jobs, `${id}.job`), 'utf8'));
  expect(content).toEqual({ catalog_path: '/a.csv', audio_base_path: '/audio', submitted_at: expect.any(Number) });
  expect(Math.abs(content.submitted_at - Date.now() / 1000)).toBeLessThan(5);
});

test('the caller may say id and time', async () => {
  expect(await submitJob(folder, { catalog_path: 'a', submitted_at: 1618514000.123 }, { id: 'my songs' })).toBe(
    'my songs',
  );
  expect(JSON.parse(await readFile(join(folder, 'my songs.job'), 'utf8')).submitted_at).toBe(1618514000.123);
});

test('a job that waits is not overwritten', async () => {
  await submitJob(folder, { catalog_path: 'a' }, { id: 'x' });
  await expect(submitJob(folder, { catalog_path: 'b' }, { id: 'x' })).rejects.toMatchObject({
    code: 'DUPLICATE_JOB_ID',
  });
  expect(JSON.parse(await readFile(join(folder, 'x.job'), 'utf8')).catalog_path).toBe('a');
  expect(await readdir(folder)).toEqual(['x.job']);
});

test.each<[string, unknown, string, string]>([
  ['no path', {}, 'BAD_JOB_FILE', 'catalog_path'],
  ['a path that is a number', { catalog_path: 3 }, 'BAD_JOB_FILE', 'catalog_path'],
  ['a time that is none', { catalog_path: 'a', submitted_at: Number.NaN }, 'BAD_JOB_FILE', 'submitted_at'],
  ['milliseconds', { catalog_path: 'a', submitted_at: 1618514000123 }, 'BAD_JOB_FILE', 'submitted_at'],
  ['a huge note', { catalog_path: 'a', note: 'x'.repeat(2_000_000) }, 'INVALID_OPTION', 'size'],
  ['a BigInt', { catalog_path: 'a', note: 1n }, 'BAD_JOB_FILE', 'note'],
  [
    'a circle',
    Object.assign(
      { catalog_path: 'a' },
      {
        get self() {
          return this;
        },
      },
    ),
    'BAD_JOB_FILE',
    'self.self',
  ],
  ['a prototype', JSON.parse('{"catalog_path": "a", "__proto__": {}}'), 'BAD_JOB_FILE', '__proto__'],
  ['nothing', null, 'BAD_JOB_FILE', 'content'],
])('%s is refused, and nothing is written', async (_, spec, code, field) => {
  await expect(submitJob(folder, spec as Record<string, unknown>)).rejects.toMatchObject({ code, field });
  expect(await readdir(folder)).toEqual([]);
});

test.each(['', '.', '../x', '/etc/x', 'a/b', 'a\\b', 'a\0b', 'x'.repeat(300)])('%j is no id', async (id) => {
  await expect(submitJob(folder, { catalog_path: 'a' }, { id })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    field: 'id',
  });
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that cannot be written is an error that names it', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(submitJob(join(folder, 'file'), { catalog_path: 'a' })).rejects.toMatchObject({ code: 'UNREADABLE' });
});
