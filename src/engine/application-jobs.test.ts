import { closeJobManager, job } from 'backline';
import { describe, expect, test, vi } from 'vitest';
import { inAnHour, resultOf, startApplication } from '../../test/applications.ts';
import { codeOf, freshFile, refusalOf } from '../../test/managers.ts';
import { nextEvent, signal, until } from '../../test/wait.ts';

describe('an immediate job', () => {
  test('calls the function with its arguments, soon, and returns its id', async () => {
    const jobs = await startApplication();
    const called = vi.fn((a: string, b: { subject: string }) => `${a} ${b.subject}`);
    const options = { subject: 'hello' };
    const id = await jobs.addImmediateJob(called, { args: ['user@example.test', options], jobId: 'mail_1' });
    expect(id).toBe('mail_1');
    expect(await resultOf(jobs, id)).toBe('user@example.test hello');
    expect(called).toHaveBeenCalledExactlyOnceWith('user@example.test', options);
    // As it is, not a copy.
    expect(called.mock.calls[0]![1]).toBe(options);
  });

  test('may be asynchronous or not; what it returns can be read later', async () => {
    const jobs = await startApplication();
    const sync = await jobs.addImmediateJob(() => ({ n: 1 }));
    const late = await jobs.addImmediateJob(async () => ({ n: await Promise.resolve(2) }));
    await resultOf(jobs, sync);
    await resultOf(jobs, late);
    expect(await jobs.getJob(sync)).toMatchObject({ status: 'completed', result: { n: 1 }, nextRunTime: null });
    expect(await jobs.getJob(late)).toMatchObject({ status: 'completed', result: { n: 2 } });
  });

  test('that returns what JSON cannot hold has completed all the same', async () => {
    const jobs = await startApplication({ maxPayloadBytes: 1000 });
    for (const value of [new Map(), 10n, () => 1, 'x'.repeat(2000), Object.create(null)])
      expect(await resultOf(jobs, await jobs.addImmediateJob(() => value))).toBeOneOf([null, {}]);
  });

  test('does not hold up its caller', async () => {
    const jobs = await startApplication();
    const done = signal();
    const id = await jobs.addImmediateJob(() => done.reached);
    await until(async () => (await jobs.getJob(id))?.status === 'running');
    done.reach();
    await resultOf(jobs, id);
  });

  test('gets an id of its own: ten thousand are all different', async () => {
    const jobs = await startApplication({ maxConcurrentJobs: 500 });
    const ids = await Promise.all(Array.from({ length: 10_000 }, () => jobs.addImmediateJob(() => {})));
    expect(new Set(ids).size).toBe(10_000);
    await until(async () => (await jobs.getJobs()).length === 0);
  });

  test('that throws has failed, is logged with its id and error, and the others go on', async () => {
    const error = vi.fn();
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error };
    const jobs = await startApplication({ logger });
    const id = await jobs.addImmediateJob(() => {
      throw new TypeError('no such address');
    });
    const rejected = await jobs.addImmediateJob(() => Promise.reject(new Error('later')));
    expect(await codeOf(() => resultOf(jobs, id))).toBe('JOB_FAILED');
    expect(await codeOf(() => resultOf(jobs, rejected))).toBe('JOB_FAILED');
    expect(await jobs.getJob(id)).toMatchObject({ status: 'failed', error: 'no such address', attempts: 1 });
    await until(() => error.mock.calls.length === 2);
    expect(error).toHaveBeenCalledWith(
      expect.objectContaining({ jobId: id, error: 'no such address' }),
      expect.stringContaining(id),
    );
    expect(await resultOf(jobs, await jobs.addImmediateJob(() => 'still here'))).toBe('still here');
  });

  test('is tried again if it says so', async () => {
    const jobs = await startApplication();
    const run = vi.fn().mockRejectedValueOnce(new Error('once')).mockResolvedValueOnce('then');
    const id = await jobs.addImmediateJob(run, { args: [], maxAttempts: 2 });
    expect(await resultOf(jobs, id)).toBe('then');
    expect(await jobs.getJob(id)).toMatchObject({ attempts: 2, maxAttempts: 2 });
  });

  test('has a time-out only if it says so', async () => {
    const jobs = await startApplication({ defaultTimeout: 0.02 });
    const done = signal();
    const slow = await jobs.addImmediateJob(() => done.reached);
    const limited = await jobs.addImmediateJob(() => done.reached, { timeout: 20 });
    expect(await codeOf(() => resultOf(jobs, limited))).toBe('JOB_TIMED_OUT');
    expect(await jobs.getJob(slow)).toMatchObject({ status: 'running' });
    done.reach();
    await resultOf(jobs, slow);
  });

  test.each<[unknown, string, string]>([
    ['user@example.test', 'INVALID_OPTION', 'options'],
    [{ args: 'x' }, 'INVALID_OPTION', 'args'],
    [{ jobId: 'a b' }, 'INVALID_OPTION', 'jobId'],
    [{ id: 'a' }, 'UNKNOWN_OPTION', 'id'],
    [{ priority: 11 }, 'INVALID_OPTION', 'priority'],
  ])('with %j is refused, naming the option', async (options, code, field) => {
    const jobs = await startApplication();
    expect(await refusalOf(() => jobs.addImmediateJob(() => {}, options as never))).toMatchObject({ code, field });
    expect(await jobs.getJobs()).toEqual([]);
  });

  test('must be a function or a name', async () => {
    const jobs = await startApplication();
    for (const work of [null, 7, 'function'])
      expect(await refusalOf(() => jobs.addImmediateJob(work as never))).toMatchObject({ field: 'func' });
  });
});

describe('the id of a job', () => {
  test('is refused while the job that has it has not ended', async () => {
    const jobs = await startApplication();
    const ran = vi.fn();
    await jobs.addScheduledJob(ran, inAnHour(), { args: [], jobId: 'nightly' });
    expect(await codeOf(() => jobs.addImmediateJob(ran, { args: [], jobId: 'nightly' }))).toBe('DUPLICATE_JOB_ID');
    expect(await jobs.getJobs()).toHaveLength(1);
    expect(ran).not.toHaveBeenCalled();
  });

  test('is free again when its function has ended: of many at once, one gets it', async () => {
    const jobs = await startApplication();
    await resultOf(jobs, await jobs.addImmediateJob(() => 'first', { jobId: 'ingest' }));
    const held = signal();
    const again = await Promise.allSettled(
      Array.from({ length: 20 }, () =>
        jobs.addImmediateJob(() => held.reached.then(() => 'second'), { jobId: 'ingest' }),
      ),
    );
    expect(again.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    held.reach();
    expect(await resultOf(jobs, 'ingest')).toBe('second');
  });
});

describe('a scheduled job', () => {
  test('runs once at its time, with its argument, and is gone then', async () => {
    const jobs = await startApplication();
    const send = vi.fn((to: string) => to);
    const runAt = new Date(Date.now() + 150);
    const id = await jobs.addScheduledJob(send, runAt, { args: ['user@example.test'], jobId: 'email_scheduled' });
    expect(await jobs.getJob(id)).toMatchObject({
      id: 'email_scheduled',
      kind: 'function',
      trigger: { kind: 'once', at: runAt },
      nextRunTime: runAt,
    });
    const { at } = await nextEvent(jobs.manager, 'job-completed');
    expect(at - runAt.getTime()).toBeGreaterThanOrEqual(0);
    expect(at - runAt.getTime()).toBeLessThan(1000);
    expect(send).toHaveBeenCalledExactlyOnceWith('user@example.test');
    expect(await jobs.getJobs()).toEqual([]);
  });

  test.each(['2126-12-01T10:00:00', '2126-12-01', 'tomorrow', '', Number.NaN, null])(
    'at %j is refused, naming runAt',
    async (runAt) => {
      const jobs = await startApplication();
      const refusal = await refusalOf(() => jobs.addScheduledJob(() => {}, runAt as never));
      expect(refusal).toMatchObject({ code: 'INVALID_OPTION', field: 'runAt' });
    },
  );

  test('with an offset is shown as the same instant in UTC', async () => {
    const jobs = await startApplication();
    const id = await jobs.addScheduledJob(() => {}, '2126-12-01T10:00:00+05:30');
    expect((await jobs.getJob(id))?.nextRunTime?.toISOString()).toBe('2126-12-01T04:30:00.000Z');
  });

  test('whose time has passed runs at once', async () => {
    const jobs = await startApplication();
    expect(await resultOf(jobs, await jobs.addScheduledJob(() => 'now', '2020-01-01T00:00:00Z'))).toBe('now');
  });
});

describe('what is known of jobs', () => {
  test('the list holds what has not ended, oldest first; each names its function, trigger and next run', async () => {
    const jobs = await startApplication({ maxConcurrentJobs: 1 });
    const done = signal();
    const at = inAnHour();
    const running = await jobs.addImmediateJob(function ingest() {
      return done.reached;
    });
    await until(async () => (await jobs.getJob(running))?.status === 'running');
    await jobs.addImmediateJob(() => {});
    await jobs.addScheduledJob(function report() {}, at);
    const list = await jobs.getJobs();
    expect(list.map(({ name, status, trigger }) => [name, status, trigger])).toEqual([
      ['ingest', 'running', { kind: 'immediate' }],
      ['anonymous', 'queued', { kind: 'immediate' }],
      ['report', 'queued', { kind: 'once', at }],
    ]);
    expect(list.map(({ nextRunTime }) => nextRunTime)).toEqual([null, expect.any(Date), at]);
    expect(JSON.parse(JSON.stringify(list))[2]).toMatchObject({ nextRunTime: at.toISOString() });
    done.reach();
  });

  test('an attempt that follows a failed one is told apart', async () => {
    const jobs = await startApplication({ retryDelay: '1h' });
    const retrying = nextEvent(jobs.manager, 'job-retrying');
    const id = await jobs.addImmediateJob(() => Promise.reject(new Error('no')), { maxAttempts: 2 });
    const { runAt } = await retrying;
    expect(await jobs.getJob(id)).toMatchObject({
      trigger: { kind: 'retry', at: new Date(runAt) },
      nextRunTime: new Date(runAt),
      error: 'no',
    });
  });

  test.each(['unknown', 'no id at all', '../x'])('of %j there is nothing', async (id) => {
    const jobs = await startApplication();
    expect(await jobs.getJob(id)).toBeNull();
    expect(await jobs.removeJob(id)).toBe(false);
    expect(await jobs.pauseJob(id)).toBe(false);
    expect(await jobs.resumeJob(id)).toBe(false);
  });

  test('an id that is no text is a mistake of the caller', async () => {
    const jobs = await startApplication();
    for (const name of ['getJob', 'removeJob', 'pauseJob', 'resumeJob'] as const)
      expect(await codeOf(() => jobs[name](7 as never))).toBe('INVALID_OPTION');
  });

  test('the engine beneath knows the same jobs', async () => {
    const jobs = await startApplication();
    const id = await jobs.addScheduledJob(() => {}, inAnHour());
    expect(await jobs.manager.getActiveJobs()).toMatchObject([{ id, type: 'function' }]);
    expect(await jobs.manager.getJobStatistics()).toMatchObject({ total: 1, queued: 1 });
  });
});

describe('a person changes their mind', () => {
  test('a removed job never runs; removing it again says no', async () => {
    const jobs = await startApplication();
    const ran = vi.fn();
    const id = await jobs.addScheduledJob(ran, new Date(Date.now() + 60), { args: [] });
    expect(await jobs.removeJob(id)).toBe(true);
    expect(await jobs.removeJob(id)).toBe(false);
    expect(await jobs.getJob(id)).toBeNull();
    await resultOf(jobs, await jobs.addScheduledJob(() => {}, new Date(Date.now() + 120)));
    expect(ran).not.toHaveBeenCalled();
  });

  test('a job that runs or has ended is not removed', async () => {
    const jobs = await startApplication();
    const done = signal();
    const id = await jobs.addImmediateJob(() => done.reached);
    await until(async () => (await jobs.getJob(id))?.status === 'running');
    expect(await jobs.removeJob(id)).toBe(false);
    expect(await jobs.pauseJob(id)).toBe(false);
    done.reach();
    await resultOf(jobs, id);
    expect(await jobs.removeJob(id)).toBe(false);
    expect(await jobs.resumeJob(id)).toBe(false);
    expect(await jobs.getJob(id)).toMatchObject({ status: 'completed' });
  });

  test('a paused job stays in the list without a next run, and runs once it is resumed', async () => {
    const jobs = await startApplication();
    const at = new Date(Date.now() + 50);
    const id = await jobs.addScheduledJob(() => 'ran', at);
    expect(await jobs.pauseJob(id)).toBe(true);
    expect(await jobs.getJobs()).toMatchObject([{ id, paused: true, nextRunTime: null, status: 'created' }]);
    // Its time passes, while others run.
    await resultOf(jobs, await jobs.addScheduledJob(() => {}, new Date(at.getTime() + 50)));
    expect(await jobs.getJob(id)).toMatchObject({ paused: true });
    expect(await jobs.resumeJob(id)).toBe(true);
    expect(await resultOf(jobs, id)).toBe('ran');
  });

  test('a job that is resumed before its time keeps it', async () => {
    const jobs = await startApplication();
    const at = inAnHour();
    const id = await jobs.addScheduledJob(() => {}, at);
    await jobs.pauseJob(id);
    await jobs.resumeJob(id);
    expect(await jobs.getJob(id)).toMatchObject({ paused: false, nextRunTime: at });
  });

  test('a hundred at once keep the list consistent', async () => {
    const jobs = await startApplication();
    const at = inAnHour();
    const ids = Array.from({ length: 100 }, (_, i) => `job_${i}`);
    await Promise.all(ids.map((jobId) => jobs.addScheduledJob(() => {}, at, { jobId })));
    const removed = await Promise.all(ids.map((id, i) => (i % 2 ? jobs.removeJob(id) : jobs.pauseJob(id))));
    expect(removed.every(Boolean)).toBe(true);
    expect((await jobs.getJobs()).map(({ id }) => id).sort()).toEqual(ids.filter((_, i) => i % 2 === 0).sort());
  });
});

describe('named job types', () => {
  const types = { 'send-email': job({ maxAttempts: 5, run: (mail: { to: string }) => `sent to ${mail.to}` }) };

  test('are given by name with a payload', async () => {
    const jobs = await startApplication({ jobs: types });
    const id = await jobs.addImmediateJob('send-email', { payload: { to: 'ada' }, jobId: 'mail_1', priority: 1 });
    expect(id).toBe('mail_1');
    expect(await resultOf(jobs, id)).toBe('sent to ada');
    expect(await jobs.getJob(id)).toMatchObject({ name: 'send-email', kind: 'type', maxAttempts: 5 });
  });

  test('with a key yield the job that has it', async () => {
    const jobs = await startApplication({ jobs: types });
    const options = { payload: { to: 'ada' }, key: 'ada' };
    const id = await jobs.addScheduledJob('send-email', inAnHour(), options);
    expect(await jobs.addScheduledJob('send-email', inAnHour(), options)).toBe(id);
  });

  test('that are not known are refused', async () => {
    const jobs = await startApplication({ jobs: types });
    expect(await codeOf(() => jobs.addImmediateJob('send-mail' as never))).toBe('UNKNOWN_JOB_TYPE');
  });

  test('on a file outlive the process that handed them in; functions do not, and say so', async () => {
    const database = freshFile();
    const said: string[] = [];
    const logger = { debug: () => {}, info: (_: object, line: string) => void said.push(line), warn() {}, error() {} };
    const first = await startApplication({ database, jobs: types, logger });
    const typed = await first.addScheduledJob('send-email', inAnHour(), { payload: { to: 'ada' } });
    const ran = vi.fn();
    const func = await first.addScheduledJob(ran, inAnHour(), { args: [], jobId: 'in-memory' });
    expect(said.find((line) => line.includes(`${typed} was added`))).toContain(`it is kept in ${database}`);
    expect(said.find((line) => line.includes(`${func} was added`))).toContain(
      'in memory and does not outlive this process',
    );
    await closeJobManager();
    const second = await startApplication({ database, jobs: types });
    expect(await second.getJobs()).toMatchObject([{ id: typed, name: 'send-email' }]);
    expect(await second.getJob(func)).toMatchObject({ status: 'cancelled', error: 'the job manager was shut down' });
    expect(ran).not.toHaveBeenCalled();
    // Its name is free again.
    expect(await resultOf(second, await second.addImmediateJob(() => 'anew', { jobId: func }))).toBe('anew');
  });
});
