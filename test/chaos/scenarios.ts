/** What is done to a system under steady load. Each scenario ends what it began: afterwards, nothing is in the way any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadPg, type PgClient } from '../../src/store/postgres/driver.ts';
import { query } from '../conformance/postgres.ts';
import type { Load } from '../load/load.ts';
import { now } from '../load/notes.ts';
import type { Program } from '../load/program.ts';
import type { Database, Kind } from '../load/server.ts';

export interface Stage {
  readonly database: Database;
  readonly load: Load;
  /** The workers that are meant to live. */
  readonly workers: Program[];
  /** How long a phase lasts, in milliseconds. */
  readonly phaseMs: number;
  startWorker(): Promise<Program>;
}

export interface Scenario {
  readonly name: string;
  readonly kind: Kind;
  readonly what: string;
  /** Another server follows the first. */
  readonly followed?: true;
  /** Settings of the server. */
  readonly flags?: readonly string[];
  /** Workers are killed in it, so what they had just done may be done again. */
  readonly kills?: true;
  /** @returns what a reader may want to know of it. */
  chaos(stage: Stage): Promise<string>;
}

const DOWN_MS = 3000;
const CUT_EVERY_MS = 500;
const IDLE = 300;
const KILL_EVERY_MS = 10_000;

const CUT = `SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

const restart =
  (signal: 'SIGINT' | 'SIGQUIT', times: number) =>
  async ({ database, phaseMs }: Stage): Promise<string> => {
    for (let i = 0; i < times; i++) {
      await database.server!.stop(signal);
      await sleep(DOWN_MS);
      await database.server!.start();
      if (i < times - 1) await sleep(Math.max(2000, phaseMs / times - DOWN_MS));
    }
    return `${times} times, down for ${DOWN_MS / 1000} s each`;
  };

const failOver = async ({ database }: Stage): Promise<string> => {
  await database.failOver!();
  return 'the second was read-only for 3 s, then it was promoted';
};

const terminate = async ({ database, phaseMs }: Stage): Promise<string> => {
  let [cuts, backends] = [0, 0];
  for (const until = now() + phaseMs; now() < until; await sleep(CUT_EVERY_MS)) {
    const [row] = await query(database.server!.url(), CUT);
    backends += Number(row!['n']);
    cuts++;
  }
  return `${backends} backends in ${cuts} rounds`;
};

/** Connections that do nothing. With `greedy`, also every other place that the server has, as soon as it falls free. */
const crowd = async ({ database, phaseMs }: Stage, greedy: boolean): Promise<string> => {
  const held = new Set<PgClient>();
  const most = greedy ? Number.POSITIVE_INFINITY : IDLE;
  let refused = 0;
  const take = async (): Promise<void> => {
    if (held.size >= most) return;
    const client = await connect(database.server!.url()).catch(() => null);
    if (client) held.add(client.on('error', () => held.delete(client)) as PgClient);
    else refused++;
  };
  const takeMany = () => Promise.all(Array.from({ length: 10 }, take));
  while (held.size < Math.min(most, IDLE) && refused === 0) await takeMany();
  refused = 0;
  for (const until = now() + phaseMs; now() < until; await sleep(100)) {
    if (!greedy) continue;
    // Who had a place already loses it, and finds it taken when he comes back.
    await held.values().next().value!.query(`${CUT} AND application_name = 'backline'`);
    await takeMany();
  }
  const places = held.size;
  await Promise.all([...held].map((client) => client.end().catch(() => {})));
  return greedy
    ? `${places} held: every place there is, also those that the workers had`
    : `${places} held, and just room for the others beside them`;
};

const connect = async (url: string): Promise<PgClient> => {
  const client = new (loadPg().Client)({
    connectionString: url,
    application_name: 'idle',
    connectionTimeoutMillis: 10_000,
    keepAlive: false,
    keepAliveInitialDelayMillis: 0,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
};

const killOne = async ({ workers }: Stage): Promise<string> => {
  await workers.pop()!.kill();
  return 'the other one goes on alone';
};

const killAgain = async ({ workers, phaseMs, startWorker }: Stage): Promise<string> => {
  const kills = Math.max(2, Math.round((3 * phaseMs) / KILL_EVERY_MS));
  for (let i = 0; i < kills; i++) {
    if (i > 0) await sleep(KILL_EVERY_MS);
    await workers.shift()!.kill();
    workers.push(await startWorker());
  }
  return `${kills} killed and replaced`;
};

export const SCENARIOS: readonly Scenario[] = [
  { name: 'restart', kind: 'postgres', what: 'the server is restarted', chaos: restart('SIGINT', 1) },
  { name: 'crash', kind: 'postgres', what: 'the server crashes', chaos: restart('SIGQUIT', 3) },
  {
    name: 'fail-over',
    kind: 'postgres',
    what: 'the server dies, and the one that followed it takes its place',
    followed: true,
    chaos: failOver,
  },
  { name: 'terminate', kind: 'postgres', what: 'all backends are terminated twice a second', chaos: terminate },
  {
    name: 'idle',
    kind: 'postgres',
    what: `${IDLE} idle connections, just room enough`,
    flags: ['max_connections=335'],
    chaos: (stage) => crowd(stage, false),
  },
  {
    name: 'exhausted',
    kind: 'postgres',
    what: `${IDLE} idle connections and more, no room at all`,
    flags: ['max_connections=310'],
    chaos: (stage) => crowd(stage, true),
  },
  ...(['postgres', 'sqlite'] as const).flatMap((kind): Scenario[] => [
    { name: 'kill-one', kind, what: 'one of two workers is killed', kills: true, chaos: killOne },
    { name: 'kill-often', kind, what: 'a worker is killed every 10 s', kills: true, chaos: killAgain },
  ]),
];
