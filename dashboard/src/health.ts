/** Is everything fine? What is not, and where: from what the server tells, the worst first. Pure, so that it can be tested. */
import type { FailuresView, HealthView, QueueView, ScheduleView, StatsView, WorkerView } from '../../src/client.ts';
import { counted, span } from './time.ts';

export interface Concern {
  /** `bad` keeps jobs from running; `look` is for a person to judge. */
  readonly level: 'bad' | 'look';
  readonly says: string;
  /** Where more is to be seen. */
  readonly to: string;
  readonly key: string;
}

export interface Seen {
  readonly at: string;
  readonly health: HealthView;
  readonly stats: StatsView;
  readonly queues: readonly QueueView[];
  readonly workers: readonly WorkerView[];
  readonly schedules: readonly ScheduleView[];
  /** Failed and timed out in the time that is looked at, and that time in words. */
  readonly failed: { readonly count: number; readonly during: string };
  readonly failures: FailuresView | undefined;
}

/** From here on a queue is worth a look: most jobs begin within moments. */
export const LATE_MS = 60_000;

export const waitingOf = ({ counts }: Pick<QueueView, 'counts'>): number => counts.created + counts.queued;

/** How long the oldest job of a queue has waited that could have run. */
export const lateOf = ({ oldestDueAt }: QueueView, at: string): number =>
  oldestDueAt === null ? 0 : Math.max(0, Date.parse(at) - Date.parse(oldestDueAt));

/** Types of which jobs wait, and that no worker alive can run; with how many wait. */
export const orphanTypes = (
  { byType }: StatsView,
  workers: readonly WorkerView[],
): [type: string, queued: number][] => {
  const known = new Set(workers.filter(({ alive }) => alive).flatMap(({ types }) => types));
  return Object.entries(byType)
    .filter(([type, { queued }]) => queued > 0 && !known.has(type))
    .map(([type, { queued }]) => [type, queued]);
};

export const concernsOf = (seen: Seen): Concern[] =>
  [...ofDatabase(seen), ...ofWorkers(seen), ...ofQueues(seen), ...ofFailures(seen), ...ofSchedules(seen)].sort(
    (a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'),
  );

const ofDatabase = ({ health: { database, loop } }: Seen): Concern[] => [
  ...(database.ok
    ? []
    : [bad('database', `The database does not answer: ${database.problem ?? 'no reason given'}.`, '/workers')]),
  ...(loop && !loop.ticking
    ? [bad('loop', `The server's own worker has stood still for ${span(loop.ageMs)}.`, '/workers')]
    : []),
];

const ofWorkers = ({ at, workers, stats, queues }: Seen): Concern[] => {
  const alive = workers.filter((worker) => worker.alive);
  const due = queues.filter((queue) => queue.oldestDueAt !== null && lateOf(queue, at) > 0);
  const silent = workers
    .filter((worker) => !worker.alive)
    .map(({ owner, name, beatAt }) =>
      bad(
        `silent ${owner}`,
        `${name} has not been heard of for ${span(Date.parse(at) - Date.parse(beatAt))}.`,
        '/workers',
      ),
    );
  if (alive.length === 0)
    return due.length === 0
      ? silent
      : [
          bad('nobody', `No worker is alive, and jobs wait in ${namesOf(due.map(({ name }) => name))}.`, '/workers'),
          ...silent,
        ];
  const orphans = orphanTypes(stats, workers).map(([type, n]) =>
    bad(
      `type ${type}`,
      `No worker knows ${type}: ${counted(n, 'job')} of it cannot run.`,
      `/jobs?q=status:queued type:${type}`,
    ),
  );
  return [...silent, ...orphans];
};

const ofQueues = ({ at, queues }: Seen): Concern[] =>
  queues.flatMap((queue) => {
    const { name, paused, pausedReason } = queue;
    const waiting = waitingOf(queue);
    const to = `/queues/${encodeURIComponent(name)}`;
    const wait = `${counted(waiting, 'job')} ${waiting === 1 ? 'waits' : 'wait'}`;
    if (paused && waiting > 0)
      return [look(`paused ${name}`, `${name} is paused${pausedReason ? ` (${pausedReason})` : ''}: ${wait}.`, to)];
    const late = lateOf(queue, at);
    if (paused || late < LATE_MS) return [];
    return [
      look(`late ${name}`, `${name} is behind: the oldest of ${counted(waiting, 'job')} has waited ${span(late)}.`, to),
    ];
  });

const ofFailures = ({ failed: { count, during }, failures }: Seen): Concern[] => {
  if (count === 0) return [];
  const [most] = failures?.groups ?? [];
  const error = most && most.count > 1 ? `; most often: ${most.message.split('\n')[0]!.slice(0, 90)}` : '';
  return [look('failures', `${counted(count, 'job')} failed in ${during}${error}`, '/errors')];
};

const ofSchedules = ({ schedules }: Seen): Concern[] =>
  schedules
    .filter(({ problem }) => problem !== null)
    .map(({ id, problem }) =>
      bad(`schedule ${id}`, `${id} cannot run: ${problem}`, `/schedules/${encodeURIComponent(id)}`),
    );

const bad = (key: string, says: string, to: string): Concern => ({ level: 'bad', key, says, to });
const look = (key: string, says: string, to: string): Concern => ({ level: 'look', key, says, to });

const namesOf = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more queues`;
