/** Failed jobs by their error: which errors there are, how often, since when, and where. */
import { fingerprintOf, patternOf } from './fingerprint.ts';

/** What the store tells of a job that failed or timed out. */
export interface FailedJob {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly status: 'failed' | 'timeout';
  /** Its message; empty if there is none. */
  readonly message: string;
  /** Of the error of its last attempt, where that was kept. */
  readonly name: string | null;
  readonly code: string | null;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

export interface FailureGroup {
  /** Finds its jobs as a filter: `{ fingerprint }`, or `fingerprint:…` of a search. */
  readonly fingerprint: string;
  /** The message without its numbers, ids and addresses. */
  readonly pattern: string;
  /** Of the job that ended last. */
  readonly message: string;
  readonly name: string | null;
  readonly code: string | null;
  readonly count: number;
  /** Of these, those that ran out of time. */
  readonly timeouts: number;
  /** When the first and the last of them ended, epoch milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** How many jobs of which type and queue, most first. */
  readonly types: readonly NameCount[];
  readonly queues: readonly NameCount[];
  /** Those that ended last, at most five. */
  readonly samples: readonly { readonly id: string; readonly type: string; readonly endedAt: number }[];
  /** How many ended in each part of the time that is drawn. */
  readonly series: readonly number[];
}

export interface NameCount {
  readonly name: string;
  readonly count: number;
}

/** The time that `series` covers, in parts of equal length. */
export interface Drawn {
  readonly from: number;
  readonly to: number;
  readonly parts: number;
}

const MAX_SAMPLES = 5;
const MAX_NAMES = 20;
const MAX_MESSAGE = 1000;

/** Adds up failed jobs as they are read; holds no more of them than it tells. */
export class FailureGroups {
  readonly #drawn: Drawn;
  readonly #groups = new Map<string, Group>();

  constructor(drawn: Drawn) {
    this.#drawn = drawn;
  }

  add(job: FailedJob): void {
    const pattern = patternOf(job.message);
    let group = this.#groups.get(pattern);
    if (!group) {
      group = new Group(pattern, this.#drawn.parts);
      this.#groups.set(pattern, group);
    }
    group.add(job, this.#drawn);
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Most first; of those with the same number, what came last. */
  top(limit: number): FailureGroup[] {
    return [...this.#groups.values()]
      .sort((a, b) => b.count - a.count || b.lastAt - a.lastAt)
      .slice(0, limit)
      .map((group) => group.told());
  }
}

class Group {
  readonly #pattern: string;
  readonly #types = new Map<string, number>();
  readonly #queues = new Map<string, number>();
  readonly #series: number[];
  #samples: FailedJob[] = [];
  #timeouts = 0;
  #firstAt = Number.POSITIVE_INFINITY;
  count = 0;
  lastAt = 0;

  constructor(pattern: string, parts: number) {
    this.#pattern = pattern;
    this.#series = Array.from({ length: parts }, () => 0);
  }

  add(job: FailedJob, { from, to, parts }: Drawn): void {
    this.count++;
    if (job.status === 'timeout') this.#timeouts++;
    this.#firstAt = Math.min(this.#firstAt, job.endedAt);
    this.lastAt = Math.max(this.lastAt, job.endedAt);
    countOne(this.#types, job.type);
    countOne(this.#queues, job.queue);
    const part = Math.floor(((job.endedAt - from) / (to - from)) * parts);
    if (part >= 0 && part < parts) this.#series[part]!++;
    this.#samples.push(job);
    if (this.#samples.length > MAX_SAMPLES)
      this.#samples = this.#samples.sort((a, b) => b.endedAt - a.endedAt).slice(0, MAX_SAMPLES);
  }

  told(): FailureGroup {
    const samples = this.#samples.sort((a, b) => b.endedAt - a.endedAt);
    const [{ message, name, code }] = samples as [FailedJob, ...FailedJob[]];
    return {
      ...{ fingerprint: fingerprintOf(message), pattern: this.#pattern, message: message.slice(0, MAX_MESSAGE) },
      ...{ name, code, count: this.count, timeouts: this.#timeouts, firstAt: this.#firstAt, lastAt: this.lastAt },
      ...{ types: mostFirst(this.#types), queues: mostFirst(this.#queues), series: this.#series },
      samples: samples.map(({ id, type, endedAt }) => ({ id, type, endedAt })),
    };
  }
}

const countOne = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

const mostFirst = (counts: ReadonlyMap<string, number>): NameCount[] =>
  [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_NAMES);
