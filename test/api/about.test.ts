/** What the service says of itself, and to whom. */
import { JobManager } from 'backline';
import { expect, onTestFinished, test } from 'vitest';
import { everyone } from '../../src/doors/api/access.ts';
import { localClient } from '../../src/doors/api/router.ts';
import { aboutOf } from '../../src/engine/about.ts';
import { checkManagerOptions } from '../../src/engine/manager-options.ts';
import { jobs } from './operations.ts';

const settings = [{ name: 'port', value: '0', place: 'PORT', says: 'Where it listens.' }];

test('where jobs are kept, and what it was started with, is told to admins alone', async () => {
  const manager = new JobManager(':memory:', { jobs, logger: false, timeZone: 'Europe/Berlin' });
  await manager.start();
  onTestFinished(() => manager.close({ timeout: 0 }));
  const as = (scope: 'read' | 'operate' | 'admin') =>
    localClient({ client: manager as unknown as JobManager, caller: { ...everyone, scope }, settings });
  const all = await as('admin').about.get();
  expect(all).toMatchObject({ timeZone: 'Europe/Berlin', uploads: null, settings, database: { where: ':memory:' } });
  for (const scope of ['read', 'operate'] as const)
    expect(await as(scope).about.get()).toEqual({
      ...{ ...all, at: expect.any(String), settings: null },
      database: { ...all.database, where: null },
    });
});

test('an address tells its kind, and a process that runs no jobs has no slots', () => {
  const about = (where: string, options = {}) => aboutOf(where, checkManagerOptions(options), ['b', 'a']);
  expect(about('postgres://ada@db/jobs').database).toBe('postgresql');
  expect(about('data/backline.db', { worker: false })).toMatchObject({
    ...{ database: 'sqlite', worker: { slots: 0, queues: null, types: ['a', 'b'] } },
    keeps: { completedMs: 604_800_000, failedMs: 2_592_000_000, maxFinished: 1_000_000 },
  });
  const kept = about('x', { retention: { completed: false }, queues: ['emails'], defaultTimeout: false });
  expect(kept).toMatchObject({
    ...{ keeps: { completedMs: null }, limits: { timeoutMs: null }, worker: { slots: 10, queues: ['emails'] } },
  });
});
