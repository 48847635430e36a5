/** What is measured on PostgreSQL: the same as on SQLite, where every commit is synced to disk, whoever makes it. */
import type { ContenderName } from '../remote.ts';
import { add, addMany, drain, type Field, latency, type Scenario, scaled } from '../scenarios.ts';

const AGAINST: Field = {
  peers: ['pg-boss', 'graphile-worker', 'graphile-worker-batched'],
  peersAt: 'disk',
  limit: 'pg-script',
};

const COMMON = { store: 'postgres', durabilities: ['disk'], against: AGAINST } as const;

/** Where callers share no commit, or workers ask one by one. */
const slower = (jobs: number, few: number, names: readonly ContenderName[]) => (name: ContenderName) =>
  names.includes(name) ? few : jobs;

export const POSTGRES: readonly Scenario[] = [
  {
    ...COMMON,
    name: 'enqueue',
    about: 'one caller that waits for each job to be stored',
    figures: [{ bench: 'enqueue', unit: 'jobs/s' }],
    measure: add(() => 300, 1),
  },
  {
    ...COMMON,
    name: 'enqueue-32',
    about: '32 callers at once, each waiting for its own job',
    figures: [{ bench: 'enqueue-32', unit: 'jobs/s' }],
    measure: add(slower(8000, 800, AGAINST.peers), 32),
  },
  {
    ...COMMON,
    name: 'enqueue-bulk',
    about: '50,000 jobs in calls of 1,000',
    figures: [{ bench: 'enqueue-bulk', unit: 'jobs/s' }],
    measure: addMany(50_000),
  },
  {
    ...COMMON,
    name: 'process',
    about: '20,000 no-op jobs, until all are stored as completed; at most 100 at once',
    figures: [{ bench: 'process', unit: 'jobs/s' }],
    measure: drain(slower(20_000, 4000, ['graphile-worker']), 1),
  },
  {
    ...COMMON,
    name: 'process-2',
    about: 'the same with two processes on one database',
    figures: [{ bench: 'process-2', unit: 'jobs/s' }],
    measure: drain(slower(20_000, 4000, ['graphile-worker']), 2),
  },
  {
    ...COMMON,
    name: 'latency',
    about: 'from the call to the start of the handler, worker idle',
    figures: [
      { bench: 'latency-p50', unit: 'ms' },
      { bench: 'latency-p99', unit: 'ms' },
    ],
    measure: latency(100),
  },
  {
    ...COMMON,
    name: 'backlog',
    about: 'speed with 1,000,000 jobs that have ended and 1,000,000 that are delayed, against an empty table',
    figures: [{ bench: 'process-backlog', unit: 'x empty' }],
    once: 'one by one',
    measure: async (remotes, name, where, scale) => {
      const backlog = scaled(1_000_000, scale, 2000);
      const batch = scaled(name === 'graphile-worker' ? 1000 : 5000, scale, 200);
      return [await remotes.get(name).call('besideBacklog', where, { backlog, batch, pairs: scale < 0.2 ? 3 : 5 })];
    },
  },
];
