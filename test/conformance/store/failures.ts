import { expect } from 'vitest';
import { changeFor } from '../../../src/job/change.ts';
import { fingerprintOf } from '../../../src/job/fingerprint.ts';
import type { Failure } from '../../../src/job/job.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { count, ids, list, newJob, newJobs, put, putOne, startWorker, T0 } from '../fixtures.ts';

const POLICY = { wait: () => 0, retryTimeouts: true };

/** One job for each failure, whose id is its place; all of them fail. */
const fail = async (
  store: Store,
  failures: readonly Partial<Failure>[],
  kind: 'failed' | 'timeout' = 'failed',
  tenant: string | null = null,
) => {
  const before = await count(store);
  const all = await put(
    store,
    failures.map((_, i) => newJob({ id: `f${before + i}`, maxAttempts: 1, maxCrashes: 1, tenant })),
  );
  const worker = await startWorker(store, `w${before}`);
  for (const [i, job] of (await worker.claim()).entries()) {
    const failure = { name: 'Error', message: '', ...failures[i] };
    await store.applyChanges([changeFor(job, { kind, failure }, POLICY, T0 + before + i)]);
  }
  return all;
};

const MESSAGES = [
  'SMTP 421 for user 7',
  'SMTP 450 for user 12345',
  'no mailbox ada@example.test, later',
  'no mailbox BOB+x@b.test, later',
  'job 0b4e3a7c-12ab-4cde-9f00-aabbccddeeff is gone',
  'job DEADBEEF00 is gone',
  'first 1\nsecond 2',
  'first 2',
  'it\'s 100 % \\ "quoted" $1 & (a|b)* ü ß 東京 💥',
  'x'.repeat(299),
  `${'x'.repeat(299)}12`,
  `${'💥'.repeat(300)}abc`,
  ' 1 ',
  '',
];

export const failureCases = ({ test }: Subject): void => {
  test('failed jobs come newest first, with what is known of their error', async (store) => {
    await fail(store, [{ message: 'a', name: 'SmtpError', code: 'E421' }, { message: 'b' }]);
    await fail(store, [{ message: 'late' }], 'timeout');
    await putOne(store, { id: 'waits' });
    expect(await store.failures(null, 10)).toEqual([
      {
        ...{ seq: 3, id: 'f2', type: 'mail', queue: 'default', status: 'timeout', message: 'late' },
        ...{ name: 'Error', code: null, endedAt: T0 + 2 },
      },
      {
        ...{ seq: 2, id: 'f1', type: 'mail', queue: 'default', status: 'failed', message: 'b' },
        ...{ name: 'Error', code: null, endedAt: T0 + 1 },
      },
      {
        ...{ seq: 1, id: 'f0', type: 'mail', queue: 'default', status: 'failed', message: 'a' },
        ...{ name: 'SmtpError', code: 'E421', endedAt: T0 },
      },
    ]);
  });

  test('they are read lot by lot, each once, of both states in one order', async (store) => {
    for (let n = 0; n < 4; n++) {
      await fail(store, [{ message: 'a' }, { message: 'b' }]);
      await fail(store, [{ message: 'c' }], 'timeout');
    }
    const found: string[] = [];
    for (let before: number | null = null; ; ) {
      const lot = await store.failures(before, 5);
      found.push(...ids(lot));
      if (lot.length < 5) break;
      before = lot.at(-1)!.seq;
    }
    expect(found).toEqual(Array.from({ length: 12 }, (_, i) => `f${11 - i}`));
  });

  test('of those of others nothing is told to who sees a part, and what there is comes lot by lot', async (store) => {
    const ours = { queues: null, tenants: ['acme'] };
    for (let n = 0; n < 3; n++) {
      await fail(store, [{ message: 'theirs' }], 'failed', 'globex');
      await fail(store, [{ message: 'ours', name: 'SmtpError', code: 'E421' }], 'failed', 'acme');
      await fail(store, [{ message: 'nobody' }], 'timeout');
    }
    const first = await store.failures(null, 2, ours);
    expect(ids(first)).toEqual(['f7', 'f4']);
    expect(first[0]).toMatchObject({ message: 'ours', name: 'SmtpError', code: 'E421', status: 'failed' });
    expect(ids(await store.failures(first.at(-1)!.seq, 2, ours))).toEqual(['f1']);
    expect(await store.failures(null, 5, { queues: ['elsewhere'], tenants: null })).toEqual([]);
  });

  test('what lives again, was cancelled, or has nothing to say of its error', async (store) => {
    const [again] = await fail(store, [{ message: 'a' }, { message: 'half of \ud800 and \u0000' }]);
    await store.revive({ ids: [again!] }, T0);
    await store.requestCancel({ ids: [await putOne(store)] }, 'no', T0);
    const [lot, ...others] = await store.failures(null, 10);
    expect(others).toEqual([]);
    expect(lot).toMatchObject({ id: 'f1', name: 'Error' });
  });

  test('a fingerprint finds every job with the error, and no other, whatever stands in the message', async (store) => {
    const all = await fail(
      store,
      MESSAGES.map((message) => ({ message })),
    );
    await fail(store, [{ message: MESSAGES[0]! }], 'timeout');
    await store.requestCancel({ ids: [await putOne(store)] }, MESSAGES[0]!, T0);
    for (const message of MESSAGES) {
      const wanted = all.filter((_, i) => fingerprintOf(MESSAGES[i]!) === fingerprintOf(message));
      if (message.startsWith('SMTP')) wanted.push('f14');
      const found = await list(store, { fingerprint: fingerprintOf(message) });
      expect(ids(found).toSorted(), message).toEqual(wanted.toSorted());
    }
    const fingerprint = fingerprintOf(MESSAGES[0]!);
    expect(await count(store, { fingerprint, status: 'failed' })).toBe(2);
    expect(await store.revive({ filter: { fingerprint } }, T0)).toBe(3);
    expect(await count(store, { fingerprint })).toBe(0);
  });

  test('batches are told from jobs, while they run and when they have ended', async (store) => {
    const policy = { policy: 'finish', open: false, callbacks: [] } as const;
    const made = await put(store, [
      newJob({ id: 'over', batch: policy }),
      newJob({ id: 'child', parentId: 'over' }),
      newJob({ id: 'runs', batch: policy }),
      newJob({ id: 'waits', parentId: 'runs' }),
    ]);
    await put(store, newJobs(1));
    await store.requestCancel({ ids: ['child'] }, 'no', T0);
    expect(made).toHaveLength(4);
    expect(ids(await list(store, { batch: true }))).toEqual(['runs', 'over']);
    expect(ids(await list(store, { batch: true, status: 'running' }))).toEqual(['runs']);
    expect(await count(store, { batch: false })).toBe(3);
  });
};
