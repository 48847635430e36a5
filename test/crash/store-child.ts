/**
 * Does everything that a store can do, again and again, and reports what was promised to it. The test kills it at a failpoint.
 * Before it lets something be deleted it says so: then the row may be there afterwards or not.
 */
import { cancel, changeFor, complete } from '../../src/job/change.ts';
import type { NewCallback } from '../../src/job/enqueue-options.ts';
import type { Failpoint } from '../../src/store/sqlite/failpoints.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { newJob, STILL, workerInfo } from '../conformance/records.ts';
import { dieAt, orderOf, report } from './report.ts';

const { file, failpoint, nth } = orderOf<{ file: string; failpoint: Failpoint | null; nth: number }>();
const POLICY = { wait: () => 0, retryTimeouts: true };
const FAILURE = { name: 'Error', message: 'no' };
const ROUNDS = 6;

const enqueue = async (store: Store, n: number, given: Parameters<typeof newJob>[0] = {}): Promise<string[]> => {
  const jobs = Array.from({ length: n }, () => newJob({ ...given, runAt: Date.now() }));
  await store.insert(jobs, Date.now());
  const ids = jobs.map(({ id }) => id);
  report('enqueued', { ids });
  return ids;
};

const work = async (store: Store, owner: string): Promise<void> => {
  const { jobs } = await store.claim({ owner, n: 4, types: ['mail'] }, Date.now());
  await store.saveProgress(
    jobs.map((job) => ({ job, percent: 50, note: 'half' })),
    Date.now(),
  );
  await store.appendLogs(
    jobs.map(({ seq, claim }) => ({ seq, claim, n: 0, at: 1, level: 'info', message: 'm', fields: null })),
  );
  const [failed, cancelled, ...completed] = jobs;
  for (const { id, claim } of completed) report('effect', { id, claim });
  await store.applyChanges(completed.map((job) => complete(job, '1', Date.now())));
  report('completed', { ids: completed.map(({ id }) => id) });
  if (failed) await store.applyChanges([changeFor(failed, { kind: 'failed', failure: FAILURE }, POLICY, Date.now())]);
  if (cancelled) await store.applyChanges([cancel(cancelled, 'enough', Date.now())]);
};

/** Cancel, new life, another priority, pause, removal. */
const meddle = async (store: Store): Promise<void> => {
  const now = Date.now();
  const [a, b] = await enqueue(store, 2);
  await store.requestCancel({ ids: [a!, b!] }, 'no', now);
  report('cancelled', { ids: [a, b] });
  report('deleting', { ids: [b] });
  await store.remove({ ids: [b!] }, now);
  report('reviving', { ids: [a] });
  await store.revive({ ids: [a!] }, now);
  await store.adjust(a!, { priority: 9 }, now);
  await store.setQueue('side', { pause: null, maxRunning: 3 }, now);
};

/** A batch whose jobs this process works on, and one that ends at once; both call back. */
const group = async (store: Store, owner: string, round: number): Promise<void> => {
  const now = Date.now();
  const callbackOf = (id: string): NewCallback => {
    const {
      type,
      queue,
      priority,
      payload,
      maxAttempts,
      maxCrashes,
      timeoutMs,
      totalMs,
      limitKey,
      tags,
      userInitiated,
    } = newJob();
    const job = {
      id: `${id}-end`,
      type,
      queue,
      priority,
      payload,
      maxAttempts,
      maxCrashes,
      timeoutMs,
      totalMs,
      limitKey,
    };
    return { on: 'end', job: { ...job, tags, userInitiated }, delayMs: 0, runAt: null, startMs: null };
  };
  const batchOf = (name: string, jobs: number) => {
    const id = `${name}-${process.pid}-${round}`;
    const batch = { policy: 'finish', open: false, callbacks: [callbackOf(id)] } as const;
    const children = Array.from({ length: jobs }, () => newJob({ parentId: id, runAt: now, priority: 1 }));
    return [newJob({ id, type: 'album', runAt: now, batch }), ...children];
  };
  const all = [...batchOf('group', 3), ...batchOf('empty', 0)];
  await store.insert(all, now);
  report('enqueued', { ids: all.map(({ id }) => id) });
  await work(store, owner);
};

/** A request that the next process sends again. */
const request = async (store: Store, round: number): Promise<void> => {
  const key = `request-${round}`;
  report('requesting', { key });
  const now = Date.now();
  const [made] = (await store.insertOnce({ key, fingerprint: 'f', until: now * 2 }, [newJob({ runAt: now })], now))!;
  report('enqueued', { ids: [made!.id] });
  report('requested', { key, id: made!.id });
};

const loseWorker = async (store: Store, round: number): Promise<void> => {
  const owner = `dead#${process.pid}-${round}`;
  const lease = await store.keepLease(workerInfo('dead', { owner, types: ['mail'] }), STILL);
  await store.claim({ owner, n: 2, types: ['mail'] }, Date.now());
  await store.releaseOrphans([{ owner, beat: 1 }], Date.now());
  await lease.end();
};

const forget = async (store: Store): Promise<void> => {
  report('deleting-finished');
  await store.prune({ doneBefore: null, failedBefore: null, keep: 3 }, Date.now());
};

if (failpoint === 'migration-step') dieAt(failpoint, 1);
const store = await openSqlite(file);
// A second listener: then changes are written to the journal.
const other = await openSqlite(file);
other.watch(() => {});
await other.poll(Date.now());
if (failpoint) dieAt(failpoint, nth);
const owner = `child#${process.pid}`;
await store.keepLease(workerInfo('child', { owner, types: ['mail'], pid: process.pid }), STILL);
for (let round = 0; round < ROUNDS; round++) {
  await enqueue(store, 3);
  await enqueue(store, 1, { payload: JSON.stringify('x'.repeat(3000)), tags: ['large'], queue: 'side' });
  await Promise.all([enqueue(store, 1), enqueue(store, 1), work(store, owner)]);
  await work(store, owner);
  await request(store, round);
  await group(store, owner, round);
  await meddle(store);
  await loseWorker(store, round);
  if (round >= 2) await forget(store);
}
report('survived');
