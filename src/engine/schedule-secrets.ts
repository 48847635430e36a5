/** What is secret in the payload that a schedule starts its jobs with: encrypted for the schedule, and masked wherever it is shown. */
import type { CheckedJobType } from '../job/define.ts';
import { MASK, SEALED } from '../job/secrets.ts';
import { fingerprintOf, type HistoryEntry, type Schedule, type ScheduleSpec } from '../schedule/record.ts';
import { type ScheduleInfo, toScheduleInfo } from './schedule-info.ts';
import type { Bound, Vault } from './vault.ts';

export const boundToSchedule = (id: string): Bound => ({ id: null, key: null, scheduleId: id });

/** What code says, told by its secrets and not by how they are encrypted; undefined where there are none. */
export const saidBy = (spec: ScheduleSpec, vault: Vault): string | undefined => {
  if (!spec.job.payload.includes(SEALED)) return undefined;
  const payload = vault.digested(spec.job.payload, boundToSchedule(spec.id));
  return payload === null ? undefined : fingerprintOf({ ...spec, job: { ...spec.job, payload } });
};

export class ScheduleViews {
  readonly #vault: Vault;
  readonly #types: ReadonlyMap<string, CheckedJobType>;

  constructor(vault: Vault, types: ReadonlyMap<string, CheckedJobType>) {
    this.#vault = vault;
    this.#types = types;
  }

  info(schedule: Schedule): ScheduleInfo {
    const info = toScheduleInfo(schedule);
    return { ...info, payload: this.#vault.masked(info.payload, this.#types.get(info.type)) };
  }

  /** Its changes hold payloads as they are stored, and long ones cut. */
  entry(entry: HistoryEntry, type: string | undefined): HistoryEntry {
    const change = entry.changes?.[PAYLOAD];
    if (!change) return entry;
    const shown = (json: unknown): unknown => {
      if (typeof json !== 'string') return json;
      try {
        return JSON.stringify(
          this.#vault.masked(JSON.parse(json), type === undefined ? undefined : this.#types.get(type)),
        );
      } catch {
        return json.includes(SEALED) ? MASK : json;
      }
    };
    const { from, to } = change;
    return { ...entry, changes: { ...entry.changes, [PAYLOAD]: { from: shown(from), to: shown(to) } } };
  }
}

const PAYLOAD = 'job.payload';
