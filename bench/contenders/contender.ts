/** What every contender can do, so that all of them are measured by the same code. */

export type Durability = 'disk' | 'process';

export interface OpenOptions {
  /** The file of SQLite, or the address of PostgreSQL with its `?schema=`. */
  readonly file: string;
  /** `disk`: a commit that was promised is synced. `process`: it survives a killed process only. */
  readonly durability: Durability;
  /** Called when a handler starts. Without it, the contender only takes jobs in. */
  readonly onStart?: () => void;
}

export interface Contender {
  /** Adds `n` jobs one by one, by so many callers at once; each waits for its own job to be stored before it adds the next. */
  add(n: number, callers: number): Promise<void>;
  /** Adds `n` jobs in calls of `chunk`. */
  addMany(n: number, chunk: number, delayMs?: number): Promise<void>;
  /** Runs what waits, until `hold`. A contender is opened held. */
  release(): Promise<void>;
  /** Starts no more jobs. May be called by `onStart`. */
  hold(): Promise<void>;
  /** Whether nothing waits to run now, and nothing runs. */
  isDrained(): Promise<boolean>;
  /** On SQLite: turns everything that waits into finished jobs, by the shortest way there is. Never measured. */
  endAll?(): Promise<void>;
  /** On PostgreSQL: so many jobs that have ended, where such are kept, and so many that run later, by the shortest way. Never measured. */
  stock?(backlog: Backlog): Promise<void>;
  close(): Promise<void>;
}

export interface Backlog {
  readonly finished: number;
  readonly delayed: number;
  readonly delayMs: number;
}

export type Open = (options: OpenOptions) => Promise<Contender>;

/** What workers may run at once, and what the script takes in one transaction. */
export const CONCURRENCY = 100;

/** The payload of every job, about 100 bytes as JSON. */
export const payload = (n: number) => ({
  to: 'ada@example.test',
  template: 'welcome',
  locale: 'en-GB',
  subject: 'Hello, Ada',
  n,
});

/** `callers` loops that share `n` calls of `work`. */
export const share = async (n: number, callers: number, work: (i: number) => unknown): Promise<void> => {
  let next = 0;
  const caller = async () => {
    while (next < n) await work(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
};

/** Calls `work` with the numbers of each chunk of `n`. */
export const inChunks = async (n: number, chunk: number, work: (numbers: number[]) => unknown): Promise<void> => {
  for (let from = 0; from < n; from += chunk)
    await work(Array.from({ length: Math.min(chunk, n - from) }, (_, i) => from + i));
};
