/** What every runner must do, whoever does the work: asked through a manager and a real store. */
import { join } from 'node:path';
import type { JobManager, Jobs, JobTypeOptions } from 'backline';
import { describe, expect, test } from 'vitest';
import { freshFile, freshFolder, listen, newManager, only, startManager } from '../managers.ts';
import { until } from '../wait.ts';

export interface Subject {
  /** Job types by the names of the handlers in programs/, done by a fresh runner. */
  readonly jobs: (names: readonly string[], options?: JobTypeOptions<unknown>) => Jobs;
  /** Ends what does not stop by itself. */
  readonly kills: boolean;
  /** The handlers know the stack of another language. */
  readonly stack: RegExp;
  /** What a handler does in its thread or process cannot reach the store. */
  readonly apart: boolean;
  /** What the handlers print does not disturb; only processes have an output of their own. */
  readonly prints: boolean;
}

type Start = (names: readonly string[], options?: JobTypeOptions<unknown>) => Promise<JobManager>;

export const describeRunner = (name: string, subject: Subject): void => {
  const start: Start = (names, options) => startManager({ jobs: subject.jobs(names, options), maxConcurrentJobs: 8 });
  describe(`the ${name} runner`, () => {
    results(start, subject);
    reports(start);
    stops(start, subject);
    if (subject.kills) kills(start, subject);
    else
      test('is not asked to kill', () => console.info(`${name}: the kill cases are left out, because it cannot kill.`));
    if (subject.apart) apart(start);
  });
};

const failureOf = async (manager: JobManager, id: string) => {
  await manager.result(id).catch(() => {});
  return (await manager.attempts(id)).at(-1)?.error;
};

const results = (start: Start, { stack, prints }: Subject): void => {
  test('hands over the payload and brings back the result, as JSON', async () => {
    const manager = await start(['echo', 'nothing']);
    for (const payload of [null, 0, 'ä€😀\n"', [1, [2]], { a: { b: [true, null] } }, 'x'.repeat(300_000)])
      expect(await manager.result(await manager.enqueue('echo', payload))).toEqual({
        payload,
        attempt: 1,
        type: 'echo',
      });
    expect(await manager.result(await manager.enqueue('nothing'))).toBeNull();
  });

  test('runs many jobs, several at once', async () => {
    const manager = await start(['echo']);
    const handles = await manager.enqueueMany(Array.from({ length: 100 }, (_, i) => ({ type: 'echo', payload: i })));
    const all = (await Promise.all(handles.map(({ id }) => manager.result(id)))) as { payload: number }[];
    expect(all.map(({ payload }) => payload)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('keeps an error with its name, code, stack and cause', async () => {
    const manager = await start(['fail'], { maxAttempts: 1 });
    const { id } = await manager.enqueue('fail');
    expect(await failureOf(manager, id)).toMatchObject({
      name: expect.stringMatching(/^(TypeError|Coded)$/),
      message: 'it fails',
      code: 'IT_FAILS',
      stack: expect.stringMatching(stack),
      cause: { name: expect.stringMatching(/^(RangeError|Coded)$/), message: 'the cause below', code: 'BELOW' },
    });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', error: 'it fails', crashes: 0 });
  });

  test('gives the number of the attempt, and tries again after an error', async () => {
    const manager = await start(['failOnce']);
    expect(await manager.result(await manager.enqueue('failOnce'))).toBe(2);
  });

  test('does not try again what says that it is of no use', async () => {
    const manager = await start(['never']);
    const { id } = await manager.enqueue('never');
    expect(await failureOf(manager, id)).toMatchObject({ message: 'no use' });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  test('waits as long as an error says', async () => {
    const manager = await start(['later']);
    const heard = listen(manager);
    expect(await manager.result(await manager.enqueue('later'))).toBe('later');
    expect(only(heard, 'job-retrying').map(({ at, runAt }) => runAt - at)).toEqual([120]);
  });

  test('lets the onError of the job type decide about an error from there', async () => {
    const seen: unknown[] = [];
    const onError = (error: unknown) => {
      seen.push(error);
      return 'never' as const;
    };
    const manager = await start(['fail'], { onError });
    const { id } = await manager.enqueue('fail');
    await failureOf(manager, id);
    expect(seen).toEqual([expect.any(Error)]);
    expect(seen[0]).toMatchObject({ message: 'it fails', code: 'IT_FAILS', cause: { code: 'BELOW' } });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  test('refuses a result that cannot be stored, and does not do the work again for it', async () => {
    const manager = await start(['unstorable']);
    const { id } = await manager.enqueue('unstorable');
    expect(await failureOf(manager, id)).toMatchObject({ code: 'INVALID_RESULT' });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  test.runIf(prints)('is not disturbed by what a handler prints', async () => {
    const manager = await start(['print']);
    for (let i = 0; i < 3; i++) expect(await manager.result(await manager.enqueue('print'))).toBe('this');
  });
};

const reports = (start: Start): void => {
  test('passes progress and log lines on', async () => {
    const manager = await start(['tell']);
    const heard = listen(manager);
    const { id } = await manager.enqueue('tell');
    await manager.result(id);
    expect(await manager.get(id)).toMatchObject({ progress: 100 });
    await until(() => only(heard, 'job-progress').some(({ note }) => note === 'three of four'));
    const lines = await until(async () => {
      const all = await manager.logs(id);
      return all.length >= 2 && all;
    });
    expect(lines).toMatchObject([
      { level: 'warn', message: 'at work', fields: { n: 1 } },
      { level: 'info', message: 'nearly done' },
    ]);
  });

  test('ends a job as cancelled when its handler says so', async () => {
    const manager = await start(['cancelled']);
    const { id } = await manager.enqueue('cancelled');
    await failureOf(manager, id);
    expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'enough' });
  });

  test('puts a job off when its handler says so, and gives the attempt back', async () => {
    const manager = await start(['snooze']);
    const { id } = await manager.enqueue('snooze', join(freshFolder(), 'was-here'));
    expect(await manager.result(id)).toBe(1);
    expect((await manager.attempts(id))[0]).toMatchObject({ outcome: 'snoozed' });
  });
};

/** Enqueues a job and waits until its handler has begun. */
export const begin = async (manager: JobManager, type: string, payload?: unknown): Promise<string> => {
  const { id } = await manager.enqueue(type, payload);
  await until(async () => (await manager.get(id))!.progress === 1, `${type} has begun`);
  return id;
};

const stops = (start: Start, subject: Subject): void => {
  test('tells a handler of a cancel, which ends the job', async () => {
    const manager = await start(['polite', 'echo'], { grace: 10_000 });
    const id = await begin(manager, 'polite');
    await manager.cancel(id, { reason: 'not needed' });
    await failureOf(manager, id);
    expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'not needed' });
    expect(await manager.result(await manager.enqueue('echo', 1))).toMatchObject({ payload: 1 });
  });

  test('tells a handler that its time is over', async () => {
    const manager = await start(['polite'], { timeout: 300, grace: 10_000, maxAttempts: 1 });
    const { id } = await manager.enqueue('polite');
    expect(await failureOf(manager, id)).toMatchObject({ code: 'ATTEMPT_TIMED_OUT' });
    expect(await manager.get(id)).toMatchObject({ status: 'timeout' });
  });

  test('counts signs of life, and stops what gives none for the idle time-out', async () => {
    const manager = await start(['alive', 'polite'], { idleTimeout: 800, grace: 10_000, maxAttempts: 1 });
    expect(await manager.result(await manager.enqueue('alive', 1700))).toBe('alive');
    const { id } = await manager.enqueue('polite');
    expect(await failureOf(manager, id)).toMatchObject({ code: 'ATTEMPT_IDLE' });
  });

  test('hands back what runs when the manager closes', async () => {
    const file = freshFile();
    const manager = await startManager({ jobs: subject.jobs(['polite'], { grace: 10_000 }) }, file);
    const id = await begin(manager, 'polite');
    await manager.close({ timeout: 0 });
    const after = newManager({ worker: false }, file);
    await after.start();
    expect(await after.get(id)).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
    expect(await after.attempts(id)).toMatchObject([{ outcome: 'released' }]);
  });
};

const kills = (start: Start, subject: Subject): void => {
  test.each(['deaf', 'busy'])(
    'kills a %s handler after its time and its grace, and goes on with others',
    async (type) => {
      const manager = await start([type, 'echo'], { maxAttempts: 1, grace: 50 });
      const { id } = await manager.enqueue(type, null, { timeout: 1000 });
      expect(await failureOf(manager, id)).toMatchObject({ code: 'ATTEMPT_TIMED_OUT' });
      expect(await manager.get(id)).toMatchObject({ status: 'timeout', crashes: 0, note: null });
      expect(await manager.result(await manager.enqueue('echo', 1))).toMatchObject({ payload: 1 });
    },
  );

  test('kills a deaf handler whose job is cancelled', async () => {
    const manager = await start(['deaf'], { grace: 50 });
    const heard = listen(manager);
    const id = await begin(manager, 'deaf');
    await manager.cancel(id, { reason: 'enough' });
    await failureOf(manager, id);
    expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'enough' });
    expect(only(heard, 'job-still-running')).toEqual([]);
  });

  test('kills a deaf handler when the manager closes, and hands its job back', async () => {
    const file = freshFile();
    const manager = await startManager({ jobs: subject.jobs(['busy']) }, file);
    const id = await begin(manager, 'busy');
    await manager.close({ timeout: 0 });
    const after = newManager({ worker: false }, file);
    await after.start();
    expect(await after.get(id)).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
  });

  test('counts an end in the middle of a job as a crash, with its exit code, and gives the attempt back', async () => {
    const manager = await start(['exit', 'echo'], { maxCrashes: 2, maxAttempts: 1 });
    const { id } = await manager.enqueue('exit', 7);
    await failureOf(manager, id);
    expect(await manager.attempts(id)).toMatchObject([
      { attempt: 1, outcome: 'crashed', error: { code: 'WORKER_EXITED', message: expect.stringContaining('code 7') } },
      { attempt: 1, outcome: 'crashed', error: { code: 'CRASHED_TOO_OFTEN', cause: { code: 'WORKER_EXITED' } } },
    ]);
    expect(await manager.get(id)).toMatchObject({ status: 'failed', crashes: 2 });
    expect(await manager.result(await manager.enqueue('echo', 1))).toMatchObject({ payload: 1 });
  });

  test('counts an end with code 0 and without a result as a failure', async () => {
    const manager = await start(['exit'], { maxAttempts: 1 });
    const { id } = await manager.enqueue('exit', 0);
    expect(await failureOf(manager, id)).toMatchObject({ code: 'WORKER_ENDED_WITHOUT_RESULT' });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', crashes: 0, attempts: 1 });
  });
};

const apart = (start: Start): void => {
  test('says in a thread or child of Node that the store is elsewhere', async () => {
    const manager = await start(['elsewhere']);
    const codes = await manager.result(await manager.enqueue('elsewhere'));
    expect(codes).toEqual(['NOT_AVAILABLE_HERE', 'NOT_AVAILABLE_HERE']);
  });
};
