/** The client of one caller. */
import { beyondReach } from '../../job/errors.ts';
import { type Caller, seesAll } from './access.ts';
import type { Served } from './context.ts';

/** The client as a caller has it: what it may not see does not exist. */
export const clientFor = (caller: Caller, client: Served): Served => {
  if (seesAll(caller)) return client;
  const bound = client.within({ queues: caller.queues, tenants: caller.tenants });
  const { state, rescue } = { state: null, rescue: () => client.processor.rescue() };
  const [start, stop] = [wholeOnly('a processor'), wholeOnly('a processor')];
  const [on, off, health] = [wholeOnly('events'), wholeOnly('events'), wholeOnly('health')];
  return Object.assign(bound, { on, off, health, processor: { state, start, stop, rescue } });
};

/** @throws BEYOND_REACH. */
export const mustSeeAll = (caller: Caller, what = 'a processor'): void => {
  if (!seesAll(caller)) wholeOnly(what)();
};

const wholeOnly = (what: string) => (): never => {
  throw beyondReach(
    'caller',
    `bound, and ${what} belongs to the system as a whole`,
    'callers that see all queues and tenants',
  );
};
