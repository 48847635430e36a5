/** The heartbeat thread; see lease.ts. It has an event loop of its own, which nothing but its connection and its timer use. */
import { parentPort, workerData } from 'node:worker_threads';
import { type HeartbeatNews, LoopWatch, reborn } from '../heartbeat.ts';
import { Connection, cutOff, loadPg, type PgClient, Statements } from './driver.ts';
import { BEAT, NOW, REGISTER, registration, type ServerOrder } from './lease.ts';

const order = workerData as ServerOrder;
const { config, schema, leaseMs, beatMs } = order;
const cells = new Int32Array(order.shared);
const statements = new Statements(schema);
const { Client } = loadPg();

/** How soon to try again while the server does not answer. */
const RETRY_MS = 500;
/** A line that has gone dead without a word must be given up long before the lease is over. */
const PATIENCE_MS = Math.max(1000, Math.min(5000, leaseMs / 4));

const tell = (news: HeartbeatNews): void => parentPort!.postMessage(news);
const isStopped = (): boolean => Atomics.load(cells, 1) !== 0;

let wake = (): void => {};
parentPort!.on('message', () => wake());

/** @returns whether to stop. */
const rest = (ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    if (isStopped()) return resolve(true);
    const timer = setTimeout(() => wake(), ms);
    wake = () => {
      clearTimeout(timer);
      resolve(isStopped());
    };
  });

let client: PgClient | undefined;

const connection = async (): Promise<Connection> => {
  if (client) return new Connection(client, statements);
  const fresh = new Client({ ...config, query_timeout: PATIENCE_MS });
  // An error without a listener would end the thread.
  fresh.on('error', () => drop(fresh));
  fresh.on('end', () => drop(fresh));
  try {
    await fresh.connect();
  } catch (error) {
    fresh.end().catch(() => {});
    throw error;
  }
  client = fresh;
  return new Connection(fresh, statements);
};

const drop = (one: PgClient | undefined): void => {
  if (client === one) client = undefined;
  if (one) cutOff(one);
};

let { worker } = order;
/** It has begun again, as far as the server has answered; the main thread does not know of it yet. */
let isReborn = false;

/** One beat, as soon as the server answers; never gives up, because without a heartbeat the jobs are lost. */
const beat = async (blockedMs: number): Promise<void> => {
  for (;;) {
    try {
      const db = await connection();
      const isThere = (await db.run(BEAT, { owner: worker.owner, blockedMs, leaseMs })) > 0;
      if (!isThere && !isStopped()) {
        // Declared dead, perhaps after a pause of the whole process: begin again, and let the main thread drop its jobs.
        const now = Number((await db.get(NOW))!['ms']);
        worker = reborn(worker);
        isReborn = true;
        await db.run(REGISTER, registration(worker, now, leaseMs));
      }
      // Not before it is sure: the answer to the registration may have been lost with its connection.
      if (isReborn) tell({ kind: 'lost', owner: worker.owner });
      isReborn = false;
      return;
    } catch {
      drop(client);
      if (await rest(RETRY_MS)) return;
    }
  }
};

const run = async (): Promise<void> => {
  const watch = new LoopWatch(order, tell);
  while (!(await rest(beatMs))) {
    const blockedMs = watch.blockedMs();
    await beat(blockedMs);
    watch.act(blockedMs);
  }
  await client?.end().catch(() => {});
  parentPort!.close();
};

await run();
