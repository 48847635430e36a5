/** The side of a Node child: messages on standard input and output, and its own end when its parent is gone. */
import { Worker } from 'node:worker_threads';
import { BacklineError } from '../job/backline-error.ts';
import { toFailure } from '../job/outcome.ts';
import { type FromWorker, PROTOCOL, type ToWorker } from './child-messages.ts';
import { Lines } from './lines.ts';
import { checkHandlers, type Handlers, Serving } from './serving.ts';

/** The parent sends no line longer than a payload may be; this only bounds memory. */
const MAX_LINE_BYTES = 512 * 1024 * 1024;
const LOOK_MS = 500;

/** The way to the parent. From here on, what the program prints goes to standard error. */
export class Channel {
  readonly #write: (line: string) => void;

  constructor() {
    const { stdout, stderr } = process;
    const write = stdout.write.bind(stdout);
    this.#write = (line) => void write(line);
    stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
    watchParent();
  }

  send(message: FromWorker): void {
    this.#write(`${JSON.stringify(message)}\n`);
  }

  /** Says that it is ready, and works until it is told to end. @throws WORKER_MODULE */
  serve(handlers: unknown, name: string): void {
    const serving = new Serving(checkHandlers(handlers, name), (message) => this.send(message));
    const lines = new Lines(MAX_LINE_BYTES, (line) => take(serving, JSON.parse(line) as ToWorker), endAtOnce);
    process.stdin.on('data', (chunk: Buffer) => lines.push(chunk));
    // The parent is gone, whatever became of it: nobody waits for what runs here.
    process.stdin.on('end', endAtOnce).on('error', endAtOnce);
    process.stdout.on('error', endAtOnce);
    this.send({ kind: 'ready', protocol: PROTOCOL, name });
  }

  /** It cannot work. */
  refuse(error: unknown): void {
    this.send({ kind: 'unready', error: { ...toFailure(error), ...stackOf(error) } });
    process.exitCode = 1;
  }
}

/** Of an import, the stack says where it failed. */
const stackOf = (error: unknown): { stack?: string } =>
  error instanceof Error && !(error instanceof BacklineError) && error.stack ? { stack: error.stack } : {};

const take = (serving: Serving, message: ToWorker): void => {
  switch (message.kind) {
    case 'job':
      return serving.take(message);
    case 'cancel':
      return serving.cancel(message);
    case 'exit':
      process.stdin.removeListener('end', endAtOnce);
      return process.exit(0);
  }
};

/** With everything it has started, if it leads a group of its own. */
const endAtOnce = (): void => {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.exit(1);
  }
};

/** A handler that does not let the event loop go round would not notice the end of standard input; a thread beside it does. */
const watchParent = (): void => {
  if (process.platform === 'win32') return;
  // The parent's number is taken here: when the thread has started, it may have changed already.
  const look = `setInterval(() => {
      if (process.ppid === ${process.ppid}) return;
      try { process.kill(-process.pid, 'SIGKILL'); } catch { process.kill(process.pid, 'SIGKILL'); }
    }, ${LOOK_MS});`;
  new Worker(look, { eval: true, stdin: false, env: {}, resourceLimits: { maxOldGenerationSizeMb: 16 } }).unref();
};

let served = false;

/**
 * Makes this program a worker of a `WorkerPool`: it takes jobs from standard input and answers on standard output, as
 * docs/worker-protocol.md says. What the program prints goes to standard error from then on. Call it once, when it is ready to work.
 *
 * @example
 * serve({ analyze: async (track, ctx) => ({ bpm: 120 }) });
 * @throws WORKER_MODULE if a handler is no function.
 */
export const serve = (handlers: Handlers, options: { readonly name?: string } = {}): void => {
  if (served) return;
  served = true;
  new Channel().serve(handlers, options.name ?? 'node');
};
