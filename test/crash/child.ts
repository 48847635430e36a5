/** Child processes of the crash tests: they report one JSON line per fact, and none outlives its test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** One fact that a child reported, such as `{ fact: 'enqueued', id }`. */
export interface Fact {
  readonly fact: string;
  readonly [name: string]: unknown;
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Compiled once for all children of a test file: to compile takes longer than most of them live. */
const compiled = mkdtempSync(join(tmpdir(), 'backline-compiled-'));
afterAll(() => rmSync(compiled, { recursive: true, force: true }));

interface ChildOptions {
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Child {
  readonly facts: Fact[] = [];
  readonly ended: Promise<End>;
  readonly #process: ChildProcess;
  #errors = '';
  #waiting: {
    readonly is: (fact: Fact) => boolean;
    readonly found: (fact: Fact) => void;
    readonly gone: (error: Error) => void;
  }[] = [];

  /** @param script a file beside this one; it gets `order` as JSON in its first argument. */
  constructor(script: string, order: object, options: ChildOptions = {}) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const command = [
      ...(options.prefix ?? []),
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      path,
      JSON.stringify(order),
    ];
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#process = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, NODE_COMPILE_CACHE: compiled, ...options.env },
    });
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    const lines = createInterface({ input: this.#process.stdout! });
    lines.on('line', (line) => this.#hear(line));
    const closed = new Promise((resolve) => lines.once('close', resolve));
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        // What it said last is still on its way.
        void closed.then(() => {
          for (const { gone } of this.#waiting.splice(0))
            gone(new Error(`the child ended (${code ?? signal}): ${this.errors}`));
          resolve({ code, signal });
        });
      });
    });
    running.add(this);
    void this.ended.then(() => running.delete(this));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get errors(): string {
    return this.#errors.slice(-3000);
  }

  /** The first fact that fits, also among those that were reported before. */
  fact(is: string | ((fact: Fact) => boolean)): Promise<Fact> {
    const fits = typeof is === 'string' ? ({ fact }: Fact) => fact === is : is;
    const known = this.facts.find(fits);
    if (known) return Promise.resolve(known);
    return new Promise((found, gone) => this.#waiting.push({ is: fits, found, gone }));
  }

  all(fact: string): Fact[] {
    return this.facts.filter((one) => one.fact === fact);
  }

  /** Tells the child to go on with what it waits for. */
  say(word: string): void {
    this.#process.stdin!.write(`${word}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #hear(line: string): void {
    let fact: Fact;
    try {
      fact = JSON.parse(line) as Fact;
    } catch {
      // The last line of a killed process may be torn.
      return;
    }
    this.facts.push(fact);
    const heard = this.#waiting.filter(({ is }) => is(fact));
    this.#waiting = this.#waiting.filter((one) => !heard.includes(one));
    for (const { found } of heard) found(fact);
  }
}

const running = new Set<Child>();

/** For afterEach: no child outlives its test, whatever became of it. */
export const endChildren = async (): Promise<void> => {
  const left = [...running];
  for (const child of left) {
    // A stopped process takes no other signal before it goes on.
    child.kill('SIGKILL');
    child.kill('SIGCONT');
  }
  await Promise.all(left.map(({ ended }) => ended));
};
