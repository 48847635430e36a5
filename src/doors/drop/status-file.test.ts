import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { badJobFile } from '../../job/errors.ts';
import type { Job } from '../../job/job.ts';
import type { Status } from '../../job/states.ts';
import { loadStatus, readStatus, statusOf, statusOfRefused, statusOfRemoved, statusStemOf } from './status-file.ts';

const NOW = 1_700_000_010_500;
const START = 1_700_000_000.25;

const jobThat = (about: Partial<Job>): Job => ({
  ...{ seq: 1, id: 'drop-x', type: 'catalog', queue: 'default', priority: 5, payload: {}, progress: 40, note: null },
  ...{
    result: null,
    error: null,
    attempts: 1,
    maxAttempts: 3,
    crashes: 0,
    maxCrashes: 5,
    life: 1,
    claim: 1,
    parentId: null,
    scheduleId: null,
    slotAt: null,
    tenant: null,
  },
  ...{ replayOf: null, userInitiated: true, tags: [], key: null, limitKey: null, timeoutMs: null, held: false },
  ...{ worker: null, createdAt: NOW, queuedAt: NOW, runAt: NOW, startedAt: NOW, completedAt: null, timeoutAt: null },
  ...{ expiresAt: null, totalMs: null, deadlineAt: null, cancelRequestedAt: null, status: 'running', batch: null },
  ...about,
});

describe('what a status file says', () => {
  test.each<[string, Partial<Job>, object]>([
    ['waits', { status: 'queued', attempts: 0, progress: 0 }, { status: 'running', state: 'queued', progress: 0 }],
    ['is held', { status: 'created', attempts: 0 }, { status: 'running', state: 'created' }],
    ['is for later', { status: 'queued', attempts: 0, runAt: NOW + 1 }, { status: 'running', state: 'scheduled' }],
    ['runs', { note: 'row 4' }, { status: 'running', state: 'running', progress: 40, message: 'row 4' }],
    [
      'will run again',
      { status: 'queued', runAt: NOW + 1, error: 'no luck' },
      { status: 'running', state: 'retrying', message: 'Attempt 1 of 3 failed: no luck' },
    ],
  ])('a job that %s is running, without an end', (_, about, expected) => {
    const status = statusOf(jobThat(about), START, null, NOW);
    expect(status).toMatchObject({ ...expected, start_time: START, job_id: 'drop-x' });
    expect(status).not.toHaveProperty('end_time');
    expect(status).not.toHaveProperty('error');
    expect(status).not.toHaveProperty('result');
  });

  test('a completed job has its result and its end, in seconds', () => {
    const job = jobThat({ status: 'completed', progress: 100, result: { import: { rows: 3 } }, completedAt: NOW });
    expect(statusOf(job, START, null, NOW + 5000)).toEqual({
      ...{ status: 'completed', start_time: START, end_time: 1_700_000_010.5, result: { import: { rows: 3 } } },
      ...{ progress: 100, job_id: 'drop-x', state: 'completed' },
    });
  });

  test.each([
    [null, {}],
    [[1, 2], { value: [1, 2] }],
    ['done', { value: 'done' }],
    [0, { value: 0 }],
  ])('a result of %j is shown as an object', (result, shown) => {
    expect(statusOf(jobThat({ status: 'completed', result }), START, null, NOW).result).toEqual(shown);
  });

  test.each<[Status, string]>([
    ['failed', 'ENOENT'],
    ['timeout', 'JOB_TIMED_OUT'],
    ['cancelled', 'JOB_CANCELLED'],
  ])('a job that ended as %s is failed, with its own word and a reason', (word, code) => {
    const failure =
      word === 'failed' ? { name: 'Error', message: 'no luck', code: 'ENOENT', stack: 'at secret.ts' } : null;
    const status = statusOf(jobThat({ status: word, error: 'no luck', completedAt: NOW }), START, failure, NOW);
    expect(status).toMatchObject({
      status: 'failed',
      state: word,
      end_time: NOW / 1000,
      error: { code, message: 'no luck' },
    });
    expect(JSON.stringify(status)).not.toContain('secret.ts');
  });

  test('an error without a code gets the general one', () => {
    const failure = { name: 'TypeError', message: 'x is undefined' };
    const status = statusOf(jobThat({ status: 'failed', error: 'x is undefined' }), START, failure, NOW);
    expect(status.error).toEqual({ code: 'JOB_FAILED', message: 'x is undefined' });
  });

  test('the end is never before the start, even if a clock jumped', () => {
    const job = jobThat({ status: 'completed', completedAt: NOW - 60_000 });
    expect(statusOf(job, NOW / 1000, null, NOW).end_time).toBe(NOW / 1000);
  });

  test('a refused file is failed and says which field is wrong', () => {
    const error = badJobFile('x.job', 'catalog_path', 'is missing', 'text');
    expect(statusOfRefused(error, START)).toMatchObject({
      ...{ status: 'failed', state: 'refused', job_id: null, start_time: START, end_time: START },
      error: { code: 'BAD_JOB_FILE', field: 'catalog_path', found: 'is missing', allowed: 'text' },
    });
  });

  test('a job that somebody removed is failed', () => {
    expect(statusOfRemoved('drop-x', START, NOW)).toMatchObject({
      status: 'failed',
      state: 'removed',
      end_time: NOW / 1000,
    });
  });
});

describe('reading a status file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backline-drop-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('a hand-made one is read as it is', async () => {
    await writeFile(join(folder, 'x.status'), '{"status": "completed"}');
    expect(await readStatus(folder, 'x')).toEqual({ status: 'completed' });
  });

  test('none is null, also where there is no folder', async () => {
    expect(await readStatus(folder, 'x')).toBeNull();
    expect(await readStatus(join(folder, 'none'), 'x')).toBeNull();
  });

  test.each(['', '../x', '/etc/hostname', '.x', 'a/b', 'a\0b'])('%j as id is an error, not a path', async (id) => {
    await expect(readStatus(folder, id)).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'id' });
  });

  test.each([
    ['broken JSON', (path: string) => writeFile(path, '{"status"')],
    ['a list', (path: string) => writeFile(path, '[]')],
    ['a directory', (path: string) => mkdir(path)],
    ['a link', (path: string) => symlink('/etc/hostname', path)],
  ])('%s is an error for a caller, and nothing of ours for the door', async (_, make) => {
    await make(join(folder, 'x.status'));
    await expect(readStatus(folder, 'x')).rejects.toMatchObject({ code: 'UNREADABLE' });
    expect(await loadStatus(folder, 'x')).toBeUndefined();
  });

  test.each([
    ['x.status', 'x'],
    ['.x.status', null],
    ['x.status.tmp', null],
    ['x.job', null],
  ])('%s is the status of %s', (name, stem) => expect(statusStemOf(name)).toBe(stem));
});
