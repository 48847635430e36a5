/** The heartbeat thread; see lease.ts. It sleeps in Atomics.wait, so nothing but the stop cell and the clock can wake it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type HeartbeatNews, LoopWatch, reborn } from '../heartbeat.ts';
import { type Connection, connect, isBusy, type Value } from './driver.ts';
import { BEAT, type FileOrder, REGISTER, registration } from './lease.ts';

const order = workerData as FileOrder;
const { file, leaseMs, beatMs } = order;
const cells = new Int32Array(order.shared);

/** How soon to try again while another process holds the lock, and while the disk refuses. */
const BUSY_MS = 5;
const REFUSED_MS = 500;

const tell = (news: HeartbeatNews): void => parentPort!.postMessage(news);

const stopped = (waitMs: number): boolean => {
  Atomics.wait(cells, 1, 0, waitMs);
  return Atomics.load(cells, 1) !== 0;
};

/** Runs a statement as soon as the database lets it; never gives up, because without a heartbeat the jobs are lost. */
const write = (db: Connection, statement: string, values: Readonly<Record<string, Value>>): number => {
  for (;;) {
    try {
      return db.run(statement, values);
    } catch (error) {
      if (stopped(isBusy(error) ? BUSY_MS : REFUSED_MS)) return 1;
    }
  }
};

const run = (): void => {
  const db = connect(file);
  // It waits for locks itself, so that it can be stopped meanwhile.
  db.exec('PRAGMA busy_timeout = 0; PRAGMA synchronous = 1');
  const watch = new LoopWatch(order, tell);
  let { worker } = order;
  while (!stopped(beatMs)) {
    const blockedMs = watch.blockedMs();
    const now = Date.now();
    const beat = { owner: worker.owner, now, until: now + leaseMs, blockedMs };
    if (write(db, BEAT, beat) === 0 && !stopped(0)) {
      // Declared dead, perhaps after a pause of the whole process: begin again, and let the main thread drop its jobs.
      worker = reborn(worker);
      write(db, REGISTER, registration(worker, now, leaseMs));
      tell({ kind: 'lost', owner: worker.owner });
    }
    watch.act(blockedMs);
  }
  db.close();
};

run();
