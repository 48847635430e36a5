/** What is measured: each scenario gives one or more figures, for each contender in each round. */
import type { Durability } from './contenders/contender.ts';
import type { Where } from './measures.ts';
import type { PoolKind } from './pools/pool.ts';
import type { ContenderName, Remotes } from './remote.ts';

export interface Figure {
  readonly bench: string;
  /** Of `jobs/s` more is better, of `ms` and `MB` less. `x empty` is the speed relative to an empty table, by CPU time. */
  readonly unit: 'jobs/s' | 'ms' | 'MB' | 'x empty';
}

export type StoreName = 'sqlite' | 'postgres';

/** What we are measured against. */
export interface Field {
  readonly peers: readonly ContenderName[];
  /** The peers have one durability of their own: they are measured once, and stand beside all of ours. */
  readonly peersAt: Durability;
  readonly limit: ContenderName;
}

export interface Scenario {
  readonly name: string;
  readonly store: StoreName;
  readonly about: string;
  readonly durabilities: readonly Durability[];
  readonly figures: readonly Figure[];
  readonly against: Field;
  /**
   * Takes so long that it is done once, with its own turns inside and without a warm-up: the contenders side by side, each in a fresh
   * process, where memory and CPU time are measured; one after the other where the clock counts.
   */
  readonly once?: 'side by side' | 'one by one';
  /** One round of one contender; the answers stand in the order of `figures`. @param scale 1 is the full size. */
  readonly measure: (remotes: Remotes, name: ContenderName, where: Where, scale: number) => Promise<readonly number[]>;
}

export const scaled = (n: number, scale: number, least: number) => Math.max(least, Math.round(n * scale));

const BOTH = ['disk', 'process'] as const;

/** How many jobs, of all or of each by name: who is slower needs fewer for a steady figure. */
export type Jobs = (name: ContenderName) => number;

export const add =
  (jobs: Jobs, callers: number): Scenario['measure'] =>
  async (remotes, name, where, scale) => [
    await remotes.get(name).call('add', where, scaled(jobs(name), scale, 100), callers),
  ];

export const addMany =
  (jobs: number): Scenario['measure'] =>
  async (remotes, name, where, scale) => [await remotes.get(name).call('addMany', where, scaled(jobs, scale, 1000))];

export const latency =
  (samples: number): Scenario['measure'] =>
  async (remotes, name, where, scale) => {
    const { p50, p99 } = await remotes.get(name).call('latency', where, scaled(samples, scale, 20));
    return [p50, p99];
  };

export const drain =
  (jobs: Jobs, processes: number): Scenario['measure'] =>
  async (remotes, name, where, scale) => {
    const n = scaled(jobs(name), scale, 500);
    const [first, ...others] = Array.from({ length: processes }, (_, i) => remotes.get(name, i));
    for (const remote of [first!, ...others]) await remote.call('prepareDrain', where);
    await first!.call('fill', n);
    const released = others.map((remote) => remote.call('release'));
    const rate = await first!.call('drain', n);
    await Promise.all(released);
    for (const remote of [...others, first!]) await remote.call('endDrain');
    return [rate];
  };

/** Our pool alone; then also what its processes hold, and the whole way of a job through it. Others have only a pool. */
const pool =
  (kind: PoolKind, calls: number, withMemory: boolean): Scenario['measure'] =>
  async (remotes, name, where, scale) => {
    const n = scaled(calls, scale, 500);
    const { rate, memoryMb } = await remotes.get(name).call('pool', kind, n);
    const whole = name === 'backline' ? await remotes.get(name).call('drainPool', where, kind, Math.ceil(n / 4)) : rate;
    return withMemory ? [rate, whole, memoryMb] : [rate, whole];
  };

/** A busy worker with readers of the live feed; and without, as its own limit. */
const live =
  (jobs: number, listeners: number): Scenario['measure'] =>
  async (remotes, name, where, scale) => {
    const readers = name === 'backline' ? scaled(listeners, scale, 5) : 0;
    const measured = await remotes.get(name).call('followed', where, scaled(jobs, scale, 50), readers);
    return [measured.rate, measured.cpuMs, measured.memoryMb];
  };

const QUEUES: Field = { peers: ['plainjob'], peersAt: 'process', limit: 'script' };

export const SQLITE: readonly Scenario[] = [
  {
    name: 'enqueue',
    store: 'sqlite',
    about: 'one caller that waits for each job to be stored',
    durabilities: BOTH,
    against: QUEUES,
    figures: [{ bench: 'enqueue', unit: 'jobs/s' }],
    measure: add(() => 3000, 1),
  },
  {
    name: 'enqueue-32',
    store: 'sqlite',
    about: '32 callers at once, each waiting for its own job',
    durabilities: BOTH,
    against: QUEUES,
    figures: [{ bench: 'enqueue-32', unit: 'jobs/s' }],
    measure: add(() => 32_000, 32),
  },
  {
    name: 'enqueue-bulk',
    store: 'sqlite',
    about: '50,000 jobs in calls of 1,000',
    durabilities: BOTH,
    against: QUEUES,
    figures: [{ bench: 'enqueue-bulk', unit: 'jobs/s' }],
    measure: addMany(50_000),
  },
  {
    name: 'process',
    store: 'sqlite',
    about: '20,000 no-op jobs, until all are stored as completed; at most 100 at once',
    durabilities: ['disk'],
    against: QUEUES,
    figures: [{ bench: 'process', unit: 'jobs/s' }],
    measure: drain(() => 20_000, 1),
  },
  {
    name: 'process-2',
    store: 'sqlite',
    about: 'the same with two processes on one file',
    durabilities: ['disk'],
    against: QUEUES,
    figures: [{ bench: 'process-2', unit: 'jobs/s' }],
    measure: drain(() => 20_000, 2),
  },
  {
    name: 'latency',
    store: 'sqlite',
    about: 'from the call to the start of the handler, worker idle',
    durabilities: BOTH,
    against: QUEUES,
    figures: [
      { bench: 'latency-p50', unit: 'ms' },
      { bench: 'latency-p99', unit: 'ms' },
    ],
    measure: latency(200),
  },
  {
    name: 'backlog',
    store: 'sqlite',
    about:
      'with 1,000,000 jobs that wait, have ended, or are delayed: memory that it takes, and speed against an empty table',
    durabilities: ['process'],
    against: QUEUES,
    figures: [
      { bench: 'memory-waiting', unit: 'MB' },
      { bench: 'process-waiting', unit: 'x empty' },
      { bench: 'process-finished', unit: 'x empty' },
      { bench: 'process-delayed', unit: 'x empty' },
    ],
    once: 'side by side',
    measure: async (remotes, name, where, scale) => {
      const backlog = scaled(1_000_000, scale, 2000);
      // Few enough that a backlog that waits does not run dry; the peer is slower, and needs no more for a steady figure.
      const batch = Math.min(scaled(name === 'plainjob' ? 600 : 3000, scale, 150), Math.floor(backlog / 15));
      const all = await remotes.get(name).call('backlog', where, backlog, batch, scale < 0.2 ? 3 : 9);
      return [all.memoryMb, all.waiting, all.finished, all.delayed];
    },
  },
  {
    name: 'threads',
    store: 'sqlite',
    about: 'no-op calls through 4 warm threads: our pool alone, and with the store, against piscina and bare messages',
    durabilities: ['process'],
    against: { peers: ['piscina'], peersAt: 'process', limit: 'raw' },
    figures: [
      { bench: 'threads', unit: 'jobs/s' },
      { bench: 'threads-stored', unit: 'jobs/s' },
    ],
    measure: pool('threads', 20_000, false),
  },
  {
    name: 'children',
    store: 'sqlite',
    about: 'the same through 4 warm child processes, against bare lines of JSON; and the memory of the four',
    durabilities: ['process'],
    against: { peers: [], peersAt: 'process', limit: 'raw' },
    figures: [
      { bench: 'children', unit: 'jobs/s' },
      { bench: 'children-stored', unit: 'jobs/s' },
      { bench: 'children-memory', unit: 'MB' },
    ],
    measure: pool('children', 20_000, true),
  },
  {
    name: 'listeners',
    store: 'sqlite',
    about:
      'a worker that is never idle, 1,000 changes a second and more, with 500 event streams open; the limit is the same without',
    durabilities: ['process'],
    against: { peers: [], peersAt: 'process', limit: 'backline-alone' },
    figures: [
      { bench: 'listeners', unit: 'jobs/s' },
      { bench: 'listeners-cpu', unit: 'ms' },
      { bench: 'listeners-memory', unit: 'MB' },
    ],
    measure: live(2500, 500),
  },
];
