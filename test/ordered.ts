import { type Context, type JobTypeOptions, job } from 'backline';
import { listen, startManager } from './managers.ts';
import { aborted } from './mock-job-executor.ts';
import { signal } from './wait.ts';

/** A manager whose only type writes down in which order it runs. */
export const ordered = async (options: Parameters<typeof startManager>[0] = {}, type: JobTypeOptions<unknown> = {}) => {
  const ran: unknown[] = [];
  const blocked = signal();
  const task = job({
    ...type,
    run: async (payload: unknown, ctx: Context) => {
      if (payload === 'block') return blocked.reached;
      if (payload === 'wait') return aborted(ctx.signal);
      if (payload === 'fail') throw new Error('no');
      ran.push(payload);
      return payload;
    },
  });
  const manager = await startManager({ ...options, jobs: { task } });
  return { manager, ran, blocked, heard: listen(manager) };
};

export type Manager = Awaited<ReturnType<typeof ordered>>['manager'];

export const statusOf = async (manager: Manager, id: string) => (await manager.get(id))?.status;
