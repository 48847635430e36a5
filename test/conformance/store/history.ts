import { expect } from 'vitest';
import { changeFor, complete } from '../../../src/job/change.ts';
import type { LogEntry } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { HOUR, newJob, putOne, SECOND, startWorker, T0 } from '../fixtures.ts';

const POLICY = { wait: () => SECOND, retryTimeouts: true };
const FAILURE = {
  name: 'TypeError',
  message: 'no',
  code: 'E1',
  stack: 'at x',
  cause: { name: 'Error', message: 'deep' },
};

export const historyCases = ({ test }: Subject): void => {
  test('a job that never ran has no attempts; one that runs shows it', async (store) => {
    const id = await putOne(store);
    expect(await store.attempts(id)).toEqual([]);
    await (await startWorker(store)).claim({}, T0 + 3);
    expect(await store.attempts(id)).toEqual([
      { claim: 1, attempt: 1, life: 1, startedAt: T0 + 3, endedAt: null, worker: 'w', outcome: 'running', error: null },
    ]);
  });

  test('attempts are kept in order, with worker, times, outcome and the whole error', async (store) => {
    const id = await putOne(store);
    const [one, two] = [await startWorker(store, 'one'), await startWorker(store, 'two')];
    const [failed] = await one.claim({}, T0);
    await store.applyChanges([changeFor(failed!, { kind: 'failed', failure: FAILURE }, POLICY, T0 + 10)]);
    const [completed] = await two.claim({}, T0 + 2 * SECOND);
    await store.applyChanges([complete(completed!, '1', T0 + 3 * SECOND)]);
    expect(await store.attempts(id)).toEqual([
      {
        claim: 1,
        attempt: 1,
        life: 1,
        startedAt: T0,
        endedAt: T0 + 10,
        worker: 'one',
        outcome: 'failed',
        error: FAILURE,
      },
      {
        claim: 2,
        attempt: 2,
        life: 1,
        startedAt: T0 + 2 * SECOND,
        endedAt: T0 + 3 * SECOND,
        worker: 'two',
        outcome: 'completed',
        error: null,
      },
    ]);
  });

  test('snoozes, releases and crashes are kept though their attempt is given back', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    for (const outcome of [{ kind: 'snoozed', delayMs: 0 }, { kind: 'released' }] as const) {
      const [job] = await worker.claim();
      await store.applyChanges([changeFor(job!, outcome, POLICY, T0)]);
    }
    await worker.claim();
    await worker.die(T0 + 5);
    await (await startWorker(store, 'next')).claim();
    const attempts = await store.attempts(id);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['snoozed', 'released', 'crashed', 'running']);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
    expect(attempts[2]).toMatchObject({ endedAt: T0 + 5, worker: 'w', error: { name: 'WorkerDied' } });
  });

  test('a new life begins at attempt 1 and keeps the attempts of the old one', async (store) => {
    const id = await putOne(store, { maxAttempts: 1 });
    const worker = await startWorker(store);
    const [first] = await worker.claim();
    await store.applyChanges([changeFor(first!, { kind: 'timeout', failure: FAILURE }, POLICY, T0)]);
    await store.revive({ ids: [id] }, T0 + 1);
    const [second] = await worker.claim({}, T0 + 1);
    expect(second).toMatchObject({ life: 2, attempts: 1 });
    await store.applyChanges([complete(second!, null, T0 + 2)]);
    expect((await store.attempts(id)).map(({ life, attempt, outcome }) => [life, attempt, outcome])).toEqual([
      [1, 1, 'timeout'],
      [2, 1, 'completed'],
    ]);
  });

  test('attempts of an unknown job are an empty list', async (store) => {
    expect(await store.attempts('nobody')).toEqual([]);
    expect(await store.logs('nobody', null, 10)).toEqual([]);
  });

  test('log lines come back in order, per attempt, from any position, and only of this job', async (store) => {
    const worker = await startWorker(store);
    const [a, b] = [await putOne(store, { id: 'a' }), await putOne(store, { id: 'b' })];
    const jobs = await worker.claim();
    const line = (job: number, claim: number, n: number): LogEntry => ({
      ...{ seq: jobs[job]!.seq, claim, n, at: T0 + n, level: 'info', message: `${job}.${claim}.${n}` },
      fields: n === 1 ? '{"size":7}' : null,
    });
    await store.appendLogs([line(0, 2, 0), line(1, 1, 0)]);
    await store.appendLogs([line(0, 1, 0), line(0, 1, 1), line(0, 2, 1)]);
    expect((await store.logs(a, null, 10)).map(({ message }) => message)).toEqual(['0.1.0', '0.1.1', '0.2.0', '0.2.1']);
    expect((await store.logs(a, { claim: 1, n: 1 }, 1)).map(({ message }) => message)).toEqual(['0.2.0']);
    expect((await store.logs(a, { claim: 1, n: 0 }, 1))[0]).toEqual({
      ...{ claim: 1, n: 1, at: T0 + 1, level: 'info', message: '0.1.1', fields: { size: 7 } },
    });
    expect(await store.logs(b, null, 10)).toHaveLength(1);
  });

  test('a log line that is sent twice is kept once', async (store) => {
    const id = await putOne(store);
    const [job] = await (await startWorker(store)).claim();
    const line = { seq: job!.seq, claim: 1, n: 0, at: T0, level: 'warn', message: 'once', fields: null } as const;
    await store.appendLogs([line, line]);
    await store.appendLogs([line]);
    expect(await store.logs(id, null, 10)).toHaveLength(1);
  });

  test('history and log go with their job', async (store) => {
    const id = await putOne(store);
    const worker = await startWorker(store);
    const [job] = await worker.claim();
    await store.appendLogs([{ seq: job!.seq, claim: 1, n: 0, at: T0, level: 'info', message: 'x', fields: null }]);
    await store.applyChanges([changeFor(job!, { kind: 'cancelled', reason: 'no' }, POLICY, T0)]);
    await store.remove({ ids: [id] }, T0);
    await store.insert([newJob({ id })], T0 + HOUR);
    expect(await store.attempts(id)).toEqual([]);
    expect(await store.logs(id, null, 10)).toEqual([]);
  });
};
