/** Whether this process takes jobs, as a switch that a person can turn: nothing else of it changes, and what runs goes on. */
import { noProcessor } from '../job/errors.ts';

/** What a switch must know of the worker. */
export interface Switched {
  readonly name: string;
  readonly running: number;
  paused: boolean;
}

export interface ProcessorState {
  /** The readable name of the worker. */
  readonly name: string;
  /** It takes jobs, or some that it took still run. */
  readonly running: boolean;
  /** Its loop reaches the database, or has all its slots at work. */
  readonly alive: boolean;
  /** It was stopped, and waits for what runs. */
  readonly stopping: boolean;
}

export interface ProcessorParts {
  readonly worker: () => Switched | undefined;
  readonly ticking: () => boolean;
  readonly rescue: () => Promise<void>;
}

export class Processor {
  readonly #parts: ProcessorParts;

  constructor(parts: ProcessorParts) {
    this.#parts = parts;
  }

  /** null where this process runs no jobs at all. */
  get state(): ProcessorState | null {
    const worker = this.#parts.worker();
    if (!worker) return null;
    const running = !worker.paused || worker.running > 0;
    return { name: worker.name, running, alive: running && this.#parts.ticking(), stopping: worker.paused && running };
  }

  /** Takes jobs again. @returns false if it did all the while. @throws NO_PROCESSOR. */
  start(): boolean {
    return this.#turn(false);
  }

  /** Takes no more jobs; those that run end by themselves. Others take what waits. @returns false if it was stopped before. @throws NO_PROCESSOR. */
  stop(): boolean {
    return this.#turn(true);
  }

  /** Gives back at once what workers have left that are dead for certain; else that is done every few seconds. */
  rescue(): Promise<void> {
    return this.#parts.rescue();
  }

  #turn(paused: boolean): boolean {
    const worker = this.#parts.worker();
    if (!worker) throw noProcessor();
    if (worker.paused === paused) return false;
    worker.paused = paused;
    return true;
  }
}
