/**
 * plainjob, the fastest job queue on SQLite for Node that we know of, set up as its documentation says. It sets WAL and
 * synchronous = NORMAL itself, so its adds survive a killed process, not a power cut. One of its workers runs one job at a time.
 */
import Database from 'better-sqlite3';
import { inChunks, type Open, payload, share } from './contender.ts';

interface Queue {
  add(type: string, data: unknown): { id: number };
  addMany(type: string, data: unknown[], options?: { delay?: number }): { ids: number[] };
  close(): void;
}

interface Plainjob {
  better(database: Database.Database): unknown;
  defineQueue(options: { connection: unknown; logger: object }): Queue;
  defineWorker(
    type: string,
    processor: () => void,
    options: { queue: Queue; pollIntervall: number; logger: object },
  ): { start(): Promise<void>; stop(): Promise<void> };
}

export const NAME = 'plainjob';
const TYPE = 'noop';
const PENDING_OR_RUNNING =
  'SELECT 1 FROM plainjob_jobs WHERE status IN (0, 1) AND type = ? AND next_run_at <= ? LIMIT 1';
/** Its default is 1,000 ms; while jobs wait it does not poll, so this only helps its latency. */
const POLL_MS = 1;

const silent = { error() {}, warn() {}, info() {}, debug() {} };

/** @throws if it is not installed. Its name is a value here: types are checked also where it is not installed. */
export const load = async (name: string = NAME): Promise<Plainjob> => (await import(name)) as Plainjob;

export const open: Open = async ({ file, onStart }) => {
  const { better, defineQueue, defineWorker } = await load();
  const db = new Database(file);
  const queue = defineQueue({ connection: better(db), logger: silent });
  const anyLeft = db.prepare(PENDING_OR_RUNNING);
  let worker: ReturnType<typeof defineWorker> | undefined;
  let stopped: Promise<void> | undefined;
  const hold = async () => {
    const stopping = worker?.stop();
    worker = undefined;
    await stopping;
  };
  return {
    add: (n, callers) => share(n, callers, (i) => queue.add(TYPE, payload(i))),
    addMany: (n, chunk, delay) =>
      inChunks(n, chunk, (numbers) => queue.addMany(TYPE, numbers.map(payload), delay === undefined ? {} : { delay })),
    release: async () => {
      await stopped;
      worker = defineWorker(TYPE, () => onStart?.(), { queue, pollIntervall: POLL_MS, logger: silent });
      stopped = worker.start();
    },
    hold,
    isDrained: async () => anyLeft.get(TYPE, Date.now()) === undefined,
    // It has no call for this; done is status 2.
    endAll: async () => {
      db.exec('UPDATE plainjob_jobs SET status = 2 WHERE status = 0');
    },
    close: async () => {
      await hold();
      await stopped;
      queue.close();
    },
  };
};
