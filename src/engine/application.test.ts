import { type ApplicationJobs, closeJobManager, getJobManager, job } from 'backline';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { inAnHour, resultOf, startApplication } from '../../test/applications.ts';
import { codeOf, IMPATIENT, refusalOf } from '../../test/managers.ts';
import { startProgram } from '../../test/programs/run.ts';
import { signal, until } from '../../test/wait.ts';

beforeEach(() => void vi.stubEnv('LOG_LEVEL', 'ERROR'));
afterEach(async () => {
  vi.unstubAllEnvs();
  await closeJobManager({ wait: false });
});

describe('there is one manager', () => {
  test('for every call, whoever asks first and however many at once', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, async () => getJobManager()));
    expect(new Set(all).size).toBe(1);
  });

  test('for a module that is imported twice', async () => {
    const first = getJobManager();
    vi.resetModules();
    const copy = (await import('./application.ts')).getJobManager;
    expect(copy).not.toBe(getJobManager);
    expect(copy()).toBe(first);
  });

  test('until it is closed; then there is a new one', async () => {
    const first = await startApplication();
    await closeJobManager();
    const second = await startApplication();
    expect(second).not.toBe(first);
    expect(await resultOf(second, await second.addImmediateJob(() => 1))).toBe(1);
    expect(await codeOf(() => first.addImmediateJob(() => 1))).toBe('MANAGER_CLOSED');
  });

  test('and closing it twice, or where there is none, is harmless', async () => {
    await closeJobManager();
    const jobs = await startApplication();
    await Promise.all([jobs.shutdown(), jobs.shutdown(), closeJobManager()]);
    await closeJobManager();
  });

  test('later options must be those of the first call', async () => {
    const first = getJobManager({ logger: false, maxConcurrentJobs: 3 });
    expect(getJobManager({ maxConcurrentJobs: 3, logger: false, database: undefined })).toBe(first);
    const refusal = await refusalOf(() => getJobManager({ logger: false, maxConcurrentJobs: 4 }));
    expect(refusal).toMatchObject({ code: 'MANAGER_EXISTS', field: 'maxConcurrentJobs' });
    expect(getJobManager()).toBe(first);
  });

  test.each<[unknown, string, string]>([
    [{ worker: false }, 'INVALID_OPTION', 'worker'],
    [{ jobs: { function: job({ run: () => 1 }) } }, 'INVALID_OPTION', 'jobs'],
    [{ maxJobs: 1 }, 'UNKNOWN_OPTION', 'maxJobs'],
    [7, 'INVALID_OPTION', 'options'],
  ])('options that make no sense leave none behind: %j', async (options, code, field) => {
    expect(await refusalOf(() => getJobManager(options as never))).toMatchObject({ code, field });
    expect(getJobManager({ logger: false })).toBeDefined();
  });
});

describe('before the start', () => {
  test.each<[string, (jobs: ApplicationJobs) => Promise<unknown>]>([
    ['addImmediateJob', (jobs) => jobs.addImmediateJob(() => {})],
    ['addScheduledJob', (jobs) => jobs.addScheduledJob(() => {}, inAnHour())],
    ['removeJob', (jobs) => jobs.removeJob('a')],
    ['getJob', (jobs) => jobs.getJob('a')],
    ['getJobs', (jobs) => jobs.getJobs()],
    ['pauseJob', (jobs) => jobs.pauseJob('a')],
    ['resumeJob', (jobs) => jobs.resumeJob('a')],
  ])('%s is refused, and says what to do', async (name, call) => {
    const refusal = await refusalOf(() => call(getJobManager({ logger: false })));
    expect(refusal.code).toBe('NOT_STARTED');
    expect(refusal.message).toContain(`${name}() was called before start()`);
  });

  test('a start that is under way is waited for, and starting twice is harmless', async () => {
    const jobs = getJobManager({ ...IMPATIENT });
    void jobs.start();
    void jobs.start();
    expect(await resultOf(jobs, await jobs.addImmediateJob(() => 'ran'))).toBe('ran');
  });

  test('a shutdown is harmless', async () => {
    await getJobManager({ logger: false }).shutdown();
    await getJobManager({ logger: false }).shutdown({ wait: false });
  });
});

describe('shutting down', () => {
  test('waits for running jobs, drops functions that have not begun, and takes no more', async () => {
    const jobs = await startApplication({ maxConcurrentJobs: 1 });
    const done = signal();
    const [completed, cancelled] = [vi.fn(), vi.fn()];
    jobs.manager.on('job-completed', completed).on('job-cancelled', cancelled);
    const id = await jobs.addImmediateJob(() => done.reached.then(() => 'finished'));
    await until(async () => (await jobs.getJob(id))?.status === 'running');
    const waiting = await jobs.addImmediateJob(() => {});
    let over = false;
    const shutdown = jobs.shutdown().then(() => {
      over = true;
    });
    await until(() => cancelled.mock.calls.length === 1);
    expect(over).toBe(false);
    done.reach();
    await shutdown;
    expect(completed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ jobId: id, result: 'finished' }));
    expect(cancelled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ jobId: waiting }));
    expect(await codeOf(() => jobs.addImmediateJob(() => {}))).toBe('MANAGER_CLOSED');
  });

  test('without waiting returns at once, and there is a new manager at once', async () => {
    const jobs = await startApplication();
    const done = signal();
    onTestFinished(() => done.reach());
    const id = await jobs.addImmediateJob(() => done.reached);
    await until(async () => (await jobs.getJob(id))?.status === 'running');
    const since = performance.now();
    await jobs.shutdown({ wait: false });
    expect(performance.now() - since).toBeLessThan(500);
    expect(getJobManager({ logger: false })).not.toBe(jobs);
    // It settles even though that function never stops by itself.
    await jobs.shutdown();
  });

  test('waits no longer than it was told', async () => {
    const jobs = await startApplication();
    const done = signal();
    onTestFinished(() => done.reach());
    const id = await jobs.addImmediateJob(() => done.reached);
    await until(async () => (await jobs.getJob(id))?.status === 'running');
    await jobs.shutdown({ timeout: 20 });
  });

  test.each([{ wait: 'no' }, { timeout: -1 }, { now: true }])('with %j is refused, and goes on', async (options) => {
    const jobs = await startApplication();
    expect(await codeOf(() => jobs.shutdown(options as never))).toBeOneOf(['INVALID_OPTION', 'UNKNOWN_OPTION']);
    expect(await resultOf(jobs, await jobs.addImmediateJob(() => 1))).toBe(1);
  });

  test('happens at the end of a block', async () => {
    let closed: ApplicationJobs | undefined;
    {
      await using jobs = await startApplication();
      closed = jobs;
      await jobs.addImmediateJob(() => {});
    }
    expect(getJobManager({ logger: false })).not.toBe(closed);
  });
});

test('SIGTERM lets a running function end, and then ends the program', { timeout: 60_000 }, async () => {
  const program = startProgram('application', [':memory:']);
  await program.said('ready');
  await program.said('running');
  program.process.kill('SIGTERM');
  program.process.stdin!.write('end');
  await program.said('completed running');
  expect(await program.ended).toEqual({ code: null, signal: 'SIGTERM' });
});

describe('lines of the log', () => {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, line: string) =>
    void lines.push(`${level} ${line} ${JSON.stringify(fields)}`);
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };

  test('tell of every operation with the id', async () => {
    const jobs = await startApplication({ logger });
    const id = await jobs.addScheduledJob(() => {}, '2126-01-01T00:00:00Z', { jobId: 'once' });
    await jobs.pauseJob(id);
    await jobs.resumeJob(id);
    await jobs.removeJob(id);
    await jobs.removeJob(id);
    await jobs.pauseJob(id);
    await jobs.shutdown();
    const own = lines.filter((line) => /^(info|warn) (job once was|the job manager)/.test(line));
    expect(own.map((line) => line.replace(/ \{.*/, ''))).toEqual([
      'info the job manager started; functions are kept in memory, job types in memory',
      'info job once was added: anonymous runs at 2126-01-01T00:00:00.000Z; its function is in memory and does not outlive this process',
      'info job once was paused',
      'info job once was resumed',
      'info job once was removed',
      'warn job once was not removed: no such job waits',
      expect.stringMatching(/^warn job once was not paused: There is no job "once"/),
      'info the job manager waits for running jobs, then shuts down',
      'info the job manager has shut down',
    ]);
    expect(own.filter((line) => line.includes('once')).every((line) => line.includes('"jobId":"once"'))).toBe(true);
  });

  test('of the level debug show why a job runs now or does not', async () => {
    lines.length = 0;
    const jobs = await startApplication({ logger });
    const at = new Date(Date.now() + 50);
    const id = await jobs.addScheduledJob(() => {}, at, { jobId: 'soon' });
    await resultOf(jobs, id);
    const decisions = lines.filter((line) => line.startsWith('debug job soon'));
    expect(decisions[0]).toContain(`debug job soon waits until ${at.toISOString()}`);
    expect(decisions[1]).toMatch(/debug job soon was taken \d+ ms after its time, attempt 1/);
  });

  test.each(['LOUD', 'verbose'])(
    'from a level LOG_LEVEL=%s that does not exist are refused, naming it',
    async (level) => {
      vi.stubEnv('LOG_LEVEL', level);
      onTestFinished(() => void vi.unstubAllEnvs());
      expect(await refusalOf(() => getJobManager())).toMatchObject({ code: 'INVALID_OPTION', field: 'LOG_LEVEL' });
    },
  );
});
