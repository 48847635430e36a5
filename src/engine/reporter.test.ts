import { describe, expect, test } from 'vitest';
import { listen, only, refusalOf, startManager } from '../../test/managers.ts';
import { signal, until } from '../../test/wait.ts';
import type { Context, JobLog, Progress } from '../job/context.ts';
import { job } from '../job/define.ts';

/** Runs one handler to its end. */
const runOne = async (run: (ctx: Context) => unknown, options: Parameters<typeof startManager>[0] = {}) => {
  const manager = await startManager({ ...options, jobs: { task: job({ run: (_: unknown, ctx) => run(ctx) }) } });
  const heard = listen(manager);
  const { id } = await manager.enqueue('task', null);
  await manager.result(id).catch(() => {});
  return { manager, id, heard, progress: only(heard, 'job-progress') };
};

/** A clock whose second hand is moved by hand. */
const handMoved = () => {
  const clock = { ms: 0, now: () => Date.now(), monotonic: () => clock.ms };
  return clock;
};

describe('progress', () => {
  test('1,000 reports become a few events: the first at once, the last always', async () => {
    const { manager, id, progress } = await runOne((ctx) => {
      for (let i = 1; i <= 1000; i++) ctx.progress({ done: i, total: 1000 });
    });
    expect(progress.map((event) => event.progress)).toEqual([0, 100]);
    expect(progress.at(-1)).toMatchObject({ jobId: id, note: '1000 of 1000' });
    expect(await manager.get(id)).toMatchObject({ progress: 100, status: 'completed' });
  });

  test('1,000 reports over 3 intervals become at most 5 events', async () => {
    const clock = handMoved();
    const { progress } = await runOne(
      (ctx) => {
        for (let i = 1; i <= 1000; i++) {
          clock.ms += 3;
          ctx.progress(i / 10);
        }
      },
      { clock, progressUpdateInterval: 1000 },
    );
    expect(progress.length).toBeLessThanOrEqual(5);
    expect(progress.length).toBeGreaterThanOrEqual(4);
    expect(progress.at(-1)?.progress).toBe(100);
  });

  test('what is held back is sent when the interval is over, without another report', async () => {
    const go = signal();
    const manager = await startManager({
      progressUpdateInterval: 20,
      jobs: {
        task: job({
          run: async (_: unknown, ctx) => {
            ctx.progress(10);
            ctx.progress(40);
            await go.reached;
          },
        }),
      },
    });
    const heard = listen(manager);
    const { id } = await manager.enqueue('task', null);
    await until(() => only(heard, 'job-progress').some(({ progress }) => progress === 40));
    expect(await manager.get(id)).toMatchObject({ status: 'running', progress: 40 });
    go.reach();
    await manager.result(id);
  });

  test('each job has an interval of its own, however many report', async () => {
    const clock = handMoved();
    const contexts: Context[] = [];
    const go = signal();
    const manager = await startManager({
      clock,
      progressUpdateInterval: 60,
      jobs: {
        task: job({
          run: async (_: unknown, ctx) => {
            contexts.push(ctx);
            await go.reached;
          },
        }),
      },
    });
    const heard = listen(manager);
    const events = (ctx: Context) => only(heard, 'job-progress').filter(({ jobId }) => jobId === ctx.job.id);
    const { id: first } = await manager.enqueue('task', null);
    await until(() => contexts.length === 1);
    await manager.enqueue('task', null);
    await until(() => contexts.length === 2);
    contexts[0]!.progress(1);
    contexts[0]!.progress(2);
    clock.ms += 50;
    contexts[1]!.progress(1);
    contexts[1]!.progress(2);
    clock.ms += 10;
    await until(() => events(contexts[0]!).length === 2);
    expect(contexts[0]!.job.id).toBe(first);
    expect(events(contexts[1]!).map(({ progress }) => progress)).toEqual([1]);
    clock.ms += 50;
    await until(() => events(contexts[1]!).length === 2);
    go.reach();
  });

  test('never falls within an attempt, and begins anew with the next', async () => {
    const { manager, id, progress } = await runOne(
      (ctx) => {
        for (const percent of ctx.attempt === 1 ? [50, 20] : [30, 10, 60]) ctx.progress(percent);
        if (ctx.attempt === 1) throw new Error('again');
      },
      { progressUpdateInterval: 0 },
    );
    expect(progress.map((event) => event.progress)).toEqual([50, 50, 30, 30, 60]);
    expect(await manager.attempts(id)).toHaveLength(2);
  });

  test.each<[Progress, number, string | null]>([
    [0, 0, null],
    [33.9, 33, null],
    [-5, 0, null],
    [250, 100, null],
    [{ done: 1, total: 3 }, 33, '1 of 3'],
    [{ done: 0, total: 0 }, 100, '0 of 0'],
    [{ done: 5, total: 3 }, 100, '5 of 3'],
    [{ done: 1, total: 2, message: 'half way' }, 50, 'half way'],
    [{ done: 1, total: 2, message: 'x'.repeat(5000) }, 50, 'x'.repeat(1000)],
  ])('%j is %i %', async (given, percent, note) => {
    const { progress } = await runOne((ctx) => ctx.progress(given));
    expect(progress).toMatchObject([{ progress: percent, note }]);
  });

  test.each<[unknown, string]>([
    [Number.NaN, 'progress'],
    [Number.POSITIVE_INFINITY, 'progress'],
    ['50', 'progress'],
    [null, 'progress'],
    [undefined, 'progress'],
    [[50], 'progress'],
    [{}, 'progress.done'],
    [{ done: 1 }, 'progress.total'],
    [{ done: Number.NaN, total: 2 }, 'progress.done'],
    [{ done: 1, total: 2, message: { odd: true } }, 'progress.message'],
  ])('%j is refused where it is said, and nothing of it is written', async (given, field) => {
    let refused: unknown;
    const { manager, id, heard, progress } = await runOne(async (ctx) => {
      ctx.progress(10);
      refused = await refusalOf(() => ctx.progress(given as Progress));
    });
    expect(refused).toMatchObject({ code: 'INVALID_OPTION', field });
    expect(progress.map((event) => event.progress)).toEqual([10]);
    expect(only(heard, 'error')).toEqual([]);
    expect(await manager.get(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  test('is written while the job runs and nobody listens', async () => {
    const go = signal();
    const manager = await startManager({
      jobs: {
        task: job({
          run: async (_: unknown, ctx) => {
            ctx.progress(42);
            await go.reached;
          },
        }),
      },
    });
    const { id } = await manager.enqueue('task', null);
    await until(async () => (await manager.get(id))?.progress === 42);
    go.reach();
    await manager.result(id);
  });
});

describe('the log of an attempt', () => {
  test('is kept in order, per attempt, with levels, fields and times', async () => {
    const before = Date.now();
    const { manager, id } = await runOne((ctx) => {
      ctx.log.debug('begin');
      ctx.log.info({ rows: 3, at: { deep: [1] } }, 'read');
      ctx.log.warn('slow');
      ctx.log.error({ err: new TypeError('odd'), big: 5n }, 'broken');
      if (ctx.attempt === 1) throw new Error('again');
    });
    const lines = await manager.logs(id);
    const once = [
      { level: 'debug', message: 'begin', fields: null },
      { level: 'info', message: 'read', fields: { rows: 3, at: { deep: [1] } } },
      { level: 'warn', message: 'slow', fields: null },
      { level: 'error', message: 'broken', fields: { err: 'TypeError: odd', big: '5n' } },
    ];
    expect(lines).toMatchObject([...once, ...once]);
    expect(lines.map(({ n }) => n)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    const claims = (await manager.attempts(id)).map(({ claim }) => claim);
    expect(lines.map(({ claim }) => claim)).toEqual(claims.flatMap((claim) => [claim, claim, claim, claim]));
    for (const { at } of lines) expect(at).toBeGreaterThanOrEqual(before);
  });

  test('is paged by the position of the last line seen', async () => {
    const { manager, id } = await runOne((ctx) => {
      for (let i = 0; i < 10; i++) ctx.log.info(`line ${i}`);
    });
    const first = await manager.logs(id, { limit: 4 });
    const rest = await manager.logs(id, { after: first.at(-1)! });
    expect([...first, ...rest].map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, i) => `line ${i}`),
    );
  });

  test('ends with a note when it reaches its size', async () => {
    const { manager, id } = await runOne(
      (ctx) => {
        for (let i = 0; i < 1000; i++) ctx.log.info('x'.repeat(100));
      },
      { maxLogBytes: 2000 },
    );
    const lines = await manager.logs(id);
    expect(lines.length).toBeLessThan(20);
    expect(lines.at(-1)?.message).toMatch(/reached 2000 bytes; what follows is dropped/);
    expect(lines.reduce((bytes, { message }) => bytes + message.length, 0)).toBeLessThan(2500);
  });

  test('can be read while the job runs', async () => {
    const go = signal();
    const manager = await startManager({
      jobs: {
        task: job({
          run: async (_: unknown, ctx) => {
            ctx.log.info('working');
            await go.reached;
          },
        }),
      },
    });
    const { id } = await manager.enqueue('task', null);
    await until(async () => (await manager.logs(id)).length === 1);
    expect((await manager.get(id))?.status).toBe('running');
    go.reach();
    await manager.result(id);
  });

  test('takes odd fields without harm to the other lines', async () => {
    const ring: Record<string, unknown> = {};
    ring['self'] = ring;
    const { manager, id, heard } = await runOne((ctx) => {
      ctx.log.info(ring, 'a ring');
      ctx.log.info({ toJSON: () => undefined }, 'nothing');
      ctx.log.info({ f: () => 1, n: Number.NaN }, 'half');
      ctx.log.info(null as never, 'no fields');
      ctx.log.info(42 as never);
      ctx.log.info('last \ud800');
    });
    const lines = await manager.logs(id);
    expect(lines.map(({ message }) => message)).toEqual([
      'a ring',
      'nothing',
      'half',
      'no fields',
      '42',
      'last \ufffd',
    ]);
    expect(lines[0]!.fields).toHaveProperty('unreadable');
    expect(only(heard, 'error')).toEqual([]);
  });

  test('of a handler that goes on after its job has ended is dropped', async () => {
    let log: JobLog | undefined;
    let report: Context['progress'] | undefined;
    const { manager, id, heard } = await runOne((ctx) => {
      log = ctx.log;
      report = ctx.progress;
      ctx.log.info('in time');
    });
    log!.info('too late');
    report!(50);
    await manager.enqueue('task', null).then((next) => manager.result(next));
    expect((await manager.logs(id)).map(({ message }) => message)).toEqual(['in time']);
    expect(only(heard, 'job-progress')).toEqual([]);
  });
});
