/** A running load: its processes, what they have noted so far, and how the work goes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Note, Notes, now } from './notes.ts';
import type { ProducerOrder } from './producer.ts';
import { Program } from './program.ts';
import type { WorkerOrder } from './worker.ts';

/** One run of a handler. `to` is null while it goes on, and for ever if its process died. */
export interface Run {
  readonly worker: string;
  readonly claim: number;
  readonly from: number;
  to: number | null;
}

export interface Tally {
  readonly asked: Map<string, number>;
  /** Asked for, and not run to the end yet; the oldest first. */
  readonly open: Map<string, number>;
  readonly acknowledged: Map<string, number>;
  readonly runs: Map<string, Run[]>;
  /** When each job's first complete run ended. */
  readonly ended: Map<string, number>;
  readonly events: { readonly who: string; readonly note: Note & { readonly kind: 'event' } }[];
  readonly faults: string[];
}

const STEP_MS = 50;
/** How long a process may take to start on a busy machine. */
const START_MS = 60_000;

export class Load {
  readonly url: string;
  readonly programs: Program[] = [];
  readonly tally: Tally = {
    asked: new Map(),
    open: new Map(),
    acknowledged: new Map(),
    runs: new Map(),
    ended: new Map(),
    events: [],
    faults: [],
  };
  readonly #folder = mkdtempSync(join(tmpdir(), 'backline-load-'));
  readonly #notes = new Map<string, Notes>();

  constructor(url: string) {
    this.url = url;
  }

  async worker(name: string, given: Pick<WorkerOrder, 'slots' | 'takes'>): Promise<Program> {
    const file = join(this.#folder, name);
    return this.#start(new Program('./worker.ts', { name, file, url: this.url, ...given } as WorkerOrder));
  }

  /** Begins to hand in as soon as it is started. */
  async producer(name: string, given: Pick<ProducerOrder, 'rate' | 'most' | 'first'>): Promise<Program> {
    const file = join(this.#folder, name);
    const program = await this.#start(
      new Program('./producer.ts', { name, file, url: this.url, ...given } as ProducerOrder),
    );
    program.say('go');
    return program;
  }

  /** Reads what was noted since the last look. */
  look(): Tally {
    for (const [who, notes] of this.#notes) for (const note of notes.next()) this.#take(who, note);
    return this.tally;
  }

  /** Jobs that are due, and have not run to their end yet. */
  get backlog(): number {
    return this.look().open.size;
  }

  /** How long the oldest of them has been due, in milliseconds. */
  get behindMs(): number {
    const [oldest] = this.look().open.values();
    return oldest === undefined ? 0 : now() - oldest;
  }

  /** Jobs whose first complete run ended in this span of time, a second. */
  rate(from: number, to: number): number {
    let n = 0;
    for (const at of this.look().ended.values()) if (at >= from && at < to) n++;
    return (n * 1000) / (to - from);
  }

  /** From a job's due time to the end of its run, in milliseconds, for jobs that were due in this span of time. */
  delays(from: number, to: number): number[] {
    const { asked, ended } = this.look();
    const delays: number[] = [];
    for (const [id, at] of asked) if (at >= from && at < to && ended.has(id)) delays.push(ended.get(id)! - at);
    return delays.sort((a, b) => a - b);
  }

  /** @returns after how many milliseconds it came true; null if it did not. */
  async until(condition: () => boolean, timeoutMs: number): Promise<number | null> {
    for (const since = now(); ; await sleep(STEP_MS)) {
      if (condition()) return now() - since;
      if (now() - since > timeoutMs) return null;
    }
  }

  /**
   * Waits until no job is older than this, and stays so: an orphan grows old before anybody sees it.
   * @returns after how many milliseconds that began; null if it did not.
   */
  async calm(behindMs: number, timeoutMs: number): Promise<number | null> {
    let calmFrom = now();
    for (const since = calmFrom; now() - since < timeoutMs + behindMs; await sleep(STEP_MS)) {
      if (this.behindMs > behindMs) calmFrom = now();
      else if (now() - calmFrom > behindMs + STEP_MS) return calmFrom - since;
    }
    return null;
  }

  /** The largest `behindMs` that was seen in so many milliseconds. */
  async watch(ms: number): Promise<number> {
    let most = 0;
    for (const since = now(); now() - since < ms; await sleep(STEP_MS)) most = Math.max(most, this.behindMs);
    return most;
  }

  /** Asks a worker to close. @returns after how many milliseconds it was gone; null if it had to be killed. */
  async stop(program: Program, timeoutMs: number): Promise<number | null> {
    const since = now();
    program.say('stop');
    const ended = await Promise.race([program.ended, sleep(timeoutMs, null)]);
    if (ended) return now() - since;
    await program.kill();
    return null;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.programs.filter(({ end }) => !end).map((program) => program.kill()));
    for (const notes of this.#notes.values()) notes.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(program: Program): Promise<Program> {
    this.programs.push(program);
    this.#notes.set(program.name, new Notes(program.file));
    const late = sleep(START_MS, 'late', { ref: false });
    if ((await Promise.race([program.heard('started'), late])) === 'late')
      throw new Error(`${program.name} did not start within ${START_MS} ms`);
    return program;
  }

  #take(who: string, note: Note): void {
    const { asked, open, acknowledged, runs, ended, events, faults } = this.tally;
    switch (note.kind) {
      case 'asked':
        asked.set(note.id, note.at);
        if (!ended.has(note.id)) open.set(note.id, note.at);
        break;
      case 'acknowledged':
        acknowledged.set(note.id, note.at);
        break;
      case 'begun':
        runs.set(note.id, [...(runs.get(note.id) ?? []), { worker: who, claim: note.claim, from: note.at, to: null }]);
        break;
      case 'ended': {
        const run = runs.get(note.id)!.findLast(({ worker, to }) => worker === who && to === null);
        if (run) run.to = note.at;
        if (!ended.has(note.id)) ended.set(note.id, note.at);
        open.delete(note.id);
        break;
      }
      case 'event':
        events.push({ who, note });
        break;
      case 'fault':
        faults.push(`${who}: ${note.text}`);
    }
  }
}

export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
