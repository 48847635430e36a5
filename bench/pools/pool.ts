/** Pools of threads or child processes, so that all of them are measured by the same code. */

export type PoolKind = 'threads' | 'children';

export interface Pool {
  /** One call, on whichever worker is free. */
  run(payload: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export type OpenPool = (kind: PoolKind) => Promise<Pool>;

/** Threads or processes; all of them are kept busy. */
export const WORKERS = 4;
