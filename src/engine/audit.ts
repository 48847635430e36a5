/** Who changed what, through which door. */
import { checkOptions, instant, integer, text } from '../job/check.ts';
import { badCursor } from '../job/errors.ts';
import { maskSecretsIn, namesRule, Scrubber, SECRET_NAMES } from '../job/secrets.ts';
import type { AccessStore } from '../store/access-store.ts';

/** How somebody came in; `code`: the program itself. */
export const DOORS = ['code', 'http', 'ipc', 'cli', 'drop', 'messages'] as const;

/** One change, as a door tells of it. */
export interface AuditRecord {
  /** As people know them: the name of a token, of a command's user. */
  readonly actor: string;
  readonly door: (typeof DOORS)[number];
  /** The operation, such as `jobs.cancel`. */
  readonly action: string;
  /** The id of the job, the name of the queue. */
  readonly target?: string | null;
  /** Which jobs were meant, where it was not one. */
  readonly filter?: unknown;
  /** How many it was done to. */
  readonly count?: number | null;
  readonly detail?: unknown;
}

export interface AuditLine {
  /** Grows; newer lines have higher numbers. */
  readonly n: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly actor: string;
  readonly door: string;
  readonly action: string;
  readonly target: string | null;
  readonly filter: unknown;
  readonly count: number | null;
  readonly detail: unknown;
}

/** Which lines. Every part must hold. */
export interface AuditQuery {
  readonly actor?: string;
  readonly door?: string;
  readonly action?: string;
  readonly target?: string;
  /** At or after, and before: a Date, epoch milliseconds or ISO text with an offset. */
  readonly since?: Date | number | string;
  readonly until?: Date | number | string;
}

const QUERY = {
  actor: text(200),
  door: text(20),
  action: text(100),
  target: text(200),
  since: instant,
  until: instant,
};
const PAGE = { limit: integer(1, 1000), after: text(30) };
const MOST_CHARACTERS = 4000;

interface Parts {
  readonly store: { readonly access: AccessStore };
  readonly clock: { now(): number };
}

export class Audit {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Writes a line; resolves when it is stored. What looks like a secret is masked, what is long is cut. */
  async record({ actor, door, action, target = null, filter, count = null, detail }: AuditRecord): Promise<void> {
    const at = this.#parts.clock.now();
    const texts = { filter: clean(filter), detail: clean(detail) };
    const line = {
      at,
      actor: actor.slice(0, 200),
      door,
      action,
      target: target?.slice(0, 200) ?? null,
      count,
      ...texts,
    };
    await this.#parts.store.access.record([line]);
  }

  /**
   * Newest first, page by page: `next` of a page is the `after` of the one behind it.
   * @throws INVALID_OPTION, UNKNOWN_OPTION, BAD_CURSOR.
   */
  async list(
    query: AuditQuery = {},
    page: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<{ readonly lines: readonly AuditLine[]; readonly next: string | null }> {
    const filter = checkOptions(QUERY, query, 'query');
    const { limit = 100, after } = checkOptions(PAGE, page, 'page');
    if (after !== undefined && !/^\d{1,15}$/.test(after)) throw badCursor(after);
    const before = after === undefined ? null : Number(after);
    const found = await this.#parts.store.access.audit(filter, { limit: limit + 1, before });
    const lines = found.slice(0, limit).map((entry) => ({
      ...entry,
      filter: entry.filter === null ? null : (JSON.parse(entry.filter) as unknown),
      detail: entry.detail === null ? null : (JSON.parse(entry.detail) as unknown),
    }));
    return { lines, next: found.length > limit ? String(lines.at(-1)!.n) : null };
  }
}

const rules = { paths: [], isSecret: namesRule(SECRET_NAMES) };
const scrubber = new Scrubber(new Set());

/** A filter names fields of payloads by paths, such as `auth.token`: their last name tells. */
const clean = (value: unknown): string | null => {
  if (value === undefined || value === null) return null;
  const json = scrubber.json(JSON.stringify(maskSecretsIn(value, rules)), rules.isSecret);
  return json.length > MOST_CHARACTERS ? JSON.stringify(`${json.slice(0, MOST_CHARACTERS)}…`) : json;
};
