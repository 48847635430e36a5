/**
 * The mark of a move in a schema: a table with one row, and triggers that refuse every write to what moves. Triggers, because they hold
 * for every connection, also for one that was opened before; the move itself opens them for the time of its transaction.
 */
import { moveConflict } from '../../job/errors.ts';
import { named, samePosition, toMark } from '../mark.ts';
import { type Mark, type Position, TABLES } from '../side.ts';
import { type Connection, sql } from './driver.ts';

/** What a refused statement ends with: a class of codes that PostgreSQL leaves to others. */
export const FENCED = 'BL001';

/** Asked of the catalogue as it is, not of its cache. */
const HAS_MARK = sql`
  SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $schema AND c.relname = 'job_move') AS has`;
const MARK = sql`SELECT id, role, state, peer, at, name, after, rows FROM backline.job_move`;
const INSERT = sql`INSERT INTO backline.job_move VALUES ($id, $role, 'moving', $peer, $at, $name, 'null', 0, false)`;
const MOVED = sql`UPDATE backline.job_move SET state = 'moved'`;
const OPEN = sql`
  UPDATE backline.job_move SET open = true WHERE id = $id AND role = 'target' AND name = $name AND after = $after AND rows = $rows`;
const CLOSE = sql`UPDATE backline.job_move SET open = false, name = $name, after = $after, rows = $rows`;

/** The right of its owner, because who writes may not be allowed to read the mark. */
const FENCE = sql`
  CREATE TABLE backline.job_move (
    id text primary key, role text not null, state text not null, peer text not null, at bigint not null,
    name text not null, after text not null, rows bigint not null, open boolean not null);
  CREATE FUNCTION backline.job_move_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE mark record;
    BEGIN
      SELECT * INTO mark FROM backline.job_move;
      IF mark.open THEN RETURN NULL; END IF;
      RAISE EXCEPTION 'its jobs are moving' USING ERRCODE = '${FENCED}',
        DETAIL = json_build_object('role', mark.role, 'state', mark.state, 'peer', mark.peer)::text;
    END $$;
`;

/** The tables that a job, or what belongs to it, stands in. */
export const WRITTEN = [
  ...TABLES.map(({ name }) => name).filter((name) => name !== 'jobs'),
  ...'job_body job_ready job_aside job_running job_batches job_done job_keys job_minute_deltas'.split(' '),
];

/** @returns null for a schema that takes part in no move. */
export const markOf = async (db: Connection, schema: string): Promise<Mark | null> => {
  if ((await db.get(HAS_MARK, { schema }))!['has'] !== true) return null;
  const row = await db.get(MARK);
  return row ? toMark(row) : null;
};

/** A new worker is no row that moves, but one that would claim them. The locks wait for whoever is just writing. */
export const writeMark = async (
  db: Connection,
  { id, role, peer, at }: Omit<Mark, 'state' | 'position'>,
): Promise<void> => {
  const fences = [...WRITTEN.map((name) => [name, 'INSERT OR UPDATE OR DELETE']), ['job_workers', 'INSERT']].map(
    ([name, verbs]) => `
      CREATE TRIGGER job_move BEFORE ${verbs} ON backline.${name} FOR EACH STATEMENT EXECUTE FUNCTION backline.job_move_fence();`,
  );
  await db.script(`${FENCE}${fences.join('')}`);
  await db.run(INSERT, { id, role, peer, at, name: TABLES[0]!.name });
};

export const markMoved = async (db: Connection): Promise<void> => {
  await db.run(MOVED);
};

/** With its triggers. May be repeated. */
export const removeMark = async (db: Connection): Promise<void> => {
  await db.script('DROP FUNCTION IF EXISTS backline.job_move_fence() CASCADE; DROP TABLE IF EXISTS backline.job_move');
};

/**
 * Within a transaction: from here to `closeFence` it may write, and nobody else sees it open.
 * @returns false if the position is that of `to` already: an earlier try has committed. @throws MOVE_CONFLICT.
 */
export const openFence = async (
  db: Connection,
  { where, schema }: { where: string; schema: string },
  id: string,
  from: Position,
  to: Position,
): Promise<boolean> => {
  if ((await db.run(OPEN, { id, ...named(from) })) > 0) return true;
  const mark = await markOf(db, schema);
  if (mark?.id !== id || !samePosition(mark.position, to))
    throw moveConflict(where, 'it does not stand where it was left');
  return false;
};

export const closeFence = async (db: Connection, to: Position): Promise<void> => {
  await db.run(CLOSE, named(to));
};
