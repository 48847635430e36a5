/** A schedule as doors show it. */
import type { Schedule, ScheduledJob } from '../schedule/record.ts';
import { wordsOf } from '../schedule/words.ts';

type Shown = Omit<Schedule, 'job' | 'registered' | 'wakeAt' | 'after'>;

/** Times are epoch milliseconds. */
export interface ScheduleInfo extends Shown {
  /** Of the jobs it starts. */
  readonly type: string;
  readonly payload: unknown;
  /** What else every one of its jobs has. */
  readonly job: Omit<ScheduledJob, 'type' | 'payload'>;
  /** When it runs, in words: `At 02:30 every day, Europe/Berlin time`. */
  readonly words: string;
}

export const toScheduleInfo = (schedule: Schedule): ScheduleInfo => {
  const { job, registered: _, wakeAt: __, after: ___, ...shown } = schedule;
  const { type, payload, ...rest } = job;
  return { ...shown, type, payload: JSON.parse(payload), job: rest, words: wordsOf(schedule.trigger) };
};
