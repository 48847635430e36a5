/** Time-outs, cancels, and handlers that do not hear of them. */
import { describe, expect, test } from 'vitest';
import { listen, only, startManager, statesOf } from '../../test/managers.ts';
import { aborted, MockJobExecutor } from '../../test/mock-job-executor.ts';
import { nextEvent, signal, until } from '../../test/wait.ts';
import type { Context } from '../job/context.ts';
import { type JobTypeOptions, job } from '../job/define.ts';

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

describe('a time-out', () => {
  test('fires the signal, and ends the job as timeout when no attempt is left', async () => {
    let reason: unknown;
    const { manager, heard } = await start(async (ctx) => {
      ctx.signal.addEventListener('abort', () => (reason = ctx.signal.reason));
      return aborted(ctx.signal);
    });
    const { id } = await manager.enqueue('task', null, { timeout: 40, maxAttempts: 1 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect(reason).toMatchObject({ code: 'ATTEMPT_TIMED_OUT', found: 'more than 40 ms' });
    expect(only(heard, 'job-timeout')).toMatchObject([{ jobId: id, attempts: 1 }]);
    expect(only(heard, 'job-still-running')).toEqual([]);
    const [attempt] = await manager.attempts(id);
    expect(attempt).toMatchObject({ outcome: 'timeout', error: { code: 'ATTEMPT_TIMED_OUT' } });
    expect((await manager.get(id))!.timeoutAt).toBe(attempt!.startedAt + 40);
  });

  test('is a failed attempt, and tried again', async () => {
    const { manager, heard } = await start(async (ctx) => (ctx.attempt === 1 ? aborted(ctx.signal) : 'second'));
    const { id } = await manager.enqueue('task', null, { timeout: 30 });
    expect(await manager.result(id)).toBe('second');
    expect(statesOf(heard, id)).toEqual(['created', 'queued', 'running', 'queued', 'running', 'completed']);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['timeout', 'completed']);
  });

  test('is not tried again where the type says so', async () => {
    const { manager } = await start((ctx) => aborted(ctx.signal), { retryTimeouts: false });
    const { id } = await manager.enqueue('task', null, { timeout: 30 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect(await manager.get(id)).toMatchObject({ status: 'timeout', attempts: 1 });
  });

  test('outweighs what the handler makes of it', async () => {
    const { manager } = await start(async (ctx) => {
      await aborted(ctx.signal).catch(() => {});
      return 'I did it anyway';
    });
    const { id } = await manager.enqueue('task', null, { timeout: 30, maxAttempts: 1 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect((await manager.get(id))!.result).toBeNull();
  });

  test.each([false, 0, '1h'] as const)('of %j', async (timeout) => {
    const { manager } = await start(async ({ signal: stop }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return stop.aborted;
    });
    const { id } = await manager.enqueue('task', null, { timeout, maxAttempts: 1 });
    const ended = await manager.result(id).catch((error) => error.code);
    expect(ended).toBe(timeout === 0 ? 'JOB_TIMED_OUT' : false);
  });

  test('may be longer than a timer can hold', async () => {
    const { manager } = await start(() => 'done');
    const { id } = await manager.enqueue('task', null, { timeout: '60d' });
    expect(await manager.result(id)).toBe('done');
  });
});

describe('a job type may also limit', () => {
  test('how long an attempt is silent: progress, log lines and heartbeats count', async () => {
    const signs = ['progress', 'log', 'heartbeat'];
    const { manager } = await start(
      async (ctx) => {
        for (const sign of ctx.attempt === 1 ? signs : []) {
          await new Promise((resolve) => setTimeout(resolve, 60));
          if (sign === 'progress') ctx.progress(1);
          if (sign === 'log') ctx.log.info('still here');
          if (sign === 'heartbeat') ctx.heartbeat();
        }
        if (ctx.attempt === 2) return aborted(ctx.signal);
        return ctx.signal.aborted;
      },
      { idleTimeout: 150, onError: () => ({ retryAfter: 0 }) },
    );
    expect(await manager.result(await manager.enqueue('task'))).toBe(false);
    const { id } = await manager.enqueue('task', null, { maxAttempts: 2 });
    await manager.result(id);
    const silent = await start((ctx) => aborted(ctx.signal), { idleTimeout: 20, maxAttempts: 1 });
    const { id: lost } = await silent.manager.enqueue('task');
    await expect(silent.manager.result(lost)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect((await silent.manager.attempts(lost))[0]!.error).toMatchObject({ code: 'ATTEMPT_IDLE' });
  });

  test('how long a job takes in total: a running attempt is stopped, and no other follows', async () => {
    const { manager } = await start((ctx) => aborted(ctx.signal), { totalTimeout: 60, maxAttempts: 5 });
    const { id } = await manager.enqueue('task');
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect((await manager.attempts(id)).map(({ outcome, error }) => [outcome, error!.code])).toEqual([
      ['timeout', 'DEADLINE_PASSED'],
    ]);
  });

  test('how long it takes in total: a wait that would outlast it is not begun', async () => {
    const fail = () => Promise.reject(new TypeError('no'));
    const { manager } = await start(fail, {
      totalTimeout: '1h',
      backoff: { kind: 'fixed', delay: '2h' },
      maxAttempts: 5,
    });
    const { id } = await manager.enqueue('task');
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect((await manager.attempts(id))[0]!.error).toMatchObject({ code: 'DEADLINE_PASSED', cause: { message: 'no' } });
  });

  test('how long it waits for its start: it expires, unless it starts in time', async () => {
    const { manager } = await start(() => 'ran', { startTimeout: '1h' });
    expect(await manager.result(await manager.enqueue('task'))).toBe('ran');
    const { id } = await manager.enqueue('task', null, { held: true, startTimeout: 1 });
    expect((await manager.get(id))!.expiresAt).toBe((await manager.get(id))!.createdAt + 1);
    const unlimited = await manager.enqueue('task', null, { held: true, startTimeout: false });
    expect((await manager.get(unlimited.id))!.expiresAt).toBeNull();
  });

  test('how long the work may go on after its signal', async () => {
    const { manager } = await start(
      async (ctx) => {
        await aborted(ctx.signal).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 100));
      },
      { grace: '10s', maxAttempts: 1 },
    );
    const heard = listen(manager);
    const { id } = await manager.enqueue('task', null, { timeout: 10 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect(only(heard, 'job-still-running')).toEqual([]);
  });
});

describe('a handler that does not stop', () => {
  const deaf = async (options: Parameters<typeof startManager>[0] = {}, type: JobTypeOptions<unknown> = {}) => {
    const mock = new MockJobExecutor({ scenario: (_, payload) => (payload === 'deaf' ? 'deaf' : undefined) });
    const manager = await startManager({ ...options, jobs: { task: { ...mock.type, ...type } } });
    return { mock, manager, heard: listen(manager) };
  };

  test('keeps its slot after the last time-out, though the job has ended', async () => {
    const { mock, manager, heard } = await deaf({ maxConcurrentJobs: 1 });
    const stillRunning = nextEvent(manager, 'job-still-running');
    const { id } = await manager.enqueue('task', 'deaf', { timeout: 20, maxAttempts: 1 });
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect(await stillRunning).toMatchObject({ jobId: id, reason: expect.stringContaining('its slot stays taken') });
    expect((await manager.attempts(id))[0]!.error).toMatchObject({ code: 'HANDLER_STILL_RUNNING' });
    const next = await manager.enqueue('task', 'quick');
    // The loop has looked again, and has found no free slot.
    await until(async () => (await manager.health()).loop!.running === 1);
    expect((await manager.get(next.id))!.status).toBe('queued');
    mock.release();
    await manager.result(next);
    expect(mock.mostAtOnce).toBe(1);
    expect(statesOf(heard, id).at(-1)).toBe('timeout');
    expect(only(heard, 'job-completed').map(({ jobId }) => jobId)).toEqual([next.id]);
  });

  test('gets no second attempt beside the first, and its late result is dropped', async () => {
    const { mock, manager, heard } = await deaf();
    const stillRunning = nextEvent(manager, 'job-still-running');
    const { id } = await manager.enqueue('task', 'deaf', { timeout: 20, maxAttempts: 2 });
    await stillRunning;
    await until(async () => (await manager.get(id))!.note?.includes('still running'));
    expect(await manager.get(id)).toMatchObject({ status: 'running', attempts: 1 });
    expect(mock.executions).toHaveLength(1);
    const again = nextEvent(manager, 'job-status-changed', ({ status }) => status === 'running');
    mock.release();
    await again;
    expect(mock.mostAtOnce).toBe(1);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['timeout', 'running']);
    await until(() => only(heard, 'job-still-running').length === 2);
    mock.release();
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_TIMED_OUT' });
    expect((await manager.get(id))!.result).toBeNull();
  });

  test('is cancelled for its caller after the grace time, and keeps its slot', async () => {
    const { mock, manager } = await deaf({ maxConcurrentJobs: 1 });
    const { id } = await manager.enqueue('task', 'deaf');
    await until(() => mock.running === 1);
    expect(await manager.cancel(id, { reason: 'enough' })).toBe('requested');
    await expect(manager.result(id)).rejects.toMatchObject({
      code: 'JOB_CANCELLED',
      message: expect.stringMatching(/enough.*still running/),
    });
    expect(mock.running).toBe(1);
    expect((await manager.health()).loop!.running).toBe(1);
    mock.release();
    await until(async () => (await manager.health()).loop!.running === 0);
    expect((await manager.get(id))!.status).toBe('cancelled');
  });

  test('counts against the limit of slots even while a retried life of its job runs', async () => {
    const { mock, manager } = await deaf({ maxConcurrentJobs: 2 });
    const { id } = await manager.enqueue('task', 'deaf', { timeout: 20, maxAttempts: 1 });
    await manager.result(id).catch(() => {});
    expect(await manager.retry(id)).toBe(true);
    await until(() => mock.running === 2);
    const next = await manager.enqueue('task', 'quick');
    expect((await manager.health()).loop!.running).toBe(2);
    await manager.result(id).catch(() => {});
    expect((await manager.get(next.id))!.status).toBe('queued');
    mock.release();
    await manager.result(next);
    expect(mock.mostAtOnce).toBe(2);
  });
});

describe('a cancel', () => {
  test('of a running job fires its signal, and its handler may clean up', async () => {
    const cleaned = signal();
    const { manager, heard } = await start(async (ctx) => {
      try {
        await aborted(ctx.signal);
      } catch (error) {
        expect(error).toMatchObject({ code: 'CANCEL_REQUESTED', message: 'not needed' });
        cleaned.reach();
        throw error;
      }
    });
    const { id } = await manager.enqueue('task');
    await nextEvent(manager, 'job-status-changed', ({ status }) => status === 'running');
    expect(await manager.cancel(id, { reason: 'not needed' })).toBe('requested');
    await cleaned.reached;
    await expect(manager.result(id)).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'not needed', attempts: 1 });
    expect(only(heard, 'job-cancel-requested')).toMatchObject([{ jobId: id, reason: 'not needed' }]);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['cancelled']);
  });

  test('in the same moment as the claim reaches the handler', async () => {
    const { manager } = await start((ctx) => aborted(ctx.signal), {}, { maxConcurrentJobs: 100 });
    const answers: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++) {
      const { id } = await manager.enqueue('task', null, { timeout: false });
      // A different number of turns each time: some cancels meet the job waiting, some claimed, some running.
      for (let turn = 0; turn < i % 8; turn++) await null;
      void manager.cancel(id, { reason: 'at once' });
      answers.push(manager.result(id, { timeout: '10s' }).catch((error) => error.code));
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['JOB_CANCELLED']));
  });

  test('against a handler that ends in the same moment: one of the two holds, and the history agrees', async () => {
    const { manager, heard } = await start(async (_, payload) => {
      for (let turn = 0; turn < (payload as number); turn++) await null;
      return 'done';
    });
    const jobs: { id: string; answer: Promise<string> }[] = [];
    for (let i = 0; i < 200; i++) {
      const { id } = await manager.enqueue('task', i % 12);
      for (let turn = 0; turn < i % 17; turn++) await null;
      jobs.push({ id, answer: manager.cancel(id) });
    }
    for (const { id, answer } of jobs) {
      await manager.result(id).catch(() => {});
      const said = await answer;
      const states = statesOf(heard, id);
      const ended = (await manager.get(id))!.status;
      expect(states.at(-1)).toBe(ended);
      expect(states.filter((state) => state === 'completed' || state === 'cancelled')).toHaveLength(1);
      expect(ended).toBe(said === 'no' ? 'completed' : 'cancelled');
    }
  });

  test('keeps its reason, also where the handler ended before it was told', async () => {
    const go = signal();
    const { manager } = await start(() => go.reached);
    const { id } = await manager.enqueue('task');
    await until(async () => (await manager.get(id))?.status === 'running');
    // A write before, so that the two that follow go into one transaction: first the cancel, then the completion.
    await manager.limitQueue('other', 1);
    const cancelled = manager.cancel(id, { reason: 'the user left' });
    go.reach();
    expect(await cancelled).toBe('requested');
    await manager.result(id).catch(() => {});
    expect(await manager.get(id)).toMatchObject({ status: 'cancelled', error: 'the user left' });
  });

  test('asked twice is asked once', async () => {
    const { manager, heard } = await start((ctx) => aborted(ctx.signal));
    const { id } = await manager.enqueue('task');
    await until(async () => (await manager.get(id))?.status === 'running');
    expect(await Promise.all([manager.cancel(id), manager.cancel(id)])).toEqual(['requested', 'requested']);
    await manager.result(id).catch(() => {});
    expect(only(heard, 'job-cancel-requested')).toHaveLength(1);
    expect(await manager.cancel(id)).toBe('no');
  });
});
