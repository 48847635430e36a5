import type { Transaction } from '../../src/job/enqueue-options.ts';
import type { Store } from '../../src/store/store.ts';

/** A fresh database, and what it can do beyond the contract; a case that needs what is missing is skipped and says so. */
export interface Opened {
  readonly store: Store;
  /** Opens the same database once more, as another process does. */
  readonly openSecond?: () => Promise<Store>;
  /** A connection of the application's own to the same database, with a table `notes(body)`. */
  readonly openCaller?: () => Caller | Promise<Caller>;
  /** An existing path that a copy of the database can be written to, and how to open the copy. */
  readonly copy?: { readonly file: string; readonly open: () => Promise<Store> };
  /** Closes everything and removes the database. */
  dispose(): Promise<void>;
}

export interface Caller {
  readonly tx: Transaction;
  begin(): unknown;
  commit(): unknown;
  rollback(): unknown;
  addNote(body: string): unknown;
  notes(): string[] | Promise<string[]>;
  close(): unknown;
}

/** Opens fresh databases of one kind. */
export interface StoreOpener {
  open(): Promise<Opened>;
  /** Why a capability is missing; printed with the cases that are skipped. */
  readonly without?: Partial<Record<'openSecond' | 'openCaller' | 'copy' | 'schedules', string>>;
}
