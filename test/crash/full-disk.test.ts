import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';
import { newJob, put, T0 } from '../conformance/fixtures.ts';
import { until } from '../wait.ts';
import { newFolder, reopen, withStore } from './files.ts';

/** A disk of 4 MB; null and a reason where this user may not mount one. */
const mountSmallDisk = (): { disk: string; dispose: () => void } | null => {
  const place = newFolder();
  const disk = join(place.folder, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
  if (mounted.status !== 0) {
    place.dispose();
    return null;
  }
  const dispose = () => {
    spawnSync('umount', ['-l', disk]);
    place.dispose();
  };
  return { disk, dispose };
};

const probe = mountSmallDisk();
probe?.dispose();
const reason = probe ? '' : ' (skipped: this user may not mount a small disk)';

describe.skipIf(!probe)(`a full disk${reason}`, () => {
  let small: NonNullable<ReturnType<typeof mountSmallDisk>>;
  let managers: JobManager[] = [];
  beforeAll(() => {
    small = mountSmallDisk()!;
  });
  afterEach(async () => {
    for (const manager of managers.splice(0)) await manager.close({ timeout: 0 });
    managers = [];
    for (const name of ['jobs.db', 'jobs.db-wal', 'jobs.db-shm', 'filler'])
      rmSync(join(small.disk, name), { force: true });
  });
  afterAll(() => small.dispose());

  const file = () => join(small.disk, 'jobs.db');
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(small.disk);
    return bavail * bsize;
  };
  /** Takes all but so much of the disk. */
  const fill = (leaveBytes: number) =>
    writeFileSync(join(small.disk, 'filler'), Buffer.alloc(Math.max(0, freeBytes() - leaveBytes)));
  const free = () => rmSync(join(small.disk, 'filler'));

  const start = async (jobs: object): Promise<JobManager> => {
    const manager = new JobManager(file(), {
      jobs: jobs as never,
      logger: false,
      handleSignals: false,
      pollInterval: 50,
      lease: 60_000,
    });
    managers.push(manager);
    await manager.start();
    return manager;
  };

  test('callers are told STORE_FULL, what was acknowledged is there, and work goes on when there is space', async () => {
    const manager = await start({ echo: job({ run: (payload) => payload }) });
    await manager.pauseQueue('default');
    fill(600_000);
    const acknowledged: string[] = [];
    const codes: string[] = [];
    while (codes.length < 5) {
      try {
        acknowledged.push((await manager.enqueue('echo', 'x'.repeat(20_000))).id);
      } catch (error) {
        codes.push((error as { code: string }).code);
        expect((error as Error).message).toContain(file());
      }
    }
    expect(new Set(codes)).toEqual(new Set(['STORE_FULL']));
    expect(acknowledged.length).toBeGreaterThan(3);
    for (const id of acknowledged) expect((await manager.get(id))!.status).toBe('queued');
    expect(await manager.count()).toBe(acknowledged.length);
    free();
    const later = await manager.enqueue('echo', 1);
    await manager.resumeQueue('default');
    expect(await manager.result(later)).toBe(1);
    for (const id of acknowledged) expect(await manager.result(id)).toBe('x'.repeat(20_000));
    expect((await manager.checkIntegrity()).problems).toEqual([]);
  });

  test('a job that ends while the disk is full is written once there is space, and does not run twice', async () => {
    let runs = 0;
    let finish!: () => void;
    const told = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow = job({
      run: async () => {
        runs++;
        await told;
        return 'r'.repeat(50_000);
      },
    });
    const manager = await start({ slow });
    const { id } = await manager.enqueue('slow', null);
    await until(() => runs === 1);
    fill(0);
    const away = new Promise<{ error: unknown }>((resolve) => manager.on('store-unavailable', resolve));
    finish();
    expect(await away).toMatchObject({ error: { code: 'STORE_FULL' } });
    expect((await manager.get(id))!.status).toBe('running');
    free();
    expect(await manager.result(id)).toHaveLength(50_000);
    expect(runs).toBe(1);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['completed']);
  });

  test('the next start finds everything that was acknowledged, even if there is no space yet', async () => {
    const ids: string[] = [];
    await withStore(file(), async (store) => {
      fill(400_000);
      for (let full = false; !full; )
        try {
          ids.push(...(await put(store, [newJob({ payload: JSON.stringify('y'.repeat(10_000)) })])));
        } catch (error) {
          expect(error).toMatchObject({ code: 'STORE_FULL' });
          full = true;
        }
    });
    fill(0);
    const opened = await reopen(file()).catch((error: { code: string }) => error.code);
    if (typeof opened === 'string') expect(opened).toMatch(/^STORE_(FULL|UNAVAILABLE)$/);
    else await opened.store.close();
    free();
    const { store, report } = await reopen(file());
    expect(report).toBeUndefined();
    for (const id of ids) expect((await store.get(id))!.status).toBe('queued');
    await store.insert([newJob()], T0);
    await store.close();
  });
});
