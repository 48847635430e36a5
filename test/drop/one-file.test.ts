import { rm, utimes } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { readStatus } from '../../src/doors/drop/status-file.ts';
import { submitJob } from '../../src/doors/drop/submit.ts';
import { useDoor } from './fixture.ts';

const { drop, isRunning, managerOn, names, path, runs, said, schedulerOn, statusThat, until } = useDoor();

describe('one file', () => {
  test('becomes one job, whose status is running, then progresses, then is completed; then the file goes', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    const begun = await statusThat('x', { status: 'running', state: 'running', progress: 0 });
    expect(Math.abs(begun.start_time - Date.now() / 1000)).toBeLessThan(5);
    expect(begun.end_time).toBeUndefined();
    runs[0]!.progress(40, 'row 4 of 10');
    await statusThat('x', { status: 'running', progress: 40, message: 'row 4 of 10' });
    expect(await names()).toEqual(['x.job', 'x.status']);
    runs[0]!.let('go');
    const ended = await statusThat('x', { status: 'completed', result: { import: { rows: 1 } }, progress: 100 });
    expect(ended.start_time).toBe(begun.start_time);
    expect(ended.end_time).toBeGreaterThanOrEqual(ended.start_time);
    await until(async () => expect(await names()).toEqual(['x.status']));
    expect(await manager.count({})).toBe(1);
    expect(said('taken')).toHaveLength(1);
    await until(() => expect(said('finished')).toHaveLength(1));
  });

  test('that was there before the start is taken, too', async () => {
    await submitJob(path(''), { catalog_path: 'a' }, { id: 'x' });
    await schedulerOn(await managerOn());
    await isRunning(1);
  });

  test('does not hold up its host, which answers while the job runs', async () => {
    await schedulerOn(await managerOn());
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await drop('x');
    await isRunning(1);
    for (const percent of [10, 20, 30]) {
      runs[0]!.progress(percent);
      await statusThat('x', { progress: percent });
    }
    delay.disable();
    expect(delay.count).toBeGreaterThan(0);
    expect(delay.percentile(90) / 1e6).toBeLessThan(200);
  });

  test('whose job fails is failed, with the reason and without a stack', async () => {
    await schedulerOn(await managerOn());
    await drop('x');
    await isRunning(1);
    runs[0]!.let('fail');
    const status = await statusThat('x', { status: 'failed', state: 'failed' });
    expect(status.error).toEqual({ code: 'JOB_FAILED', message: 'x is no good' });
    await until(async () => expect(await names()).toEqual(['x.status']));
  });

  test('whose job is cancelled is failed, with the exact word beside', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    const { job_id: id } = await statusThat('x', { state: 'running' });
    await manager.cancel(id!, { reason: 'not wanted any more' });
    await statusThat('x', {
      status: 'failed',
      state: 'cancelled',
      error: { code: 'JOB_CANCELLED', message: 'not wanted any more' },
    });
    await until(async () => expect(await names()).toEqual(['x.status']));
  });

  test('whose job a person removes is failed, and not done again', async () => {
    const manager = await managerOn();
    await manager.pauseQueue('default');
    await schedulerOn(manager);
    await drop('x');
    const { job_id: id } = await statusThat('x', { state: 'queued' });
    await until(async () => expect(await manager.remove(id!)).toBe(true));
    await statusThat('x', { status: 'failed', state: 'removed' });
    await until(async () => expect(await names()).toEqual(['x.status']));
    expect(await manager.count({})).toBe(0);
  });

  test('that vanishes while its job runs does not stop it: the status is still written', async () => {
    await schedulerOn(await managerOn());
    await drop('x');
    await isRunning(1);
    await rm(path('x.job'));
    runs[0]!.progress(50);
    await statusThat('x', { status: 'running', progress: 50 });
    runs[0]!.let('go');
    await statusThat('x', { status: 'completed' });
  });

  test('whose status somebody deletes gets another', async () => {
    await schedulerOn(await managerOn());
    await drop('x');
    await isRunning(1);
    await statusThat('x', { state: 'running' });
    await rm(path('x.status'));
    await statusThat('x', { status: 'running' });
  });

  test('that is touched or copied again while its job runs is still one job', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    await utimes(path('x.job'), 1_600_000_000, 1_600_000_000);
    await drop('y');
    await isRunning(2);
    await rm(path('x.job'));
    await drop('x');
    await drop('z');
    await isRunning(3);
    for (const run of runs) run.let('go');
    await until(async () => expect(await names()).toEqual(['x.status', 'y.status', 'z.status']));
    expect(await manager.count({})).toBe(3);
  });

  test('with new content under the same name waits until the first job has ended', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x', { catalog_path: 'first' });
    await isRunning(1);
    await drop('x', { catalog_path: 'second' });
    await drop('y');
    await isRunning(2);
    expect(runs.map((run) => run.path)).toEqual(['first', 'y']);
    runs[0]!.let('go');
    await isRunning(3);
    expect(runs[2]!.path).toBe('second');
    runs[2]!.let('go');
    await statusThat('x', { status: 'completed', result: { path: 'second' } });
    await until(async () => expect(await names()).not.toContain('x.job'));
  });

  test('dropped again after its end is another run', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    const ids: (string | null)[] = [];
    for (const n of [1, 2]) {
      await drop('x');
      await isRunning(n);
      runs[n - 1]!.let('go');
      await until(async () => expect(await names()).toEqual(['x.status']));
      ids.push((await readStatus(path(''), 'x'))!.job_id);
    }
    expect(new Set(ids).size).toBe(2);
    expect(await manager.count({})).toBe(2);
  });

  test('whose failed job a person retries has its status follow the new life', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x');
    await isRunning(1);
    runs[0]!.let('fail');
    const { job_id: id } = await statusThat('x', { status: 'failed' });
    await until(async () => expect(await names()).toEqual(['x.status']));
    await manager.retry(id!);
    await isRunning(2);
    await statusThat('x', { status: 'running', job_id: id });
    runs[1]!.let('go');
    await statusThat('x', { status: 'completed', job_id: id });
  });
});
