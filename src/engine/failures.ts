/** Which errors there are: the newest failed jobs, read in small lots so that nobody waits for it, and added up by their error. */
import { setImmediate as breathe } from 'node:timers/promises';
import { checkOptions, integer } from '../job/check.ts';
import { type FailureGroup, FailureGroups } from '../job/failure-groups.ts';
import type { Store } from '../store/store.ts';

export interface FailuresOptions {
  /** How many groups at most, 1 to 200. Default 50. */
  readonly limit?: number;
}

export interface Failures {
  /** Most first. */
  readonly groups: readonly FailureGroup[];
  /** How many failed jobs were looked at, the newest ones. */
  readonly looked: number;
  /** There are older ones, which were not. */
  readonly more: boolean;
  /** Groups that were found, also those beyond the limit. */
  readonly found: number;
  /** What the series of the groups cover, epoch milliseconds. */
  readonly since: number;
  readonly until: number;
}

/** So many are looked at: some tenths of a second of work at most, whatever is stored. */
export const LOOKED_AT_MOST = 10_000;
const LOT = 500;
const DRAWN_MS = 86_400_000;
const PARTS = 24;

const TABLE = { limit: integer(1, 200) };

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const failuresOf = async (store: Store, given: FailuresOptions, now: number): Promise<Failures> => {
  const { limit = 50 } = checkOptions(TABLE, given, 'options');
  const drawn = { from: now - DRAWN_MS, to: now + 1, parts: PARTS };
  const groups = new FailureGroups(drawn);
  let before: number | null = null;
  let looked = 0;
  let more = true;
  while (more && looked < LOOKED_AT_MOST) {
    const lot = await store.failures(before, LOT);
    for (const job of lot) groups.add(job);
    looked += lot.length;
    before = lot.at(-1)?.seq ?? before;
    more = lot.length === LOT;
    await breathe();
  }
  // A full last lot may have been the end.
  if (more) more = (await store.failures(before, 1)).length > 0;
  return { groups: groups.top(limit), looked, more, found: groups.size, since: drawn.from, until: now };
};
