/** A schedule as callers say it, and what they may change of one. */
import type { InputOf, Jobs } from '../job/define.ts';
import type { EnqueueOptions } from '../job/enqueue-options.ts';
import type { MissedPolicy } from './missed.ts';
import type { OverlapPolicy } from './record.ts';
import type { TriggerOptions } from './schedule.ts';

/** Options that every job of a schedule has. Those that mean a single run (`id`, `runAt`, `parent` …) are none. */
export type ScheduledOptions = Pick<
  EnqueueOptions,
  | 'queue'
  | 'priority'
  | 'maxAttempts'
  | 'maxCrashes'
  | 'timeout'
  | 'totalTimeout'
  | 'startTimeout'
  | 'key'
  | 'limitKey'
  | 'tenant'
  | 'tags'
>;

interface Behaviour {
  /** What becomes of slots that passed in a downtime, a sleep or a pause. Default `runOnce`: the latest runs, the others are counted. */
  readonly missed?: MissedPolicy;
  /**
   * What becomes of a slot while `maxInstances` of its jobs are unfinished. Default `skip`; `queueAll` where missed slots are to run
   * one by one.
   */
  readonly overlap?: OverlapPolicy;
  /** Unfinished jobs at one time, at most. Default 1. */
  readonly maxInstances?: number;
}

/** A schedule to be made: what it starts, when (one of `cron`, `interval` and `at`), and how. */
export type ScheduleRequest<J extends Jobs = Jobs, Name extends keyof J & string = keyof J & string> = {
  /** Up to 190 safe characters. */
  readonly id: string;
  readonly type: Name;
  readonly payload?: InputOf<J[Name]>;
  readonly options?: ScheduledOptions;
  /**
   * The build of the program that registers it, a number or text such as `1.10.2`; it must grow. A registration by an older build, or
   * by one that does not say, changes nothing then.
   */
  readonly build?: number | string;
} & Behaviour &
  TriggerOptions;

/** What is to change of a schedule. A trigger is given whole: with `cron`, `interval` or `at`, and all that belongs to it. */
export type ScheduleChanges = {
  readonly type?: string;
  readonly payload?: unknown;
  /** All of them: what is not named goes back to its default. */
  readonly options?: ScheduledOptions;
} & Behaviour &
  Partial<TriggerOptions>;
