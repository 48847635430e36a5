/** Counters that transactions appended are added up behind everybody's back; what is left is done by the next. */
import type { Locks } from './locks.ts';
import { foldMinutes } from './rollups.ts';
import { foldCounts } from './sql/maintain.ts';
import type { Transaction } from './transaction.ts';

const AFTER_MS = 1000;

export class Folding {
  readonly #write: (work: (txn: Transaction) => Promise<void>) => Promise<void>;
  readonly #locks: Locks;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(locks: Locks, write: (work: (txn: Transaction) => Promise<void>) => Promise<void>) {
    this.#locks = locks;
    this.#write = write;
  }

  soon(): void {
    this.#timer ??= setTimeout(() => this.#fold(), AFTER_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #fold(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    const fold = async (txn: Transaction): Promise<void> => {
      await foldCounts(txn);
      await foldMinutes(txn, this.#locks);
    };
    this.#write(fold).catch(() => {});
  }
}
