/** The keys of secrets: what is stored under old ones is encrypted anew, so that these can be thrown away. */
import { BacklineError } from '../job/backline-error.ts';
import type { NewCallback } from '../job/enqueue-options.ts';
import { SEALED } from '../job/secrets.ts';
import type { SealedText } from '../store/access-store.ts';
import type { Store } from '../store/store.ts';
import { boundToSchedule } from './schedule-secrets.ts';
import type { Vault } from './vault.ts';

interface Unreadable {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

export interface Rotation {
  /** Payloads of jobs and schedules, and callbacks of batches, that are under the current key now and were not before. */
  readonly rewritten: number;
  /** Those that are under it already. */
  readonly current: number;
  /** Those that could not be read, by the id of their job or schedule, at most 100 of them; the keys they need must be kept. */
  readonly unreadable: readonly Unreadable[];
  readonly unreadableCount: number;
}

const CHUNK = 200;
const MOST_SHOWN = 100;

interface Parts {
  readonly store: Store;
  readonly clock: { now(): number };
  readonly defaults: { readonly vault: Vault };
}

export class Secrets {
  readonly #parts: Parts;

  constructor(parts: Parts) {
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
    const { store } = this.#parts;
    const tally = new Tally();
    for (let after: SealedText | null = null; ; ) {
      const page: SealedText[] = await store.access.sealed(after, CHUNK);
      const changed: (SealedText & { by: string })[] = [];
      for (const sealed of page) {
        const by = this.#tried(sealed.id, tally, (vault) => resealed(sealed, vault));
        if (by !== null) changed.push({ ...sealed, by });
      }
      if (changed.length > 0) tally.rewritten += await store.access.reseal(changed);
      after = page.at(-1) ?? null;
      if (page.length < CHUNK) break;
    }
    await this.#rotateSchedules(tally);
    return tally.rotation;
  }

  async #rotateSchedules(tally: Tally): Promise<void> {
    const { store, clock } = this.#parts;
    const { schedules } = store;
    for (let after: string | undefined; ; ) {
      const page = await schedules.list({ limit: CHUNK, after });
      for (const { id, job } of page.schedules) {
        if (!job.payload.includes(SEALED)) continue;
        const payload = this.#tried(id, tally, (vault) => vault.resealed(job.payload, boundToSchedule(id)));
        if (payload === null) continue;
        const { kind } = await schedules.change(id, { kind: 'reseal', payload, was: job.payload }, clock.now());
        if (kind === 'changed') tally.rewritten++;
      }
      if (page.next === null) return;
      after = page.next;
    }
  }

  /** Null if there is nothing to write. */
  #tried(id: string, tally: Tally, reseal: (vault: Vault) => string | null): string | null {
    const by = tryTo(() => reseal(this.#parts.defaults.vault));
    if (typeof by === 'string') return by;
    if (by === null) tally.current++;
    else tally.add({ id, code: by.code, message: by.message });
    return null;
  }
}

class Tally {
  rewritten = 0;
  current = 0;
  readonly #unreadable: Unreadable[] = [];
  #unreadableCount = 0;

  add(one: Unreadable): void {
    this.#unreadableCount++;
    if (this.#unreadable.length < MOST_SHOWN) this.#unreadable.push(one);
  }

  get rotation(): Rotation {
    const { rewritten, current } = this;
    return { rewritten, current, unreadable: this.#unreadable, unreadableCount: this.#unreadableCount };
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
