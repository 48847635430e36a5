/** Hands in jobs at a fixed rate, whatever becomes of the store: what was not acknowledged is handed in again under the same id. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BacklineError, JobManager, job } from 'backline';
import { noteTo, now } from './notes.ts';
import { orderOf, say, told } from './program.ts';

export interface ProducerOrder {
  readonly name: string;
  readonly file: string;
  readonly url: string;
  /** Jobs a second, until it is told to stop. */
  readonly rate: number;
  /** How many jobs in all; then it stops by itself. */
  readonly most?: number;
  /** Number of the first job, if others have handed in before. */
  readonly first?: number;
}

const AGAIN_MS = 100;
const TICK_MS = 10;

const order = orderOf<ProducerOrder>();
const note = noteTo(order.file);
const work = job({ run: (_: { readonly n: number }) => {} });
const manager = new JobManager(order.url, { jobs: { work }, worker: false, logger: false, processId: order.name });
manager.on('error', ({ error }) => note({ kind: 'event', name: 'error', text: String(error), at: now() }));

let stopping = false;
const stopped = told('stop').then(() => {
  stopping = true;
});
await manager.start();
say('started');
await told('go');

const open = new Set<Promise<void>>();

const handIn = async (n: number): Promise<void> => {
  const id = `job-${(order.first ?? 0) + n}`;
  note({ kind: 'asked', id, at: now() });
  for (;;) {
    try {
      await manager.enqueue('work', { n }, { id });
      break;
    } catch (error) {
      const code = error instanceof BacklineError ? error.code : String(error);
      // It was there already: only the answer had been lost.
      if (code === 'DUPLICATE_JOB_ID') break;
      if (!code.startsWith('STORE_')) return note({ kind: 'fault', text: `enqueue: ${String(error)}`, at: now() });
      await sleep(AGAIN_MS);
    }
  }
  note({ kind: 'acknowledged', id, at: now() });
};

const since = now();
for (let n = 0; !stopping; await sleep(TICK_MS)) {
  const due = Math.min(order.most ?? Number.POSITIVE_INFINITY, Math.floor(((now() - since) / 1000) * order.rate));
  for (; n < due; n++) {
    const handing: Promise<void> = handIn(n).finally(() => open.delete(handing));
    open.add(handing);
  }
  if (n === order.most) break;
}
while (open.size > 0) await Promise.race(open);
say('all acknowledged');
await stopped;
await manager.close();
process.exit(0);
