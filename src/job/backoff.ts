import { show } from '../util/text.ts';
import { checkDuration, type Duration, isRecord } from './check.ts';
import { invalidOption, unknownOption } from './errors.ts';
import type { Failure } from './job.ts';

/**
 * When a failed job runs again. A bare duration is a fixed delay.
 * - `fixed`: always `delay`; `linear`: `delay × attempt`; `exponential`: `delay × factor^(attempt − 1)`, factor 2 by default,
 *   and up to 10 % on top so that jobs which failed together do not come back together;
 * - `jitter`: decorrelated jitter, each delay random between `delay` and three times the one before
 *   (source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015);
 * - a function gets the attempt (from 1) and the failure, and returns the delay.
 *
 * `max` caps every kind; it is one hour if not given.
 */
export type Backoff =
  | Duration
  | { kind: 'fixed' | 'linear' | 'jitter'; delay: Duration; max?: Duration }
  | { kind: 'exponential'; delay: Duration; factor?: number; max?: Duration }
  | ((attempt: number, failure: Failure) => Duration);

/** A checked backoff: milliseconds to wait after the given attempt. `random` is stable per job. */
export type Wait = (attempt: number, failure: Failure, random: (n: number) => number) => number;

const HOUR_MS = 3_600_000;
const KINDS = ['fixed', 'linear', 'exponential', 'jitter'] as const;
const NAMES = ['kind', 'delay', 'factor', 'max'] as const;

/** @throws INVALID_OPTION if the backoff has an unknown kind, a delay that is no duration, or a factor under 1. */
export const checkBackoff = (backoff: unknown, field = 'backoff'): Wait => {
  if (typeof backoff === 'function')
    return (attempt, failure) => checkDuration(backoff(attempt, failure), `${field}(${attempt})`);
  if (typeof backoff === 'number' || typeof backoff === 'string') {
    const delayMs = checkDuration(backoff, field);
    return () => delayMs;
  }
  if (!isRecord(backoff)) throw invalidOption(field, backoff, 'a duration, { kind, delay, max } or a function');
  for (const name of Object.keys(backoff))
    if (!(NAMES as readonly string[]).includes(name)) throw unknownOption(field, name, NAMES);
  const { kind, factor = 2 } = backoff;
  if (typeof factor !== 'number' || !(factor >= 1 && factor <= 100))
    throw invalidOption(`${field}.factor`, factor, 'a number from 1 to 100');
  const delayMs = checkDuration(backoff['delay'], `${field}.delay`);
  const maxMs = backoff['max'] === undefined ? HOUR_MS : checkDuration(backoff['max'], `${field}.max`);
  const wait = Object.hasOwn(waits, String(kind)) ? waits[kind as (typeof KINDS)[number]] : undefined;
  if (!wait) throw invalidOption(`${field}.kind`, kind, KINDS.map(show).join(', '));
  return (attempt, _, random) => Math.round(Math.min(maxMs, wait(delayMs, attempt, factor, random, maxMs)));
};

const waits: Record<
  (typeof KINDS)[number],
  (delayMs: number, attempt: number, factor: number, random: (n: number) => number, maxMs: number) => number
> = {
  fixed: (delayMs) => delayMs,
  linear: (delayMs, attempt) => delayMs * attempt,
  exponential: (delayMs, attempt, factor, random) => delayMs * factor ** (attempt - 1) * (1 + random(attempt) / 10),
  jitter: (delayMs, attempt, _, random, maxMs) => {
    let last = delayMs;
    // The chain is computed anew from the first attempt: nothing but the attempt's number need be stored.
    for (let n = 1; n <= attempt && last < maxMs; n++)
      last = Math.min(maxMs, delayMs + random(n) * (last * 3 - delayMs));
    return last;
  },
};

/** A random number in [0, 1) that depends on the job and the attempt alone, so that a decision can be repeated. */
export const stableRandom =
  (id: string) =>
  (n: number): number => {
    let hash = 2166136261 ^ n; // FNV-1a, then one round of mixing
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
    hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  };
