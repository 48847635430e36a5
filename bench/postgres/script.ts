/**
 * What the database itself gives: a plain program on pg with the same table idea as that of SQLite's script; every commit is synced to
 * disk, as ours are. Calls that arrive together are one INSERT from arrays; one statement finishes a batch and claims the next, with
 * SKIP LOCKED. No handlers, checks, retries, limits, counters or events. Nobody who keeps history can be much faster.
 */
import { v7 } from 'uuid';
import { CONCURRENCY, inChunks, type Open, payload } from '../contenders/contender.ts';
import { connect, multiply, placeOf } from './place.ts';

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS backline;
  CREATE TABLE IF NOT EXISTS backline.jobs (
    seq bigint generated always as identity primary key, id text not null unique, type text not null, queue text not null,
    status text not null, priority int not null, run_at bigint not null, gate bool not null, attempts int not null,
    claim bigint not null, created_at bigint not null, started_at bigint, completed_at bigint, payload text not null, result text);
  CREATE INDEX IF NOT EXISTS jobs_ready ON backline.jobs (queue, priority, run_at, seq) WHERE status = 'queued' AND NOT gate;
  CREATE INDEX IF NOT EXISTS jobs_delayed ON backline.jobs (run_at) WHERE status = 'queued' AND gate;
  CREATE INDEX IF NOT EXISTS jobs_running ON backline.jobs (queue) WHERE status = 'running'`;

const INSERT = `
  INSERT INTO backline.jobs (id, type, queue, status, priority, run_at, gate, attempts, claim, created_at, payload)
  SELECT id, 'noop', 'default', 'queued', 5, $3, $4, 0, 0, $5, payload FROM unnest($1::text[], $2::text[]) AS new (id, payload)`;
const STEP = `
  WITH finished AS (
    UPDATE backline.jobs j SET status = 'completed', completed_at = $3, result = NULL
    FROM unnest($1::bigint[], $2::bigint[]) AS done (seq, claim)
    WHERE j.seq = done.seq AND j.claim = done.claim AND j.status = 'running'),
  picked AS MATERIALIZED (
    SELECT seq FROM backline.jobs WHERE queue = 'default' AND status = 'queued' AND NOT gate
    ORDER BY priority, run_at, seq LIMIT $4 FOR UPDATE SKIP LOCKED)
  UPDATE backline.jobs j SET status = 'running', claim = claim + 1, attempts = attempts + 1, started_at = $3
  FROM picked WHERE j.seq = picked.seq RETURNING j.seq, j.claim, j.payload`;
const ANY_LEFT = `
  SELECT EXISTS (SELECT 1 FROM backline.jobs WHERE queue = 'default' AND status = 'queued' AND NOT gate)
      OR EXISTS (SELECT 1 FROM backline.jobs WHERE status = 'running') AS left`;

interface Claimed {
  readonly seq: string;
  readonly claim: string;
  readonly payload: string;
}

export const open: Open = async ({ file, onStart }) => {
  const { connectionString, schema } = placeOf(file);
  const own = (sql: string) => sql.replaceAll('backline', schema);
  const [adding, working] = await Promise.all([connect(connectionString), connect(connectionString)]);
  await adding.query(own(SCHEMA));
  const prepared = (client: typeof adding, name: string, sql: string) => {
    const text = own(sql);
    return (...values: unknown[]) => client.query({ name, text, values });
  };
  const insert = prepared(adding, 'insert', INSERT);
  const step = prepared(working, 'step', STEP);
  let released = false;
  let again = false;
  let loop: Promise<void> | undefined;

  const insertAll = async (numbers: readonly number[], delayMs = 0) => {
    const now = Date.now();
    const [ids, payloads] = [numbers.map(() => v7()), numbers.map((i) => JSON.stringify(payload(i)))];
    await insert(ids, payloads, now + delayMs, delayMs > 0, now);
    if (released) wake();
  };
  const wake = () => {
    again = true;
    loop ??= run();
  };
  const run = async () => {
    let taken: Claimed[] = [];
    do {
      again = false;
      const [seqs, claims] = [taken.map(({ seq }) => seq), taken.map(({ claim }) => claim)];
      const { rows } = await step(seqs, claims, Date.now(), released ? CONCURRENCY : 0);
      taken = rows as unknown as Claimed[];
      for (const row of taken) {
        JSON.parse(row.payload);
        onStart?.();
      }
    } while (taken.length > 0 || again);
    loop = undefined;
  };

  return {
    add: (n, callers) => inChunks(n, callers, (numbers) => insertAll(numbers)),
    addMany: (n, chunk, delayMs) => inChunks(n, chunk, (numbers) => insertAll(numbers, delayMs)),
    release: async () => {
      released = true;
      wake();
    },
    hold: async () => {
      released = false;
      await loop;
    },
    isDrained: async () => (await adding.query(own(ANY_LEFT))).rows[0]!['left'] === false,
    stock: async ({ finished, delayed, delayMs }) => {
      await insertAll([0], delayMs);
      const copy = (n: number, status: string, gate: boolean) =>
        multiply(adding, `${schema}.jobs`, 's.seq = 1', n, {
          seq: null,
          id: `'${status}-' || lpad(i::text, 8, '0')`,
          status: `'${status}'`,
          gate: String(gate),
          run_at: 's.run_at + i',
        });
      await copy(finished, 'completed', false);
      await copy(delayed, 'queued', true);
    },
    close: async () => {
      released = false;
      await loop;
      await Promise.all([adding.end(), working.end()]);
    },
  };
};
