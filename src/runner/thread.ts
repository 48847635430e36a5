/** One worker thread, from its start to its end. The same life as a child process's, without pipes and groups; see child.ts. */
import type { HeapInfo } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { BacklineError } from '../job/backline-error.ts';
import { invalidPayload, workerExited, workerGarbage, workerNotReady, workerOutOfMemory } from '../job/errors.ts';
import { RemoteError, toFailure } from '../job/outcome.ts';
import { Assignment } from './assignment.ts';
import { type FromWorker, isVerdict, jobMessage, readMessage, type ToWorker } from './child-messages.ts';
import { errorOfEnding } from './ending.ts';
import { heapMb } from './memory.ts';
import type { Task } from './runner.ts';
import { NotBegun, type Unit } from './unit-pool.ts';

export interface ThreadSettings {
  readonly name: string;
  readonly main: URL;
  readonly module: string;
  readonly execArgv: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly maxMemoryMb: number | null;
}

/** How often the heap of a thread that works is looked at. */
const LOOK_MS = 50;
/**
 * V8 bounds a heap too, but where it grows fast it ends the whole process. So its own bound lies this far above ours, and is met
 * only if this process cannot look for so long.
 */
const RESERVE = { times: 2, mb: 512 } as const;

export class Thread implements Unit {
  readonly ready: Promise<void>;
  readonly ended: Promise<unknown>;
  readonly #settings: ThreadSettings;
  readonly #thread: Worker | undefined;
  readonly #isReady = Promise.withResolvers<void>();
  readonly #hasEnded = Promise.withResolvers<unknown>();
  #late: NodeJS.Timeout | undefined;
  #state: 'starting' | 'ready' | 'ended' = 'starting';
  #runs = 0;
  #work: Assignment | null = null;
  #finishedAt = Number.NEGATIVE_INFINITY;
  #fault: BacklineError | null = null;
  #asked = false;
  #heapLook: NodeJS.Timeout | undefined;
  /** It holds too much for another job. */
  #isFull = false;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
    this.ready = this.#isReady.promise;
    this.ended = this.#hasEnded.promise;
    try {
      this.#thread = this.#spawn();
    } catch (error) {
      this.#finish(workerNotReady(settings.name, toFailure(error).message, error));
      return;
    }
    const late = () => this.#condemn(workerNotReady(settings.name, `it said nothing for ${settings.startMs} ms.`));
    this.#late = setTimeout(late, settings.startMs).unref();
  }

  get fit(): boolean {
    return this.#state === 'ready' && !this.#work && !this.#asked && !this.#fault && !this.#isFull;
  }

  run(task: Task): Promise<unknown> {
    if (!this.fit) return Promise.reject(new NotBegun(workerNotReady(this.#settings.name, 'it has ended.')));
    const run = ++this.#runs;
    const work = new Assignment(task, run, {
      silentMs: null,
      finishedAt: this.#finishedAt,
      post: (message) => this.#post(message),
      kill: (fault) => (fault ? this.#condemn(fault) : this.#kill()),
    });
    this.#work = work;
    try {
      this.#post({ ...jobMessage(task.job, run), payload: task.payload });
    } catch (error) {
      // What the schema made of the payload cannot be copied to a thread: a function, say.
      this.#work = null;
      work.refuse(
        new RemoteError(toFailure(invalidPayload('payload', 'cannot be handed to a thread', error)), 'never'),
      );
    }
    work.begin();
    this.#watchHeap();
    return work.promise;
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#asked = true;
    this.#kill();
  }

  #spawn(): Worker {
    const { name, main, module, execArgv, env, maxMemoryMb } = this.#settings;
    const thread = new Worker(main, {
      name,
      workerData: { module, tellsHeap: maxMemoryMb !== null },
      env: { ...env },
      ...(execArgv ? { execArgv: [...execArgv] } : {}),
      ...(maxMemoryMb === null
        ? {}
        : { resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb * RESERVE.times + RESERVE.mb } }),
    });
    thread.on('message', (value: unknown) => this.#onMessage(value));
    thread.on('messageerror', (error) => this.#condemn(workerGarbage(error.message, 'cannot be read')));
    thread.on('error', (error: Error & { code?: unknown }) => {
      this.#fault ??=
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? workerOutOfMemory('its heap was full') : workerExited(1, error);
    });
    thread.on('exit', (code) => this.#finish(errorOfEnding({ code, signal: null, fault: this.#fault, output: '' })));
    return thread;
  }

  #onMessage(value: unknown): void {
    if (this.#fault || this.#state === 'ended') return;
    try {
      this.#heard(readMessage(value), Object(value) as { heapMb?: unknown });
    } catch (error) {
      if (!(error instanceof BacklineError)) throw error;
      this.#condemn(error);
    }
  }

  #heard(message: FromWorker, told: { readonly heapMb?: unknown }): void {
    if (message.kind === 'ready' || message.kind === 'unready') return this.#handshake(message);
    const work = this.#work;
    if (work?.run === message.run) {
      if (work.heard(message, '')) this.#afterWork(told);
    } else if (message.run > this.#runs || isVerdict(message)) {
      throw workerGarbage(JSON.stringify(message), 'is about a job that it was not given, or that has ended');
    }
  }

  #afterWork({ heapMb }: { readonly heapMb?: unknown }): void {
    this.#work = null;
    clearInterval(this.#heapLook);
    this.#finishedAt = performance.now();
    const { maxMemoryMb } = this.#settings;
    this.#isFull = maxMemoryMb !== null && Number(heapMb) > maxMemoryMb;
  }

  /** The thread answers also in the middle of a loop. */
  #watchHeap(): void {
    const { maxMemoryMb } = this.#settings;
    const thread = this.#thread as (Worker & { getHeapStatistics?: () => Promise<HeapInfo> }) | undefined;
    // Node 22.13 to 22.15 cannot tell: there V8's own bound is all there is.
    if (maxMemoryMb === null || !thread?.getHeapStatistics || !this.#work) return;
    const work = this.#work;
    let isLooking = false;
    const look = async () => {
      if (isLooking) return;
      isLooking = true;
      // It may end while it is asked.
      const usedMb = await thread.getHeapStatistics!().then(heapMb, () => 0);
      isLooking = false;
      if (usedMb <= maxMemoryMb || this.#work !== work) return;
      this.#condemn(workerOutOfMemory(`it held ${Math.round(usedMb)} MiB, with ${maxMemoryMb} MiB allowed`));
    };
    this.#heapLook = setInterval(look, LOOK_MS).unref();
  }

  #handshake(message: FromWorker & { kind: 'ready' | 'unready' }): void {
    if (this.#state !== 'starting') throw workerGarbage(JSON.stringify(message), 'came twice');
    clearTimeout(this.#late);
    if (message.kind === 'unready') {
      const cause = new RemoteError(message.error);
      return this.#condemn(workerNotReady(this.#settings.name, `${cause.name}: ${cause.message}`, cause));
    }
    this.#state = 'ready';
    this.#isReady.resolve();
  }

  #condemn(fault: BacklineError): void {
    this.#fault ??= fault;
    this.#kill();
  }

  #kill(): void {
    void this.#thread?.terminate();
  }

  #post(message: ToWorker): void {
    this.#thread?.postMessage(message);
  }

  #finish(error: BacklineError): void {
    if (this.#state === 'ended') return;
    const wasReady = this.#state === 'ready';
    this.#state = 'ended';
    clearTimeout(this.#late);
    clearInterval(this.#heapLook);
    if (!wasReady) this.#isReady.reject(this.#notReady(error));
    // The pool first: it must know that this unit is gone when its job lets go of it.
    this.#hasEnded.resolve(this.#asked ? null : error);
    this.#abandonWork(error);
  }

  #notReady(error: BacklineError): BacklineError {
    return error.code === 'WORKER_NOT_READY' ? error : workerNotReady(this.#settings.name, error.message, error);
  }

  #abandonWork(error: BacklineError): void {
    this.#work?.died(error, '', this.#asked);
    this.#work = null;
  }
}
