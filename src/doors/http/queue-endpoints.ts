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
import { actorOf, writeDown } from '../api/audited.ts';
import { clientFor, mustSeeAll } from '../api/bound.ts';
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
          const answered = await answer({ client: clientFor(caller, client), caller, processor: client }, request);
          if (method === 'POST') await writeDown(client, recordOf(caller, url, request, answered));
          return answered;
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

interface Asked {
  /** As the caller has it: what it may not see does not exist. */
  readonly client: Served;
  readonly caller: Caller;
  /** Whose processor it is: the whole of this process. */
  readonly processor: Served;
}

type Answer = (asked: Asked, request: FastifyRequest) => Promise<unknown>;

const recordOf = (caller: Caller, url: string, request: FastifyRequest, answered: unknown) => {
  const { reset_jobs: count = 1 } = answered as { reset_jobs?: number };
  const target = param(request, 'job') ?? param(request, 'program') ?? null;
  return {
    ...{ actor: actorOf(caller), action: ACTIONS[url]!, count },
    door: 'http' as const,
    target: target === null ? null : String(target),
  };
};

const ACTIONS: Readonly<Record<string, string>> = {
  '/job-queue/jobs/:job/cancel': 'job-queue.cancel',
  '/job-queue/start-processor': 'job-queue.start-processor',
  '/job-queue/stop-processor': 'job-queue.stop-processor',
  '/indexing/reset-stuck-jobs/:program': 'indexing.reset-stuck-jobs',
};

const param = ({ params }: FastifyRequest, name: string): unknown => (params as Record<string, unknown>)[name];

/** The program of a path. @throws INVALID_OPTION, NOT_FOUND for one that the caller may not see. */
const programIn = (request: FastifyRequest, { tenants }: Caller): string => {
  const program = checkProgram(param(request, 'program'), 'program_id');
  if (tenants === null || tenants.includes(program)) return program;
  throw routeNotFound(request.method, request.url.split('?')[0]!.slice(0, 200), 'Name a program that is yours.');
};

// --- the endpoints ---

const status: Answer = async ({ client, processor: whose }) => {
  const count = async (state: QueueState) => {
    const all = { status: STATES[state] };
    return (await client.count(all)) - (await client.count({ ...all, type: OWN }));
  };
  const [pending, running, completed, failed] = await Promise.all(
    (['pending', 'running', 'completed', 'failed'] as const).map(count),
  );
  const processor = await processorOf(whose);
  return {
    queue: {
      pending_jobs: pending,
      running_jobs: running,
      completed_jobs: completed,
      failed_jobs: failed,
      oldest_pending_job: await oldestPending(client),
    },
    processor,
    is_processor_running: processor.running,
  };
};

const OWN = BULK_TYPE;
/** So many of Backline's own jobs may wait before the first of a program. */
const LOOK = 50;

const oldestPending = async (client: Served) => {
  const { jobs } = await client.list({ status: STATES.pending }, { order: 'oldest', limit: LOOK });
  const oldest = jobs.find(({ type }) => !isBuiltIn(type));
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

const jobsOf: Answer = async ({ client, caller }, request) => {
  const filter = ofProgram(programIn(request, caller));
  const limit = checkLimit((request.query as Record<string, unknown>)['limit']);
  const { jobs } = await client.list(filter, { order: 'newest', limit });
  return jobs.map(queueJob);
};

const cancel: Answer = async ({ client, caller }, request) => {
  const seq = checkJobNumber(param(request, 'job'), 'job_id');
  const find = async (): Promise<Job> => {
    const [job] = (await client.list({ seq }, { limit: 1 })).jobs;
    if (!job || isBuiltIn(job.type)) throw jobNotFound(String(seq));
    return job;
  };
  const { id } = await find();
  const answer = await client.cancel(id, { reason: `cancelled by ${caller.name}` });
  const now = await find();
  if (answer === 'no') throw notAllowedNow('cancelled', String(seq), now.status, 'a job that is pending or runs');
  return queueJob(now);
};

const startProcessor: Answer = async ({ caller, processor: client }) => {
  mustSeeAll(caller);
  const changed = client.processor.start();
  return {
    message: changed ? 'The processor takes jobs again.' : 'The processor takes jobs already.',
    processor: await processorOf(client),
  };
};

const stopProcessor: Answer = async ({ caller, processor: client }) => {
  mustSeeAll(caller);
  const changed = client.processor.stop();
  const processor = await processorOf(client);
  const rest = processor.shutdown_requested ? '; what runs ends first' : '';
  return {
    message: changed ? `The processor takes no more jobs${rest}.` : 'The processor was stopped before.',
    processor,
  };
};

/** What a dead worker has left goes back to the queue. What runs on a live one is not stuck, however long it takes. */
const resetStuck: Answer = async ({ client, caller }, request) => {
  const program = programIn(request, caller);
  const running = { ...ofProgram(program), status: 'running' } as const;
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
