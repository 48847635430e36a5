import { job } from 'backline';
import { describe, expect, test } from 'vitest';
import { inAnHour, resultOf, startApplication } from '../../../test/applications.ts';
import { freshFile, refusalOf, startManager } from '../../../test/managers.ts';
import { startProgram } from '../../../test/programs/run.ts';
import { nextEvent } from '../../../test/wait.ts';
import { failLostFunctions } from './lost-functions.ts';

describe('what a dead process left of its functions', () => {
  /** The rows that a process leaves which is killed: one that waits, one for later, one on hold. */
  const leave = async (database: string) => {
    const dead = await startManager({ worker: false }, database);
    const payload = { function: 'ingest', entry: 1 };
    const options = { maxAttempts: 3 };
    const ids = [
      (await dead.enqueue('function.00dead00', payload, options)).id,
      (await dead.enqueue('function.00dead00', payload, { ...options, delay: '1h' })).id,
      (await dead.enqueue('function.00dead00', payload, { ...options, held: true })).id,
    ];
    await dead.close();
    return ids;
  };

  test('fails at the next start, and says why', async () => {
    const database = freshFile();
    const ids = await leave(database);
    const jobs = await startApplication({ database });
    for (const id of ids) {
      expect(await jobs.getJob(id)).toMatchObject({ name: 'ingest', status: 'failed', attempts: 1 });
      expect((await jobs.manager.attempts(id)).at(-1)).toMatchObject({
        outcome: 'failed',
        error: { code: 'FUNCTION_LOST', message: expect.stringContaining('"ingest"') },
      });
    }
  });

  test('fails also where another process notices that it is gone', async () => {
    const database = freshFile();
    const jobs = await startApplication({ database });
    const failed = nextEvent(jobs.manager, 'job-failed');
    const [id] = await leave(database);
    // As the rescuer says when it finds a worker dead.
    const other = await startManager({ jobs: { other: job({ run: () => {} }) } }, database);
    await other.close();
    expect(await failLostFunctions(jobs.manager, database)).toBe(3);
    await failed;
    expect(await jobs.getJob(id!)).toMatchObject({ status: 'failed' });
  });

  test('waits where its queue is paused, holds up nobody, and fails once it may', async () => {
    const database = freshFile();
    const dead = await startManager({ worker: false }, database);
    const { id } = await dead.enqueue('function.00dead00', { function: 'ingest', entry: 1 }, { queue: 'slow' });
    await dead.pauseQueue('slow');
    expect(await failLostFunctions(dead, database, 50)).toBe(0);
    await dead.resumeQueue('slow');
    expect(await failLostFunctions(dead, database)).toBe(1);
    expect(await dead.get(id)).toMatchObject({ status: 'failed' });
  });

  test('is not confused with the functions of a living one', async () => {
    const database = freshFile();
    const jobs = await startApplication({ database });
    const id = await jobs.addScheduledJob(() => 'mine', inAnHour());
    expect(await failLostFunctions(jobs.manager, database)).toBe(0);
    await jobs.manager.runNow(id);
    expect(await resultOf(jobs, id)).toBe('mine');
  });

  test('cannot be retried: the function is gone', async () => {
    const jobs = await startApplication();
    const id = await jobs.addImmediateJob(() => Promise.reject(new Error('no')));
    await resultOf(jobs, id).catch(() => {});
    expect(await jobs.manager.retry(id)).toBe(true);
    const refusal = await refusalOf(() => resultOf(jobs, id));
    expect(refusal.cause).toMatchObject({ code: 'FUNCTION_LOST' });
  });
});

test('a process that is killed leaves no job that nobody can run', { timeout: 60_000 }, async () => {
  const database = freshFile();
  const program = startProgram('application', [database]);
  await program.said('ready');
  await program.said('running');
  program.process.kill('SIGKILL');
  await program.ended;
  const jobs = await startApplication({ database });
  for (const id of ['running', 'waiting', 'later']) {
    expect(await jobs.getJob(id)).toMatchObject({ status: 'failed' });
    expect((await jobs.manager.attempts(id)).at(-1)).toMatchObject({ error: { code: 'FUNCTION_LOST' } });
  }
  expect(await jobs.getJobs()).toEqual([]);
});
