/** Schedules: rows and their history. What happens to them is decided in src/schedule; see src/store/schedule-store.ts. */
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
import { type Connection, sql, type Value } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';

const GET = sql`SELECT * FROM job_schedules WHERE id = ?`;
/** In the order of job_schedules_due alone: many are due at one instant, and would be sorted for every few that are taken. */
const DUE = sql`
  SELECT * FROM job_schedules WHERE wake_at IS NOT NULL AND wake_at <= ? ORDER BY wake_at LIMIT +?`;
const NEXT_AT = sql`SELECT min(wake_at) AS at FROM job_schedules WHERE wake_at IS NOT NULL`;

export const scheduleOf = (db: Pick<Connection, 'get'>, id: string): Schedule | null => {
  const row = db.get(GET, id);
  return row ? toSchedule(row) : null;
};

export const dueSchedules = (txn: Transaction, limit: number, now: number): Schedule[] =>
  txn.all(DUE, now, limit).map(toSchedule);

export const nextWakeAt = (db: Pick<Connection, 'get'>): number | null => {
  const at = db.get(NEXT_AT)!['at'];
  return at === null || at === undefined ? null : number(at);
};

const WRITE = sql`
  INSERT OR REPLACE INTO job_schedules (${SCHEDULE_COLUMNS.join(', ')}) VALUES (${SCHEDULE_COLUMNS.map((name) => `@${name}`).join(', ')})`;
const ADVANCE = sql`
  UPDATE job_schedules SET ${ADVANCED_COLUMNS.map((name) => `${name} = @${name}`).join(', ')} WHERE id = @id`;
const DELETE = sql`DELETE FROM job_schedules WHERE id = ?`;

export const writeSchedule = (txn: Transaction, schedule: Schedule, entries: readonly HistoryEntry[]): void => {
  txn.run(WRITE, toScheduleRow(schedule));
  failpoints.hit?.('schedule-written');
  writeEntries(txn, schedule, entries);
};

export const advanceSchedule = (txn: Transaction, schedule: Schedule, entries: readonly HistoryEntry[]): void => {
  const row = toScheduleRow(schedule);
  txn.run(ADVANCE, Object.fromEntries(['id', ...ADVANCED_COLUMNS].map((name) => [name, row[name]!])));
  failpoints.hit?.('schedule-advanced');
  writeEntries(txn, schedule, entries);
};

export const deleteSchedule = (txn: Transaction, schedule: Schedule, entries: readonly HistoryEntry[]): void => {
  txn.run(DELETE, schedule.id);
  writeEntries(txn, { ...schedule, nextAt: null }, entries);
};

const NEWEST = sql`SELECT coalesce(max(n), 0) AS n FROM job_schedule_history WHERE schedule = ?`;
const APPEND = sql`INSERT INTO job_schedule_history VALUES (@schedule, @n, @at, @kind, @seldom, @slot_at, @last_slot_at, @count, @job_id, @actor, @reason, @changes)`;
const EXTEND = sql`
  UPDATE job_schedule_history SET at = @at, last_slot_at = @last_slot_at, count = count + @count
  WHERE schedule = @schedule AND n = @n AND kind = 'skipped' AND reason = 'overlap'`;
/** Nothing is sorted: the key is walked from its new end, over as many as are kept. */
const TRIM = sql`
  DELETE FROM job_schedule_history WHERE schedule = @schedule AND seldom = @seldom AND n <= (
    SELECT n FROM job_schedule_history WHERE schedule = @schedule AND seldom = @seldom ORDER BY n DESC LIMIT 1 OFFSET @keep)`;

const writeEntries = (txn: Transaction, schedule: Schedule, entries: readonly HistoryEntry[]): void => {
  if (entries.length === 0) return;
  const { id, version, nextAt, job } = schedule;
  let n = number(txn.get(NEWEST, id)!['n']);
  const before = n;
  for (const entry of entries) {
    txn.tellSchedule(() => ({ kind: 'schedule', id, type: job.type, version, at: entry.at, nextAt, entry }));
    const { at, count } = entry;
    if (isOverlap(entry) && txn.run(EXTEND, { schedule: id, n, at, count, last_slot_at: entry.lastSlotAt }) > 0)
      continue;
    txn.run(APPEND, { schedule: id, n: ++n, ...toEntryRow(entry) });
  }
  failpoints.hit?.('schedule-history-written');
  if (!mustTrim(before, n)) return;
  txn.run(TRIM, { schedule: id, seldom: 0, keep: KEPT_FREQUENT });
  txn.run(TRIM, { schedule: id, seldom: 1, keep: KEPT_SELDOM });
};

export const listSchedules = (db: Connection, { limit, after, type, paused, within }: ScheduleQuery): SchedulePage => {
  const parts = ['id > ?'];
  const values: Value[] = [after ?? ''];
  if (type !== undefined) {
    parts.push('type = ?');
    values.push(type);
  }
  if (paused !== undefined) parts.push(`paused_at IS ${paused ? 'NOT ' : ''}NULL`);
  for (const [name, words] of [['queue', within?.queues] as const, ['tenant', within?.tenants] as const]) {
    if (!words) continue;
    parts.push(`json_extract(job, '$.${name}') IN (SELECT value FROM json_each(?))`);
    values.push(JSON.stringify(words));
  }
  const statement = `SELECT * FROM job_schedules WHERE ${parts.join(' AND ')} ORDER BY id LIMIT +?`;
  const rows = db.all(statement, ...values, limit + 1);
  const schedules = rows.slice(0, limit).map(toSchedule);
  return { schedules, next: rows.length > limit ? schedules.at(-1)!.id : null };
};

const HISTORY = sql`
  SELECT * FROM job_schedule_history WHERE schedule = ? AND n < ? ORDER BY n DESC LIMIT +?`;

export const historyOf = (db: Connection, id: string, { limit, before }: HistoryQuery): HistoryPage => {
  const rows = db.all(HISTORY, id, before ?? Number.MAX_SAFE_INTEGER, limit + 1);
  return {
    entries: rows.slice(0, limit).map(toEntry),
    next: rows.length > limit ? number(rows[limit - 1]!['n']) : null,
  };
};

/** Named, because SQLite would rather walk the whole history. */
const REMOVED = sql`
  SELECT h.schedule FROM job_schedule_history h INDEXED BY job_schedules_removed
  WHERE h.kind = 'removed' AND h.at < ? AND NOT EXISTS (SELECT 1 FROM job_schedules s WHERE s.id = h.schedule) LIMIT 100`;
const FORGET = sql`DELETE FROM job_schedule_history WHERE schedule = ?`;

/** Forgets schedules that were removed before this time. @returns their ids. */
export const forgetRemoved = (txn: Transaction, before: number): string[] => {
  const ids = [...new Set(txn.all(REMOVED, before).map((row) => text(row['schedule'])))];
  for (const id of ids) txn.run(FORGET, id);
  return ids;
};
