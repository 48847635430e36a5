import { type ApplicationOptions, closeJobManager, getJobManager, JobManager, type Jobs, job } from 'backline';
import { testClock } from 'backline/testing';
import { describe, expect, test, vi } from 'vitest';
import { inAnHour, startApplication } from '../../test/applications.ts';
import { codeOf, freshFile, IMPATIENT, refusalOf } from '../../test/managers.ts';
import { signal, until } from '../../test/wait.ts';

const START = '2026-03-28T12:00:00Z';
const at = (seconds: number) => new Date(Date.parse(START) + 1000 * seconds);

/** The application's manager on a clock that is moved by hand. */
const started = async <J extends Jobs>(options: ApplicationOptions<J> = {}) => {
  const clock = testClock(START);
  return { clock, jobs: await startApplication({ pollInterval: '1h', ...options, clock }) };
};

const idle = (jobs: Awaited<ReturnType<typeof started>>['jobs']) =>
  until(async () => (await jobs.manager.count({ status: ['queued', 'running'] })) === 0);

describe('a recurring job', () => {
  test('runs again and again, the first time one interval from now, and without drift', async () => {
    const { clock, jobs } = await started();
    const called = vi.fn();
    const times: string[] = [];
    const poll = (...args: unknown[]) => {
      called(...args);
      times.push(new Date(clock.now()).toISOString());
    };
    const id = await jobs.addRecurringJob(poll, {
      intervalSeconds: 30,
      jobId: 'poll',
      args: ['inbox', { deep: true }],
    });
    expect(id).toBe('poll');
    clock.advance('29s');
    expect(called).not.toHaveBeenCalled();
    // The first is noticed a second late, and the second still comes at its time.
    clock.advance('2s');
    await until(() => called.mock.calls.length === 1);
    await idle(jobs);
    clock.advance('29s');
    await until(() => called.mock.calls.length === 2);
    await idle(jobs);
    expect(called).toHaveBeenCalledWith('inbox', { deep: true });
    expect(times).toEqual([at(31).toISOString(), at(60).toISOString()]);
    expect((await jobs.getJob('poll'))!.nextRunTime).toEqual(at(90));
  });

  test('is shown as one job, with its trigger and its next run in UTC', async () => {
    const { clock, jobs } = await started();
    const gate = signal();
    await jobs.addRecurringJob(() => gate.reached, { intervalSeconds: 60, jobId: 'slow' });
    await jobs.addScheduledJob(() => {}, inAnHour(), { jobId: 'single' });
    const shown = {
      ...{ id: 'slow', kind: 'function', trigger: { kind: 'interval', seconds: 60 }, nextRunTime: at(60) },
      ...{ status: 'queued', paused: false, attempts: 0, result: null, error: null },
    };
    expect(await jobs.getJob('slow')).toMatchObject(shown);
    clock.advance('60s');
    await until(async () => (await jobs.getJob('slow'))?.status === 'running');
    expect((await jobs.getJobs()).map(({ id, nextRunTime }) => [id, nextRunTime])).toEqual([
      ['slow', at(120)],
      ['single', expect.any(Date)],
    ]);
    gate.reach();
    await until(async () => (await jobs.getJob('slow'))?.status === 'queued');
  });

  test('has one run at a time: a slot that would overlap is left out, and a warning says so', async () => {
    const warn = vi.fn();
    const logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
    const { clock, jobs } = await started({ logger });
    const gate = signal();
    const called = vi.fn(() => gate.reached);
    await jobs.addRecurringJob(called, { intervalSeconds: 10, jobId: 'slow' });
    clock.advance('10s');
    await until(() => called.mock.calls.length === 1);
    clock.advance('10s');
    await until(() => warn.mock.calls.some(([, line]) => /slow: .* left out/.test(line)));
    expect(called).toHaveBeenCalledTimes(1);
    gate.reach();
    await idle(jobs);
    clock.advance('10s');
    await until(() => called.mock.calls.length === 2);
  });

  test('may have more runs at a time if it says so', async () => {
    const { clock, jobs } = await started();
    const gate = signal();
    const called = vi.fn(() => gate.reached);
    await jobs.addRecurringJob(called, { intervalSeconds: 10, maxInstances: 2 });
    for (let run = 1; run <= 2; run++) {
      clock.advance('10s');
      await until(() => called.mock.calls.length === run);
    }
    clock.advance('10s');
    await until(async () => (await jobs.manager.schedules.list()).schedules[0]!.counts.skipped === 1);
    expect(called).toHaveBeenCalledTimes(2);
    gate.reach();
  });

  test('that throws runs again all the same', async () => {
    const { clock, jobs } = await started();
    let runs = 0;
    await jobs.addRecurringJob(
      () => {
        runs++;
        throw new Error('no connection');
      },
      { intervalSeconds: 10, jobId: 'flaky' },
    );
    for (let run = 1; run <= 3; run++) {
      clock.advance('10s');
      await until(() => runs === run);
      await idle(jobs);
    }
    expect(await jobs.getJob('flaky')).toMatchObject({ error: 'no connection', status: 'queued' });
  });

  test('is paused and resumed, and then runs in the future', async () => {
    const { clock, jobs } = await started();
    const called = vi.fn();
    await jobs.addRecurringJob(called, { intervalSeconds: 10, jobId: 'poll' });
    expect(await jobs.pauseJob('poll')).toBe(true);
    expect(await jobs.pauseJob('poll')).toBe(false);
    expect(await jobs.getJob('poll')).toMatchObject({ paused: true, nextRunTime: null });
    clock.advance('25s');
    expect(await jobs.resumeJob('poll')).toBe(true);
    expect(await jobs.resumeJob('poll')).toBe(false);
    expect((await jobs.getJob('poll'))!.nextRunTime).toEqual(at(30));
    expect(called).not.toHaveBeenCalled();
    clock.advance('5s');
    await until(() => called.mock.calls.length === 1);
  });

  test('is removed with the runs that wait, and its id is free again', async () => {
    const { clock, jobs } = await started();
    const called = vi.fn();
    await jobs.addRecurringJob(called, { intervalSeconds: 10, jobId: 'poll' });
    await jobs.manager.pauseQueue('default');
    clock.advance('10s');
    await until(async () => (await jobs.manager.count({ status: 'queued' })) === 1);
    expect(await codeOf(() => jobs.addRecurringJob(called, { intervalSeconds: 5, jobId: 'poll' }))).toBe(
      'DUPLICATE_JOB_ID',
    );
    expect(await jobs.removeJob('poll')).toBe(true);
    expect(await jobs.removeJob('poll')).toBe(false);
    expect([await jobs.getJob('poll'), await jobs.getJobs()]).toEqual([null, []]);
    await jobs.manager.resumeQueue('default');
    await jobs.addRecurringJob(called, { intervalSeconds: 5, jobId: 'poll' });
    clock.advance('5s');
    await until(() => called.mock.calls.length === 1);
  });

  test.each<[string, object, string]>([
    ['no interval', {}, 'intervalSeconds'],
    ['an interval of nothing', { intervalSeconds: 0 }, 'intervalSeconds'],
    ['an interval that is text', { intervalSeconds: '30' }, 'intervalSeconds'],
    ['an endless interval', { intervalSeconds: Number.POSITIVE_INFINITY }, 'intervalSeconds'],
    ['no instances', { intervalSeconds: 1, maxInstances: 0 }, 'maxInstances'],
    ['an id with a slash', { intervalSeconds: 1, jobId: '../x' }, 'jobId'],
    ['a time of a single job', { intervalSeconds: 1, runAt: START }, 'runAt'],
  ])('%s is refused, and nothing recurs', async (_, options, field) => {
    const { jobs } = await started();
    const error = await refusalOf(() => jobs.addRecurringJob(() => {}, options as { intervalSeconds: number }));
    expect([error.code === 'INVALID_OPTION' || error.code === 'UNKNOWN_OPTION', error.field]).toEqual([true, field]);
    expect(await jobs.getJobs()).toEqual([]);
  });
});

describe('on a file', () => {
  const ran: number[] = [];
  const types = { tick: job({ run: async (n: number) => void ran.push(n) }) };

  test('a recurring job type goes on after a restart, in its old beat', async () => {
    const database = freshFile();
    const first = await started({ database, jobs: types });
    const options = { intervalSeconds: 60, jobId: 'tick', payload: 1 };
    await first.jobs.addRecurringJob('tick', options);
    await closeJobManager();
    const second = await started({ database, jobs: types });
    second.clock.advance('45s');
    await second.jobs.addRecurringJob('tick', options);
    expect((await second.jobs.getJob('tick'))!.nextRunTime).toEqual(at(60));
    second.clock.advance('15s');
    await until(() => ran.length === 1);
    expect(await second.jobs.getJobs()).toMatchObject([{ id: 'tick', kind: 'type', name: 'tick' }]);
  });

  test('a recurring function ends with its process, and the next one may take its id', async () => {
    const database = freshFile();
    const { jobs } = await started({ database });
    await jobs.addRecurringJob(() => {}, { intervalSeconds: 60, jobId: 'poll' });
    // As a process that was killed leaves it: what it served is served by nobody.
    const other = new JobManager(database, { ...IMPATIENT, jobs: { none: job({ run: () => 1 }) } });
    await other.start();
    const mine = (await other.schedules.get('poll'))!;
    await other.schedules
      .add({ id: 'left', type: 'function.dead', interval: '1m', payload: { function: 'gone', entry: 1 } } as never)
      .catch(() => {});
    await other.close();
    await closeJobManager();
    const next = await started({ database });
    expect(await next.jobs.getJobs()).toEqual([]);
    const called = vi.fn();
    await next.jobs.addRecurringJob(called, { intervalSeconds: 30, jobId: 'poll' });
    expect((await next.jobs.manager.schedules.get('poll'))!.type).not.toBe(mine.type);
    next.clock.advance('30s');
    await until(() => called.mock.calls.length === 1);
  });

  test('what a killed process left recurring is removed by the next', async () => {
    const database = freshFile();
    const client = new JobManager(database, { ...IMPATIENT, worker: false });
    await client.start();
    await client.schedules.add({
      id: 'left',
      type: 'function.dead',
      interval: '1m',
      payload: { function: 'gone', entry: 1 },
    });
    await client.close();
    const { jobs } = await started({ database });
    expect(await jobs.getJobs()).toEqual([]);
    expect((await jobs.manager.schedules.history('left')).entries[0]).toMatchObject({ kind: 'removed' });
  });
});

test('before the start it is refused', async () => {
  const jobs = getJobManager(IMPATIENT);
  expect(await codeOf(() => jobs.addRecurringJob(() => {}, { intervalSeconds: 1 }))).toBe('NOT_STARTED');
  await closeJobManager();
});
