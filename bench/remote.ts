/** A contender in a process of its own, seen from the parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { followed } from './live/measure.ts';
import type { Measures as StoreMeasures } from './measures.ts';
import type { PoolMeasures } from './pools/measures.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

export type ContenderName =
  | 'backline'
  | 'backline-alone'
  | 'plainjob'
  | 'script'
  | 'piscina'
  | 'raw'
  | 'pg-script'
  | 'pg-boss'
  | 'graphile-worker'
  | 'graphile-worker-batched';

type Measures = StoreMeasures & PoolMeasures & { followed: typeof followed };

export class Remote {
  readonly name: ContenderName;
  readonly #child: ChildProcess;
  #waiting: { resolve: (value: never) => void; reject: (error: Error) => void } | undefined;

  constructor(name: ContenderName) {
    this.name = name;
    const execArgv = [...process.execArgv, '--expose-gc'];
    // Its standard output belongs to the results; what a contender says goes to standard error.
    this.#child = fork(CHILD, [name], { execArgv, stdio: ['ignore', 2, 2, 'ipc'] });
    this.#child.on('message', (answer: { value: never } | { error: string }) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if ('error' in answer) waiting?.reject(new Error(`${name}: ${answer.error}`));
      else waiting?.resolve(answer.value);
    });
    this.#child.on('exit', (code, signal) =>
      this.#fail(new Error(`The process of ${name} ended (${signal ?? `code ${code}`}).`)),
    );
    this.#child.on('error', (error) => this.#fail(error));
  }

  /** One call at a time. */
  call<M extends keyof Measures>(method: M, ...args: Parameters<Measures[M]>): ReturnType<Measures[M]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.send({ method, args }, (error) => error && this.#fail(error));
    }) as ReturnType<Measures[M]>;
  }

  end(): void {
    this.#waiting = undefined;
    this.#child.kill('SIGKILL');
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** Processes by contender and number, made when they are needed. */
export class Remotes {
  readonly #all = new Map<string, Remote>();

  get(name: ContenderName, number = 0): Remote {
    const key = `${name} ${number}`;
    const remote = this.#all.get(key) ?? new Remote(name);
    this.#all.set(key, remote);
    return remote;
  }

  end(): void {
    for (const remote of this.#all.values()) remote.end();
    this.#all.clear();
  }
}
