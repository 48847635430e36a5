import type { Clock } from '../../util/clock.ts';
import { systemCode } from './files.ts';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

interface Trouble {
  readonly code: string;
  readonly waitMs: number;
  readonly until: number;
}

/**
 * Things that go wrong for reasons outside a job file: a full disk, a folder that cannot be written, a database that does not
 * answer. They are tried again, less and less often; each kind is said once, and once more when it is over.
 */
export class Problems {
  readonly #clock: Clock;
  readonly #say: (kind: 'problem' | 'recovered', message: string, error?: unknown) => void;
  readonly #troubles = new Map<string, Trouble>();

  constructor(clock: Clock, say: (kind: 'problem' | 'recovered', message: string, error?: unknown) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Whether it is too early to try this again. */
  mustWait(what: string): boolean {
    return (this.#troubles.get(what)?.until ?? 0) > this.#clock.monotonic();
  }

  failed(what: string, error: unknown): void {
    const code = systemCode(error) ?? (error instanceof Error ? error.name : 'unknown');
    const known = [...this.#troubles.values()].some((trouble) => trouble.code === code);
    const last = this.#troubles.get(what);
    const waitMs = last ? Math.min(LONGEST_WAIT_MS, last.waitMs * 2) : FIRST_WAIT_MS;
    this.#troubles.set(what, { code, waitMs, until: this.#clock.monotonic() + waitMs });
    if (!known)
      this.#say(
        'problem',
        `${what}: ${error instanceof Error ? error.message : String(error)}. It is tried again.`,
        error,
      );
  }

  worked(what: string): void {
    const trouble = this.#troubles.get(what);
    if (!trouble) return;
    this.#troubles.delete(what);
    if ([...this.#troubles.values()].some(({ code }) => code === trouble.code)) return;
    this.#say('recovered', `${what}: works again.`);
  }

  /** Forgets what is no longer there to be tried. */
  keepOnly(isThere: (what: string) => boolean): void {
    for (const what of [...this.#troubles.keys()]) if (!isThere(what)) this.#troubles.delete(what);
  }
}
