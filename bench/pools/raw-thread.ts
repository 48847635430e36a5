/** A thread that answers each message with one, and does nothing else. */
import { parentPort } from 'node:worker_threads';

parentPort!.on('message', (payload: unknown) => parentPort!.postMessage(payload));
