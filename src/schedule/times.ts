/** When a schedule is looked at next; pure. */
import { messageOf } from '../util/text.ts';
import type { Schedule } from './record.ts';
import { nextSlot, startOf } from './schedule.ts';
import { ZONE_DATA } from './zone.ts';

/** How long until a schedule whose next slot cannot be computed is tried again. */
export const RETRY_MS = 60_000;

type Timed = Pick<Schedule, 'id' | 'trigger' | 'pause' | 'after'>;
type Times = Pick<Schedule, 'nextSlot' | 'nextAt' | 'wakeAt' | 'zoneData' | 'problem'>;

/** Computes the next run from `after` on. Never throws: what stands in the way is a problem of the schedule, and is tried again. */
export const timesOf = ({ id, trigger, pause, after }: Timed, now: number, zoneData = ZONE_DATA): Times => {
  const none = { nextSlot: null, nextAt: null, zoneData, problem: null };
  if (pause) return { ...none, wakeAt: pause.until };
  try {
    const slot = nextSlot(trigger, after);
    const at = slot === null ? null : startOf(trigger, id, slot);
    return { ...none, nextSlot: slot, nextAt: at, wakeAt: at };
  } catch (error) {
    return { ...none, wakeAt: now + RETRY_MS, problem: messageOf(error) };
  }
};
