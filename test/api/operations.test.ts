/** One table for all doors: in process, the typed client and bare HTTP, a port. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobManager, Uploads } from 'backline';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { everyone } from '../../src/doors/api/access.ts';
import { contract } from '../../src/doors/api/contract.ts';
import { enqueueOptions } from '../../src/doors/api/contract-jobs.ts';
import { newSchedule, scheduleChanges, scheduledOptions } from '../../src/doors/api/contract-schedules.ts';
import { examples } from '../../src/doors/api/examples.ts';
import { describeApi } from '../../src/doors/api/openapi.ts';
import { localClient } from '../../src/doors/api/router.ts';
import type { Scope } from '../../src/doors/api/routes.ts';
import { newKey } from '../../src/engine/keyring.ts';
import { FIXED_FIELDS, OF_ONE_RUN, REQUEST_FIELDS } from '../../src/engine/schedule-request.ts';
import { ENQUEUE_OPTIONS } from '../../src/job/enqueue-options.ts';
import { embedded18, type Server, startServer } from '../conformance/postgres.ts';
import { freshFolder, IMPATIENT } from '../managers.ts';
import { calledOverHttp, DOORS, type Door, ROUTES } from './doors.ts';
import { jobs, REFUSALS, SCENARIOS } from './operations.ts';

const started = async (database: string): Promise<JobManager> => {
  const options = {
    ...IMPATIENT,
    processId: 'reader-1',
    maxConcurrentJobs: 4,
    maxPayloadBytes: 65_536,
    secrets: { key: newKey() },
  };
  const manager = new JobManager(database, { ...options, jobs });
  await manager.start();
  return manager as unknown as JobManager;
};

/** In folders that go with the test. */
const startedUploads = async (): Promise<Uploads> => {
  const folder = freshFolder();
  const uploads = new Uploads({ folder: join(folder, 'uploads'), jobsDir: join(folder, 'jobs') });
  await uploads.start();
  return uploads;
};

describe.each(Object.entries(DOORS))('through %s', (_, open) => {
  let manager: JobManager;
  let door: Door;

  let uploads: Uploads;

  beforeEach(async () => {
    manager = await started(':memory:');
    uploads = await startedUploads();
    door = await open(manager, uploads);
  });

  afterEach(async () => {
    await door.close();
    await manager.close({ timeout: 0 });
  });

  test.each(Object.entries(SCENARIOS))('%s', async (_, play) => {
    await play({ call: door.call, manager, uploads });
  });

  test('what is wrong is refused with its code and field, and changes nothing', async () => {
    await manager.enqueue('double', 1, { id: 'waits', delay: '1h' });
    await manager.enqueue('double', 1, { id: 'ended' });
    await manager.result('ended');
    await manager.enqueueBatch({ type: 'album', id: 'batch', jobs: [], open: true });
    await manager.schedules.add({ id: 'there', type: 'double', payload: 1, cron: '@daily' });
    await manager.schedules.pause('there');
    const all = async () =>
      JSON.stringify([await manager.list(), await manager.queues(), await manager.schedules.list()]);
    const before = await all();
    for (const [operation, input, code, field] of REFUSALS) {
      const refusal = await door.call(operation, input).then(
        (answer) => ({ code: 'nothing', answer }),
        (error: unknown) => error,
      );
      const about = `${operation} ${JSON.stringify(input)?.slice(0, 200)}`;
      expect({ about, code: (refusal as { code: string }).code }).toEqual({ about, code });
      expect(refusal).toMatchObject({ name: 'BacklineError', ...(field === undefined ? {} : { field }) });
    }
    expect(await all()).toBe(before);
  });
});

describe('on PostgreSQL, through bare HTTP', () => {
  let server: Server | undefined;
  let n = 0;

  afterAll(() => server?.dispose());

  test.each(Object.entries(SCENARIOS))('%s', async (_, play) => {
    server ??= await startServer(embedded18);
    const manager = await started(`${server.url()}?schema=api_${n++}`);
    const uploads = await startedUploads();
    const door = await DOORS['bare HTTP']!(manager, uploads);
    try {
      await play({ call: door.call, manager, uploads });
    } finally {
      await door.close();
      await manager.close({ timeout: 0 });
    }
  });
});

describe('the contract', () => {
  test('every operation was called over bare HTTP by the table above', async () => {
    const { paths = {} } = await describeApi();
    // Sent by test/api/upload.test.ts: a form, which the table cannot hold.
    delete paths['/uploads']!.post;
    const all = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter((route) => !calledOverHttp.has(route))).toEqual([]);
  });

  test('has a route for each of its operations, and no route without one', () => {
    const operations = Object.entries(contract).flatMap(([group, all]) =>
      Object.keys(all).map((name) => `${group}.${name}`),
    );
    expect([...ROUTES.keys()].sort()).toEqual(operations.sort());
    const places = [...ROUTES.values()].map(({ method, path }) => `${method} ${path}`);
    expect(new Set(places).size).toBe(places.length);
  });

  test('knows the options of a job that the library knows, but for the transaction', () => {
    const { tx: _, ...rest } = ENQUEUE_OPTIONS;
    expect(Object.keys(enqueueOptions.shape).sort()).toEqual(Object.keys(rest).sort());
  });

  test('knows of a schedule what the library knows', () => {
    expect(Object.keys(newSchedule.shape).sort()).toEqual([...REQUEST_FIELDS].sort());
    const changeable = REQUEST_FIELDS.filter((name) => !FIXED_FIELDS.includes(name));
    expect(Object.keys(scheduleChanges.shape).sort()).toEqual(changeable.sort());
    const options = Object.keys(ENQUEUE_OPTIONS).filter((name) => !OF_ONE_RUN.includes(name));
    expect(Object.keys(scheduledOptions.shape).sort()).toEqual(options.sort());
  });

  test('has examples that it would take', () => {
    const names = Object.keys(examples);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const [group, operation] = name.split('.') as ['jobs', 'enqueue'];
      const path = ROUTES.get(name)!.path.matchAll(/\{(\w+)\}/g);
      const input = {
        ...Object.fromEntries([...path].map(([, field]) => [field, 'some'])),
        ...(examples[name] as object),
      };
      expect(contract[group][operation]['~orpc'].inputSchema?.safeParse(input).error, name).toBeUndefined();
    }
  });

  test('lets a caller do what its scope includes, and nothing more', async () => {
    const manager = await started(':memory:');
    const rank: Record<Scope, number> = { read: 0, operate: 1, admin: 2 };
    try {
      for (const scope of ['read', 'operate', 'admin'] as const) {
        const caller = { id: scope, name: scope, scope, queues: null, tenants: null };
        const client = localClient({ client: manager, caller }) as unknown as Record<
          string,
          Record<string, () => Promise<unknown>>
        >;
        for (const [name, route] of ROUTES) {
          const [group, operation] = name.split('.') as [string, string];
          // Without an input most are refused for that: but only who may is told so.
          const error = await client[group]![operation]!().then(
            () => null,
            (thrown: { code: string }) => thrown.code,
          );
          expect([name, error === 'NOT_PERMITTED']).toEqual([name, rank[scope] < rank[route.scope]]);
        }
      }
    } finally {
      await manager.close();
    }
  });

  test('does not let do to many what may not be done to one', async () => {
    const manager = await started(':memory:');
    try {
      const api = localClient({ client: manager, caller: { ...everyone, scope: 'operate' } });
      const change = { which: { type: ['double'] }, action: { kind: 'remove' as const } };
      await expect(api.bulk.start(change)).rejects.toMatchObject({ code: 'NOT_PERMITTED', allowed: 'admin' });
      expect((await api.bulk.preview(change)).count).toBe(0);
    } finally {
      await manager.close();
    }
  });

  test('docs/api.md names every operation', () => {
    const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    expect(
      [...ROUTES.values()].map(({ method, path }) => `\`${method} ${path}\``).filter((one) => !page.includes(one)),
    ).toEqual([]);
  });
});
