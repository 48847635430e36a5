import { describe, expect, test } from 'vitest';
import { codeOf, freshFile, refusalOf, startManager } from '../../test/managers.ts';
import { aborted } from '../../test/mock-job-executor.ts';
import { signal, until } from '../../test/wait.ts';
import { job } from '../job/define.ts';

const jobs = {
  echo: job({ run: (payload: unknown) => payload }),
  fail: job({
    maxAttempts: 1,
    run: () => {
      throw Object.assign(new TypeError('no', { cause: new Error('below') }), { code: 'EODD' });
    },
  }),
  wait: job({ maxAttempts: 1, run: (_: unknown, ctx) => aborted(ctx.signal) }),
};

describe('waiting for a result', () => {
  test.each([null, 0, false, '', 'text', [1, { a: null }], { nested: { n: 1.5 } }])(
    'yields %j as it was returned',
    async (value) => {
      const manager = await startManager({ jobs });
      expect(await manager.result(await manager.enqueue('echo', value))).toEqual(value);
    },
  );

  test('yields null where the handler returned nothing', async () => {
    const manager = await startManager({ jobs: { nothing: job({ run: () => {} }) } });
    expect(await manager.result(await manager.enqueue('nothing', null))).toBeNull();
  });

  test('works before, while and after the job runs, for many at once', async () => {
    const go = signal();
    const slow = job({ run: () => go.reached.then(() => 'done') });
    const manager = await startManager({ jobs: { slow } });
    const { id } = await manager.enqueue('slow', null, { held: true });
    const waits = [manager.result(id)];
    await manager.resumeJob(id);
    waits.push(manager.result(id));
    await until(async () => (await manager.get(id))?.status === 'running');
    waits.push(manager.result(id), manager.result(id, { timeout: '1h' }));
    go.reach();
    expect(await Promise.all(waits)).toEqual(['done', 'done', 'done', 'done']);
    expect(await manager.result(id)).toBe('done');
  });

  test('tells how it failed, with the error as its cause', async () => {
    const manager = await startManager({ jobs });
    const { id } = await manager.enqueue('fail');
    const error = await refusalOf(() => manager.result(id));
    expect(error).toMatchObject({ code: 'JOB_FAILED', next: `See its attempts with: backline jobs show ${id}` });
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'no', code: 'EODD', cause: { message: 'below' } });
    expect((error.cause as Error).stack).toContain('results.test.ts');
  });

  test('tells of a time-out and of a cancel', async () => {
    const manager = await startManager({ jobs });
    expect(await codeOf(async () => manager.result(await manager.enqueue('wait', null, { timeout: 10 })))).toBe(
      'JOB_TIMED_OUT',
    );
    const { id } = await manager.enqueue('wait');
    const ended = codeOf(() => manager.result(id));
    await manager.cancel(id);
    expect(await ended).toBe('JOB_CANCELLED');
  });

  test('of a job that does not exist ends at once', async () => {
    const manager = await startManager({ jobs });
    expect(await refusalOf(() => manager.result('nobody'))).toMatchObject({ code: 'JOB_NOT_FOUND', found: 'nobody' });
  });

  test('ends after its time, says where the job is, and leaves the job alone', async () => {
    const manager = await startManager({ jobs });
    const { id } = await manager.enqueue('wait');
    await until(async () => (await manager.get(id))?.status === 'running');
    expect(await refusalOf(() => manager.result(id, { timeout: 20 }))).toMatchObject({
      code: 'RESULT_TIMEOUT',
      message: expect.stringContaining(`Job ${id} is still running after 20 ms; it goes on.`),
    });
    expect((await manager.get(id))?.status).toBe('running');
  });

  test('may be longer than a timer can hold', async () => {
    const manager = await startManager({ jobs });
    const { id } = await manager.enqueue('echo', 1, { held: true });
    const waited = manager.result(id, { timeout: '1000d' });
    await manager.resumeJob(id);
    expect(await waited).toBe(1);
  });

  test('works for a job that another process runs, and in one that runs none', async () => {
    const file = freshFile();
    const client = await startManager({ worker: false }, file);
    const worker = await startManager({ jobs }, file);
    const { id } = await client.enqueue('echo', 'from afar');
    expect(await client.result(id)).toBe('from afar');
    expect(await worker.result(id)).toBe('from afar');
  });

  test('in the moment in which the job ends is not missed', async () => {
    const manager = await startManager({ jobs });
    const started = performance.now();
    for (let i = 0; i < 60; i++) {
      const { id } = await manager.enqueue('echo', i);
      for (let turn = 0; turn < i % 15; turn++) await null;
      expect(await manager.result(id)).toBe(i);
    }
    // A wait that missed the event would look again after a second.
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test.each([
    [{ timeout: -1 }, 'timeout'],
    [{ timeout: 'soon' }, 'timeout'],
    [{ timeout: false }, 'timeout'],
    [{ wait: 5 }, 'wait'],
    [null, 'options'],
  ])('refuses %j', async (options, field) => {
    const manager = await startManager({ jobs });
    expect(await refusalOf(() => manager.result('a', options as never))).toMatchObject({ field });
  });
});
