/**
 * The look for candidates: the best due rows of all lanes, merged, and locked. A lane is a queue, a type and a priority; idx_jobs_priority
 * holds each in order of time.
 *
 * Dead rows: the claim deletes from the front of each lane, and while some session holds an old snapshot the server cannot clean up
 * behind it, so that every look has to walk over all that was ever taken. The look counts the blocks it reads; where they are far more
 * than it has use for, it begins at the places where live rows were seen last (positions.ts).
 */

import { number, numberOrNull } from '../../rows.ts';
import type { ClaimRequest } from '../../store.ts';
import { type Connection, numbers, type Params, type Row, sql, texts } from '../driver.ts';
import type { Place, Positions } from '../positions.ts';
import { toPlace } from '../rows.ts';
import type { Transaction } from '../transaction.ts';

/** Room of a queue: what its limit leaves, or no bound. */
const ROOM = `CASE WHEN q.max_running IS NULL THEN 1000000
  ELSE q.max_running - (SELECT count(*) FROM backline.job_running r WHERE r.queue = q.name) END`;

/** The queues that a worker may take from. */
const OPEN = `
  open AS MATERIALIZED (
    SELECT q.name, ${ROOM} AS room FROM backline.job_queues q
    WHERE ($queues::text[] IS NULL OR q.name = ANY ($queues::text[]))
      AND NOT (q.paused AND (q.paused_until IS NULL OR q.paused_until > $now::bigint)))`;

/** Their lanes, found by a loose scan: one look-up of the index per lane. */
const ALL_LANES = `
  lanes(queue, room, type, priority, from_run_at, from_seq) AS (
    SELECT o.name, o.room, h.type, h.priority, -9e15::bigint, 0::bigint FROM open o CROSS JOIN LATERAL (
      SELECT r.type, r.priority FROM backline.job_ready r WHERE r.queue = o.name ORDER BY r.type, r.priority LIMIT 1) h
    WHERE o.room > 0
    UNION ALL
    SELECT l.queue, l.room, h.type, h.priority, l.from_run_at, l.from_seq FROM lanes l CROSS JOIN LATERAL (
      SELECT r.type, r.priority FROM backline.job_ready r
      WHERE r.queue = l.queue AND (r.type, r.priority) > (l.type, l.priority) ORDER BY r.type, r.priority LIMIT 1) h)`;

/** The lanes that are known, each from the place where its first live row was seen. */
const KNOWN_LANES = `
  lanes AS (
    SELECT o.name AS queue, o.room, k.type, k.priority, k.run_at AS from_run_at, k.seq AS from_seq
    FROM unnest($knownQueues::text[], $knownTypes::text[], $knownPriorities::int[], $knownRunAts::bigint[], $knownSeqs::bigint[])
      AS k(queue, type, priority, run_at, seq)
    JOIN open o ON o.name = k.queue WHERE o.room > 0)`;

/** Blocks that this session has read of what the claim walks, since some time before this transaction: a difference of two tells. */
const BLOCKS = `(pg_stat_get_xact_blocks_fetched('backline.job_ready'::regclass)
  + pg_stat_get_xact_blocks_fetched('backline.idx_jobs_priority'::regclass))`;

/**
 * The best $most due rows of all lanes, merged; the first $n of them that nobody else is taking. ctid: the way from a candidate to its
 * row without another look-up; a row that was moved since is not there any more. The last row of the answer says what else the claim
 * must know.
 */
const pick = (lanes: string, within: string) => sql`
  WITH RECURSIVE me AS MATERIALIZED (SELECT 1 FROM backline.job_workers WHERE owner = $owner FOR KEY SHARE),
    before AS MATERIALIZED (SELECT ${BLOCKS} AS n),
    ${OPEN},
    ${lanes},
    served AS MATERIALIZED (
      SELECT * FROM lanes WHERE type = ANY ($types::text[]) AND EXISTS (SELECT 1 FROM me CROSS JOIN before WHERE before.n >= 0)),
    merged AS (
      SELECT c.*, l.room FROM served l CROSS JOIN LATERAL (
        SELECT r.ctid AS at, r.queue, r.type, r.priority, r.run_at, r.seq, r.limit_key, r.expires_at FROM backline.job_ready r
        WHERE r.queue = l.queue AND r.type = l.type AND r.priority = l.priority AND r.run_at <= $now::bigint
          AND (r.run_at, r.seq) >= (l.from_run_at, l.from_seq)
          AND (r.limit_key IS NULL OR r.limit_key <> ALL ($skipped::text[]))
        ORDER BY r.run_at, r.seq LIMIT $most::int) c),
    best AS MATERIALIZED (${within}),
    locked AS (
      SELECT b.* FROM best b JOIN backline.job_ready r ON r.ctid = b.at
      ORDER BY b.priority, b.run_at, b.seq LIMIT $n::int FOR UPDATE OF r SKIP LOCKED)
  SELECT at::text AS at, queue, type, priority, run_at, seq, room, limit_key, expires_at, NULL::bigint AS candidates,
    NULL::bigint AS next_at, NULL::boolean AS limited, NULL::bigint AS blocks FROM locked
  UNION ALL
  SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT count(*) FROM best),
    (SELECT min(f.run_at) FROM served l CROSS JOIN LATERAL (
      SELECT r.run_at FROM backline.job_ready r
      WHERE r.queue = l.queue AND r.type = l.type AND r.priority = l.priority AND r.run_at > $now::bigint
      ORDER BY r.run_at LIMIT 1) f),
    EXISTS (SELECT 1 FROM backline.job_limits) OR EXISTS (
      SELECT 1 FROM backline.job_queues WHERE max_running IS NOT NULL AND ($queues::text[] IS NULL OR name = ANY ($queues::text[]))),
    ${BLOCKS} - (SELECT n FROM before)`;

const FREELY = 'SELECT * FROM merged ORDER BY priority, run_at, seq LIMIT $most::int';
/**
 * With the exact limit of each queue: its n-th candidate must fit into the room it has. $blocked more are looked at where the first
 * ones turned out to be blocked by their keys.
 */
const WITHIN = `
  SELECT * FROM (SELECT m.*, row_number() OVER (PARTITION BY queue ORDER BY priority, run_at, seq) AS nth FROM merged m) m
  WHERE nth <= room + $blocked::int ORDER BY priority, run_at, seq LIMIT $most::int`;

const PICK = {
  freely: { all: pick(ALL_LANES, FREELY), known: pick(KNOWN_LANES, FREELY) },
  within: { all: pick(ALL_LANES, WITHIN), known: pick(KNOWN_LANES, WITHIN) },
};

export interface Picked {
  readonly rows: readonly Row[];
  readonly candidates: number;
  readonly nextAt: number | null;
}

export interface Look {
  readonly limits: keyof typeof PICK;
  readonly n: number;
  readonly most: number;
  readonly blocked?: number;
  readonly skipped?: readonly string[];
}

export const look = async (
  txn: Transaction,
  positions: Positions,
  { owner, types, queues }: ClaimRequest,
  now: number,
  { limits, n, most, blocked = 0, skipped = [] }: Look,
): Promise<Picked> => {
  const start = positions.from(now);
  const known = start.places;
  const answer = await txn.all(PICK[limits][known ? 'known' : 'all'], {
    ...{
      owner,
      types: texts(types),
      queues: queues ? texts(queues) : null,
      now,
      n,
      most,
      blocked,
      skipped: texts(skipped),
    },
    ...(known ? knownParams(known) : {}),
  });
  const last = answer.at(-1)!;
  const rows = answer.slice(0, -1);
  txn.limits = last['limited'] === true;
  positions.looked(start, rows.map(toPlace), number(last['blocks']));
  return { rows, candidates: number(last['candidates']), nextAt: numberOrNull(last['next_at']) };
};

const knownParams = (known: readonly Place[]): Params => ({
  knownQueues: texts(known.map(({ queue }) => queue)),
  knownTypes: texts(known.map(({ type }) => type)),
  knownPriorities: numbers(known.map(({ priority }) => priority)),
  knownRunAts: numbers(known.map(({ runAt }) => runAt)),
  knownSeqs: numbers(known.map(({ seq }) => seq)),
});

/** The first live row of every lane, and how many blocks it took to find them. Walks over all dead rows: never on the claim's own way. */
const SURVEY = sql`
  WITH RECURSIVE lanes AS (
      (SELECT queue, type, priority, run_at, seq FROM backline.job_ready ORDER BY queue, type, priority, run_at, seq LIMIT 1)
      UNION ALL
      SELECT n.* FROM lanes l CROSS JOIN LATERAL (
        SELECT queue, type, priority, run_at, seq FROM backline.job_ready
        WHERE (queue, type, priority) > (l.queue, l.type, l.priority) ORDER BY queue, type, priority, run_at, seq LIMIT 1) n),
    found AS MATERIALIZED (SELECT * FROM lanes LIMIT $most::int)
  SELECT queue, type, priority, run_at, seq, NULL::bigint AS blocks FROM found
  UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, ${BLOCKS} FROM (SELECT count(*) AS n FROM found) f`;
const READ_SO_FAR = sql`SELECT ${BLOCKS} AS n`;

/** @returns null for more lanes than are worth to be kept. */
export const survey = async (db: Connection, most: number): Promise<{ places: Place[]; blocks: number } | null> => {
  await db.script(`BEGIN READ ONLY; SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`);
  try {
    const before = number((await db.get(READ_SO_FAR))!['n']);
    const rows = await db.all(SURVEY, { most: most + 1 });
    const places = rows.slice(0, -1).map(toPlace);
    return places.length > most ? null : { places, blocks: number(rows.at(-1)!['blocks']) - before };
  } finally {
    await db.script('COMMIT');
  }
};
