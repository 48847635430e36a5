/** Schedules: rows and their history, many at once. What happens to them is decided in src/schedule; see src/store/schedule-store.ts. */
import { type HistoryEntry, KEPT_FREQUENT, KEPT_SELDOM, type Schedule } from '../../../schedule/record.ts';
import { number, text } from '../../rows.ts';
import {
  ADVANCED_COLUMNS,
  isOverlap,
  mustTrim,
  SCHEDULE_COLUMNS,
  toEntry,
  toEntryRow,
  toSchedule,
  toScheduleRow,
} from '../../schedule-rows.ts';
import type { HistoryPage, HistoryQuery, SchedulePage, ScheduleQuery } from '../../schedule-store.ts';
import { type Connection, type Row, sql, texts, type Value } from '../driver.ts';
import type { Transaction } from '../transaction.ts';

const GET = sql`SELECT * FROM backline.job_schedules WHERE id = $id`;
const LOCK = sql`SELECT * FROM backline.job_schedules WHERE id = $id FOR UPDATE`;
/**
 * SKIP LOCKED: what another process fires, or a person changes, is theirs. The rows themselves pass through, and are not looked up
 * again: they are what they are now that they are locked, and the table is what it was when this began.
 */
const DUE = sql`
  SELECT * FROM (
    SELECT d.*, sum(octet_length(d.job)) OVER (ORDER BY d.wake_at, d.id) - octet_length(d.job) AS before FROM (
      SELECT * FROM backline.job_schedules WHERE wake_at <= $now::bigint
      ORDER BY wake_at, id LIMIT $limit::int FOR UPDATE SKIP LOCKED) d) d
  WHERE before < $bytes::bigint ORDER BY wake_at, id`;
const NEXT_AT = sql`SELECT wake_at FROM backline.job_schedules WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1`;

export const scheduleOf = async (db: Pick<Connection, 'get'>, id: string): Promise<Schedule | null> => {
  const row = await db.get(GET, { id });
  return row ? toSchedule(row) : null;
};

/** The row is this transaction's until its end. */
export const lockSchedule = async (txn: Transaction, id: string): Promise<Schedule | null> => {
  const row = await txn.get(LOCK, { id });
  return row ? toSchedule(row) : null;
};

/** The first of them, whatever its size, and others while they are not larger than so many bytes together. */
export const dueSchedules = async (txn: Transaction, limit: number, bytes: number, now: number): Promise<Schedule[]> =>
  (await txn.all(DUE, { now, limit, bytes })).map(toSchedule);

export const nextWakeAt = async (db: Pick<Connection, 'get'>): Promise<number | null> => {
  const row = await db.get(NEXT_AT);
  return row ? number(row['wake_at']) : null;
};

/** Rows as one value: the table itself says what type each column has. */
const GIVEN = 'json_populate_recordset(NULL::backline.job_schedules, $rows::json)';
const set = (columns: readonly string[]): string => columns.map((name) => `${name} = g.${name}`).join(', ');
const names = SCHEDULE_COLUMNS.join(', ');
const INSERT = sql`INSERT INTO backline.job_schedules (${names}) SELECT ${names} FROM ${GIVEN} ON CONFLICT DO NOTHING`;
const WRITE = sql`UPDATE backline.job_schedules s SET ${set(SCHEDULE_COLUMNS)} FROM ${GIVEN} g WHERE s.id = g.id`;
const ADVANCE = sql`
  UPDATE backline.job_schedules s SET ${set(ADVANCED_COLUMNS)}, open_from = coalesce(g.open_from, s.open_from)
  FROM ${GIVEN} g WHERE s.id = g.id`;
const DELETE = sql`DELETE FROM backline.job_schedules WHERE id = $id`;

/** PostgreSQL's text can hold neither the character 0 nor half of a surrogate pair. */
const rowsOf = (rows: readonly Row[]): string =>
  JSON.stringify(rows, (_, value) =>
    typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : value,
  );

/** @returns false if there is one by now. */
export const insertSchedule = async (txn: Transaction, written: Written): Promise<boolean> => {
  if ((await txn.run(INSERT, { rows: rowsOf([toScheduleRow(written.schedule)]) })) === 0) return false;
  await writeEntries(txn, [written]);
  return true;
};

export const writeSchedule = async (txn: Transaction, written: Written): Promise<void> => {
  await txn.run(WRITE, { rows: rowsOf([toScheduleRow(written.schedule)]) });
  await writeEntries(txn, [written]);
};

/** A schedule as it is now, and what its history says of that. */
export interface Written {
  readonly schedule: Schedule;
  readonly entries: readonly HistoryEntry[];
  /** Below this number all its jobs have ended; as it was if not given. */
  readonly openFrom?: number | null;
}

export const advanceSchedules = async (txn: Transaction, written: readonly Written[]): Promise<void> => {
  if (written.length === 0) return;
  const rows = written.map(({ schedule, openFrom = null }): Row => {
    const row = toScheduleRow(schedule);
    const advanced = Object.fromEntries(['id', ...ADVANCED_COLUMNS].map((name) => [name, row[name]!]));
    return { ...advanced, open_from: openFrom };
  });
  await txn.run(ADVANCE, { rows: rowsOf(rows) });
  await writeEntries(txn, written);
};

export const deleteSchedule = async (txn: Transaction, { schedule, entries }: Written): Promise<void> => {
  await txn.run(DELETE, { id: schedule.id });
  await writeEntries(txn, [{ schedule: { ...schedule, nextAt: null }, entries }]);
};

const NEWEST = sql`
  SELECT i.id AS schedule, h.n, h.kind, h.reason FROM unnest($ids::text[]) AS i(id) CROSS JOIN LATERAL (
    SELECT n, kind, reason FROM backline.job_schedule_history WHERE schedule = i.id ORDER BY n DESC LIMIT 1) h`;
const GIVEN_ENTRIES = 'json_populate_recordset(NULL::backline.job_schedule_history, $rows::json)';
const APPEND = sql`INSERT INTO backline.job_schedule_history SELECT * FROM ${GIVEN_ENTRIES}`;
const EXTEND = sql`
  UPDATE backline.job_schedule_history h SET at = g.at, last_slot_at = g.last_slot_at, count = h.count + g.count
  FROM ${GIVEN_ENTRIES} g WHERE h.schedule = g.schedule AND h.n = g.n`;
/** The key is walked from its new end, over as many as are kept. */
const TRIM = sql`
  DELETE FROM backline.job_schedule_history h USING unnest($ids::text[]) AS i(id)
  WHERE h.schedule = i.id AND h.seldom = $seldom::int AND h.n <= (
    SELECT n FROM backline.job_schedule_history WHERE schedule = i.id AND seldom = $seldom::int
    ORDER BY n DESC OFFSET $keep::int LIMIT 1)`;

const writeEntries = async (txn: Transaction, written: readonly Written[]): Promise<void> => {
  const some = written.filter(({ entries }) => entries.length > 0);
  if (some.length === 0) return;
  const newest = new Map<string, Row>();
  for (const row of await txn.all(NEWEST, { ids: texts(some.map(({ schedule }) => schedule.id)) }))
    newest.set(text(row['schedule']), row);
  const [appended, extended, full]: [Row[], Row[], string[]] = [[], [], []];
  for (const { schedule, entries } of some) {
    const last = newest.get(schedule.id);
    const before = last ? number(last['n']) : 0;
    let n = before;
    let extends_ = last !== undefined && isOverlap(last as unknown as HistoryEntry);
    for (const entry of entries) {
      const { id, version, nextAt, job } = schedule;
      txn.tell(() => ({ kind: 'schedule', id, type: job.type, version, at: entry.at, nextAt, entry }));
      const isMore = extends_ && isOverlap(entry);
      if (isMore) extended.push({ schedule: id, n, ...toEntryRow(entry) });
      else appended.push({ schedule: id, n: ++n, ...toEntryRow(entry) });
      extends_ = isMore;
    }
    if (mustTrim(before, n)) full.push(schedule.id);
  }
  if (extended.length > 0) await txn.run(EXTEND, { rows: rowsOf(extended) });
  if (appended.length > 0) await txn.run(APPEND, { rows: rowsOf(appended) });
  if (full.length === 0) return;
  await txn.run(TRIM, { ids: texts(full), seldom: 0, keep: KEPT_FREQUENT });
  await txn.run(TRIM, { ids: texts(full), seldom: 1, keep: KEPT_SELDOM });
};

export const listSchedules = async (
  db: Connection,
  { limit, after, type, paused, within }: ScheduleQuery,
): Promise<SchedulePage> => {
  const parts = ['id > $after'];
  const values: Record<string, Value> = { after: after ?? '', limit: limit + 1 };
  if (type !== undefined) {
    parts.push('type = $type');
    values['type'] = type;
  }
  if (paused !== undefined) parts.push(`paused_at IS ${paused ? 'NOT ' : ''}NULL`);
  for (const [name, words] of [['queue', within?.queues] as const, ['tenant', within?.tenants] as const]) {
    if (!words) continue;
    // Of an escape that PostgreSQL's texts cannot hold, another field is asked: these are names, and have none.
    parts.push(`job::json ->> '${name}' = ANY ($${name}s::text[])`);
    values[`${name}s`] = texts(words);
  }
  const statement = `SELECT * FROM backline.job_schedules WHERE ${parts.join(' AND ')} ORDER BY id LIMIT $limit::int`;
  const rows = await db.all(statement, values);
  const schedules = rows.slice(0, limit).map(toSchedule);
  return { schedules, next: rows.length > limit ? schedules.at(-1)!.id : null };
};

const HISTORY = sql`
  SELECT * FROM backline.job_schedule_history WHERE schedule = $id AND n < $before::bigint ORDER BY n DESC LIMIT $limit::int`;

export const historyOf = async (db: Connection, id: string, { limit, before }: HistoryQuery): Promise<HistoryPage> => {
  const rows = await db.all(HISTORY, { id, before: before ?? Number.MAX_SAFE_INTEGER, limit: limit + 1 });
  return {
    entries: rows.slice(0, limit).map(toEntry),
    next: rows.length > limit ? number(rows[limit - 1]!['n']) : null,
  };
};

/** Uses job_schedules_removed. */
const REMOVED = sql`
  SELECT DISTINCT schedule FROM backline.job_schedule_history h
  WHERE kind = 'removed' AND at < $before::bigint AND NOT EXISTS (SELECT 1 FROM backline.job_schedules s WHERE s.id = h.schedule)
  LIMIT 100`;
const FORGET = sql`DELETE FROM backline.job_schedule_history WHERE schedule = ANY ($ids::text[])`;

/** Forgets schedules that were removed before this time. @returns their ids. */
export const forgetRemoved = async (txn: Transaction, before: number): Promise<string[]> => {
  const ids = (await txn.all(REMOVED, { before })).map((row) => text(row['schedule']));
  if (ids.length > 0) await txn.run(FORGET, { ids: texts(ids) });
  return ids;
};
