/** A process of a load: a producer or a worker. It ends with the process that started it, whatever becomes of that. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { now } from './notes.ts';

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Program {
  readonly name: string;
  /** Where it writes its notes. */
  readonly file: string;
  readonly ended: Promise<End>;
  /** When it was killed from outside. */
  killedAt: number | null = null;
  end: End | null = null;
  readonly #child: ChildProcess;
  readonly #said = new Map<string, PromiseWithResolvers<void>>();
  #errors = '';

  /** @param script a file beside this one; it gets `order` as JSON in its first argument. */
  constructor(script: string, order: { readonly name: string; readonly file: string }) {
    this.name = order.name;
    this.file = order.file;
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn(
      process.execPath,
      ['--conditions=backline-source', '--disable-warning=ExperimentalWarning', path, JSON.stringify(order)],
      { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] },
    );
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#child.on('message', (word) => this.#of(String(word)).resolve());
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.end = { code, signal };
        for (const waiting of this.#said.values()) waiting.reject(new Error(this.trouble ?? `${this.name} has ended`));
        resolve(this.end);
      });
    });
  }

  /** How it ended, if nobody wanted that. */
  get trouble(): string | null {
    if (!this.end || this.killedAt !== null || this.end.code === 0) return null;
    return `${this.name} ended by itself (${this.end.code ?? this.end.signal}): ${this.#errors.trim()}`;
  }

  /** Settles when it has said a word. */
  heard(word: string): Promise<void> {
    if (this.end) return Promise.reject(new Error(this.trouble ?? `${this.name} has ended`));
    return this.#of(word).promise;
  }

  say(word: string): void {
    if (this.#child.connected) this.#child.send(word, () => {});
  }

  /** As the kernel does when memory is short, or a person who is in a hurry. */
  kill(): Promise<End> {
    this.killedAt = now();
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  #of(word: string): PromiseWithResolvers<void> {
    let waiting = this.#said.get(word);
    if (!waiting) {
      waiting = Promise.withResolvers<void>();
      waiting.promise.catch(() => {});
      this.#said.set(word, waiting);
    }
    return waiting;
  }
}

/** The child's side. */
export const orderOf = <T>(): T => JSON.parse(process.argv[2]!) as T;

export const say = (word: string): void => void process.send!(word);

/** Settles when the parent says the word. Without a parent there is nobody left to work for. */
export const told = (word: string): Promise<void> =>
  new Promise((resolve) => {
    process.on('message', (one) => one === word && resolve());
    process.once('disconnect', () => process.exit(1));
  });
