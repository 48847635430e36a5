/** Child processes that break the protocol, die, hang, grow or leave others behind. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventMap, type JobManager, type JobTypeOptions, job, WorkerPool, type WorkerPoolOptions } from 'backline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshFolder, listen, only, startManager } from '../managers.ts';
import { nextEvent, until } from '../wait.ts';
import { isAlive } from './alive.ts';
import { PYTHON, program } from './python.ts';

type Options = Omit<WorkerPoolOptions, 'command' | 'module'> & { readonly start?: string };

const VILLAIN = program('villain.py');

const open = async ({ start, ...options }: Options = {}, type: JobTypeOptions<unknown> = {}, slots = 10) => {
  const runner = new WorkerPool({ command: [PYTHON, VILLAIN, ...(start ? [start] : [])], maxWorkers: 1, ...options });
  const work = job({ maxAttempts: 1, maxCrashes: 1, ...type, runner });
  const manager = await startManager({ jobs: { work }, maxConcurrentJobs: slots });
  return { manager, runner };
};

const work = async (manager: JobManager, what: unknown) => {
  const { id } = await manager.enqueue('work', what);
  const result = await manager.result(id).catch(() => null);
  return { id, result, attempt: (await manager.attempts(id)).at(-1)! };
};

/** The pool works again, with a process that is not the one before. */
const isWhole = async (manager: JobManager) => expect((await work(manager, 'fine')).result).toEqual(expect.any(Number));

describe('what a child does in the middle of a job ends in one clear error', () => {
  test.each<[what: string, outcome: string, code: string, says: string]>([
    ['garbage', 'failed', 'WORKER_GARBAGE', 'Traceback (most recent call last)'],
    ['array', 'failed', 'WORKER_GARBAGE', '"[1,2]" is no object'],
    ['stranger', 'failed', 'WORKER_GARBAGE', 'is about a job that it was not given'],
    ['bad retry', 'failed', 'WORKER_GARBAGE', 'has a retry that is neither'],
    ['exit 0', 'failed', 'WORKER_ENDED_WITHOUT_RESULT', 'exit code 0'],
    ['silent', 'failed', 'WORKER_SILENT', 'silent for 300 ms'],
    ['exit', 'crashed', 'WORKER_EXITED', 'exit code 3'],
    ['half a line', 'crashed', 'WORKER_EXITED', 'exit code 2'],
    ['signal', 'crashed', 'WORKER_SIGNALLED', 'SIGSEGV'],
  ])('%s: %s, %s', async (what, outcome, code, says) => {
    const { manager } = await open({ workerTimeout: 300 });
    const { attempt } = await work(manager, what);
    expect(attempt.outcome).toBe(outcome);
    const error = outcome === 'crashed' ? attempt.error?.cause : attempt.error;
    expect(error).toMatchObject({ code, message: expect.stringContaining(says), output: `stderr of ${what}` });
    await isWhole(manager);
  });

  test('a line of 50 MB is refused at the bound, and does not grow our memory beyond it', async () => {
    const { manager } = await open({ maxLineBytes: 1024 * 1024 });
    await isWhole(manager);
    let peak = 0;
    const before = process.memoryUsage().arrayBuffers;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }, 1);
    const { attempt } = await work(manager, 'giant');
    clearInterval(timer);
    expect(attempt).toMatchObject({ outcome: 'failed', error: { code: 'WORKER_LINE_TOO_LONG' } });
    expect(attempt.error!.message).toMatch(/longer than 1048576 bytes; it begins with "xxx/);
    expect(attempt.error!.message.length).toBeLessThan(400);
    expect(peak).toBeLessThan(8 * 1024 * 1024);
    await isWhole(manager);
  });

  test('an error that is only text is kept as it is', async () => {
    const { manager } = await open();
    expect((await work(manager, 'bare error')).attempt.error).toMatchObject({
      name: 'Error',
      message: 'just text',
      output: 'stderr of bare error',
    });
  });

  test('only the end of its standard error is kept', async () => {
    const { manager } = await open();
    const { attempt } = await work(manager, 'stderr');
    const output = attempt.error!.cause!.output!;
    expect(output).toMatch(/x the very end$/);
    expect(output.length).toBeLessThanOrEqual(4096);
  });

  test('what it writes to standard error can be had', async () => {
    const heard: string[] = [];
    const { manager } = await open({ onStderr: (text) => heard.push(text) });
    await work(manager, 'fine');
    await until(() => heard.join('').includes('stderr of fine'));
  });
});

describe('a result holds', () => {
  test('when the child ends right after it, and the next job is not blamed', async () => {
    const { manager } = await open({}, { maxCrashes: 1, maxAttempts: 1 });
    const handles = await manager.enqueueMany(
      Array.from({ length: 12 }, () => ({ type: 'work', payload: 'result, then exit' })),
    );
    const pids = await Promise.all(handles.map(({ id }) => manager.result(id)));
    expect(new Set(pids).size).toBe(12);
  });

  test('when each process does one job and ends', async () => {
    const { manager } = await open({ start: 'once' });
    const handles = await manager.enqueueMany(Array.from({ length: 12 }, () => ({ type: 'work', payload: 'fine' })));
    expect(new Set(await Promise.all(handles.map(({ id }) => manager.result(id)))).size).toBe(12);
  });

  test('when its line lacks its end', async () => {
    const { manager } = await open();
    expect((await work(manager, 'no newline')).result).toBe('whole');
  });

  test('when late words follow it, which are ignored, and the child stays', async () => {
    const { manager } = await open();
    const first = await work(manager, 'late words');
    expect((await work(manager, 'fine')).result).toBe(first.result);
    expect(await manager.logs(first.id)).toEqual([]);
  });

  test('when a second result follows it; but the child is replaced', async () => {
    const { manager } = await open();
    expect((await work(manager, 'twice')).result).toBe(1);
    await until(async () => (await work(manager, 'fine')).attempt.outcome === 'completed');
  });
});

describe('the kill', () => {
  test('takes twenty grandchildren with it', async () => {
    const { manager } = await open({}, { timeout: false });
    const { id } = await manager.enqueue('work', 'family');
    const pids = JSON.parse((await until(async () => (await manager.get(id))!.note)) as string) as number[];
    expect(pids).toHaveLength(21);
    expect(pids.every(isAlive)).toBe(true);
    await manager.cancel(id);
    await manager.result(id).catch(() => {});
    await until(() => !pids.some(isAlive));
  });

  test('follows when a child ends by itself and leaves others behind', async () => {
    const { manager } = await open();
    const { attempt } = await work(manager, 'family, then exit');
    const pids = JSON.parse(attempt.error!.cause!.output!.split('\n').at(-1)!) as number[];
    expect(pids).toHaveLength(20);
    await until(() => !pids.some(isAlive));
  });

  test('takes a child that ignores the polite signals', async () => {
    const { manager } = await open({ start: 'deaf' }, { timeout: 300 });
    const { attempt } = await work(manager, 'silent');
    expect(attempt).toMatchObject({ outcome: 'timeout', error: { code: 'ATTEMPT_TIMED_OUT' } });
    await isWhole(manager);
  });

  test('comes from outside too: a killed child is a crash, and is replaced', async () => {
    const { manager } = await open({}, { maxCrashes: 3 });
    const { id } = await manager.enqueue('work', 'family');
    const [pid] = JSON.parse((await until(async () => (await manager.get(id))!.note)) as string) as number[];
    process.kill(pid!, 'SIGKILL');
    const [first] = await until(async () => {
      const all = await manager.attempts(id);
      return all[0]?.endedAt !== null && all;
    });
    expect(first).toMatchObject({ outcome: 'crashed', error: { code: 'WORKER_SIGNALLED' } });
    await manager.cancel(id);
    await isWhole(manager);
  });

  test('of an idle child leads to a new one at once', async () => {
    const { manager } = await open();
    const pid = (await work(manager, 'fine')).result as number;
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    const { result, attempt } = await work(manager, 'fine');
    expect(result).not.toBe(pid);
    expect(attempt).toMatchObject({ attempt: 1, outcome: 'completed' });
  });
});

describe('limits', () => {
  test('too much memory in the middle of a job is a crash with its own error', async () => {
    const { manager } = await open({ maxMemoryMb: 200 });
    const { attempt } = await work(manager, 'hog');
    expect(attempt.error!.cause).toMatchObject({
      code: 'WORKER_OUT_OF_MEMORY',
      message: expect.stringMatching(/it held [2-4]\d\d MiB, with 200 MiB allowed/),
    });
    await isWhole(manager);
  });

  test('too much memory between jobs is a reason for a new process', async () => {
    const { manager } = await open({ maxMemoryMb: 200 });
    const { result } = await work(manager, 'fine');
    // If it is looked at in just the moment before its end, that is its own crash.
    await work(manager, 'keep');
    const next = await work(manager, 'fine');
    expect(next.attempt).toMatchObject({ attempt: 1, outcome: 'completed' });
    expect(next.result).not.toBe(result);
  });

  test('a process is replaced after its share of jobs', async () => {
    const { manager } = await open({ maxJobsPerWorker: 3 });
    const pids: unknown[] = [];
    for (let i = 0; i < 7; i++) pids.push((await work(manager, 'fine')).result);
    expect(new Set(pids).size).toBe(3);
    expect(pids[0]).toBe(pids[2]);
    expect(pids[3]).toBe(pids[5]);
  });

  test('a child sees its folder, its niceness, its arguments and what it may of the environment', async () => {
    const cwd = freshFolder();
    Object.assign(process.env, { BACKLINE_TEST_SECRET: 'hidden', BACKLINE_TEST_PASSED: 'shown' });
    onTestFinished(() => {
      delete process.env.BACKLINE_TEST_SECRET;
      delete process.env.BACKLINE_TEST_PASSED;
    });
    const env = { pass: ['BACKLINE_TEST_P*'], set: { MODE: 'fast' } };
    const { manager } = await open({ start: 'x', cwd, env, niceness: 7, workerArgs: ['--optimize', ''] });
    const seen = (await work(manager, 'look')).result as Record<string, unknown> & { env: Record<string, string> };
    expect(seen).toMatchObject({ cwd, nice: 7, argv: ['x', '--optimize', ''] });
    expect(seen.env).toMatchObject({ PATH: process.env.PATH, BACKLINE_TEST_PASSED: 'shown', MODE: 'fast' });
    expect(seen.env['PYTHONPATH']).toMatch(/python\/?$/);
    expect(seen.env['BACKLINE_TEST_SECRET']).toBeUndefined();
    const strange = Object.keys(seen.env).filter(
      (name) => !/^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TMP|TEMP|PYTHONPATH)$/.test(name),
    );
    expect(strange.sort()).toEqual(['BACKLINE_TEST_PASSED', 'MODE']);
  });
});

describe('a pool whose children do not start', () => {
  const problems = async (options: Options & Partial<Pick<WorkerPoolOptions, 'command'>>) => {
    const { manager, runner } = await open({ maxWorkers: 3, ...options });
    const down = nextEvent(manager, 'runner-down');
    const { id } = await manager.enqueue('work', 'fine');
    const { error } = (await down) as EventMap['runner-down'] & { error: { message: string } };
    expect(runner.slots).toBe(0);
    const [attempt] = await until(async () => {
      const all = await manager.attempts(id);
      return all[0]?.endedAt && all;
    });
    expect(await manager.get(id)).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
    expect(attempt).toMatchObject({ outcome: 'released', error: { code: 'WORKER_NOT_READY', message: error.message } });
    return { manager, attempt: attempt!, id };
  };

  test.each([
    ['silent', 'it said nothing for 300 ms', undefined],
    ['exit', 'exit code 4', { code: 'WORKER_EXITED', output: 'no licence found' }],
    ['version', 'speaks version 2', { code: 'WORKER_PROTOCOL' }],
    ['garbage', 'Welcome to my program!', { code: 'WORKER_GARBAGE' }],
    ['unless:/nowhere/at/all', 'ImportError: no module named x', { name: 'ImportError', stack: 'line 1 of x.py' }],
  ])('is out of service, and says why, and the job is not blamed: %s', async (start, says, cause) => {
    // Only who says nothing is given up: on a busy machine the others take their time.
    const { attempt } = await problems({ start, startTimeout: start === 'silent' ? 300 : 20_000 });
    expect(attempt.error!.message).toContain(says);
    if (cause) expect(attempt.error!.cause).toMatchObject(cause);
  });

  test('is out of service where the program does not exist', async () => {
    const runner = new WorkerPool({ command: ['/nowhere/python9', 'x.py'] });
    const manager = await startManager({ jobs: { work: job({ runner }) } });
    const down = nextEvent(manager, 'runner-down');
    await manager.enqueue('work');
    expect((await down).error).toMatchObject({ code: 'WORKER_NOT_READY', message: expect.stringContaining('ENOENT') });
  });

  test('comes back by itself when a start works, and the job runs in its first attempt', async () => {
    const flag = join(freshFolder(), 'flag');
    const { manager, id } = await problems({ start: `unless:${flag}` });
    const up = nextEvent(manager, 'runner-up');
    writeFileSync(flag, '');
    await up;
    expect(await manager.result(id)).toEqual(expect.any(Number));
    expect(await manager.attempts(id)).toMatchObject([{ outcome: 'released' }, { attempt: 1, outcome: 'completed' }]);
  });

  test('is started ever more rarely, one at a time', async () => {
    const counts = join(freshFolder(), 'starts');
    const { manager } = await open({ start: `count:${counts}`, maxWorkers: 4 });
    const began = performance.now();
    await manager.enqueueMany(Array.from({ length: 8 }, () => ({ type: 'work', payload: 1 })));
    const starts = () => (existsSync(counts) ? readFileSync(counts, 'utf8').split('\n').length - 1 : 0);
    await until(() => performance.now() - began > 2000);
    // Four at first, side by side; then after 100, 200, 400 and 800 ms.
    expect(starts()).toBeGreaterThanOrEqual(6);
    expect(starts()).toBeLessThanOrEqual(8);
  });

  test('is out of service where children become ready and die at once', async () => {
    const { manager } = await open({ start: 'brief' }, { maxCrashes: 100 });
    const down = nextEvent(manager, 'runner-down');
    await manager.enqueue('work', 'fine');
    await down;
  });

  test.each(['exit', 'exit 0', 'garbage'])(
    'is out of service where every job ends its child, before it has eaten the queue: %s',
    async (what) => {
      const { manager } = await open({ maxWorkers: 2 }, { maxAttempts: 1 });
      const down = nextEvent(manager, 'runner-down');
      await manager.enqueueMany(Array.from({ length: 200 }, () => ({ type: 'work' as const, payload: what })));
      expect((await down).error).toMatchObject({
        code: expect.stringMatching(/^WORKER_(EXITED|ENDED_WITHOUT_RESULT|GARBAGE)$/),
      });
      expect((await manager.getJobStatistics()).failed).toBeLessThan(20);
    },
  );

  test('does not keep a job longer than its own time-out', async () => {
    const { manager } = await open({ start: 'silent' }, { timeout: 300 });
    const { attempt } = await work(manager, 'fine');
    expect(attempt).toMatchObject({ outcome: 'timeout', error: { code: 'ATTEMPT_TIMED_OUT' } });
  });

  test('is slow to start, but its job is not idle meanwhile', async () => {
    const { manager } = await open({ start: 'slow' }, { idleTimeout: 400 });
    expect((await work(manager, 'fine')).attempt).toMatchObject({ outcome: 'completed' });
  });

  test('that is busy keeps the others waiting in the queue, where they can be cancelled', async () => {
    const { manager } = await open();
    const first = await manager.enqueue('work', 'family');
    await until(async () => (await manager.get(first.id))!.note);
    const second = await manager.enqueue('work', 'fine');
    expect(await manager.get(second.id)).toMatchObject({ status: 'queued', attempts: 0 });
    expect(await manager.cancel(second.id)).toBe('cancelled');
    await manager.cancel(first.id);
    await isWhole(manager);
  });

  test('is closed as fast as any other', async () => {
    const { manager } = await problems({ start: 'exit' });
    const began = performance.now();
    await manager.close();
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

test('without restartWorkers the pool shrinks with each death, and is out of service after the last', async () => {
  const { manager, runner } = await open({ restartWorkers: false, maxWorkers: 2, maxJobsPerWorker: 1 });
  await isWhole(manager);
  await isWhole(manager);
  expect(runner.slots).toBe(2);
  await work(manager, 'exit');
  await until(() => runner.slots === 1);
  const down = nextEvent(manager, 'runner-down');
  await work(manager, 'exit');
  expect((await down).error).toMatchObject({ code: 'WORKER_EXITED' });
  expect(runner.slots).toBe(0);
});

test('of 1,000 jobs through 4 children with one in ten crashing, the rest complete, and the pool is whole', {
  timeout: 120_000,
}, async () => {
  const { manager, runner } = await open({ maxWorkers: 4 }, { maxCrashes: 2, backoff: { kind: 'fixed', delay: 10 } });
  const heard = listen(manager);
  const jobs = Array.from({ length: 1000 }, (_, i) => ({ type: 'work' as const, payload: { i, crash: i % 10 === 3 } }));
  const handles = await manager.enqueueMany(jobs);
  const ends = await Promise.allSettled(handles.map(({ id }) => manager.result(id, { timeout: 100_000 })));
  const wrong = ends.flatMap(({ status }, i) => ((status === 'rejected') === (i % 10 === 3) ? [] : [i]));
  expect(wrong).toEqual([]);
  expect((await manager.getJobStatistics()).failed).toBe(100);
  const crashed = await manager.list({ status: 'failed' }, { limit: 1 });
  expect(crashed.jobs[0]).toMatchObject({ crashes: 2, attempts: 1 });
  expect(only(heard, 'error')).toEqual([]);
  await until(() => runner.slots === 4);
  const pids = await until(async () => {
    const all = await Promise.all(Array.from({ length: 40 }, async () => (await work(manager, 'fine')).result));
    return new Set(all).size === 4 && all;
  });
  expect(new Set(pids).size).toBe(4);
});
