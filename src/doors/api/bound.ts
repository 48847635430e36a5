/** The client of one caller. */
import { beyondReach } from '../../job/errors.ts';
import { type Caller, seesAll } from './access.ts';
import type { Served } from './context.ts';

/** The client as a caller has it: what it may not see does not exist. */
export const clientFor = (caller: Caller, client: Served): Served => {
  if (seesAll(caller)) return client;
  const bound = client.within({ queues: caller.queues, tenants: caller.tenants });
  const health = async (): Promise<never> => {
    throw beyondReach(
      'caller',
      'bound, and health belongs to the system as a whole',
      'callers that see all queues and tenants',
    );
  };
  return Object.assign(bound, { health });
};
