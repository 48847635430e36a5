import { mkdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JobScheduler } from '../../src/doors/drop/watcher.ts';
import { useDoor } from './fixture.ts';

const { drop, folder, isRunning, managerOn, names, path, runs, said, schedulerOn, statusThat, until } = useDoor();

describe('trouble outside the files', () => {
  test('a status that cannot be written is tried again; it is said once, and nothing is lost', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await mkdir(path('x.status'));
    await drop('x');
    await until(() => expect(said('problem')).toHaveLength(1));
    await drop('y');
    await isRunning(1);
    runs[0]!.let('go');
    await statusThat('y', { status: 'completed' });
    expect(await manager.count({})).toBe(1);
    await rmdir(path('x.status'));
    await isRunning(2);
    runs[1]!.let('go');
    await statusThat('x', { status: 'completed' });
    expect(said('problem')).toHaveLength(1);
    expect(said('recovered')).toHaveLength(1);
  });

  test('a folder that is replaced is found by polling, without hints', async () => {
    await schedulerOn(await managerOn());
    await until(() => expect(said('holding')).toHaveLength(1));
    await rename(path(''), join(folder(), 'old'));
    await until(async () => expect(await names()).toEqual([]));
    await drop('x');
    await isRunning(1);
  });

  test('a database that is away is waited for, and the file is kept', async () => {
    const manager = await managerOn();
    const away = { down: true };
    const client = new Proxy(manager, {
      get: (target, name) => {
        if (name === 'get' && away.down)
          return () => Promise.reject(Object.assign(new Error('away'), { code: 'STORE_UNAVAILABLE' }));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await schedulerOn(client);
    await drop('x');
    await until(() => expect(said('problem')).toHaveLength(1));
    expect(await names()).toEqual(['x.job']);
    away.down = false;
    await isRunning(1);
    expect(said('recovered')).toHaveLength(1);
  });

  test('a listener that throws does not stop the door', async () => {
    await schedulerOn(await managerOn(), {
      onEvent: () => {
        throw new RangeError('no ears');
      },
    });
    await drop('x');
    await isRunning(1);
  });

  test('a folder that cannot be is an error at the start', async () => {
    await writeFile(join(folder(), 'file'), '');
    const scheduler = new JobScheduler(await managerOn(), { jobsDir: join(folder(), 'file') });
    await expect(scheduler.start()).rejects.toMatchObject({ code: 'UNREADABLE' });
    await scheduler.close();
  });

  test.each<[object, string]>([
    [{ jobsDirr: 'x' }, 'UNKNOWN_OPTION'],
    [{ jobsDir: '' }, 'INVALID_OPTION'],
    [{ jobsDir: 3 }, 'INVALID_OPTION'],
    [{ jobType: 'a b' }, 'INVALID_OPTION'],
    [{ pollInterval: -1 }, 'INVALID_OPTION'],
    [{ settle: Number.NaN }, 'INVALID_OPTION'],
    [{ patience: 'soon' }, 'INVALID_OPTION'],
    [{ fields: [] }, 'INVALID_OPTION'],
    [{ onEvent: 'log' }, 'INVALID_OPTION'],
  ])('%j is no way to make a scheduler', async (options, code) => {
    const manager = await managerOn();
    expect(() => new JobScheduler(manager, options)).toThrow(expect.objectContaining({ code }));
  });

  test('close before, during and twice after the start settles', async () => {
    const manager = await managerOn();
    const never = new JobScheduler(manager, { jobsDir: path('') });
    await never.close();
    await never.start();
    const scheduler = new JobScheduler(manager, { jobsDir: path('') });
    const starting = scheduler.start();
    await Promise.all([scheduler.close(), starting]);
    await scheduler.close();
    expect(await names()).toEqual([]);
  });
});
