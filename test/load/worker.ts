/** Works, and writes down when each run begins and ends. What it does not expect ends it, as it would end an application. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobManager, job } from 'backline';
import { noteTo, now } from './notes.ts';
import { orderOf, say, told } from './program.ts';

export interface WorkerOrder {
  readonly name: string;
  readonly file: string;
  readonly url: string;
  readonly slots: number;
  /** How long a handler takes, in milliseconds: the shortest and the longest. */
  readonly takes: readonly [number, number];
}

const order = orderOf<WorkerOrder>();
const note = noteTo(order.file);
const [shortest, longest] = order.takes;

const work = job({
  run: async ({ n }: { readonly n: number }, { job: { id, ...more } }) => {
    const { claim } = more as unknown as { readonly claim: number };
    note({ kind: 'begun', id, claim, at: now() });
    await sleep(shortest + Math.random() * (longest - shortest));
    note({ kind: 'ended', id, claim, at: now() });
    return n;
  },
});

const manager = new JobManager(order.url, {
  jobs: { work },
  maxConcurrentJobs: order.slots,
  processId: order.name,
  logger: false,
  handleSignals: false,
});
for (const name of ['store-unavailable', 'store-recovered', 'lease-lost', 'worker-lost', 'job-late-result'] as const)
  manager.on(name, (event) => note({ kind: 'event', name, text: JSON.stringify(event), at: now() }));
manager.on('error', ({ error, during }) =>
  note({ kind: 'event', name: 'error', text: `${during}: ${error}`, at: now() }),
);
const stopped = told('stop');
await manager.start();
say('started');
await stopped;
await manager.close();
say('closed');
process.exit(0);
