/** The verbs of schedules, each within one transaction: read the row, ask src/schedule what is to happen, write it. */
import { afterFiring, afterRun, type Plan, planFiring, planRun, type SlotOutcome } from '../../../schedule/firing.ts';
import { move, type ScheduleCommand } from '../../../schedule/moves.ts';
import { jobOfSlot, limitKeyOf, ownKeyOf, type Schedule } from '../../../schedule/record.ts';
import type { RequestKey } from '../../request-key.ts';
import { number, text } from '../../rows.ts';
import type {
  FireAnswer,
  FireRequest,
  RunAnswer,
  RunOutcome,
  RunRequest,
  ScheduleOutcome,
} from '../../schedule-store.ts';
import { type Row, sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { cancelRows } from './change.ts';
import { insertJobs } from './insert.ts';
import { setKeyLimit } from './limit.ts';
import { answerTo, keepAnswer } from './request.ts';
import {
  advanceSchedule,
  deleteSchedule,
  dueSchedules,
  forgetRemoved,
  nextWakeAt,
  scheduleOf,
  writeSchedule,
} from './schedule.ts';
import { COLUMNS, IS_BATCH } from './target.ts';

/** The predicate of jobs_instances, word for word. */
const UNFINISHED = `schedule_id = +? AND schedule_id IS NOT NULL AND status IN ('created', 'queued', 'running')`;
const INSTANCES = sql`SELECT count(*) AS n FROM jobs INDEXED BY jobs_instances WHERE ${UNFINISHED}`;
const OLDEST = sql`
  SELECT ${COLUMNS}, ${IS_BATCH} AS is_batch FROM jobs INDEXED BY jobs_instances WHERE ${UNFINISHED} ORDER BY seq LIMIT +?`;
const SLOT = sql`
  SELECT id FROM jobs WHERE schedule_id = +? AND slot_at = ? AND schedule_id IS NOT NULL AND user_initiated = 0 AND replay_of IS NULL`;

/** Jobs that one transaction inserts, more or less. */
const MOST_JOBS = 1000;

export const changeSchedule = (
  txn: Transaction,
  id: string,
  command: ScheduleCommand,
  now: number,
): ScheduleOutcome => {
  const moved = move(scheduleOf(txn, id), command, now);
  switch (moved.kind) {
    case 'write':
      writeSchedule(txn, moved.next, moved.entries);
      setLimit(txn, moved.next);
      return { kind: moved.outcome, schedule: moved.next };
    case 'delete':
      deleteSchedule(txn, moved.found, moved.entries);
      if (unfinishedOf(txn, id) === 0) setKeyLimit(txn, ownKeyOf(id), null);
      return { kind: 'removed', schedule: moved.found };
    case 'none':
      return { kind: moved.outcome, schedule: moved.found };
    case 'refuse':
      return moved.outcome === 'missing' ? { kind: 'missing' } : { kind: moved.outcome, schedule: moved.found };
  }
};

/** So that the claim keeps `maxInstances`, whatever else becomes of the jobs: a retry by a person, too. */
const setLimit = (txn: Transaction, schedule: Schedule): void => {
  const own = ownKeyOf(schedule.id);
  setKeyLimit(txn, own, limitKeyOf(schedule) === own ? schedule.maxInstances : null);
};

export const fireSchedules = (txn: Transaction, { limit, newId }: FireRequest, now: number): FireAnswer => {
  let [schedules, jobs] = [0, 0];
  for (const schedule of dueSchedules(txn, limit, now)) {
    if (jobs >= MOST_JOBS) break;
    schedules++;
    jobs += fireOne(txn, schedule, newId, now);
  }
  return { schedules, jobs, nextAt: nextWakeAt(txn) };
};

/** @returns how many jobs were inserted. */
const fireOne = (txn: Transaction, found: Schedule, newId: () => string, now: number): number => {
  const plan = planFiring(found, unfinishedOf(txn, found.id), now);
  cancelOldest(txn, found.id, plan.cancel, now);
  const outcomes = plan.fire.map((slotAt) => insertSlot(txn, plan, slotAt, newId(), now));
  const { next, entries } = afterFiring(plan, outcomes, now);
  advanceSchedule(txn, next, entries);
  return outcomes.filter(({ kind }) => kind === 'inserted').length;
};

const insertSlot = (txn: Transaction, { schedule }: Plan, slotAt: number, id: string, now: number): SlotOutcome => {
  // Only where the clock or the row was set back: the row has moved past every slot that it fired.
  const taken = txn.get(SLOT, schedule.id, slotAt);
  if (taken) return { slotAt, kind: 'slot-taken', jobId: text(taken['id']) };
  const [outcome] = insertJobs(txn, [jobOfSlot(schedule, slotAt, id, now)], now);
  if (outcome!.kind === 'inserted') return { slotAt, kind: 'inserted', jobId: id };
  return { slotAt, kind: 'key-taken', jobId: outcome!.kind === 'key-taken' ? outcome!.existing : outcome!.id };
};

const unfinishedOf = (txn: Transaction, id: string): number => number(txn.get(INSTANCES, id)!['n']);

const oldestOf = (txn: Transaction, id: string, n: number): Row[] => txn.all(OLDEST, id, n);

const cancelOldest = (txn: Transaction, id: string, n: number, now: number): void => {
  if (n > 0) cancelRows(txn, oldestOf(txn, id, n), `A later run of the schedule "${id}" takes its place.`, now);
};

export const runSchedule = (txn: Transaction, id: string, { jobId, actor }: RunRequest, now: number): RunOutcome => {
  const schedule = scheduleOf(txn, id);
  if (!schedule) return { kind: 'missing' };
  const unfinished = unfinishedOf(txn, id);
  const plan = planRun(schedule, unfinished);
  if (plan.kind === 'full') {
    const oldest = text(oldestOf(txn, id, 1)[0]!['id']);
    return { kind: 'full', unfinished, oldest, schedule };
  }
  const [outcome] = insertJobs(txn, [jobOfSlot(schedule, now, jobId, now, true)], now);
  if (outcome!.kind === 'existing') return { kind: 'key-taken', existing: outcome!.id, schedule };
  if (outcome!.kind !== 'inserted') return { kind: 'duplicate-id' };
  cancelOldest(txn, id, plan.cancel, now);
  const { next, entries } = afterRun(schedule, jobId, actor, now);
  advanceSchedule(txn, next, entries);
  return { kind: 'inserted', jobId, schedule: next };
};

/** Runs it for a request that may come again. */
export const runOnce = (
  txn: Transaction,
  once: RequestKey,
  id: string,
  request: RunRequest,
  now: number,
): RunOutcome | null => {
  const known = answerTo<RunAnswer>(txn, once, now);
  if (known !== undefined) return known && { kind: 'again', ...known };
  const outcome = runSchedule(txn, id, request, now);
  if (outcome.kind === 'inserted') keepAnswer(txn, once, { jobId: outcome.jobId } satisfies RunAnswer);
  return outcome;
};

/** Forgets schedules that were removed before this time: their history, and the limit that their last jobs needed. */
export const pruneSchedules = (txn: Transaction, before: number): void => {
  for (const id of forgetRemoved(txn, before)) if (unfinishedOf(txn, id) === 0) setKeyLimit(txn, ownKeyOf(id), null);
};
