import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useDoor } from './fixture.ts';

const { drop, folder, isRunning, managerOn, names, path, runs, schedulerOn, statusThat, until } = useDoor();

describe('after a stop', () => {
  const database = () => `sqlite:${join(folder(), 'jobs.db')}`;

  test('what was running goes on, and the start time stays', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    const before = await statusThat('x', { state: 'running' });
    await scheduler.close();
    await manager.close();
    await schedulerOn(await managerOn(database()));
    await isRunning(2);
    runs[1]!.let('go');
    const after = await statusThat('x', { status: 'completed' });
    expect([after.job_id, after.start_time]).toEqual([before.job_id, before.start_time]);
    await until(async () => expect(await names()).toEqual(['x.status']));
  });

  test('a job that ended meanwhile has its status made final and its file removed, without another run', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    const { job_id: id } = await statusThat('x', { state: 'running' });
    await scheduler.close();
    runs[0]!.let('go');
    await manager.result(id!);
    await schedulerOn(manager);
    await statusThat('x', { status: 'completed' });
    await until(async () => expect(await names()).toEqual(['x.status']));
    expect(runs).toHaveLength(1);
  });

  test('a job whose file vanished meanwhile is found by its status', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    const { job_id: id } = await statusThat('x', { state: 'running' });
    await scheduler.close();
    await rm(path('x.job'));
    runs[0]!.let('go');
    await manager.result(id!);
    await schedulerOn(manager);
    await statusThat('x', { status: 'completed', job_id: id });
  });

  test('a final status whose file is still there only has the file removed', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    await rename(path('x.job'), path('x.saved'));
    runs[0]!.let('go');
    await statusThat('x', { status: 'completed' });
    await scheduler.close();
    await rename(path('x.saved'), path('x.job'));
    await schedulerOn(manager);
    await until(async () => expect(await names()).toEqual(['x.status']));
    expect(runs).toHaveLength(1);
    expect(await manager.count({})).toBe(1);
  });

  test('a job that was retried and done meanwhile has its status corrected', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    runs[0]!.let('fail');
    const { job_id: id } = await statusThat('x', { status: 'failed' });
    await until(async () => expect(await names()).toEqual(['x.status']));
    await scheduler.close();
    await manager.retry(id!);
    await isRunning(2);
    runs[1]!.let('go');
    await manager.result(id!);
    await schedulerOn(manager);
    await statusThat('x', { status: 'completed', job_id: id });
  });

  test('a status without a job, from a stop between the two, gets its job', async () => {
    const manager = await managerOn(database());
    const scheduler = await schedulerOn(manager);
    await manager.pauseQueue('default');
    await drop('x');
    const { job_id: id } = await statusThat('x', { state: 'queued' });
    await until(async () => expect(await manager.get(id!)).not.toBeNull());
    await scheduler.close();
    await manager.remove(id!);
    await manager.resumeQueue('default');
    await schedulerOn(manager);
    await isRunning(1);
    await statusThat('x', { status: 'running', job_id: id });
  });
});
