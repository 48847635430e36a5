/** What threads and Node children have in common, and what only they can do. */
import { existsSync } from 'node:fs';
import { type JobManager, type JobTypeOptions, job, ThreadPool, WorkerPool } from 'backline';
import { describe, expect, test } from 'vitest';
import { listen, only, refusalOf, startManager } from '../managers.ts';
import { nextEvent, until } from '../wait.ts';

interface Options {
  readonly max?: number;
  readonly maxJobs?: number;
  readonly maxMemoryMb?: number;
  readonly env?: ConstructorParameters<typeof ThreadPool>[0]['env'];
}

const url = (name: string) => new URL(`./programs/${name}`, import.meta.url);

const MAKERS = {
  thread: (name: string, { max = 1, maxJobs, ...options }: Options) =>
    new ThreadPool({ module: url(name), maxThreads: max, maxJobsPerThread: maxJobs, ...options }),
  'Node child': (name: string, { max = 1, maxJobs, ...options }: Options) =>
    new WorkerPool({ module: url(name), maxWorkers: max, maxJobsPerWorker: maxJobs, ...options }),
};

const failureOf = async (manager: JobManager, type: string, payload?: unknown) => {
  const { id } = await manager.enqueue(type, payload);
  await manager.result(id).catch(() => {});
  return { job: (await manager.get(id))!, attempt: (await manager.attempts(id)).at(-1)! };
};

describe.each(Object.entries(MAKERS))('a %s', (kind, make) => {
  const start = async (
    types: readonly string[],
    options: Options = {},
    type: JobTypeOptions<unknown> = {},
    name = 'odd.ts',
  ) => {
    const runner = make(name, options);
    const jobs = Object.fromEntries(types.map((one) => [one, job({ maxAttempts: 1, maxCrashes: 1, ...type, runner })]));
    return { manager: (await startManager({ jobs })) as JobManager, runner };
  };
  const isThread = kind === 'thread';

  test('stays warm from job to job, and is replaced after its share of jobs', async () => {
    const { manager } = await start(['where'], { maxJobs: 3 });
    const seen: unknown[] = [];
    for (let i = 0; i < 6; i++) seen.push(await manager.result(await manager.enqueue('where')));
    const who = seen.map((one) => (one as Record<string, number>)[isThread ? 'threadId' : 'pid']);
    expect([who[0] === who[2], who[2] === who[3], who[3] === who[5]]).toEqual([true, false, true]);
    expect(seen.every((one) => ((one as { pid: number }).pid === process.pid) === isThread)).toBe(true);
  });

  test('does not see the environment of its host, but what it may', async () => {
    process.env['ODD'] = 'hidden';
    const { manager } = await start(['where']);
    expect(await manager.result(await manager.enqueue('where'))).toMatchObject({ env: null });
    const { manager: other } = await start(['where'], { env: { pass: ['ODD'] } });
    expect(await other.result(await other.enqueue('where'))).toMatchObject({ env: 'hidden' });
    delete process.env['ODD'];
  });

  test('that throws outside its handler is a crash, with what it threw', async () => {
    const { manager } = await start(['later', 'where']);
    const { attempt } = await failureOf(manager, 'later');
    const crash = attempt.error!.cause!;
    expect(crash).toMatchObject({ code: 'WORKER_EXITED' });
    expect(isThread ? crash.cause!.message : crash.output).toContain('thrown by a timer');
    expect(await manager.result(await manager.enqueue('where'))).toBeTruthy();
  });

  test('that fills its heap is a crash of its own kind, and takes nobody with it', { timeout: 60_000 }, async () => {
    const { manager } = await start(['hog', 'where'], isThread ? { maxMemoryMb: 64 } : { maxMemoryMb: 300 });
    for (const what of ['lists', 'buffers']) {
      const { attempt } = await failureOf(manager, 'hog', what);
      expect(attempt).toMatchObject({ outcome: 'crashed', error: { cause: { code: 'WORKER_OUT_OF_MEMORY' } } });
    }
    expect(await manager.result(await manager.enqueue('where'))).toBeTruthy();
  });

  test('that holds too much between two jobs is replaced, and the next job is not blamed', async () => {
    const { manager } = await start(['keep', 'where'], { maxMemoryMb: 150 });
    const who = async (type: string) => {
      const { id } = await manager.enqueue(type);
      const result = (await manager.result(id)) as Record<string, unknown>;
      expect(await manager.attempts(id)).toMatchObject([{ outcome: 'completed' }]);
      return result[isThread ? 'threadId' : 'pid'];
    };
    const first = await who('where');
    // If it is looked at in just the moment before its end, that is its own crash.
    await failureOf(manager, 'keep');
    expect(await who('where')).not.toBe(first);
  });

  test('checks the payload with the schema of its own job type', async () => {
    const { manager } = await start(['checked'], {}, { maxAttempts: 3 });
    expect(await manager.result(await manager.enqueue('checked', { n: '41' }))).toBe(42);
    const { job: failed, attempt } = await failureOf(manager, 'checked', {});
    expect(attempt.error).toMatchObject({ code: 'INVALID_PAYLOAD', message: expect.stringContaining('payload.n') });
    expect(failed.attempts).toBe(1);
  });

  test('keeps what was thrown, whatever it was', async () => {
    const { manager } = await start(['raw', 'notAnError']);
    const { attempt } = await failureOf(manager, 'raw');
    expect(attempt.error).toMatchObject({ name: 'Error', message: 'in attempt 1', code: '42' });
    if (!isThread) expect(attempt.error!.output).toBe('before it broke');
    expect((await failureOf(manager, 'notAnError')).attempt.error).toMatchObject({
      name: 'Thrown',
      message: '{"why":"an object"}',
    });
  });

  test('refuses results and progress that cannot be stored, and describes log fields', async () => {
    const { manager } = await start(['unsendable', 'badProgress', 'badLog']);
    expect((await failureOf(manager, 'unsendable')).attempt.error).toMatchObject({ code: 'INVALID_RESULT' });
    expect((await failureOf(manager, 'badProgress')).attempt.error).toMatchObject({ code: 'INVALID_OPTION' });
    const { id } = await manager.enqueue('badLog');
    await manager.result(id);
    const lines = await until(async () => {
      const all = await manager.logs(id);
      return all.length === 2 && all;
    });
    expect(lines[0]).toMatchObject({ message: 'described', fields: { big: '10n', error: 'TypeError: inside' } });
    expect(lines[1]).toMatchObject({
      message: 'unreadable',
      fields: { unreadable: expect.stringContaining('circular') },
    });
  });

  test('that has no handler of that name says which it has', async () => {
    const { manager } = await start(['wheer']);
    expect((await failureOf(manager, 'wheer')).attempt.error).toMatchObject({
      code: 'UNKNOWN_JOB_TYPE',
      message: expect.stringContaining('Did you mean "where"?'),
    });
  });

  test.each([
    ['broken-import.ts', 'does-not-exist.ts', undefined],
    ['not-there.ts', 'not-there.ts', undefined],
    ['no-handlers.ts', 'exports no handlers', 'WORKER_MODULE'],
  ])('whose module cannot be used is out of service with one clear error: %s', async (name, says, code) => {
    const { manager } = await start(['where'], {}, {}, name);
    const down = nextEvent(manager, 'runner-down');
    const { id } = await manager.enqueue('where');
    const { error } = await down;
    expect(error).toMatchObject({ code: 'WORKER_NOT_READY', message: expect.stringContaining(says) });
    const [attempt] = await until(async () => {
      const all = await manager.attempts(id);
      return all[0]?.endedAt && all;
    });
    expect(attempt).toMatchObject({ outcome: 'released', attempt: 1, error: { code: 'WORKER_NOT_READY' } });
    if (code) expect(attempt!.error!.cause).toMatchObject({ code });
    else expect(attempt!.error!.cause!.stack).toContain(says);
    expect(await manager.get(id)).toMatchObject({ status: 'queued', attempts: 0 });
  });

  test('runs no more jobs at once than there is room for, and lets the rest wait in the order of the queue', async () => {
    const { manager, runner } = await start(['where'], { max: 2 });
    expect(runner.slots).toBe(2);
    const heard = listen(manager);
    const handles = await manager.enqueueMany(
      Array.from({ length: 21 }, (_, i) => ({ type: 'where', payload: null, options: { priority: i === 5 ? 9 : 5 } })),
    );
    await Promise.all(handles.map(({ id }) => manager.result(id)));
    await until(() => only(heard, 'job-completed').length === 21);
    let running = 0;
    for (const { status } of only(heard, 'job-status-changed')) {
      if (status === 'running') running++;
      if (status === 'completed') running--;
      expect(running).toBeLessThanOrEqual(2);
    }
    const started = only(heard, 'job-status-changed').filter(({ status }) => status === 'running');
    expect(started.at(-1)!.jobId).toBe(handles[5]!.id);
  });
});

describe('options', () => {
  test.each<[string, () => unknown, object]>([
    ['neither command nor module', () => new WorkerPool({}), { field: 'command' }],
    ['both', () => new WorkerPool({ command: ['x'], module: 'y' }), { field: 'command' }],
    ['an empty command', () => new WorkerPool({ command: [] }), { field: 'command[0]' }],
    ['a wrong name', () => new WorkerPool({ module: 'x', maxWorker: 3 } as never), { code: 'UNKNOWN_OPTION' }],
    ['no workers', () => new WorkerPool({ module: 'x', maxWorkers: 0 }), { field: 'maxWorkers' }],
    ['less than nice', () => new WorkerPool({ module: 'x', niceness: -1 }), { field: 'niceness' }],
    [
      'a number in the environment',
      () => new WorkerPool({ module: 'x', env: { set: { A: 1 } } as never }),
      { field: 'env.set.A' },
    ],
    [
      'a pattern in the middle',
      () => new WorkerPool({ module: 'x', env: { pass: ['A*B'] } }),
      { field: 'env.pass[0]' },
    ],
    ['an address', () => new WorkerPool({ module: new URL('https://example.test/x.js') }), { field: 'module' }],
    ['no module', () => new ThreadPool({} as never), { field: 'module' }],
    ['no threads', () => new ThreadPool({ module: 'x', maxThreads: 0 }), { field: 'maxThreads' }],
  ])('%s: refused, and named', async (_, make, expected) => {
    expect(await refusalOf(make)).toMatchObject(expected);
  });

  test('have defaults: 4 processes, and a thread for each processor but one', () => {
    expect(new WorkerPool({ command: ['python3', 'work.py'] })).toMatchObject({
      name: 'work.py',
      slots: 4,
      kills: true,
    });
    expect(new ThreadPool({ module: '/a/work.js' })).toMatchObject({ name: 'work.js', kills: true });
    expect(new ThreadPool({ module: '/a/work.js' }).slots).toBeGreaterThanOrEqual(1);
  });
});

test.runIf(existsSync('/proc/self'))('idle threads and children cost no jobs: close ends them at once', async () => {
  const runner = MAKERS['Node child']('odd.ts', { max: 2 });
  const manager = await startManager({ jobs: { where: job({ runner }) } });
  await manager.result(await manager.enqueue('where'));
  const began = performance.now();
  await manager.close();
  expect(performance.now() - began).toBeLessThan(1500);
  expect(runner.slots).toBe(0);
});
