/** A database with every kind of job in it, made by a manager and its handlers; and what clients see of a database, to compare two. */
import { JobManager, job, NoRetryError } from 'backline';
import { toScheduledJob } from '../../src/schedule/record.ts';
import { checkSchedule } from '../../src/schedule/spec.ts';
import { openStore } from '../../src/store/open.ts';
import { ALL_TYPES, newJob, workerInfo } from '../conformance/records.ts';
import { IMPATIENT } from '../managers.ts';
import { until } from '../wait.ts';

/** A request that may come again, after the move as well. */
export const REQUEST = { key: 'asked', caller: 'somebody', fingerprint: 'echo' };

export const HOUR = 3_600_000;
const NUL = String.fromCharCode(0);

/** Handlers by what they do; `mail` waits in queues that are served only after the move. */
const jobs = {
  mail: job({ run: (payload: unknown) => payload }),
  echo: job({ run: (payload: unknown) => payload }),
  logging: job({
    run: async (n: unknown, ctx) => {
      ctx.log.info({ n, of: 'drei „Zeilen“ 🎼' }, 'eins');
      ctx.log.warn('zwei');
      ctx.progress({ done: 1, total: 2, message: 'halb' });
      return { n };
    },
  }),
  failing: job({
    maxAttempts: 2,
    run: async (_: unknown, ctx) => {
      ctx.log.error(`attempt ${ctx.attempt}`);
      throw new NoRetryError('it is broken: "\\ {}', { cause: new Error('below') });
    },
  }),
  flaky: job({
    run: async (_: unknown, ctx) => {
      if (ctx.attempt === 1) throw new Error('once');
      return 'at last';
    },
  }),
  retrying: job({
    backoff: '10h',
    run: async () => {
      throw new Error('try me tomorrow');
    },
  }),
  slow: job({ timeout: 20, maxAttempts: 1, run: (_: unknown, ctx) => aborted(ctx.signal) }),
};

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

/** Ids of jobs by what they are. */
export interface Made {
  /** Those that run after the move, in this order. */
  readonly waiting: readonly string[];
  readonly jobs: number;
}

/** Fills a database that is not there yet. @returns what waits in it. */
export const makeEverything = async (url: string): Promise<Made> => {
  const manager = new JobManager(url, { ...IMPATIENT, jobs, maxConcurrentJobs: 3, queues: ['default', 'café'] });
  await manager.start();
  try {
    await endSome(manager);
    await endBatches(manager);
    const waiting = await letWait(manager);
    await settings(manager);
    await manager.close();
    await leaveOrphans(url);
    await leaveSchedules(url);
    return { waiting, jobs: await countOf(url) };
  } finally {
    await manager.close({ timeout: 0 });
  }
};

type Manager = JobManager<typeof jobs>;

const endSome = async (manager: Manager): Promise<void> => {
  const large = { text: 'größer 🎧 '.repeat(20_000), list: [1.5, null, { a: [] }] };
  const ended = [
    await manager.enqueue(
      'echo',
      { hello: 'wörld', emoji: '👩‍🚀', zero: NUL, quote: `'"\\` },
      { tags: ['a', 'größe', 'b:c'], tenant: 'größe' },
    ),
    await manager.enqueue('echo', large, { key: 'used before', limitKey: 'lanes' }),
    await manager.enqueue('echo', null, {
      id: 'my-own-id',
      queue: 'café',
      userInitiated: false,
      priority: 1,
      timeout: false,
    }),
    await manager.enqueue('logging', 7, { totalTimeout: '1h', timeout: '1500ms' }),
    await manager.enqueue('flaky'),
    await manager.enqueue('failing', [], { tags: ['bad'] }),
    await manager.enqueue('slow', 'zzz'),
    await manager.enqueue('echo', 'once a day', { key: 'daily', keyWindow: '1d' }),
  ];
  ended.push(await manager.forRequest(REQUEST).enqueue('echo', 'asked for once'));
  for (const { id } of ended) await manager.result(id).catch(() => {});
  const failed = ended[5]!.id;
  expectTrue(await manager.retry(failed), 'a second life');
  await manager.result(failed).catch(() => {});
  const replayed = await manager.enqueue('echo', 'cancelled while it waits', { delay: '5h', parent: ended[0]!.id });
  await manager.cancel(replayed.id, { reason: 'not wanted ☹' });
  const retrying = await manager.enqueue('retrying', {}, { tags: ['later'] });
  await until(
    async () =>
      (await manager.get(retrying.id))?.attempts === 1 && (await manager.get(retrying.id))?.status === 'queued',
  );
};

const endBatches = async (manager: Manager): Promise<void> => {
  const callback = { type: 'echo', payload: { told: true }, options: { tags: ['callback'] } } as const;
  const two = [
    { type: 'echo' as const, payload: 1 },
    { type: 'failing' as const, payload: 2 },
  ];
  const done = await manager.enqueueBatch({
    type: 'import',
    payload: { of: 'files' },
    jobs: two,
    onEnd: callback,
    tags: ['batch'],
  });
  const lost = await manager.enqueueBatch({
    type: 'import',
    jobs: two,
    failurePolicy: 'fail-fast',
    onFailure: callback,
  });
  await until(
    async () =>
      (await manager.get(done.id))?.status === 'completed' && (await manager.get(lost.id))?.status === 'failed',
  );
  await until(async () => (await manager.count({ type: 'echo', tag: 'callback', status: 'completed' })) === 2);
};

/** In the order in which they will run: by priority, then run time, then insertion. */
const letWait = async (manager: Manager): Promise<string[]> => {
  const open = await manager.enqueueBatch({
    type: 'nightly',
    jobs: [{ type: 'echo', payload: 'of the open batch' }],
    failurePolicy: { atLeast: 1 },
    open: true,
    totalTimeout: '10h',
    onSuccess: { type: 'echo', payload: 'the open batch has ended' },
  });
  await until(async () => (await manager.get(open.id))?.batch?.completed === 1);
  const add = async (payload: unknown, options: Parameters<Manager['enqueue']>[2] = {}): Promise<string> =>
    (await manager.enqueue('mail', payload, { queue: 'later', ...options })).id;
  await add('held', { held: true, tags: ['held'], tenant: 'ada', key: 'of ada' });
  await add('delayed', { delay: '20h', expiresAt: Date.now() + 40 * HOUR });
  await add('paused away', { queue: 'paused' });
  const parent = await add('first', { priority: 2, limitKey: 'lanes' });
  const last = await add('last', { priority: 9, key: 'only one', limitKey: 'lanes', maxAttempts: 7, maxCrashes: 2 });
  const inOrder: string[] = [];
  for (let i = 0; i < 25; i++) inOrder.push(await add(`in order ${i}`, { parent, tags: [`n${i}`] }));
  return [parent, ...inOrder, last];
};

const settings = async (manager: Manager): Promise<void> => {
  await manager.pauseQueue('paused', { reason: 'für später', actor: 'Ada' });
  await manager.pauseQueue('until', { until: Date.now() + 30 * HOUR });
  await manager.limitQueue('café', 3);
  await manager.limitKey('lanes', 2);
};

/** One that has fired, one that is paused, and one that was removed. */
const leaveSchedules = async (url: string): Promise<void> => {
  const store = await openStore(url);
  const now = Date.now();
  const spec = (id: string, cron: string) => {
    const job = toScheduledJob(newJob({ type: 'report', payload: '{"größe":"🎧"}', tags: ['nachts'] }));
    return checkSchedule(
      { id, job, trigger: { cron, timeZone: 'Europe/Berlin' }, source: 'api', build: '1.2' },
      now - HOUR,
    );
  };
  const by = { actor: 'Ada', version: null };
  for (const id of ['fired', 'still', 'gone'])
    await store.schedules.change(id, { kind: 'add', spec: spec(id, '* * * * *'), actor: 'Ada' }, now - HOUR);
  await store.schedules.change('still', { kind: 'pause', reason: 'für später', until: now + HOUR, ...by }, now);
  await store.schedules.change('gone', { kind: 'remove', ...by }, now);
  const { jobs } = await store.schedules.fire({ limit: 10, newId: () => 'slot-of-fired' }, now);
  if (jobs !== 1) throw new Error(`${jobs} slots were fired`);
  await store.close();
};

/** Jobs of a worker that is gone: one that is asked to stop, one that has said how far it is. */
const leaveOrphans = async (url: string): Promise<void> => {
  const store = await openStore(url);
  const now = Date.now();
  const lease = { leaseMs: 1000, beatMs: HOUR, stuckLoopMs: null, now: () => now - HOUR };
  const idle = { onLost: () => {}, onBlocked: () => {}, onTrouble: () => {} };
  const worker = workerInfo('gone', { types: ALL_TYPES });
  await store.keepLease(worker, { ...lease, ...idle });
  const orphans = ['import', 'report'].map((type) =>
    newJob({
      type,
      id: `orphan-${type}`,
      runAt: now,
      priority: 1,
      queue: 'orphans',
      limitKey: 'few',
      key: type,
      totalMs: 9 * HOUR,
    }),
  );
  await store.insert(orphans, now);
  const { jobs: claimed } = await store.claim(
    { owner: worker.owner, n: 2, types: ['import', 'report'], queues: ['orphans'] },
    now,
  );
  await store.appendLogs([
    { seq: claimed[0]!.seq, claim: 1, n: 1, at: now, level: 'debug', message: `with a ${NUL}`, fields: null },
  ]);
  await store.saveProgress([{ job: claimed[0]!, percent: 40, note: 'nearly' }], now);
  await store.requestCancel({ ids: [claimed[1]!.id] }, 'too slow', now);
  await store.close();
};

const countOf = async (url: string): Promise<number> => {
  const store = await openStore(url, { create: false });
  try {
    return (await store.stats()).total;
  } finally {
    await store.close();
  }
};

const expectTrue = (answer: boolean, what: string): void => {
  if (!answer) throw new Error(`expected ${what}`);
};

/** All that a client can ask, but for the size of the file. */
export const portraitOf = async (url: string) => {
  const client = new JobManager(url, { ...IMPATIENT, worker: false, create: false });
  await client.start();
  try {
    const all = await client.getAllJobs();
    const withHistory = [];
    for (const one of all)
      withHistory.push({ ...one, history: await client.attempts(one.id), lines: await client.logs(one.id) });
    const { sizeBytes: _, ...stats } = await client.stats();
    const since = Math.min(...all.map(({ createdAt }) => createdAt)) - HOUR;
    const metrics = await client.metrics({ since, until: since + 3 * HOUR, step: '1m' });
    const { problems } = await client.checkIntegrity();
    return plain({ jobs: withHistory, stats, queues: await client.queues(), metrics, problems });
  } finally {
    await client.close();
  }
};

/** PostgreSQL's text cannot hold the character 0: what stands in its place there counts as the same. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '\uFFFD')) as T;
