/**
 * The queue's own endpoints, in its words (queue-words.ts): its figures, the jobs of a program, cancel, start and stop of this process's
 * processor, reset of stuck jobs. Whoever may not see a program or a queue does not learn that there are jobs in it.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BULK_TYPE, isBuiltIn } from '../../job/bulk.ts';
import { checkOptions } from '../../job/check.ts';
import { jobNotFound, notAllowedNow, notPermitted, routeNotFound, unknownOption } from '../../job/errors.ts';
import type { JobFilter } from '../../job/filter.ts';
import type { Job } from '../../job/job.ts';
import { type Caller, permits } from '../api/access.ts';
import type { Served } from '../api/context.ts';
import type { Scope } from '../api/routes.ts';
import { type BodyLimits, readJsonBodies } from './body.ts';
import { mustBeOwnPage } from './origin.ts';
import {
  checkJobNumber,
  checkLimit,
  checkProgram,
  iso,
  ofProgram,
  programOf,
  programShown,
  type QueueState,
  queueJob,
  STATES,
} from './queue-words.ts';

export interface QueueEndpointOptions extends BodyLimits {
  /** Who asks. */
  readonly callerOf: (request: FastifyRequest) => Caller | Promise<Caller>;
}

/** Adds the endpoints to a server. */
export const addQueueEndpoints = async (
  server: FastifyInstance,
  client: Served,
  { callerOf, ...limits }: QueueEndpointOptions,
): Promise<void> => {
  await server.register(async (scope) => {
    readJsonBodies(scope, limits);
    scope.addHook('onRequest', async (request) => mustBeOwnPage(request));
    const add = (method: 'GET' | 'POST', url: string, needed: Scope, answer: Answer) =>
      scope.route({
        method,
        url,
        handler: async (request) => {
          const caller = await callerOf(request);
          if (!permits(caller, needed)) throw notPermitted(`${method} ${url}`, needed, caller.scope);
          checkOptions(url === JOBS ? { limit: checkLimit } : {}, request.query, 'the query');
          if (Object.keys((request.body as object | null) ?? {}).length > 0)
            throw unknownOption('the body', Object.keys(request.body as object)[0]!, []);
          return answer(client, caller, request);
        },
      });
    add('GET', '/job-queue/status', 'read', status);
    add('GET', JOBS, 'read', jobsOf);
    add('POST', '/job-queue/jobs/:job/cancel', 'operate', cancel);
    add('POST', '/job-queue/start-processor', 'admin', startProcessor);
    add('POST', '/job-queue/stop-processor', 'admin', stopProcessor);
    add('POST', '/indexing/reset-stuck-jobs/:program', 'operate', resetStuck);
  });
};

const JOBS = '/job-queue/jobs/:program';

type Answer = (client: Served, caller: Caller, request: FastifyRequest) => Promise<unknown>;

const param = ({ params }: FastifyRequest, name: string): unknown => (params as Record<string, unknown>)[name];

// --- what a caller may see ---

const inQueues = ({ queues }: Caller): JobFilter => (queues === null ? {} : { queue: queues });

/** All that a caller may see, as filters that have no job in common. */
const visible = (caller: Caller): JobFilter[] => {
  const { tenants } = caller;
  const within = inQueues(caller);
  return tenants === null ? [within] : tenants.map((program) => ({ ...ofProgram(program), ...within }));
};

const maySee = ({ queues, tenants }: Caller, job: Job): boolean => {
  const program = programOf(job);
  if (isBuiltIn(job.type) || (queues !== null && !queues.includes(job.queue))) return false;
  return tenants === null || (program !== null && tenants.includes(program));
};

/** The program of a path. @throws INVALID_OPTION, NOT_FOUND for one that the caller may not see. */
const programIn = (request: FastifyRequest, { tenants }: Caller): string => {
  const program = checkProgram(param(request, 'program'), 'program_id');
  if (tenants === null || tenants.includes(program)) return program;
  throw routeNotFound(request.method, request.url.split('?')[0]!.slice(0, 200), 'Name a program that is yours.');
};

// --- the endpoints ---

const status: Answer = async (client, caller) => {
  const count = async (state: QueueState) => {
    const counts = await Promise.all(
      visible(caller).map(async (filter) => {
        const all = { ...filter, status: STATES[state] };
        const own = await client.count({ ...all, type: OWN });
        return (await client.count(all)) - own;
      }),
    );
    return counts.reduce((sum, n) => sum + n, 0);
  };
  const [pending, running, completed, failed] = await Promise.all(
    (['pending', 'running', 'completed', 'failed'] as const).map(count),
  );
  const processor = await processorOf(client);
  return {
    queue: {
      pending_jobs: pending,
      running_jobs: running,
      completed_jobs: completed,
      failed_jobs: failed,
      oldest_pending_job: await oldestPending(client, caller),
    },
    processor,
    is_processor_running: processor.running,
  };
};

const OWN = BULK_TYPE;
/** So many of Backline's own jobs may wait before the first of a program. */
const LOOK = 50;

const oldestPending = async (client: Served, caller: Caller) => {
  const pages = await Promise.all(
    visible(caller).map((filter) =>
      client.list({ ...filter, status: STATES.pending }, { order: 'oldest', limit: LOOK }),
    ),
  );
  const [oldest] = pages
    .flatMap(({ jobs }) => jobs.filter(({ type }) => !isBuiltIn(type)).slice(0, 1))
    .sort((a, b) => a.seq - b.seq);
  return oldest ? { id: oldest.seq, created_at: iso(oldest.createdAt), job_type: oldest.type } : null;
};

/** Of this process; of one that runs no jobs, some other that does. */
const processorOf = async (client: Served) => {
  const { state } = client.processor;
  if (state)
    return {
      process_id: state.name,
      running: state.running,
      thread_alive: state.alive,
      shutdown_requested: state.stopping,
    };
  const now = client.now();
  const other = (await client.workers()).find(({ leaseUntil }) => leaseUntil > now);
  const running = other !== undefined;
  return { process_id: other?.name ?? 'none', running, thread_alive: running, shutdown_requested: false };
};

const jobsOf: Answer = async (client, caller, request) => {
  const filter = { ...ofProgram(programIn(request, caller)), ...inQueues(caller) };
  const limit = checkLimit((request.query as Record<string, unknown>)['limit']);
  const { jobs } = await client.list(filter, { order: 'newest', limit });
  return jobs.filter((job) => maySee(caller, job)).map(queueJob);
};

const cancel: Answer = async (client, caller, request) => {
  const seq = checkJobNumber(param(request, 'job'), 'job_id');
  const find = async (): Promise<Job> => {
    const [job] = (await client.list({ seq }, { limit: 1 })).jobs;
    if (!job || !maySee(caller, job)) throw jobNotFound(String(seq));
    return job;
  };
  const { id } = await find();
  const answer = await client.cancel(id, { reason: `cancelled by ${caller.name}` });
  const now = await find();
  if (answer === 'no') throw notAllowedNow('cancelled', String(seq), now.status, 'a job that is pending or runs');
  return queueJob(now);
};

const startProcessor: Answer = async (client) => {
  const changed = client.processor.start();
  return {
    message: changed ? 'The processor takes jobs again.' : 'The processor takes jobs already.',
    processor: await processorOf(client),
  };
};

const stopProcessor: Answer = async (client) => {
  const changed = client.processor.stop();
  const processor = await processorOf(client);
  const rest = processor.shutdown_requested ? '; what runs ends first' : '';
  return {
    message: changed ? `The processor takes no more jobs${rest}.` : 'The processor was stopped before.',
    processor,
  };
};

/** What a dead worker has left goes back to the queue. What runs on a live one is not stuck, however long it takes. */
const resetStuck: Answer = async (client, caller, request) => {
  const program = programIn(request, caller);
  const running = { ...ofProgram(program), ...inQueues(caller), status: 'running' } as const;
  const before = await allOf(client, running);
  await client.processor.rescue();
  const reset: number[] = [];
  for (const job of before) {
    const now = await client.get(job.id);
    // A death is counted with the job; one that ended by itself has none more.
    if (now && now.crashes > job.crashes) reset.push(job.seq);
  }
  return { program_id: programShown(program), reset_jobs: reset.length, job_ids: reset };
};

const allOf = async (client: Served, filter: JobFilter): Promise<Job[]> => {
  const jobs: Job[] = [];
  let after: string | undefined;
  do {
    const page = await client.list(filter, { order: 'oldest', limit: 1000, ...(after ? { after } : {}) });
    jobs.push(...page.jobs);
    after = page.next ?? undefined;
  } while (after);
  return jobs;
};
