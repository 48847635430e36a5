/** Notices when the switches of a queue change, whoever changed them: the store tells of jobs only. Looks only while somebody watches. */
import { sleep } from '../../util/sleep.ts';
import type { News } from './frames.ts';

interface Switches {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedReason: string | null;
  readonly pausedUntil: number | null;
  readonly maxRunning: number | null;
}

export interface QueueSource {
  queues(): Promise<readonly Switches[]>;
  now(): number;
}

export class QueueWatch {
  readonly #source: QueueSource;
  readonly #everyMs: number;
  readonly #tell: (news: News) => void;
  #stop: AbortController | null = null;

  constructor(source: QueueSource, everyMs: number, tell: (news: News) => void) {
    this.#source = source;
    this.#everyMs = everyMs;
    this.#tell = tell;
  }

  /** What is so now is not told: whoever begins to watch asks for that. */
  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let known: ReadonlyMap<string, string> | null = null;
    while (!signal.aborted) {
      // A store that does not answer is told elsewhere; what changed meanwhile is seen afterwards.
      const queues = await this.#source.queues().catch(() => null);
      if (signal.aborted) return;
      if (queues) known = this.#compare(known, queues);
      await sleep(this.#everyMs, { signal, keepAlive: false });
    }
  }

  #compare(known: ReadonlyMap<string, string> | null, queues: readonly Switches[]): ReadonlyMap<string, string> {
    const states = new Map<string, string>();
    for (const { name, paused, pausedReason, pausedUntil, maxRunning } of queues) {
      const until = pausedUntil === null ? null : new Date(pausedUntil).toISOString();
      const state = { paused, pausedReason, pausedUntil: until, maxRunning };
      const text = JSON.stringify(state);
      states.set(name, text);
      // A queue that is new and open has nothing to tell: its first job does.
      const before = known?.get(name) ?? (paused || maxRunning !== null ? '' : text);
      if (known && before !== text)
        this.#tell({ kind: 'queue', at: new Date(this.#source.now()).toISOString(), queue: name, ...state });
    }
    return states;
  }
}
