/**
 * What the database itself gives: a plain program on better-sqlite3 with the same table idea (integer key, time-ordered text
 * id, a claim index over what waits), the same pragmas and the same durability, but no handlers, checks, retries, limits,
 * counters or events. Calls that arrive together are written together; one batch is finished and the next claimed in one
 * transaction. Nobody who keeps history can be much faster.
 */
import Database from 'better-sqlite3';
import { v7 } from 'uuid';
import { CONCURRENCY, inChunks, type Open, payload } from './contender.ts';

const PRAGMAS = ['page_size = 4096', 'journal_mode = wal', 'synchronous = normal', 'busy_timeout = 5000'];
const LIKE_OURS = ['wal_autocheckpoint = 4000', 'cache_size = -16384'];

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS jobs (
    seq integer primary key, id text not null unique, type text not null, queue text not null, status text not null,
    priority integer not null, run_at integer not null, gate integer not null, attempts integer not null, claim integer not null,
    created_at integer not null, started_at integer, completed_at integer, payload text not null, result text);
  CREATE INDEX IF NOT EXISTS jobs_ready ON jobs(queue, priority, run_at) WHERE status = 'queued' AND gate = 0;
  CREATE INDEX IF NOT EXISTS jobs_delayed ON jobs(run_at) WHERE status = 'queued' AND gate = 1;
  CREATE INDEX IF NOT EXISTS jobs_running ON jobs(queue) WHERE status = 'running'`;

const INSERT = `
  INSERT INTO jobs (id, type, queue, status, priority, run_at, gate, attempts, claim, created_at, payload)
  VALUES (?, 'noop', 'default', 'queued', 5, ?, ?, 0, 0, ?, ?)`;
const OPEN_DUE = `
  UPDATE jobs SET gate = 0 WHERE seq IN (
    SELECT seq FROM jobs WHERE status = 'queued' AND gate = 1 AND run_at <= ? ORDER BY run_at LIMIT 500)`;
const CLAIM = `
  UPDATE jobs SET status = 'running', claim = claim + 1, attempts = attempts + 1, started_at = ? WHERE seq IN (
    SELECT seq FROM jobs WHERE queue = 'default' AND status = 'queued' AND gate = 0 ORDER BY priority, run_at, seq LIMIT +?)
  RETURNING seq, claim, payload`;
const FINISH = `
  UPDATE jobs SET status = 'completed', completed_at = ?, result = NULL WHERE seq = ? AND claim = ? AND status = 'running'`;
const ANY_LEFT = `
  SELECT EXISTS (SELECT 1 FROM jobs WHERE queue = 'default' AND status = 'queued' AND gate = 0)
      OR EXISTS (SELECT 1 FROM jobs WHERE status = 'running') AS n`;
const END_ALL = `UPDATE jobs SET status = 'completed', completed_at = created_at WHERE status = 'queued'`;

interface Claimed {
  readonly seq: number;
  readonly claim: number;
  readonly payload: string;
}

export const open: Open = async ({ file, durability, onStart }) => {
  const db = new Database(file);
  for (const pragma of [...PRAGMAS, ...LIKE_OURS]) db.pragma(pragma);
  db.exec(SCHEMA);
  const [insert, openDue, claim, finish, anyLeft] = [INSERT, OPEN_DUE, CLAIM, FINISH, ANY_LEFT].map((sql) =>
    db.prepare(sql),
  ) as [Database.Statement, Database.Statement, Database.Statement, Database.Statement, Database.Statement];
  let released = false;
  let taken: Claimed[] = [];
  let again = false;
  let loop: Promise<void> | undefined;

  const write = (synced: boolean, work: () => void) => {
    if (synced) db.exec('PRAGMA synchronous = 2');
    db.exec('BEGIN IMMEDIATE');
    work();
    db.exec('COMMIT');
    if (synced) db.exec('PRAGMA synchronous = 1');
  };
  const insertAll = (numbers: number[], delayMs = 0) => {
    write(durability === 'disk', () => {
      const now = Date.now();
      for (const i of numbers) insert.run(v7(), now + delayMs, delayMs > 0 ? 1 : 0, now, JSON.stringify(payload(i)));
    });
    if (released) wake();
  };
  /** Finishes one batch and claims the next. Losing either costs a repeated run at most, so neither is synced. */
  const step = () =>
    write(false, () => {
      const now = Date.now();
      for (const row of taken) finish.run(now, row.seq, row.claim);
      openDue.run(now);
      taken = released ? (claim.all(now, CONCURRENCY) as Claimed[]) : [];
    });
  const wake = () => {
    again = true;
    loop ??= run();
  };
  const run = async () => {
    do {
      again = false;
      step();
      for (const row of taken) {
        JSON.parse(row.payload);
        onStart?.();
      }
      await new Promise(setImmediate);
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
    },
    isDrained: async () => (anyLeft.get() as { n: number }).n === 0,
    endAll: async () => {
      db.exec(END_ALL);
    },
    close: async () => {
      released = false;
      await loop;
      db.close();
    },
  };
};
