/** What the first users were promised and no other test shows: see docs/promises.md. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { job } from 'backline';
import { expect, test } from 'vitest';
import { freshFile, freshFolder, startManager } from './managers.ts';
import { ROOT } from './source-scan.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const scripts = (): Record<string, string> => JSON.parse(read('package.json')).scripts;

test('a target that cannot be written fails its job with path and code, and the process goes on', async () => {
  const folder = freshFolder();
  await mkdir(join(folder, 'taken'));
  await writeFile(join(folder, 'file'), '');
  const write = job({ maxAttempts: 1, run: (path: string) => writeFile(path, 'x') });
  const manager = await startManager({ jobs: { write } });
  const targets: [string, string][] = [
    [join(folder, 'missing/a.csv'), 'ENOENT'],
    [join(folder, 'taken'), 'EISDIR'],
    [join(folder, 'file/a.csv'), 'ENOTDIR'],
    ...(existsSync('/dev/full') ? [['/dev/full', 'ENOSPC'] as [string, string]] : []),
  ];
  for (const [path, code] of targets) {
    const { id } = await manager.enqueue('write', path);
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_FAILED' });
    const [attempt] = await manager.attempts(id);
    expect(attempt).toMatchObject({ outcome: 'failed', error: { code } });
    // A write that fails after its file was opened does not name it; the job's payload does.
    if (code !== 'ENOSPC') expect((await manager.get(id))!.error).toContain(path);
    expect((await manager.get(id))!.payload).toBe(path);
  }
  const good = join(folder, 'b.csv');
  await manager.result(await manager.enqueue('write', good));
  expect(existsSync(good)).toBe(true);
});

test("the engine's emitter has the name that it always had", async () => {
  const manager = await startManager({ jobs: { echo: job({ run: (n: number) => n }) } });
  const heard: unknown[] = [];
  manager.jobManager.on('job-completed', ({ result }) => heard.push(result));
  await manager.result(await manager.enqueue('echo', 7));
  expect(heard).toEqual([7]);
});

test('jobs are found by state, type, priority, parent, initiator and time', async () => {
  const manager = await startManager({ worker: false }, freshFile());
  const at = Date.now();
  const { id } = await manager.enqueue('scan', null, { priority: 7, userInitiated: false });
  await manager.enqueue('analyze', null, { parent: id, held: true });
  await manager.enqueue('export', null, { priority: 1 });
  const types = async (filter: Parameters<typeof manager.list>[0]) =>
    (await manager.list(filter, { order: 'oldest' })).jobs.map(({ type }) => type);
  expect(await types({ status: 'created' })).toEqual(['analyze']);
  expect(await types({ type: ['scan', 'export'] })).toEqual(['scan', 'export']);
  expect(await types({ priority: 1 })).toEqual(['export']);
  expect(await types({ parent: id })).toEqual(['analyze']);
  expect(await types({ userInitiated: false })).toEqual(['scan']);
  expect(await types({ createdAfter: at, createdBefore: new Date(Date.now() + 1000) })).toHaveLength(3);
  expect(await types({ createdAfter: Date.now() + 60_000 })).toEqual([]);
});

test.each(['test', 'test:jobs', 'test:performance', 'test:e2e', 'test:coverage', 'typecheck', 'lint'])(
  'there is a script %s, and it is one of the tasks',
  (name) => {
    expect(scripts()[name]).toBe(`exec node scripts/run.mjs ${name}`);
    expect(read('scripts/run.mjs')).toMatch(new RegExp(`^  '?${name}'?: \\{`, 'm'));
  },
);

test('the documents say what is delivered at least once, and what to do about it', () => {
  expect(read('README.md')).toMatch(/at least once.*make it idempotent, or commit its result with your data/s);
});
