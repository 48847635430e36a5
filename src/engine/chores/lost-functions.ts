/**
 * Ends what the functions of dead processes left in a database. Nobody can run those jobs: only their process had the functions. A
 * process is dead when no worker is registered that serves its functions; the rescuer takes out those that died.
 */
import { BacklineError } from '../../job/backline-error.ts';
import { ACTIVE } from '../../job/states.ts';
import type { Client } from '../client.ts';
import { isFunctionType, lostFunctions } from '../functions.ts';
import { JobManager } from '../job-manager.ts';

const PATIENCE_MS = 5000;

/**
 * Every lost job fails with FUNCTION_LOST, whenever it was to run. @returns how many.
 * @param patienceMs how long one may take: a queue that is paused or full holds it up as it does all others; it is for the next round.
 */
export const failLostFunctions = async (
  client: Client,
  database: string,
  patienceMs = PATIENCE_MS,
): Promise<number> => {
  const types = await lostTypes(client);
  if (types.length === 0) return 0;
  const jobs = Object.fromEntries(types.map((type) => [type, lostFunctions()]));
  const manager = new JobManager(database, { jobs, logger: false, handleSignals: false, processId: 'lost-functions' });
  try {
    await manager.start();
    return await failAll(manager, types, patienceMs);
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

const failAll = async (manager: JobManager, types: readonly string[], patienceMs: number): Promise<number> => {
  let ended = 0;
  for (let after: string | undefined; ; ) {
    const filter = { type: types, status: ACTIVE };
    const page = await manager.list(filter, { order: 'oldest', limit: 100, ...(after && { after }) });
    for (const { id } of page.jobs) await manager.runNow(id).catch(onlyIfFine);
    for (const { id } of page.jobs) {
      if (!(await hasEnded(manager, id, patienceMs))) return ended;
      ended++;
    }
    if (page.next === null) return ended;
    after = page.next;
  }
};

const hasEnded = async (manager: JobManager, id: string, timeout: number): Promise<boolean> => {
  try {
    await manager.result(id, { timeout });
  } catch (error) {
    if (codeOf(error) === 'RESULT_TIMEOUT') return false;
    onlyIfFine(error);
  }
  return true;
};

/** It runs or has ended already, as it should; or somebody removed it. */
const FINE = ['NOT_ALLOWED_NOW', 'JOB_NOT_FOUND', 'JOB_FAILED', 'JOB_CANCELLED', 'JOB_TIMED_OUT'];

const onlyIfFine = (error: unknown): void => {
  if (!FINE.includes(codeOf(error))) throw error;
};

const codeOf = (error: unknown): string => (error instanceof BacklineError ? error.code : '');
