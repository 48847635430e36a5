/**
 * The mark of a move in a database file: a table with one row, and triggers that refuse every write to what moves. Triggers, because
 * they hold for every connection, also for one that was opened before; the move itself opens them for the time of its transaction.
 */
import { moveConflict } from '../../job/errors.ts';
import { named, toMark } from '../mark.ts';
import { text } from '../rows.ts';
import { type Mark, type Position, TABLES } from '../side.ts';
import { type Connection, sql } from './driver.ts';

const HAS_MARK = sql`SELECT 1 FROM sqlite_schema WHERE name = 'job_move'`;
const TABLE = sql`
  CREATE TABLE job_move (
    id text primary key, role text not null, state text not null, peer text not null, at integer not null,
    name text not null, after text not null, rows integer not null, open integer not null default 0
  ) without rowid`;
const MARK = sql`SELECT id, role, state, peer, at, name, after, rows FROM job_move`;
const INSERT = sql`INSERT INTO job_move VALUES (@id, @role, 'moving', @peer, @at, @name, 'null', 0, 0)`;
const MOVED = sql`UPDATE job_move SET state = 'moved'`;
const FENCES = sql`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'job_move_*'`;
const OPEN = sql`UPDATE job_move SET open = 1 WHERE id = @id AND role = 'target' AND name = @name AND after = @after AND rows = @rows`;
const CLOSE = sql`UPDATE job_move SET open = 0, name = @name, after = @after, rows = @rows`;

/** @returns null for a database that takes part in no move. */
export const markOf = (db: Connection): Mark | null => {
  const row = db.get(HAS_MARK) && db.get(MARK);
  return row ? toMark(row) : null;
};

export const writeMark = (db: Connection, { id, role, peer, at }: Omit<Mark, 'state' | 'position'>): void => {
  db.exec(TABLE);
  db.run(INSERT, { id, role, peer, at, name: TABLES[0]!.name });
  raiseFence(db);
};

/** The refusals say from now on that all has arrived. */
export const markMoved = (db: Connection): void => {
  db.run(MOVED);
  dropFence(db);
  raiseFence(db);
};

export const removeMark = (db: Connection): void => {
  dropFence(db);
  db.exec('DROP TABLE job_move');
};

/** A new worker is no row that moves, but one that would claim them. */
const raiseFence = (db: Connection): void => {
  const { role, state, peer } = markOf(db)!;
  const says = `job_move ${JSON.stringify({ role, state, peer })}`.replaceAll("'", "''");
  const writes = [...TABLES, { name: 'job_payloads' }, { name: 'job_tags' }, { name: 'job_batches' }].flatMap(
    ({ name }) => ['insert', 'update', 'delete'].map((verb) => [name, verb] as const),
  );
  for (const [table, verb] of [...writes, ['job_workers', 'insert'] as const])
    db.exec(
      `CREATE TRIGGER job_move_${verb}_${table} BEFORE ${verb} ON ${table} WHEN (SELECT open FROM job_move) = 0
       BEGIN SELECT RAISE(ABORT, '${says}'); END`,
    );
};

const dropFence = (db: Connection): void => {
  for (const { name } of db.all(FENCES)) db.exec(`DROP TRIGGER ${text(name)}`);
};

/** Within a transaction: from here to `closeFence` it may write, and nobody else sees it open. @throws MOVE_CONFLICT. */
export const openFence = (db: Connection, where: string, id: string, from: Position): void => {
  if (db.run(OPEN, { id, ...named(from) }) === 0) throw moveConflict(where, 'it does not stand where it was left');
};

export const closeFence = (db: Connection, to: Position): void => {
  db.run(CLOSE, named(to));
};
