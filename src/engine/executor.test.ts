import { describe, expect, test } from 'vitest';
import { listen, only, startManager, statesOf } from '../../test/managers.ts';
import { MockJobExecutor } from '../../test/mock-job-executor.ts';
import { until } from '../../test/wait.ts';
import type { Context } from '../job/context.ts';
import { type JobTypeOptions, job } from '../job/define.ts';
import { NoRetryError, RetryAfterError } from '../job/outcome.ts';

type Run = (ctx: Context, payload: unknown) => unknown;

const start = async (
  run: Run,
  type: JobTypeOptions<unknown> = {},
  options: Parameters<typeof startManager>[0] = {},
) => {
  const task = job({ ...type, run: (payload: unknown, ctx: Context): unknown => run(ctx, payload) });
  const manager = await startManager({ ...options, jobs: { task } });
  return { manager, heard: listen(manager) };
};

describe('a handler that fails', () => {
  test('runs maxAttempts times, then the job has failed, with every attempt in its history', async () => {
    const mock = new MockJobExecutor({ scenario: 'error' });
    const manager = await startManager({ jobs: { task: mock.type }, processId: 'me' });
    const heard = listen(manager);
    const { id } = await manager.enqueue('task', null, { maxAttempts: 3 });
    await expect(manager.result(id)).rejects.toMatchObject({
      code: 'JOB_FAILED',
      message: expect.stringContaining('the mock fails'),
      cause: { name: 'Error', message: 'the mock fails', code: 'MOCK_FAILURE', cause: { message: 'the cause below' } },
    });
    expect(mock.executions.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const attempts = await manager.attempts(id);
    expect(attempts).toHaveLength(3);
    for (const [i, attempt] of attempts.entries()) {
      expect(attempt).toMatchObject({ attempt: i + 1, life: 1, outcome: 'failed', worker: 'me' });
      expect(attempt.error).toMatchObject({
        message: 'the mock fails',
        code: 'MOCK_FAILURE',
        stack: expect.any(String),
      });
      expect(attempt.endedAt).toBeGreaterThanOrEqual(attempt.startedAt);
    }
    expect(await manager.get(id)).toMatchObject({ status: 'failed', error: 'the mock fails', attempts: 3 });
    expect(only(heard, 'job-retrying')).toHaveLength(2);
    expect(only(heard, 'job-failed')).toMatchObject([{ jobId: id, error: 'the mock fails', attempts: 3 }]);
  });

  test('waits longer after each failure, as its backoff says', async () => {
    const backoff = { kind: 'exponential', delay: 40 } as const;
    const { manager, heard } = await start(
      () => {
        throw new Error('no');
      },
      { backoff, maxAttempts: 4 },
    );
    const { id } = await manager.enqueue('task');
    await manager.result(id).catch(() => {});
    const delays = only(heard, 'job-retrying').map(({ at, runAt }) => runAt - at);
    for (const [i, delay] of delays.entries()) {
      expect(delay).toBeGreaterThanOrEqual(40 * 2 ** i);
      expect(delay).toBeLessThanOrEqual(40 * 2 ** i * 1.1 + 1);
    }
    const attempts = await manager.attempts(id);
    for (let i = 1; i < attempts.length; i++)
      expect(attempts[i]!.startedAt - attempts[i - 1]!.endedAt!).toBeGreaterThanOrEqual(delays[i - 1]!);
  });

  test('completes after a failure, and shows no error any more', async () => {
    const { manager, heard } = await start(({ attempt }) => {
      if (attempt === 1) throw new Error('first');
      return { attempt };
    });
    const { id } = await manager.enqueue('task');
    expect(await manager.result(id)).toEqual({ attempt: 2 });
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'running', 'queued', 'running', 'completed']);
    expect(await manager.get(id)).toMatchObject({ error: null, attempts: 2, progress: 100 });
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['failed', 'completed']);
  });

  test.each<[string, Run]>([
    [
      'NoRetryError',
      () => {
        throw new NoRetryError('never');
      },
    ],
    ['a payload that no longer fits', () => 1],
    ['a result that cannot be stored', () => 1n],
    [
      'a result in a ring',
      () => {
        const ring: unknown[] = [];
        ring.push(ring);
        return ring;
      },
    ],
  ])('%s ends the job at once', async (name, run) => {
    const input = {
      '~standard': { version: 1, vendor: 'test', validate: check(name.startsWith('a payload')) },
    } as const;
    const manager = await startManager({
      jobs: { task: job({ input, run: (payload, ctx): unknown => run(ctx, payload) }) },
    });
    const { id } = await manager.enqueue('task', null, { maxAttempts: 5 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_FAILED' });
    expect(await manager.get(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  /** Fits when it is handed in, and, if asked, not when it runs. */
  const check = (changesItsMind: boolean) => {
    let asked = 0;
    return (value: unknown) => (asked++ > 0 && changesItsMind ? { issues: [{ message: 'no more' }] } : { value });
  };

  test('RetryAfterError says when the next attempt begins', async () => {
    const { manager, heard } = await start(({ attempt }) => {
      if (attempt === 1) throw new RetryAfterError('busy', 70);
    });
    const { id } = await manager.enqueue('task');
    await manager.result(id);
    expect(only(heard, 'job-retrying').map(({ at, runAt }) => runAt - at)).toEqual([70]);
  });

  test('onError decides per error: never, later, put off, or as usual', async () => {
    const seen: unknown[] = [];
    const { manager } = await start(
      (_, payload) => {
        throw Object.assign(new Error('no'), { say: payload });
      },
      {
        maxAttempts: 2,
        onError: (error, { id, type }, attempt) => {
          seen.push([id, type, attempt]);
          const { say } = error as { say: string };
          if (say === 'never') return 'never';
          if (say === 'later') return { retryAfter: 30 };
          if (say === 'snooze' && seen.length < 3) return { snooze: 20 };
          return undefined;
        },
      },
    );
    const outcomes = async (say: string) => {
      seen.length = 0;
      const { id } = await manager.enqueue('task', say);
      await manager.result(id).catch(() => {});
      return (await manager.attempts(id)).map(({ outcome, attempt }) => `${outcome} ${attempt}`);
    };
    expect(await outcomes('never')).toEqual(['failed 1']);
    expect(await outcomes('later')).toEqual(['failed 1', 'failed 2']);
    expect(await outcomes('as usual')).toEqual(['failed 1', 'failed 2']);
    expect(await outcomes('snooze')).toEqual(['snoozed 1', 'snoozed 1', 'failed 1', 'failed 2']);
    expect(seen[0]).toEqual([expect.any(String), 'task', 1]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new TypeError('the policy is broken');
      },
    ],
    ['answers with nonsense', () => 'sometimes'],
  ])('an onError that %s costs an attempt, and both errors are kept', async (_, onError) => {
    const { manager } = await start(
      () => {
        throw new Error('the work is broken');
      },
      { maxAttempts: 2, onError: onError as never },
    );
    const { id } = await manager.enqueue('task');
    await manager.result(id).catch(() => {});
    const attempts = await manager.attempts(id);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    expect(attempts[0]!.error).toMatchObject({ cause: { message: 'the work is broken' } });
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the backoff is broken');
      },
    ],
    ['answers with NaN', () => Number.NaN],
  ])('a backoff that %s is replaced by the usual one, and said', async (_, backoff) => {
    const { manager, heard } = await start(
      () => {
        throw new Error('no');
      },
      { maxAttempts: 2, backoff: backoff as never },
    );
    const { id } = await manager.enqueue('task');
    await manager.result(id).catch(() => {});
    expect(await manager.get(id)).toMatchObject({ status: 'failed', attempts: 2, error: 'no' });
    expect(only(heard, 'error')).toHaveLength(1);
    expect(only(heard, 'error')[0]!.during).toContain('backoff');
  });

  const hostile = Object.assign(new Error('x'), {
    message: {
      toString: () => {
        throw new Error('not even that');
      },
    },
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'plain'],
    ['a number', 42],
    ['an object', { code: 5 }],
    ['a symbol', Symbol('odd')],
    ['an error that cannot be read', hostile],
  ])('may throw %s without harm to the worker', async (_, thrown) => {
    const { manager, heard } = await start((__, payload) => {
      if (payload === 'throw') throw thrown;
      return 'fine';
    });
    const odd = await manager.enqueue('task', 'throw', { maxAttempts: 1 });
    await expect(manager.result(odd)).rejects.toMatchObject({ code: 'JOB_FAILED' });
    expect((await manager.get(odd.id))?.error).toBeTypeOf('string');
    expect(await manager.result(await manager.enqueue('task', 'work'))).toBe('fine');
    expect(only(heard, 'error')).toEqual([]);
  });
});

describe('what a handler may ask for', () => {
  test('ctx.cancel ends the job as cancelled, with its reason', async () => {
    const { manager, heard } = await start((ctx) => ctx.cancel('no such user'));
    const { id } = await manager.enqueue('task');
    await expect(manager.result(id)).rejects.toMatchObject({
      code: 'JOB_CANCELLED',
      message: `Job ${id} was cancelled: no such user`,
    });
    expect(only(heard, 'job-cancelled')).toMatchObject([{ reason: 'no such user' }]);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['cancelled']);
  });

  test('ctx.snooze puts the job off and gives the attempt back', async () => {
    let runs = 0;
    const { manager } = await start(
      (ctx) => {
        if (++runs <= 5) ctx.snooze(5);
        return ctx.attempt;
      },
      { maxAttempts: 2 },
    );
    const { id } = await manager.enqueue('task');
    expect(await manager.result(id)).toBe(1);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual([
      ...Array(5).fill('snoozed'),
      'completed',
    ]);
  });

  test.each<[string, (ctx: Context) => never, string]>([
    ['cancel', (ctx) => ctx.cancel(), 'cancelled'],
    ['snooze', (ctx) => ctx.snooze('1h'), 'queued'],
  ])("ctx.%s holds even where the handler's own try catches it", async (_, ask, status) => {
    const { manager } = await start(async (ctx) => {
      try {
        ask(ctx);
      } catch {
        return 'went on';
      }
      return 'never';
    });
    const { id } = await manager.enqueue('task');
    await until(async () => (await manager.attempts(id)).some(({ outcome }) => outcome !== 'running'));
    expect(await manager.get(id)).toMatchObject({ status, result: null });
  });

  test.each(['soon', -1, Number.NaN, undefined])('ctx.snooze(%j) is an error of the handler', async (delay) => {
    const { manager } = await start((ctx) => ctx.snooze(delay as never));
    const { id } = await manager.enqueue('task', null, { maxAttempts: 1 });
    await expect(manager.result(id)).rejects.toMatchObject({ cause: { code: 'INVALID_OPTION' } });
  });

  test('ctx.enqueue hands in another job', async () => {
    const { manager } = await start(async (ctx, payload) => {
      if (payload === 'child') return 'child ran';
      return (await ctx.enqueue('task', 'child', { parent: ctx.job.id, tags: ['born'] })).id;
    });
    const parent = await manager.enqueue('task', 'parent');
    const child = (await manager.result(parent)) as unknown as string;
    expect(await manager.result(child)).toBe('child ran');
    expect(await manager.get(child)).toMatchObject({ parentId: parent.id, tags: ['born'] });
  });

  test('ctx knows the job and the attempt', async () => {
    let known: unknown;
    const { manager } = await start((ctx) => {
      const { id, seq, type, queue, priority, maxAttempts, life, startedAt, runAt } = ctx.job;
      known = { id, seq, type, queue, priority, maxAttempts, life, attempt: ctx.attempt };
      expect(startedAt).toBeGreaterThanOrEqual(runAt);
    });
    const { id, seq } = await manager.enqueue('task', null, { queue: 'q', priority: 2, maxAttempts: 4 });
    await manager.result(id);
    expect(known).toEqual({ id, seq, type: 'task', queue: 'q', priority: 2, maxAttempts: 4, life: 1, attempt: 1 });
  });
});
