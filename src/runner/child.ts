/**
 * One child process, from its start to its end.
 *
 * 1. It is started as the leader of a process group of its own, and must say `ready` within `startMs`.
 * 2. It gets one job at a time. Whatever it says is a sign of life; when it says nothing for `silentMs`, it is killed.
 * 3. When the job is to stop, it is told so; `graceMs` later its whole group is killed.
 * 4. What it writes that is no message, and what comes after the end of its job, ends it too: it is no longer known what it does.
 * 5. `run` settles, and `ended` resolves, when the process is gone and its pipes are closed, those of its own children included.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { BacklineError } from '../job/backline-error.ts';
import { unreadable, workerGarbage, workerLineTooLong, workerNotReady, workerOutOfMemory } from '../job/errors.ts';
import { RemoteError, toFailure } from '../job/outcome.ts';
import { encodePayload } from '../job/payload.ts';
import { SEALED } from '../job/secrets.ts';
import { Assignment } from './assignment.ts';
import { type FromWorker, isVerdict, jobMessage, parseLine, type Verdict } from './child-messages.ts';
import { errorOfEnding, withOutput } from './ending.ts';
import { Lines, Tail } from './lines.ts';
import { treeMemoryMb } from './memory.ts';
import type { Task } from './runner.ts';
import { NotBegun, type Unit } from './unit-pool.ts';

export interface ChildSettings {
  /** How errors call it. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly niceness: number | null;
  readonly startMs: number;
  readonly silentMs: number;
  readonly maxLineBytes: number;
  readonly maxMemoryMb: number | null;
  readonly onStderr: ((text: string) => void) | null;
}

const TAIL_BYTES = 4096;
const MEMORY_LOOK_MS = 1000;
/** How long an idle child may take to end by itself. */
const LEAVE_MS = 500;
/** How long after the end of a process its pipes may stay open: something that left its group may hold them. */
const DRAIN_MS = 1000;

export class Child implements Unit {
  readonly ready: Promise<void>;
  readonly ended: Promise<unknown>;
  readonly #settings: ChildSettings;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  readonly #lines: Lines;
  readonly #tail = new Tail(TAIL_BYTES);
  readonly #isReady = Promise.withResolvers<void>();
  readonly #hasEnded = Promise.withResolvers<unknown>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #state: 'starting' | 'ready' | 'ended' = 'starting';
  #runs = 0;
  #work: Assignment | null = null;
  /** Ends the work with the error it has told. */
  #concluding: (() => void) | null = null;
  #finishedAt = Number.NEGATIVE_INFINITY;
  /** What it is killed for. */
  #fault: BacklineError | null = null;
  #asked = false;
  #exit: { readonly code: number | null; readonly signal: string | null } | null = null;

  constructor(settings: ChildSettings) {
    this.#settings = settings;
    this.ready = this.#isReady.promise;
    this.ended = this.#hasEnded.promise;
    this.#lines = new Lines(
      settings.maxLineBytes,
      (line) => this.#onLine(line),
      (begin) => this.#condemn(workerLineTooLong(begin, settings.maxLineBytes)),
    );
    try {
      this.#process = this.#spawn();
    } catch (error) {
      this.#finish(unreadable(settings.program, error));
      return;
    }
    const late = () => this.#condemn(workerNotReady(settings.name, `it said nothing for ${settings.startMs} ms.`));
    this.#in(settings.startMs, () => this.#state === 'starting' && late());
    if (settings.maxMemoryMb !== null) {
      const timer = setInterval(() => this.#lookAtMemory(), MEMORY_LOOK_MS).unref();
      this.#timers.add(timer);
    }
  }

  get fit(): boolean {
    return this.#state === 'ready' && !this.#work && !this.#asked && !this.#fault && !this.#exit;
  }

  run(task: Task): Promise<unknown> {
    if (!this.fit) return Promise.reject(new NotBegun(workerNotReady(this.#settings.name, 'it has ended.')));
    const run = ++this.#runs;
    let line: string;
    try {
      line = jobLine(task, run);
    } catch (error) {
      return Promise.reject(new RemoteError(toFailure(error), 'never'));
    }
    this.#tail.clear();
    const work = new Assignment(task, run, {
      silentMs: this.#settings.silentMs,
      finishedAt: this.#finishedAt,
      post: (message) => this.#write(JSON.stringify(message)),
      kill: (fault) => (fault ? this.#condemn(fault) : this.#kill()),
    });
    this.#work = work;
    this.#write(line);
    work.begin();
    return work.promise;
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#asked = true;
    if (this.#work || this.#state === 'starting') return this.#kill();
    this.#write('{"kind":"exit"}');
    this.#process?.stdin.end();
    this.#in(LEAVE_MS, () => this.#kill());
  }
  #spawn(): ChildProcessByStdio<Writable, Readable, Readable> {
    const { program, args, cwd, env, niceness, onStderr } = this.#settings;
    // A group of its own, so that all it starts can be ended with it, and a terminal's Ctrl-C does not reach it.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: 'pipe', windowsHide: true });
    child.on('error', (error) => {
      if (child.pid === undefined) this.#finish(unreadable(program, error));
    });
    child.on('exit', (code, signal) => {
      this.#exit = { code, signal };
      this.#killGroup();
      this.#in(DRAIN_MS, () => this.#finish());
    });
    child.on('close', () => this.#finish());
    // Writing to what has just ended fails, and so may reading; its end says why.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      this.#work?.alive();
      this.#lines.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#work?.alive();
      this.#tail.push(chunk);
      onStderr?.(chunk.toString('utf8'));
    });
    if (niceness !== null && child.pid !== undefined) beNice(child.pid, niceness);
    return child;
  }

  #onLine(line: string): void {
    if (this.#fault || this.#state === 'ended') return;
    try {
      this.#heard(parseLine(line), line);
    } catch (error) {
      if (!(error instanceof BacklineError)) throw error;
      this.#condemn(error);
    }
  }

  /** @throws WORKER_GARBAGE for a message that does not belong here. */
  #heard(message: FromWorker, line: string): void {
    if (message.kind === 'ready' || message.kind === 'unready') return this.#handshake(message, line);
    if (this.#state === 'starting') throw workerGarbage(line, 'came before "ready"');
    const work = this.#work;
    if (work?.run === message.run) {
      if (message.kind === 'error') this.#conclude(message, work);
      else if (work.heard(message, '')) this.#afterWork();
    } else if (message.run > this.#runs || isVerdict(message)) {
      throw workerGarbage(line, 'is about a job that it was not given, or that has ended');
    }
    // Else a late word about a job before: it harms nobody.
  }

  /** What it wrote to standard error before may lie there still, unread; it belongs to the error. */
  #conclude(error: Verdict, work: Assignment): void {
    const conclude = () => {
      if (this.#work !== work) return;
      work.heard(error, this.#tail.text);
      this.#afterWork();
    };
    this.#concluding ??= conclude;
    setImmediate(this.#concluding);
  }

  #handshake(message: FromWorker & { kind: 'ready' | 'unready' }, line: string): void {
    if (this.#state !== 'starting') throw workerGarbage(line, 'came twice');
    if (message.kind === 'unready') {
      const cause = new RemoteError(withOutput(message.error, this.#tail.text));
      return this.#condemn(workerNotReady(this.#settings.name, `${cause.name}: ${cause.message}`, cause));
    }
    this.#state = 'ready';
    this.#isReady.resolve();
  }

  #afterWork(): void {
    this.#work = null;
    this.#concluding = null;
    this.#finishedAt = performance.now();
    if (this.#settings.maxMemoryMb !== null) this.#lookAtMemory();
  }

  /** Too much is a fault in the middle of a job; between jobs it is a reason to begin anew. */
  #lookAtMemory(): void {
    const { maxMemoryMb } = this.#settings;
    const pid = this.#process?.pid;
    if (maxMemoryMb === null || pid === undefined || this.#asked || this.#exit) return;
    const usedMb = treeMemoryMb(pid);
    if (usedMb <= maxMemoryMb) return;
    if (!this.#work && this.#state === 'ready') return this.end();
    this.#condemn(workerOutOfMemory(`it held ${Math.round(usedMb)} MiB, with ${maxMemoryMb} MiB allowed`));
  }

  #condemn(fault: BacklineError): void {
    this.#fault ??= fault;
    this.#kill();
  }

  #kill(): void {
    if (this.#exit) return;
    this.#lines.end();
    // What it still says is not of interest, and must not fill our memory.
    this.#process?.stdout.destroy();
    this.#killGroup();
  }

  #killGroup(): void {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left in it; or there are no groups here.
      this.#process?.kill('SIGKILL');
    }
  }

  #write(line: string): void {
    const stdin = this.#process?.stdin;
    if (stdin?.writable) stdin.write(`${line}\n`);
  }

  #in(ms: number, act: () => unknown): void {
    this.#timers.add(setTimeout(act, ms).unref());
  }

  /** It is gone. @param failed it could not even be started. */
  #finish(failed?: BacklineError): void {
    if (this.#state === 'ended') return;
    this.#hearRest();
    this.#concluding?.();
    const wasReady = this.#state === 'ready';
    this.#state = 'ended';
    for (const timer of this.#timers) clearTimeout(timer);
    this.#process?.stdin.destroy();
    this.#process?.stdout.destroy();
    this.#process?.stderr.destroy();
    const output = this.#tail.text;
    const ending = { ...(this.#exit ?? { code: null, signal: null }), fault: failed ?? this.#fault, output };
    const error = errorOfEnding(ending);
    if (!wasReady) this.#isReady.reject(this.#notReady(error, output));
    // The pool first: it must know that this unit is gone when its job lets go of it.
    this.#hasEnded.resolve(this.#asked ? null : error);
    this.#abandonWork(error);
  }

  /** A last line may lack its end. */
  #hearRest(): void {
    const rest = this.#lines.end();
    if (rest.trim() === '' || this.#fault) return;
    try {
      this.#heard(parseLine(rest), rest);
    } catch {
      // Cut off in the middle: how it ended says more.
    }
  }

  #notReady(error: BacklineError, output: string): BacklineError {
    if (error.code === 'WORKER_NOT_READY') return error;
    return workerNotReady(this.#settings.name, error.message, new RemoteError(withOutput(toFailure(error), output)));
  }

  #abandonWork(error: BacklineError): void {
    this.#work?.died(error, this.#tail.text, this.#asked);
    this.#work = null;
  }
}

/** The job as a line; a payload that was stored as it is given is not written again. @throws INVALID_PAYLOAD */
const jobLine = ({ job, type, payload }: Task, run: number): string => {
  const changed = type.input !== undefined || job.payload.includes(`"${SEALED}"`);
  const json = changed ? encodePayload(payload, Number.POSITIVE_INFINITY) : job.payload;
  const rest = JSON.stringify(jobMessage(job, run));
  return `${rest.slice(0, -1)},"payload":${json}}`;
};

/** Nicer than we are, or as we are: nobody may be less nice than its parent. */
const beNice = (pid: number, niceness: number): void => {
  try {
    setPriority(pid, Math.max(niceness, getPriority()));
  } catch {
    // It has ended already; its end says why.
  }
};
