/** The heartbeat thread; see lease.ts. It sleeps in Atomics.wait, so nothing but the stop cell and the clock can wake it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Connection, connect, isBusy, type Value } from './driver.ts';
import { BEAT, type HeartbeatNews, type HeartbeatOrder, REGISTER, registration } from './lease.ts';

const { file, worker, leaseMs, beatMs, stuckLoopMs, shared } = workerData as HeartbeatOrder;
const cells = new Int32Array(shared);

/** How soon to try again while another process holds the lock, and while the disk refuses. */
const BUSY_MS = 5;
const REFUSED_MS = 500;
/** A loop that stood still for so long is reported. */
const ALARM_MS = 1000;

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
  let ticks = Atomics.load(cells, 0);
  let movedAt = performance.now();
  let told = false;
  while (!stopped(beatMs)) {
    const seen = Atomics.load(cells, 0);
    if (seen !== ticks) {
      ticks = seen;
      movedAt = performance.now();
      told = false;
    }
    const stoodMs = Math.round(performance.now() - movedAt);
    const blockedMs = stoodMs > ALARM_MS ? stoodMs : 0;
    const now = Date.now();
    const beat = { owner: worker.owner, now, until: now + leaseMs, blockedMs };
    if (write(db, BEAT, beat) === 0 && !stopped(0)) {
      // Declared dead, perhaps after a pause of the whole process: begin again, and let the main thread drop its jobs.
      write(db, REGISTER, registration(worker, now, leaseMs));
      tell({ kind: 'lost' });
    }
    if (blockedMs > 0 && !told) {
      told = true;
      tell({ kind: 'blocked', blockedMs });
    }
    // Nothing else can end a handler that loops for ever in this process; its jobs go on elsewhere.
    if (stuckLoopMs !== null && blockedMs > stuckLoopMs) process.kill(process.pid, 'SIGKILL');
  }
  db.close();
};

run();
