/**
 * What people and programs do to a schedule: its row as it is, and what they ask → the row as it will be, and what its history says.
 * Pure: the store reads the row, asks here, and writes, all in one transaction; so every guard stands here and in no SQL.
 */
import { DAY_MS } from './dates.ts';
import { missedBetween } from './missed.ts';
import {
  entry,
  fingerprintOf,
  type HistoryEntry,
  isOlder,
  type Schedule,
  type ScheduleSource,
  type ScheduleSpec,
} from './record.ts';
import { slotsOf, type Trigger } from './schedule.ts';
import { lastSlot } from './slots.ts';
import { timesOf } from './times.ts';
import { ZONE_DATA } from './zone.ts';

interface By {
  /** Who asks, by name; null where nobody said. */
  readonly actor: string | null;
}

interface Guarded {
  /** The version that the caller saw; null for any. */
  readonly version: number | null;
}

/** What code says, in short, where that is not to be had from the spec: a payload with encrypted values is another each time. */
interface Said {
  readonly fingerprint?: string;
}

/** What an edit may change of a schedule. */
export type ScheduleEdit = Partial<Pick<ScheduleSpec, 'job' | 'trigger' | 'missed' | 'overlap' | 'maxInstances'>>;

export type ScheduleCommand =
  /** Makes a new one. */
  | ({ readonly kind: 'add'; readonly spec: ScheduleSpec } & By & Said)
  /**
   * What code says at every start: makes it, or changes it if code says something else than it said before. Older builds are
   * refused; what a person changed since stays until code changes; a pause stays in any case.
   */
  | ({ readonly kind: 'register'; readonly spec: ScheduleSpec } & By & Said)
  | ({ readonly kind: 'update'; readonly edit: ScheduleEdit; readonly source: ScheduleSource } & By & Guarded)
  | ({ readonly kind: 'pause'; readonly reason: string | null; readonly until: number | null } & By & Guarded)
  | ({ readonly kind: 'resume' } & By & Guarded)
  /** Its jobs and its history stay. */
  | ({ readonly kind: 'remove' } & By & Guarded)
  /** The same payload, encrypted with another key; if it is still what it was. */
  | { readonly kind: 'reseal'; readonly payload: string; readonly was: string }
  /** Zone data changed, or the clock was set: computes the next run anew. */
  | { readonly kind: 'retime'; readonly zoneData?: string | null };

/** What the store is to do. */
export type Moved =
  | {
      readonly kind: 'write';
      readonly outcome: 'added' | 'changed' | 'unchanged';
      readonly next: Schedule;
      readonly entries: readonly HistoryEntry[];
    }
  | { readonly kind: 'delete'; readonly found: Schedule; readonly entries: readonly HistoryEntry[] }
  | { readonly kind: 'none'; readonly outcome: 'unchanged'; readonly found: Schedule }
  /** `conflict`: the version is another one. */
  | { readonly kind: 'refuse'; readonly outcome: 'missing' }
  | { readonly kind: 'refuse'; readonly outcome: 'exists' | 'conflict' | 'older-build'; readonly found: Schedule };

export const move = (found: Schedule | null, command: ScheduleCommand, now: number): Moved => {
  if (command.kind === 'add') return found ? { kind: 'refuse', outcome: 'exists', found } : added(command, now);
  if (command.kind === 'register') return found ? registered(found, command, now) : added(command, now);
  if (!found) return { kind: 'refuse', outcome: 'missing' };
  if (command.kind === 'retime')
    return retimed(found, command.zoneData === undefined ? ZONE_DATA : command.zoneData, now);
  if (command.kind === 'reseal') return resealed(found, command);
  if (command.version !== null && command.version !== found.version)
    return { kind: 'refuse', outcome: 'conflict', found };
  switch (command.kind) {
    case 'update':
      return updated(found, { ...command.edit, source: command.source }, command.actor, now);
    case 'pause':
      return paused(found, command, now);
    case 'resume':
      return resumed(found, command.actor, now);
    case 'remove':
      return { kind: 'delete', found, entries: [entry('removed', now, { actor: command.actor })] };
  }
};

type New = Extract<ScheduleCommand, { kind: 'add' | 'register' }>;

const added = ({ spec, actor, fingerprint = fingerprintOf(spec) }: New, now: number): Moved => {
  const base = {
    ...spec,
    version: 1,
    registered: spec.source === 'code' ? fingerprint : null,
    pause: null,
    after: startOfSlots(spec.trigger, now),
    counts: { fired: 0, missed: 0, skipped: 0, byHand: 0 },
    lastSlot: null,
    lastJobId: null,
    lastFiredAt: null,
    createdAt: now,
    updatedAt: now,
  };
  const next = { ...base, ...timesOf(base, now) };
  const entries = [entry('added', now, { actor, reason: spec.source })];
  return { kind: 'write', outcome: 'added', next, entries: [...entries, ...problemEntries(NO_PROBLEM, next, now)] };
};

/** Slots count from now on. An instant that has passed is not forgotten: it is late, and the missed policy says what that means. */
const startOfSlots = (trigger: Trigger, now: number): number =>
  trigger.kind === 'once' && trigger.at <= now ? trigger.at - 1 : now;

const registered = (found: Schedule, command: New, now: number): Moved => {
  const { spec, actor, fingerprint = fingerprintOf(spec) } = command;
  if (isOlder(spec.build, found.build)) return { kind: 'refuse', outcome: 'older-build', found };
  const { source, build } = spec;
  if (fingerprint === found.registered) {
    if (build === found.build) return { kind: 'none', outcome: 'unchanged', found };
    return { kind: 'write', outcome: 'unchanged', next: { ...found, build }, entries: [] };
  }
  const { job, trigger, missed, overlap, maxInstances } = spec;
  const edit = { job, trigger, missed, overlap, maxInstances, source, build, registered: fingerprint };
  return updated(found, edit, actor, now);
};

const resealed = (found: Schedule, { payload, was }: Extract<ScheduleCommand, { kind: 'reseal' }>): Moved => {
  if (found.job.payload !== was) return { kind: 'none', outcome: 'unchanged', found };
  return { kind: 'write', outcome: 'changed', next: { ...found, job: { ...found.job, payload } }, entries: [] };
};

type Edit = ScheduleEdit & Partial<Pick<Schedule, 'source' | 'build' | 'registered'>>;

const updated = (found: Schedule, given: Edit, actor: string | null, now: number): Moved => {
  const edit = { ...given, trigger: triggerAfter(found.trigger, given.trigger ?? found.trigger) };
  const changes = changesOf(found, edit);
  if (Object.keys(changes).length === 0) {
    const next = { ...found, ...edit, source: found.source };
    return given.registered === undefined
      ? { kind: 'none', outcome: 'unchanged', found }
      : { kind: 'write', outcome: 'unchanged', next, entries: [] };
  }
  const entries = [entry('updated', now, { actor, reason: given.source ?? null, changes })];
  let base: Schedule = { ...found, ...edit, version: found.version + 1, updatedAt: now };
  if (changes['trigger']) {
    // What was due of the old trigger and has not run is told, because the new one does not know of it.
    base = pass(base, { ...found, pause: null }, now, 'the trigger was changed', entries);
    base = { ...base, after: startOfSlots(base.trigger, now) };
  }
  const next = { ...base, ...timesOf(base, now) };
  return { kind: 'write', outcome: 'changed', next, entries: [...entries, ...problemEntries(found, next, now)] };
};

/** The same interval, said again without a start, keeps its beat. */
const triggerAfter = (old: Trigger, given: Trigger): Trigger => {
  const keeps = old.kind === 'interval' && given.kind === 'interval' && old.sinceMade && given.sinceMade;
  return keeps && old.everyMs === given.everyMs ? { ...given, firstAt: old.firstAt } : given;
};

const FIELDS = ['trigger', 'missed', 'overlap', 'maxInstances'] as const;
/** Longer texts are cut in the history; the row itself holds the new one. */
const MOST_CHARACTERS = 2000;

type Changes = Record<string, { readonly from: unknown; readonly to: unknown }>;

const changesOf = (found: Schedule, edit: ScheduleEdit): Changes => {
  const changes: Changes = {};
  const compare = (name: string, from: unknown, to: unknown) => {
    if (JSON.stringify(from) !== JSON.stringify(to)) changes[name] = { from: short(from), to: short(to) };
  };
  for (const field of FIELDS) if (edit[field] !== undefined) compare(field, found[field], edit[field]);
  for (const [name, to] of Object.entries(edit.job ?? {}))
    compare(`job.${name}`, found.job[name as keyof Schedule['job']], to);
  return changes;
};

const short = (value: unknown): unknown => {
  const json = JSON.stringify(value) ?? 'null';
  return json.length <= MOST_CHARACTERS ? value : `${json.slice(0, MOST_CHARACTERS)}…`;
};

const paused = (found: Schedule, command: Extract<ScheduleCommand, { kind: 'pause' }>, now: number): Moved => {
  const { reason, actor, until } = command;
  // When it began stays, if only its reason or end is another.
  const pause = { at: found.pause?.at ?? now, reason, actor, until };
  const base = { ...found, pause, version: found.version + 1, updatedAt: now };
  const words =
    until === null ? reason : `until ${new Date(until).toISOString()}${reason === null ? '' : `: ${reason}`}`;
  const entries = [entry('paused', now, { actor, reason: words })];
  return { kind: 'write', outcome: 'changed', next: { ...base, ...timesOf(base, now) }, entries };
};

const resumed = (found: Schedule, actor: string | null, now: number): Moved => {
  if (!found.pause) return { kind: 'none', outcome: 'unchanged', found };
  const { next, entries } = endPause(found, actor, null, now);
  return { kind: 'write', outcome: 'changed', next, entries };
};

/**
 * Ends a pause. A pause was meant: what passed in it is missed, and the next run is in the future, unless its policy asks for more than
 * one run (`runAll`, a window). An instant that has passed still runs, because it has no other.
 */
export const endPause = (
  found: Schedule,
  actor: string | null,
  reason: string | null,
  now: number,
): { readonly next: Schedule; readonly entries: HistoryEntry[] } => {
  const entries = [entry('resumed', now, { actor, reason })];
  let base: Schedule = { ...found, pause: null, version: found.version + 1, updatedAt: now };
  const runsOnce = found.trigger.kind === 'once' && found.missed !== 'skip';
  const catchesUp = runsOnce || found.missed === 'runAll' || typeof found.missed === 'object';
  if (!catchesUp) base = pass(base, base, now, 'paused', entries);
  const next = { ...base, ...timesOf(base, now) };
  return { next, entries: [...entries, ...problemEntries(found, next, now)] };
};

/** Counts the slots up to now as missed, and goes on after them. */
const pass = (base: Schedule, of: Schedule, now: number, reason: string, entries: HistoryEntry[]): Schedule => {
  try {
    const last = lastSlot(slotsOf(of.trigger), of.after, now);
    if (last === null) return base;
    const { count, first } = missedBetween(of.trigger, of.after, last);
    entries.push(entry('missed', now, { slotAt: first, lastSlotAt: last, count, reason }));
    return { ...base, after: last, counts: { ...base.counts, missed: base.counts.missed + count } };
  } catch {
    // Its zone is unknown here: `timesOf` says so.
    return base;
  }
};

/** Further ahead than this, the latest slot was fired by a clock that was wrong. */
const MOST_AHEAD_MS = DAY_MS;

const retimed = (found: Schedule, zoneData: string | null, now: number): Moved => {
  const isAhead = found.after > now + MOST_AHEAD_MS;
  // Of two processes with different data, the newer data count.
  const isNewer = zoneData !== found.zoneData && !isOlder(zoneData, found.zoneData);
  if (!isAhead && !isNewer && found.problem === null) return { kind: 'none', outcome: 'unchanged', found };
  const base = isAhead ? { ...found, after: now } : found;
  const next = { ...base, ...timesOf(base, now, zoneData) };
  const entries = timingEntries(found, next, now, isAhead ? 'the clock was set back' : undefined);
  return { kind: 'write', outcome: entries.length > 0 ? 'changed' : 'unchanged', next, entries };
};

/** What the history says when the next run is computed anew, and comes out differently or not at all. */
export const timingEntries = (from: Schedule, to: Schedule, now: number, why?: string): HistoryEntry[] => {
  if (to.problem !== null || from.problem !== null) return problemEntries(from, to, now);
  if (to.pause || from.nextSlot === to.nextSlot) return [];
  const data = `time zone data ${from.zoneData ?? 'unknown'} → ${to.zoneData ?? 'unknown'}`;
  const was = from.nextSlot === null ? 'none' : new Date(from.nextSlot).toISOString();
  return [entry('retimed', now, { slotAt: to.nextSlot, reason: `${why ?? data}; it was ${was}` })];
};

const NO_PROBLEM = { problem: null };

export const problemEntries = (from: Pick<Schedule, 'problem'>, to: Schedule, now: number): HistoryEntry[] => {
  if (to.problem === from.problem) return [];
  return to.problem === null
    ? [entry('recovered', now, { slotAt: to.nextSlot })]
    : [entry('problem', now, { reason: to.problem })];
};
