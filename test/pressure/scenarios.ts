/** What is put on a system that works well: each begins with a clean phase, and ends with a graceful stop under pressure. */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPg, type PgClient } from '../../src/store/postgres/driver.ts';
import { query, type Server } from '../conformance/postgres.ts';
import type { Load } from '../load/load.ts';
import { now } from '../load/notes.ts';
import type { Program } from '../load/program.ts';

export interface Stage {
  readonly server: Server;
  readonly load: Load;
  /** What the workers can do together, in jobs a second, by the first measurement of this run. */
  readonly capacity: number;
  readonly phaseMs: number;
  /** Hands in at so many jobs a second until it is stopped, or so many in all. */
  produce(rate: number, most?: number): Promise<Program>;
}

export interface Measured {
  /** Jobs a second in the clean phase and under pressure. */
  readonly clean: number;
  readonly pressed: number;
  readonly note: string;
  /** Takes the pressure away; only after the workers were stopped. */
  end(): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  press(stage: Stage): Promise<Measured>;
}

/** Of what the workers can do: busy, and able to keep up on a machine that others use too. */
const STEADY = 0.7;
const OVERLOAD = 1.5;
/** As fast as a process can hand in. */
const BURST_RATE = 100_000;
/** No job is older: what a handler takes, and the wait for a free place. */
const CALM_MS = 1500;
const READERS = 4;
/** How long a reader stays within one transaction. */
const READ_MS = 4000;
const WARM_UP_MS = 3000;

/** What is done in a span of time, while nothing else happens. */
const rateOf = async (load: Load, ms: number): Promise<number> => {
  const from = now();
  await sleep(ms);
  return load.rate(from, now());
};

const steady = async ({ load, capacity, phaseMs, produce }: Stage): Promise<number> => {
  await produce(STEADY * capacity);
  await sleep(WARM_UP_MS);
  return rateOf(load, phaseMs);
};

const connect = async (server: Server): Promise<PgClient> => {
  const client = new (loadPg().Client)({
    connectionString: server.url(),
    application_name: 'pressure',
    connectionTimeoutMillis: 10_000,
    keepAlive: false,
    keepAliveInitialDelayMillis: 0,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
};

const snapshot = async (stage: Stage): Promise<Measured> => {
  const clean = await steady(stage);
  const holder = await connect(stage.server);
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT txid_current()');
  const since = now();
  // Dead rows gather; the last phase has the most of them.
  await sleep(2 * stage.phaseMs);
  const pressed = await rateOf(stage.load, stage.phaseMs);
  const [row] = await query(stage.server.url(), 'SELECT sum(n_dead_tup)::int AS n FROM pg_stat_user_tables');
  const note = `held for ${((now() - since) / 1000).toFixed(0)} s, ${row!['n']} dead rows`;
  return { clean, pressed, note, end: () => holder.end() };
};

/** They cannot keep up with that; but they must not do less than before because of it. */
const overload = async (stage: Stage): Promise<Measured> => {
  const { load, capacity, phaseMs, produce } = stage;
  const clean = await steady(stage);
  await produce((OVERLOAD - STEADY) * capacity);
  await sleep(WARM_UP_MS);
  const pressed = await rateOf(load, 2 * phaseMs);
  const note = `${load.backlog} jobs wait at the end`;
  return { clean, pressed, note, end: async () => {} };
};

const readers = async (stage: Stage): Promise<Measured> => {
  const clean = await steady(stage);
  let reading = true;
  let reads = 0;
  const read = async (): Promise<void> => {
    const client = await connect(stage.server);
    while (reading) {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      for (const since = now(); reading && now() - since < READ_MS; await sleep(200)) {
        await client.query('SELECT status, count(*) FROM load.jobs GROUP BY status');
        await client.query('SELECT * FROM load.jobs ORDER BY seq DESC LIMIT 100');
        reads += 2;
      }
      await client.query('COMMIT');
    }
    await client.end();
  };
  const all = Promise.all(Array.from({ length: READERS }, read));
  all.catch(() => {});
  const pressed = await rateOf(stage.load, 2 * stage.phaseMs);
  const end = async (): Promise<void> => {
    reading = false;
    await all;
  };
  return { clean, pressed, note: `${reads} reads of the whole table and of its newest rows`, end };
};

/** As many at once as take about a phase to work off, on top of the steady load; and the stop comes in a second one. */
const burst = async (stage: Stage): Promise<Measured> => {
  const { load, capacity, phaseMs, produce } = stage;
  const clean = await steady(stage);
  const size = Math.round((capacity * (1 - STEADY) * phaseMs) / 1000);
  const from = now();
  await (await produce(BURST_RATE, size)).heard('all acknowledged');
  const drained = await load.calm(CALM_MS, 10 * phaseMs);
  if (drained === null) throw new Error(`a burst of ${size} jobs was not worked off within ${(10 * phaseMs) / 1000} s`);
  const to = now() - CALM_MS;
  await (await produce(BURST_RATE, size)).heard('all acknowledged');
  const note = `${size} jobs more at once, worked off in ${((to - from) / 1000).toFixed(1)} s; as many again at the stop`;
  return { clean, pressed: load.rate(from, to), note, end: async () => {} };
};

export const SCENARIOS: readonly Scenario[] = [
  { name: 'snapshot', what: 'a transaction with an old snapshot is left open', press: snapshot },
  { name: 'overload', what: `${OVERLOAD} times as much as the workers can do`, press: overload },
  { name: 'readers', what: `${READERS} readers in REPEATABLE READ`, press: readers },
  { name: 'burst', what: 'a burst on top of a steady load', press: burst },
];
