/** A service elsewhere, as commands see it: the verbs of the client, carried out through the API. */
import type { BulkAction } from '../../job/bulk.ts';
import { checkDuration, checkInstant } from '../../job/check.ts';
import { checkFilter, type JobFilter, type PageOptions } from '../../job/filter.ts';
import type { Attempt, Job, LogLine } from '../../job/job.ts';
import { payloadWords } from '../../job/where.ts';
import { errorOf } from '../api/from-wire.ts';
import type { ApiClient } from '../api/http-client.ts';
import type { AttemptView, JobView, LogLineView } from '../api/shapes.ts';
import type { Desk } from './desk.ts';
import { hasCode, orIf } from './refusals.ts';
import { schedulesOf } from './remote-schedules.ts';

/** The longest wait that one request asks for. */
const WAIT_MS = 20_000;
/** So many ids fit into an address. */
const IDS = 100;

/** @throws API_UNREACHABLE, NOT_OUR_API. */
export const connectTo = async (api: ApiClient): Promise<Desk> => {
  const { at } = await api.health.get();
  return makeDesk(api, Date.parse(at) - Date.now());
};

const makeDesk = (api: ApiClient, aheadMs: number): Desk => ({
  ...asking(api),
  ...changing(api),
  ...running(api),
  bulk: {
    preview: async ({ filter, action }) => {
      const { oldest, newest, snapshotAt, ...counts } = await api.bulk.preview({
        ...{ which: whichOf(filter), action: actionOf(action) },
      });
      return { ...counts, oldest: msOrNull(oldest), newest: msOrNull(newest), snapshotAt: ms(snapshotAt) };
    },
  },
  schedules: schedulesOf(api),
  now: () => Date.now() + aheadMs,
});

const asking = (api: ApiClient): Pick<Desk, 'get' | 'list' | 'count' | 'explain' | 'attempts' | 'logs' | 'result'> => ({
  get: (id) => orIf(['JOB_NOT_FOUND'], null, async () => jobOf(await api.jobs.get({ id }))),
  list: async (filter = {}, page = {}) => {
    const parts = inParts(filter);
    const pages = await Promise.all(parts.map((part) => api.jobs.list({ ...queryOf(part), ...page })));
    if (pages.length === 1) return { jobs: pages[0]!.jobs.map(jobOf), next: pages[0]!.next };
    return { jobs: merged(pages.flatMap(({ jobs }) => jobs).map(jobOf), page), next: null };
  },
  count: async (filter = {}) => {
    const counts = await Promise.all(inParts(filter).map((part) => api.jobs.count(queryOf(part))));
    return counts.reduce((sum, { count }) => sum + count, 0);
  },
  // Loaded when it is asked for: it brings the schemas with it.
  explain: async (id) => (await import('../api/explanation.ts')).explanationOf(await api.jobs.explain({ id })),
  attempts: async (id) => (await api.jobs.attempts({ id })).attempts.map(attemptOf),
  logs: async (id, { after, limit } = {}) => {
    const { lines } = await api.jobs.logs({ id, limit, after: after && `${after.claim}:${after.n}` });
    return lines.map(logLineOf);
  },
  result: async <R>(job: string | { id: string }, { timeout = 300_000 } = {}) => {
    const id = typeof job === 'string' ? job : job.id;
    const deadline = performance.now() + checkDuration(timeout, 'timeout');
    for (;;) {
      const timeoutMs = Math.ceil(Math.max(0, Math.min(WAIT_MS, deadline - performance.now())));
      try {
        return (await api.jobs.result({ id, timeoutMs })).result as R;
      } catch (error) {
        if (!hasCode(error, ['RESULT_TIMEOUT']) || performance.now() >= deadline) throw error;
      }
    }
  },
});

type Changes =
  | ('enqueue' | 'enqueueMany' | 'cancel' | 'cancelAll' | 'retry' | 'retryAll' | 'remove' | 'removeAll')
  | ('reprioritise' | 'reschedule' | 'runNow' | 'pauseJob' | 'resumeJob');

/** What a change of a job that cannot be made now, or does not exist, throws over there. */
const NOT_DONE = ['JOB_NOT_FOUND', 'NOT_ALLOWED_NOW'];

const changing = (api: ApiClient): Pick<Desk, Changes> => ({
  enqueue: async (type, payload, options) => api.jobs.enqueue({ type, payload, options: optionsOf(options) }) as never,
  enqueueMany: async (items) => {
    const jobs = items.map(({ type, payload, options }) => ({ type, payload, options: optionsOf(options) }));
    const answer = await api.jobs.enqueueMany({ jobs });
    return answer.jobs.map((item) => (item.outcome === 'rejected' ? { ...item, error: errorOf(item.error) } : item));
  },
  cancel: (id, options) =>
    orIf(NOT_DONE, 'no' as const, async () => {
      const { status } = await api.jobs.cancel({ id, ...options });
      return status === 'cancelled' ? 'cancelled' : 'requested';
    }),
  cancelAll: (which, options) => api.bulk.cancel({ which: whichOf(which), ...options }),
  retry: (id) => orIf(NOT_DONE, false, async () => !!(await api.jobs.retry({ id }))),
  retryAll: async (which) => (await api.bulk.retry({ which: whichOf(which) })).done,
  remove: (id) => orIf(NOT_DONE, false, async () => (await api.jobs.remove({ id })).removed),
  removeAll: async (which) => (await api.bulk.remove({ which: whichOf(which) })).done,
  reprioritise: async (id, priority) => void (await api.jobs.reprioritise({ id, priority })),
  reschedule: async (id, runAt) => void (await api.jobs.reschedule({ id, runAt: iso(runAt) })),
  runNow: async (id) => void (await api.jobs.runNow({ id })),
  pauseJob: async (id) => void (await api.jobs.pause({ id })),
  resumeJob: async (id) => void (await api.jobs.resume({ id })),
});

type System = 'queues' | 'pauseQueue' | 'resumeQueue' | 'limitQueue' | 'workers' | 'stats' | 'metrics';

const running = (api: ApiClient): Pick<Desk, System> => ({
  queues: async () =>
    (await api.queues.list()).queues.map(({ allowed: _, ...queue }) => ({
      ...queue,
      pausedUntil: msOrNull(queue.pausedUntil),
      pausedAt: msOrNull(queue.pausedAt),
      oldestDueAt: msOrNull(queue.oldestDueAt),
    })),
  // By whom, the service knows itself.
  pauseQueue: async (name, { reason, until } = {}) =>
    void (await api.queues.pause({ name, reason, until: until === undefined ? undefined : iso(until) })),
  resumeQueue: async (name) => void (await api.queues.resume({ name })),
  limitQueue: async (name, maxRunning) => void (await api.queues.limit({ name, maxRunning })),
  workers: async () =>
    (await api.workers.list()).workers.map(({ alive: _, ...worker }) => ({
      ...worker,
      startedAt: ms(worker.startedAt),
      beatAt: ms(worker.beatAt),
      leaseUntil: ms(worker.leaseUntil),
    })),
  stats: () => api.stats.get(),
  metrics: async ({ since, until, queue, type, step } = {}) => {
    const range = {
      since: since === undefined ? undefined : iso(since),
      until: until === undefined ? undefined : iso(until),
    };
    const stepMs = step === undefined ? undefined : checkDuration(step, 'step');
    const answer = await api.metrics.get({ ...range, queue, type, stepMs });
    const series = answer.series.map((point) => ({ ...point, at: ms(point.at) }));
    return { ...answer, since: ms(answer.since), until: ms(answer.until), series };
  },
});

// --- from here to there ---

const iso = (at: Date | number | string): string => new Date(checkInstant(at, 'time')).toISOString();

type FilterFields = Omit<JobFilter, 'payload'>;

const fieldsOf = (filter: FilterFields) => {
  const { createdAfter, createdBefore, ...checked } = checkFilter(filter);
  return {
    ...{ ...checked, payload: undefined },
    createdAfter: createdAfter === undefined ? undefined : iso(createdAfter),
    createdBefore: createdBefore === undefined ? undefined : iso(createdBefore),
  };
};

const queryOf = ({ payload, ...filter }: JobFilter) => {
  const { payload: _, ...fields } = fieldsOf(filter);
  return { ...fields, q: payload && payloadWords(payload) };
};

const whichOf = (which: JobFilter | { readonly all: true }) => ('all' in which ? { all: which.all } : queryOf(which));

const actionOf = (action: BulkAction) =>
  action.kind === 'reschedule' ? { ...action, runAt: iso(action.runAt) } : action;

/** A filter with more ids than an address can hold, as several. */
const inParts = (filter: JobFilter): JobFilter[] => {
  const ids = [filter.id ?? []].flat();
  if (ids.length <= IDS) return [filter];
  const parts = Math.ceil(ids.length / IDS);
  return Array.from({ length: parts }, (_, i) => ({ ...filter, id: ids.slice(i * IDS, (i + 1) * IDS) }));
};

const merged = (jobs: Job[], { order = 'newest', limit = 100 }: PageOptions): Job[] =>
  jobs.sort((a, b) => (order === 'newest' ? b.seq - a.seq : a.seq - b.seq)).slice(0, limit);

const optionsOf = (options: Parameters<Desk['enqueue']>[2]) => {
  const { tx: _, runAt, expiresAt, ...rest } = options ?? {};
  const times = {
    runAt: runAt === undefined ? undefined : text(runAt),
    expiresAt: expiresAt === undefined ? undefined : text(expiresAt),
  };
  return { ...rest, ...times, tags: rest.tags && [...rest.tags] };
};

/** What is no time is refused over there, by its name. */
const text = (at: Date | number | string): string => (typeof at === 'string' ? at : iso(at));

// --- and back ---

const ms = (at: string): number => Date.parse(at);
const msOrNull = (at: string | null): number | null => (at === null ? null : ms(at));

const jobOf = ({ shown: _, allowed: __, ...job }: JobView): Job => ({
  ...job,
  slotAt: msOrNull(job.slotAt),
  createdAt: ms(job.createdAt),
  queuedAt: msOrNull(job.queuedAt),
  runAt: ms(job.runAt),
  startedAt: msOrNull(job.startedAt),
  completedAt: msOrNull(job.completedAt),
  timeoutAt: msOrNull(job.timeoutAt),
  expiresAt: msOrNull(job.expiresAt),
  deadlineAt: msOrNull(job.deadlineAt),
  cancelRequestedAt: msOrNull(job.cancelRequestedAt),
});

const attemptOf = (attempt: AttemptView): Attempt => ({
  ...attempt,
  startedAt: ms(attempt.startedAt),
  endedAt: msOrNull(attempt.endedAt),
});

const logLineOf = (line: LogLineView): LogLine => ({ ...line, at: ms(line.at) });
