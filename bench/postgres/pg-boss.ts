/**
 * pg-boss, set up for speed as its documentation says: whole batches are fetched and completed together, full batches are followed at
 * once by the next, and LISTEN/NOTIFY wakes its workers.
 */
import { CONCURRENCY, inChunks, type Open, payload, share } from '../contenders/contender.ts';
import { connect, multiply, placeOf } from './place.ts';

interface Boss {
  on(event: 'error', listener: () => void): void;
  start(): Promise<unknown>;
  stop(options: { graceful: boolean; timeout: number }): Promise<void>;
  createQueue(name: string, options: { notify: boolean }): Promise<void>;
  send(name: string, data: object): Promise<string | null>;
  insert(name: string, jobs: { id?: string; data: object; startAfter?: number }[]): Promise<unknown>;
  work(name: string, options: object, handler: (jobs: readonly unknown[]) => Promise<void>): Promise<string>;
  offWork(name: string, options: { wait: boolean }): Promise<void>;
}

interface Module {
  readonly PgBoss: new (options: object) => Boss;
}

const PACKAGE = 'pg-boss';
const QUEUE = 'noop';
const WORK = { batchSize: CONCURRENCY, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
const SAMPLE = '00000000-0000-4000-8000-000000000001';
const STOP_MS = 5000;

/** @throws if it is not installed. Its name is a value here: types are checked also where it is not installed. */
export const load = async (name: string = PACKAGE): Promise<Module> => (await import(name)) as Module;

export const open: Open = async ({ file, onStart }) => {
  const { connectionString, schema } = placeOf(file);
  const { PgBoss } = await load();
  const boss = new PgBoss({ connectionString, schema, useListenNotify: true, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  const client = await connect(connectionString);
  const left = `
    SELECT EXISTS (SELECT 1 FROM ${schema}.job WHERE name = '${QUEUE}' AND state < 'active' AND start_after <= now())
        OR EXISTS (SELECT 1 FROM ${schema}.job WHERE name = '${QUEUE}' AND state = 'active') AS left`;
  let working = false;
  const hold = async () => {
    if (working) await boss.offWork(QUEUE, { wait: true });
    working = false;
  };
  return {
    add: (n, callers) => share(n, callers, (i) => boss.send(QUEUE, payload(i))),
    addMany: (n, chunk, delayMs) => {
      const later = delayMs === undefined ? {} : { startAfter: delayMs / 1000 };
      return inChunks(n, chunk, (numbers) => {
        const jobs = numbers.map((i) => ({ data: payload(i), ...later }));
        return boss.insert(QUEUE, jobs);
      });
    },
    release: async () => {
      working = true;
      await boss.work(QUEUE, WORK, async (jobs) => {
        for (const _ of jobs) onStart?.();
      });
    },
    hold,
    isDrained: async () => (await client.query(left)).rows[0]!['left'] === false,
    stock: async ({ finished, delayed, delayMs }) => {
      await boss.insert(QUEUE, [{ id: SAMPLE, data: payload(0), startAfter: delayMs / 1000 }]);
      const copy = (n: number, others: Readonly<Record<string, string>>) =>
        multiply(client, `${schema}.job`, `s.id = '${SAMPLE}'`, n, { id: 'gen_random_uuid()', ...others });
      const times = { start_after: 'now()', started_on: 'now()', completed_on: 'now()' };
      await copy(finished, { state: `'completed'::${schema}.job_state`, ...times });
      await copy(delayed, { start_after: `s.start_after + i * interval '1 ms'` });
    },
    close: async () => {
      await hold();
      await boss.stop({ graceful: true, timeout: STOP_MS });
      await client.end();
    },
  };
};
