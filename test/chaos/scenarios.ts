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

const terminate = async ({ database, phaseMs }: Stage): Promise<string> => {
  let [cuts, backends] = [0, 0];
  for (const until = now() + phaseMs; now() < until; await sleep(CUT_EVERY_MS)) {
    const [row] = await query(database.server!.url(), CUT);
    backends += Number(row!['n']);
    cuts++;
  }
  return `${backends} backends in ${cuts} rounds`;
};

/** A crowd of connections that do nothing. With `greedy` it takes every place that falls free. */
const crowd = async ({ database, phaseMs }: Stage, greedy: boolean): Promise<string> => {
  const { Client } = loadPg();
  const config = {
    connectionString: database.server!.url(),
    application_name: 'idle',
    connectionTimeoutMillis: 5000,
    keepAlive: false,
    keepAliveInitialDelayMillis: 0,
  };
  const held = new Set<PgClient>();
  const take = async (): Promise<boolean> => {
    const client = new Client(config);
    client.on('error', () => held.delete(client));
    try {
      await client.connect();
      held.add(client);
      return true;
    } catch {
      await client.end().catch(() => {});
      return false;
    }
  };
  let refused = 0;
  let cut = false;
  for (const until = now() + phaseMs; now() < until; ) {
    if (held.size < IDLE && (await take())) continue;
    if (greedy && held.size > 0) {
      // Places that others leave are taken, until the server has none.
      const full = !(await take());
      if (full) refused++;
      if (full && !cut) {
        cut = true;
        const [one] = held;
        await one!.query(`${CUT} AND application_name = 'backline'`);
      }
      if (full) await sleep(20);
    } else await sleep(100);
  }
  const most = held.size;
  await Promise.all([...held].map((client) => client.end().catch(() => {})));
  return greedy
    ? `${most} held, every place taken; the others' connections cut once, and ${refused} times refused since`
    : `${most} held, and room for the workers beside them`;
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
