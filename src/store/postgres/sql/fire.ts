/** The verbs of schedules, each within one transaction: lock the rows, ask src/schedule what is to happen, write it. */
import {
  afterFiring,
  afterRun,
  MOST_TEXT,
  type Plan,
  planFiring,
  planRun,
  type SlotOutcome,
} from '../../../schedule/firing.ts';
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
import type { InsertOutcome } from '../../store.ts';
import { numbers, sql, texts } from '../driver.ts';
import type { Locks } from '../locks.ts';
import type { Transaction } from '../transaction.ts';
import { cancelChunk } from './cancel.ts';
import { insertJobs } from './insert.ts';
import { claimAlone, keyLimitOf, setKeyLimit } from './limit.ts';
import { answerTo, giveBackKey, keepAnswer } from './request.ts';
import {
  advanceSchedules,
  deleteSchedule,
  dueSchedules,
  forgetRemoved,
  insertSchedule,
  lockSchedule,
  nextWakeAt,
  scheduleOf,
  type Written,
  writeSchedule,
} from './schedule.ts';

/**
 * Unfinished jobs of schedules, counted from the oldest that was unfinished when it fired last, so that what has ended since it exists
 * is not walked. Uses jobs_by_schedule.
 */
const UNFINISHED = sql`
  SELECT i.id, o.n, o.oldest
  FROM unnest($ids::text[]) AS i(id)
  LEFT JOIN backline.job_schedules s ON s.id = i.id
  CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(b.seq) AS oldest FROM backline.job_body b
    WHERE b.schedule_id = i.id AND b.seq >= coalesce(s.open_from, 0)
      AND NOT EXISTS (SELECT 1 FROM backline.job_done d WHERE d.seq = b.seq)) o`;
const OLDEST = sql`
  SELECT b.id FROM backline.job_body b
  WHERE b.schedule_id = $id AND b.seq >= $from::bigint AND NOT EXISTS (SELECT 1 FROM backline.job_done d WHERE d.seq = b.seq)
  ORDER BY b.seq LIMIT $n::int`;
/** Uses jobs_slot. One look-up for each: as a join, every slot is compared with every job while the table was not analysed yet. */
const SLOTS = sql`
  SELECT g.id AS schedule_id, g.slot AS slot_at, b.id
  FROM unnest($ids::text[], $slots::bigint[]) AS g(id, slot) CROSS JOIN LATERAL (
    SELECT id FROM backline.job_body
    WHERE schedule_id = g.id AND slot_at = g.slot AND schedule_id IS NOT NULL AND NOT user_initiated AND replay_of IS NULL LIMIT 1) b`;

/** Jobs that one transaction inserts, more or less. */
const MOST_JOBS = 1000;

export const changeSchedule = async (
  txn: Transaction,
  locks: Locks,
  id: string,
  command: ScheduleCommand,
  now: number,
): Promise<ScheduleOutcome> => {
  // Before the row: who claims may be waiting for it.
  if (await changesLimit(txn, move(await scheduleOf(txn, id), command, now))) await claimAlone(txn, locks);
  for (;;) {
    const found = await lockSchedule(txn, id);
    const moved = move(found, command, now);
    switch (moved.kind) {
      case 'write': {
        const written = { schedule: moved.next, entries: moved.entries };
        // Somebody else may be making it at the same time: then it is looked at again.
        if (found) await writeSchedule(txn, written);
        else if (!(await insertSchedule(txn, written))) continue;
        await setLimit(txn, locks, moved.next);
        return { kind: moved.outcome, schedule: moved.next };
      }
      case 'delete':
        await deleteSchedule(txn, { schedule: moved.found, entries: moved.entries });
        if ((await unfinishedOf(txn, [id])).get(id)!.n === 0) await setKeyLimit(txn, locks, ownKeyOf(id), null);
        return { kind: 'removed', schedule: moved.found };
      case 'none':
        return { kind: moved.outcome, schedule: moved.found };
      case 'refuse':
        return moved.outcome === 'missing' ? { kind: 'missing' } : { kind: moved.outcome, schedule: moved.found };
    }
  }
};

/** So that the claim keeps `maxInstances`, whatever else becomes of the jobs: a retry by a person, too. */
const setLimit = async (txn: Transaction, locks: Locks, schedule: Schedule): Promise<void> => {
  const max = limitOf(schedule);
  // All claims would be kept out for it, so not where nothing changes.
  if ((await keyLimitOf(txn, ownKeyOf(schedule.id))) !== max) await setKeyLimit(txn, locks, ownKeyOf(schedule.id), max);
};

const limitOf = (schedule: Schedule): number | null =>
  limitKeyOf(schedule) === ownKeyOf(schedule.id) ? schedule.maxInstances : null;

const changesLimit = async (txn: Transaction, moved: ReturnType<typeof move>): Promise<boolean> =>
  moved.kind === 'delete' ||
  (moved.kind === 'write' && (await keyLimitOf(txn, ownKeyOf(moved.next.id))) !== limitOf(moved.next));

interface Unfinished {
  readonly n: number;
  readonly oldest: number | null;
}

const unfinishedOf = async (txn: Transaction, ids: readonly string[]): Promise<Map<string, Unfinished>> => {
  const counts = new Map<string, Unfinished>();
  for (const row of await txn.all(UNFINISHED, { ids: texts(ids) }))
    counts.set(text(row['id']), {
      n: number(row['n']),
      oldest: row['oldest'] === null ? null : number(row['oldest']),
    });
  return counts;
};

/** All that are due together, in as many statements as one: each round trip would be paid per schedule. */
export const fireSchedules = async (
  txn: Transaction,
  { limit, newId }: FireRequest,
  now: number,
): Promise<FireAnswer> => {
  const due = await dueSchedules(txn, limit, MOST_TEXT, now);
  if (due.length === 0) return { schedules: 0, jobs: 0, nextAt: await nextWakeAt(txn) };
  const unfinished = await unfinishedOf(
    txn,
    due.map(({ id }) => id),
  );
  const plans: Plan[] = [];
  let [wanted, characters] = [0, 0];
  for (const schedule of due) {
    if (wanted >= MOST_JOBS || characters >= MOST_TEXT) break;
    const plan = planFiring(schedule, unfinished.get(schedule.id)!.n, now);
    plans.push(plan);
    wanted += plan.fire.length;
    characters += plan.fire.length * schedule.job.payload.length;
  }
  for (const { schedule, cancel } of plans)
    await cancelOldest(txn, schedule.id, cancel, unfinished.get(schedule.id)!, now);
  const outcomes = await insertSlots(txn, plans, newId, now);
  const written = plans.map((plan, i): Written => {
    const { next, entries } = afterFiring(
      plan,
      outcomes[i]!.map(({ slot }) => slot),
      now,
    );
    const first = outcomes[i]!.find(({ seq }) => seq !== null)?.seq ?? null;
    return { schedule: next, entries, openFrom: unfinished.get(next.id)!.oldest ?? first };
  });
  await advanceSchedules(txn, written);
  const jobs = outcomes.flat().filter(({ slot }) => slot.kind === 'inserted').length;
  return { schedules: plans.length, jobs, nextAt: await nextWakeAt(txn) };
};

interface Inserted {
  readonly slot: SlotOutcome;
  readonly seq: number | null;
}

const insertSlots = async (
  txn: Transaction,
  plans: readonly Plan[],
  newId: () => string,
  now: number,
): Promise<Inserted[][]> => {
  const slots = plans.flatMap(({ schedule, fire }) => fire.map((at) => ({ id: schedule.id, at })));
  if (slots.length === 0) return plans.map(() => []);
  // Only where the clock or the row was set back: the row has moved past every slot that it fired.
  const taken = new Map<string, string>();
  const given = { ids: texts(slots.map(({ id }) => id)), slots: numbers(slots.map(({ at }) => at)) };
  for (const row of await txn.all(SLOTS, given)) taken.set(`${row['slot_at']} ${row['schedule_id']}`, text(row['id']));
  const jobs = plans.flatMap(({ schedule, fire }) =>
    fire.filter((at) => !taken.has(`${at} ${schedule.id}`)).map((at) => jobOfSlot(schedule, at, newId(), now)),
  );
  const refused = new Set<string>();
  const inserted = await insertJobs(
    txn,
    jobs.map((job) => ({ job, now, refused })),
  );
  let k = 0;
  return plans.map(({ schedule, fire }) =>
    fire.map((slotAt): Inserted => {
      const holder = taken.get(`${slotAt} ${schedule.id}`);
      if (holder !== undefined) return { slot: { slotAt, kind: 'slot-taken', jobId: holder }, seq: null };
      return toInserted(slotAt, inserted[k++]!);
    }),
  );
};

const toInserted = (slotAt: number, outcome: InsertOutcome): Inserted => {
  if (outcome.kind === 'inserted') return { slot: { slotAt, kind: 'inserted', jobId: outcome.id }, seq: outcome.seq };
  const jobId = outcome.kind === 'key-taken' ? outcome.existing : outcome.id;
  return { slot: { slotAt, kind: 'key-taken', jobId }, seq: null };
};

const oldestOf = async (txn: Transaction, id: string, n: number, { oldest }: Unfinished): Promise<string[]> =>
  (await txn.all(OLDEST, { id, n, from: oldest ?? 0 })).map((row) => text(row['id']));

const cancelOldest = async (
  txn: Transaction,
  id: string,
  n: number,
  unfinished: Unfinished,
  now: number,
): Promise<void> => {
  if (n === 0 || unfinished.n === 0) return;
  const ids = await oldestOf(txn, id, n, unfinished);
  await cancelChunk(txn, { ids }, 0, `A later run of the schedule "${id}" takes its place.`, now);
};

export const runSchedule = async (
  txn: Transaction,
  id: string,
  { jobId, actor }: RunRequest,
  now: number,
): Promise<RunOutcome> => {
  const schedule = await lockSchedule(txn, id);
  if (!schedule) return { kind: 'missing' };
  const unfinished = (await unfinishedOf(txn, [id])).get(id)!;
  const plan = planRun(schedule, unfinished.n);
  if (plan.kind === 'full') {
    const [oldest] = await oldestOf(txn, id, 1, unfinished);
    return { kind: 'full', unfinished: unfinished.n, oldest: oldest!, schedule };
  }
  const job = jobOfSlot(schedule, now, jobId, now, true);
  const [outcome] = await insertJobs(txn, [{ job, now, refused: new Set() }]);
  if (outcome!.kind === 'existing') return { kind: 'key-taken', existing: outcome!.id, schedule };
  if (outcome!.kind !== 'inserted') return { kind: 'duplicate-id' };
  await cancelOldest(txn, id, plan.cancel, unfinished, now);
  const { next, entries } = afterRun(schedule, jobId, actor, now);
  await advanceSchedules(txn, [{ schedule: next, entries }]);
  return { kind: 'inserted', jobId, schedule: next };
};

/** Runs it for a request that may come again. */
export const runOnce = async (
  txn: Transaction,
  once: RequestKey,
  id: string,
  request: RunRequest,
  now: number,
): Promise<RunOutcome | null> => {
  const known = await answerTo<RunAnswer>(txn, once, now);
  if (known !== undefined) return known && { kind: 'again', ...known };
  const outcome = await runSchedule(txn, id, request, now);
  if (outcome.kind === 'inserted') await keepAnswer(txn, once, { jobId: outcome.jobId } satisfies RunAnswer);
  else await giveBackKey(txn, once);
  return outcome;
};

/** Forgets schedules that were removed before this time: their history, and the limit that their last jobs needed. */
export const pruneSchedules = async (txn: Transaction, locks: Locks, before: number): Promise<void> => {
  const ids = await forgetRemoved(txn, before);
  if (ids.length === 0) return;
  const unfinished = await unfinishedOf(txn, ids);
  for (const id of ids) if (unfinished.get(id)!.n === 0) await setKeyLimit(txn, locks, ownKeyOf(id), null);
};
