/**
 * Ends what the functions of dead processes left in a database. Nobody can run those jobs: only their process had the functions. A
 * process is dead when no worker is registered that serves its functions; the rescuer takes out those that died.
 */
import { BacklineError } from '../../job/backline-error.ts';
import { ACTIVE } from '../../job/states.ts';
import type { Client } from '../client.ts';
import { isFunctionType, lostFunctions } from '../functions.ts';
import { JobManager } from '../job-manager.ts';

/** Every lost job fails with FUNCTION_LOST, whenever it was to run. @returns how many. */
export const failLostFunctions = async (client: Client, database: string): Promise<number> => {
  const types = await lostTypes(client);
  if (types.length === 0) return 0;
  const jobs = Object.fromEntries(types.map((type) => [type, lostFunctions()]));
  const manager = new JobManager(database, { jobs, logger: false, handleSignals: false, processId: 'lost-functions' });
  try {
    await manager.start();
    return await failAll(manager, types);
  } finally {
    await manager.close();
  }
};

const lostTypes = async (client: Client): Promise<string[]> => {
  const [{ byType }, workers] = await Promise.all([client.stats(), client.workers()]);
  const served = new Set(workers.flatMap(({ types }) => types));
  return Object.entries(byType)
    .filter(
      ([type, counts]) => isFunctionType(type) && !served.has(type) && ACTIVE.some((status) => counts[status] > 0),
    )
    .map(([type]) => type);
};

const failAll = async (manager: JobManager, types: readonly string[]): Promise<number> => {
  let ended = 0;
  for (let after: string | undefined; ; ) {
    const page = await manager.list(
      { type: types, status: ACTIVE },
      { order: 'oldest', limit: 100, ...(after && { after }) },
    );
    for (const { id } of page.jobs) await manager.runNow(id).catch(onlyIfGone);
    for (const { id } of page.jobs) await manager.result(id).catch(onlyIfGone);
    ended += page.jobs.length;
    if (page.next === null) return ended;
    after = page.next;
  }
};

/** It runs or has ended already, as it should; or somebody removed it. */
const FINE = ['NOT_ALLOWED_NOW', 'JOB_NOT_FOUND', 'JOB_FAILED', 'JOB_CANCELLED', 'JOB_TIMED_OUT'];

const onlyIfGone = (error: unknown): void => {
  if (!(error instanceof BacklineError) || !FINE.includes(error.code)) throw error;
};
