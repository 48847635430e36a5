/** Runs the command line as real processes in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'src/doors/cli/main.ts');

export interface Ended {
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

/** A line of JSON that a command printed. */
export type Line = Readonly<Record<string, unknown>> & { readonly kind: string };

export const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** A process that goes on, whose output is read while it does. */
export class Running {
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown>;
  stdout = '';
  stderr = '';
  #heard: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    this.#closed = once(child, 'close').finally(() => this.#wake());
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.on('data', (text) => {
        this[name] += text;
        this.#wake();
      });
  }

  /** Waits until it has written this, on either stream. @throws if it ends first. */
  async says(words: RegExp): Promise<void> {
    while (!words.test(this.stdout) && !words.test(this.stderr)) {
      const { exitCode, signalCode } = this.child;
      if (exitCode !== null || signalCode !== null)
        throw new Error(
          `it ended (${exitCode ?? signalCode}) before it said ${words}:\n${this.stdout}\n${this.stderr}`,
        );
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  /** Sends a signal, if one is given, and waits for the end. */
  async end(signal?: NodeJS.Signals): Promise<Ended> {
    if (signal) this.child.kill(signal);
    await this.#closed;
    const { exitCode, signalCode } = this.child;
    return { code: exitCode ?? signalCode, stdout: this.stdout, stderr: this.stderr };
  }

  #wake(): void {
    for (const heard of this.#heard.splice(0)) heard();
  }
}

/** A folder in which commands are run; `backline` can be imported by its config file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'backline-cli-'));
  readonly #running = new Set<Running>();

  constructor() {
    mkdirSync(this.at('node_modules'));
    symlinkSync(ROOT, this.at('node_modules/backline'), 'dir');
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string | Buffer): void {
    writeFileSync(this.at(name), text);
  }

  start(args: readonly string[], { env = {}, input }: RunOptions = {}): Running {
    const child = spawn(process.execPath, ['--conditions=backline-source', MAIN, ...args], {
      cwd: this.path,
      env: { PATH: process.env['PATH'], ...env },
    });
    const running = new Running(child);
    this.#running.add(running);
    // A command that refuses its input without reading it closes the pipe.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    return running;
  }

  run(args: readonly string[], options?: RunOptions): Promise<Ended> {
    return this.start(args, options).end();
  }

  /** Runs a command with `--json`; its data, line by line. @throws if it does not end with 0. */
  async ask(...args: string[]): Promise<Line[]> {
    const { code, stdout, stderr } = await this.run([...args, '--json']);
    if (code !== 0) throw new Error(`backline ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return linesOf(stdout);
  }

  /** Runs a shell command in which $BACKLINE is the command line. */
  async shell(script: string): Promise<Ended> {
    const BACKLINE = `${process.execPath} --conditions=backline-source ${MAIN}`;
    const child = spawn('sh', ['-c', script], {
      cwd: this.path,
      env: { PATH: process.env['PATH'], BACKLINE },
    });
    return new Running(child).end();
  }

  /** Ends what still runs, and removes the folder. */
  async remove(): Promise<void> {
    for (const running of this.#running) if (running.child.exitCode === null) await running.end('SIGKILL');
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Job types for the journeys: one that answers, one that fails, one that works until the file `go` is there. */
export const CONFIG = `
import { existsSync, watch } from 'node:fs';
import { defineConfig, job } from 'backline';

const appears = (file: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const watcher = watch('.', () => existsSync(file) && done());
    const done = () => {
      watcher.close();
      resolve();
    };
    signal.addEventListener('abort', done);
    if (existsSync(file)) done();
  });

export default defineConfig({
  port: 0,
  jobs: {
    sum: job({ run: async ({ a, b }: { a: number; b: number }, ctx) => { ctx.log.info({ a, b }, 'adding'); return a + b; } }),
    fail: job({ maxAttempts: 1, run: async () => { throw new Error('SMTP 421', { cause: new Error('ECONNREFUSED') }); } }),
    wait: job({
      run: async (_: unknown, ctx) => {
        ctx.log.info('waiting');
        ctx.progress({ done: 1, total: 2, message: 'half' });
        await appears('go', ctx.signal);
        ctx.signal.throwIfAborted();
        ctx.log.info('going on');
        return 'done';
      },
    }),
    catalog: job({ maxCrashes: 100, run: async ({ catalog_path }: { catalog_path: string }) => ({ import: { path: catalog_path } }) }),
  },
});
`;
