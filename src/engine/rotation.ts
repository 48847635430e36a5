/** The keys of secrets: what is stored under old ones is encrypted anew, so that these can be thrown away. */
import { BacklineError } from '../job/backline-error.ts';
import type { NewCallback } from '../job/enqueue-options.ts';
import type { SealedText } from '../store/access-store.ts';
import type { Store } from '../store/store.ts';
import type { Vault } from './vault.ts';

interface Unreadable {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

export interface Rotation {
  /** Payloads, and callbacks of batches, that are under the current key now and were not before. */
  readonly rewritten: number;
  /** Those that are under it already. */
  readonly current: number;
  /** Those that could not be read, by job, at most 100 of them; the keys they need must be kept. */
  readonly unreadable: readonly Unreadable[];
  readonly unreadableCount: number;
}

const CHUNK = 200;
const MOST_SHOWN = 100;

export class Secrets {
  readonly #parts: { readonly store: Store; readonly defaults: { readonly vault: Vault } };

  constructor(parts: { readonly store: Store; readonly defaults: { readonly vault: Vault } }) {
    this.#parts = parts;
  }

  /** The file that the key comes from, or null. */
  get keyFile(): string | null {
    return this.#parts.defaults.vault.keyFile;
  }

  /**
   * Encrypts all that is stored anew with the current key, whatever old key that is still known it is under.
   * @throws SECRET_KEY_MISSING if there is no key to encrypt with.
   */
  async rotate(): Promise<Rotation> {
    const { store, defaults } = this.#parts;
    const unreadable: Unreadable[] = [];
    const counts = { rewritten: 0, current: 0, unreadableCount: 0 };
    for (let after: SealedText | null = null; ; ) {
      const page: SealedText[] = await store.access.sealed(after, CHUNK);
      const changed: (SealedText & { by: string })[] = [];
      for (const sealed of page) {
        const by = tryTo(() => resealed(sealed, defaults.vault));
        if (by === null) counts.current++;
        else if (typeof by === 'string') changed.push({ ...sealed, by });
        else {
          counts.unreadableCount++;
          if (unreadable.length < MOST_SHOWN) unreadable.push({ id: sealed.id, code: by.code, message: by.message });
        }
      }
      if (changed.length > 0) counts.rewritten += await store.access.reseal(changed);
      after = page.at(-1) ?? null;
      if (page.length < CHUNK) return { ...counts, unreadable };
    }
  }
}

/** What one text cannot be read for; having no key at all is another matter. */
const tryTo = (read: () => string | null): string | null | BacklineError => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BacklineError) || error.found === 'no key') throw error;
    return error;
  }
};

/** Null if there is nothing to do. */
const resealed = ({ on, text, ...job }: SealedText, vault: Vault): string | null => {
  if (on === null) return vault.resealed(text, job);
  const callback = JSON.parse(text) as NewCallback;
  // What it gets then has this beside the end of its batch.
  const whole = vault.resealed(`{"payload":${callback.job.payload}}`, job);
  if (whole === null) return null;
  const { payload } = JSON.parse(whole) as { payload: unknown };
  return JSON.stringify({ ...callback, job: { ...callback.job, payload: JSON.stringify(payload) } });
};
