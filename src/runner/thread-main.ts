/** What a thread runs: imports the module with the handlers, then serves. */

import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { toFailure } from '../job/outcome.ts';
import { type FromWorker, isVerdict, PROTOCOL, type ToWorker } from './child-messages.ts';
import { heapMb } from './memory.ts';
import { handlersIn, Serving } from './serving.ts';

const { module, tellsHeap } = workerData as { readonly module: string; readonly tellsHeap: boolean };
const port = parentPort!;
const send = (message: FromWorker): void =>
  port.postMessage(tellsHeap && isVerdict(message) ? { ...message, heapMb: heapMb(getHeapStatistics()) } : message);

try {
  const serving = new Serving(handlersIn(await import(module), module), send);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'job') serving.take(message);
    else if (message.kind === 'cancel') serving.cancel(message);
    else process.exit(0);
  });
  send({ kind: 'ready', protocol: PROTOCOL });
} catch (error) {
  send({ kind: 'unready', error: toFailure(error) });
}
