/**
 * Why a job does not run, or what it is doing: a decision over the facts of one moment.
 *
 * 1. What has ended, runs, or is a batch is told as that.
 * 2. A job that waits is told everything that holds it back at this moment, what comes first first: a hold, its time, the pause and
 *    the limit of its queue, the limit of its key, workers that are missing or full, jobs before it.
 * 3. If nothing does, it is about to start.
 */
import { isBuiltIn } from './bulk.ts';
import { batchRuns, ended, runs } from './explain-ended.ts';
import type { Job } from './job.ts';
import type { Full, JobExplanation, Reason } from './reason.ts';
import { MOST_AHEAD, type Places, type RunnerRoom, type Standing, type WorkerFacts } from './standing.ts';
import { shownStatus } from './states.ts';

/** @param rooms the runners of this process that may have no room while its worker has. */
export const explain = (standing: Standing, now: number, rooms: readonly RunnerRoom[] = []): JobExplanation => {
  const { job } = standing;
  const { id, type, queue } = job;
  return { id, type, queue, status: shownStatus(job, now), at: now, reasons: reasonsOf(standing, now, rooms) };
};

const reasonsOf = (standing: Standing, now: number, rooms: readonly RunnerRoom[]): Reason[] => {
  const { job } = standing;
  if (job.status === 'running') return job.batch ? batchRuns(job) : runs(standing, now);
  if (job.status !== 'created' && job.status !== 'queued') return [ended(job)];
  const itself = ofItself(job, now);
  const found = [...itself, ...ofQueue(standing, now), ...ofKey(standing)];
  const fitting = fittingOf(standing, now);
  if (!Array.isArray(fitting)) return [...found, fitting];
  // While it could not run anyway, who is full and who comes first says nothing: that will be otherwise then.
  if (itself.length === 0 && !isBuiltIn(job.type))
    found.push(...ofRooms(job, rooms, fitting), ...ofSlots(fitting), ...ofOrder(standing));
  return found.length > 0 ? found : [starting(fitting)];
};

// --- jobs that wait ---

const ofItself = (job: Job, now: number): Reason[] => {
  const found: Reason[] = [];
  const { expiresAt, runAt, attempts, maxAttempts, crashes, error } = job;
  if (expiresAt !== null && expiresAt <= now && job.startedAt === null)
    found.push({
      code: 'expired',
      expiresAt,
      says: `It was to start before ${at(expiresAt)}, and did not: it is about to be cancelled as expired.`,
      next: 'Hand it in again with a longer startTimeout.',
    });
  if (job.held)
    found.push({
      code: 'held',
      says: 'It is held back until a person lets it go on.',
      next: `backline jobs edit ${job.id} --release`,
    });
  if (runAt <= now) return found;
  const next = `To run it at once: backline jobs edit ${job.id} --now`;
  const failures = attempts + crashes;
  if (failures > 0)
    found.push({ code: 'retry-wait', runAt, attempts, maxAttempts, crashes, error, says: retryText(job), next });
  else found.push({ code: 'delayed', runAt, says: `Its time is ${at(runAt)}, in ${span(runAt - now)}.`, next });
  return found;
};

const retryText = ({ runAt, attempts, maxAttempts, crashes, error }: Job): string => {
  const what = attempts > 0 ? `Attempt ${attempts} of ${maxAttempts} failed` : `Its worker died under it`;
  const died = attempts > 0 && crashes > 0 ? `, and ${times(crashes)} its worker died` : '';
  return `${what}${died}${error ? ` (${error})` : ''}; the next begins after ${at(runAt)}.`;
};

const ofQueue = ({ queue }: Standing, now: number): Reason[] => {
  const found: Reason[] = [];
  const { name, pause, places } = queue;
  if (pause && (pause.until === null || pause.until > now)) {
    const { by, reason, since, until } = pause;
    const says = `The queue "${name}" is paused${by ? ` by ${by}` : ''}${since === null ? '' : ` since ${at(since)}`}${
      until === null ? '' : ` until ${at(until)}`
    }${reason ? `: ${reason}` : ''}.`;
    found.push({
      code: 'queue-paused',
      queue: name,
      by,
      reason,
      since,
      until,
      says,
      next: `backline queues resume ${name}`,
    });
  }
  if (isFull(places))
    found.push({
      code: 'queue-full',
      queue: name,
      ...full(places),
      says: `The queue "${name}" ${limitText(places)}`,
      next: `Wait for one of them, or raise the limit: backline queues limit ${name} N`,
    });
  return found;
};

const ofKey = ({ job, key }: Standing): Reason[] =>
  key && isFull(key)
    ? [
        {
          code: 'key-full',
          key: job.limitKey!,
          ...full(key),
          says: `The limit key "${job.limitKey}" ${limitText(key)}`,
          next: 'Wait for one of them, cancel it, or raise the limit with limitKey().',
        },
      ]
    : [];

const isFull = ({ max, running }: Places): boolean => max !== null && running >= max;
const full = ({ max, running, holders }: Places): Full => ({ limit: max!, running, holders });

const limitText = ({ max, running, holders }: Places): string => {
  if (max === 0) return 'may run nothing: its limit is 0.';
  const named = holders.slice(0, 3).map(({ id, worker }) => `${id}${worker ? ` on ${worker}` : ''}`);
  if (named.length === 0) return `runs ${running} of ${max} at once.`;
  const more = running > named.length ? ` and ${running - named.length} more` : '';
  return `runs ${running} of ${max} at once: ${named.join(', ')}${more}.`;
};

const ofSlots = (fitting: readonly WorkerFacts[]): Reason[] => {
  if (fitting.some(({ running, slots }) => running < slots)) return [];
  const workers = fitting.map(({ name, slots, running }) => ({ name, slots, running }));
  const said = workers.map(({ name, running, slots }) => `${name} (${running} of ${slots})`);
  return [
    {
      code: 'workers-full',
      workers,
      says: `Every worker that can run it is full: ${said.join(', ')}.`,
      next: 'Start another (backline work), or let them run more at once.',
    },
  ];
};

const starting = (fitting: readonly WorkerFacts[]): Reason => {
  const workers = fitting.filter(({ running, slots }) => running < slots).map(({ name }) => name);
  return {
    code: 'starting',
    workers,
    says: `Nothing holds it back: ${list(workers)} ${workers.length === 1 ? 'has' : 'have'} a free slot.`,
    next: 'If it stays so for more than a few seconds, the threads or children that do this work have no room: look at the log of that worker.',
  };
};

/** The live workers that can run it, or why there are none. */
const fittingOf = ({ job, workers }: Standing, now: number): WorkerFacts[] | Reason => {
  const alive = workers.filter(({ leaseUntil }) => leaseUntil > now);
  if (alive.length === 0) return { code: 'no-worker', says: 'No worker is alive.', next: 'Start one: backline work' };
  // Beside its slots, and whatever it serves.
  if (isBuiltIn(job.type)) return alive.map((worker) => ({ ...worker, running: 0 }));
  const knowing = alive.filter(({ types }) => types.includes(job.type));
  if (knowing.length === 0) {
    const known = distinct(alive.flatMap(({ types }) => types));
    return {
      code: 'unknown-type',
      type: job.type,
      known,
      says: `No live worker knows the job type "${job.type}"; they know ${known.length === 0 ? 'none' : list(known.slice(0, 10))}${known.length > 10 ? ' …' : ''}.`,
      next: 'Start a worker with this job type, or deploy it to those that run.',
    };
  }
  const serving = knowing.filter(({ queues }) => queues === null || queues.includes(job.queue));
  if (serving.length > 0) return serving;
  const served = distinct(knowing.flatMap(({ queues }) => queues ?? []));
  return {
    code: 'queue-not-served',
    queue: job.queue,
    served,
    says: `No live worker that knows its type serves the queue "${job.queue}"${served.length > 0 ? `; they serve ${list(served)}` : ''}.`,
    next: `Start one that does: backline work --queues ${job.queue}`,
  };
};

/** Only of this process is known what its runners have room for; if others can run the job too, that is no reason. */
const ofRooms = ({ type }: Job, rooms: readonly RunnerRoom[], fitting: readonly WorkerFacts[]): Reason[] => {
  const room = rooms.find(({ owner, types }) => types.includes(type) && fitting.every((one) => one.owner === owner));
  if (!room || room.running < room.slots) return [];
  const { name: runner, slots, running, problem } = room;
  if (problem !== null)
    return [
      {
        code: 'runner-down',
        runner,
        problem,
        says: `The runner "${runner}", which does this work, is out of service: ${problem}.`,
        next: 'It is tried again by itself; mend what its starts fail of.',
      },
    ];
  return [
    {
      code: 'runner-full',
      runner,
      slots,
      running,
      says: `The runner "${runner}", which does this work, runs ${running} of ${slots} at once.`,
      next: 'Wait for one of them, or give the runner more threads or children.',
    },
  ];
};

const ofOrder = ({ job: { queue, id }, ahead, moreAhead = false }: Standing): Reason[] => {
  if (ahead === 0) return [];
  const atLeast = moreAhead || ahead >= MOST_AHEAD;
  const n = `${atLeast ? 'at least ' : ''}${ahead.toLocaleString('en-US')}`;
  const others = ahead === 1 ? 'other job' : 'other jobs';
  return [
    {
      code: 'behind',
      ahead,
      atLeast,
      says: `${n} ${others} of the queue "${queue}" ${ahead === 1 ? 'comes' : 'come'} before it.`,
      next: `To bring it forward: backline jobs edit ${id} --priority 1`,
    },
  ];
};

// --- words ---

const at = (ms: number): string => new Date(ms).toISOString();
const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
const distinct = (words: readonly string[]): string[] => [...new Set(words)].sort();
const list = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ');

const STEPS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

const span = (ms: number): string => {
  const [size, unit] = STEPS.find(([step]) => ms >= step) ?? [1, 'ms'];
  return `${Math.floor(ms / size)} ${unit}`;
};
