/**
 * Graphile Worker, plain and with its batching (a local queue, and ends that are written together), as its documentation says. It
 * deletes finished jobs: there is no history to keep.
 */
import { CONCURRENCY, inChunks, type Open, payload, share } from '../contenders/contender.ts';
import { connect, multiply, placeOf } from './place.ts';

interface Spec {
  readonly identifier: string;
  readonly payload: object;
  readonly runAt?: Date;
}

interface Utils {
  migrate(): Promise<void>;
  addJob(identifier: string, payload: object): Promise<unknown>;
  addJobs(specs: readonly Spec[]): Promise<unknown>;
  release(): Promise<void>;
}

interface Module {
  makeWorkerUtils(options: { preset: object }): Promise<Utils>;
  run(options: object): Promise<{ stop(): Promise<void> }>;
  readonly Logger: new (factory: () => () => void) => object;
}

const PACKAGE = 'graphile-worker';
const TASK = 'noop';

/** Each of its workers asks for itself, on a connection of its own: with more of them the server has more to do, not less to wait for. */
const PLAIN = { concurrentJobs: 24, maxPoolSize: 24 };
const BATCHED = {
  concurrentJobs: CONCURRENCY,
  maxPoolSize: 10,
  localQueue: { size: 5 * CONCURRENCY },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

/** @throws if it is not installed. Its name is a value here: types are checked also where it is not installed. */
export const load = async (name: string = PACKAGE): Promise<Module> => {
  const found = (await import(name)) as Module & { readonly default?: Module };
  return found.default ?? found;
};

const opening =
  (settings: object): Open =>
  async ({ file, onStart }) => {
    const { connectionString, schema } = placeOf(file);
    const { Logger, makeWorkerUtils, run } = await load();
    const preset = { worker: { connectionString, schema, logger: new Logger(() => () => {}), ...settings } };
    const utils = await makeWorkerUtils({ preset });
    await utils.migrate();
    const client = await connect(connectionString);
    const jobs = `${schema}._private_jobs`;
    let runner: Awaited<ReturnType<Module['run']>> | undefined;
    const hold = async () => {
      const stopping = runner?.stop();
      runner = undefined;
      await stopping;
    };
    return {
      add: (n, callers) => share(n, callers, (i) => utils.addJob(TASK, payload(i))),
      addMany: (n, chunk, delayMs) =>
        inChunks(n, chunk, (numbers) => {
          const at = delayMs === undefined ? {} : { runAt: new Date(Date.now() + delayMs) };
          return utils.addJobs(numbers.map((i) => ({ identifier: TASK, payload: payload(i), ...at })));
        }),
      release: async () => {
        const taskList = { [TASK]: () => onStart?.() };
        runner = await run({ preset, taskList, parsedCronItems: [], noHandleSignals: true });
      },
      hold,
      isDrained: async () => {
        const left = `SELECT EXISTS (SELECT 1 FROM ${jobs} WHERE run_at <= now()) AS left`;
        return (await client.query(left)).rows[0]!['left'] === false;
      },
      stock: async ({ delayed, delayMs }) => {
        const runAt = new Date(Date.now() + delayMs);
        await utils.addJobs([{ identifier: TASK, payload: payload(0), runAt }]);
        await multiply(client, jobs, 'true', delayed, { id: null, run_at: `s.run_at + i * interval '1 ms'` });
      },
      close: async () => {
        await hold();
        await utils.release();
        await client.end();
      },
    };
  };

export const openPlain = opening(PLAIN);
export const openBatched = opening(BATCHED);
