/**
 * Who may come in. A token is `bl_<id>_<secret>`: the id finds its row, the secret is 256 random bits of which only the SHA-256 is
 * stored. A slow hash would protect guessable passwords; nobody guesses 256 bits, and a slow one would be a way to wear the service out.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Check, checkOptions, type Duration, durationOrNever, listOf, name, oneOf, text } from '../job/check.ts';
import { queueCheck, tenantCheck } from '../job/enqueue-options.ts';
import { tokenNotFound } from '../job/errors.ts';
import type { AccessEntry, AccessStore } from '../store/access-store.ts';

/** What somebody may do, of which jobs. */
export interface TokenInfo {
  readonly id: string;
  readonly name: string;
  /** To look; to work with jobs, too; to change how the system works, too. */
  readonly scope: 'read' | 'operate' | 'admin';
  /** The queues and tenants whose jobs it sees; null for all. */
  readonly queues: readonly string[] | null;
  readonly tenants: readonly string[] | null;
  /** Epoch milliseconds, as all times. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export interface NewToken extends TokenInfo {
  /** Shown now, and never again. */
  readonly token: string;
}

export interface TokenRequest {
  /** Who or what will use it; stands in the audit. */
  readonly name: string;
  /** Default `read`. */
  readonly scope?: TokenInfo['scope'];
  /** All of them if not given. */
  readonly queues?: readonly string[];
  readonly tenants?: readonly string[];
  /** How long it is valid; false for ever. Default 90 days. */
  readonly expiresIn?: Duration | false;
}

/** Who stands behind a token or a session that was presented. */
export interface Authenticated extends TokenInfo {
  /** Set for a session: its id, when it began and when it ends. */
  readonly session: { readonly id: string; readonly since: number; readonly until: number } | null;
}

const DAY_MS = 86_400_000;
const USED_EVERY_MS = 60_000;
/** A working day; then one signs in again. */
const SESSION_MS = DAY_MS / 2;
/** Requests that were on their way with the old cookie are still answered. */
const OVERLAP_MS = 60_000;

const REQUEST = {
  name: text(200),
  scope: oneOf('read', 'operate', 'admin'),
  queues: listOf(queueCheck, 1000),
  tenants: listOf(tenantCheck, 1000),
  expiresIn: durationOrNever,
};
const idCheck: Check<string> = name(64);
const FORM = /^(bl|bs)_([0-9a-f]{16})_([\w-]{43})$/;
const KINDS = { bl: 'token', bs: 'session' } as const;

interface Parts {
  readonly store: { readonly access: AccessStore };
  readonly clock: { now(): number };
}

export class Tokens {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Makes a token. @throws INVALID_OPTION, UNKNOWN_OPTION.
   *
   * @example
   * const { token } = await manager.tokens.create({ name: 'nightly report', tenants: ['acme'] });
   */
  async create(request: TokenRequest): Promise<NewToken> {
    const {
      scope = 'read',
      queues = null,
      tenants = null,
      expiresIn,
      ...rest
    } = checkOptions(REQUEST, request, 'token');
    const createdAt = this.#parts.clock.now();
    const expiresAt = expiresIn === null ? null : createdAt + (expiresIn ?? 90 * DAY_MS);
    const name = text(200)(rest.name, 'name');
    const fresh = { kind: 'token', parent: null, name, scope, queues, tenants, createdAt, expiresAt } as const;
    return this.#insert(fresh, 'bl');
  }

  /** All tokens, oldest first, those that ended not long ago included. */
  async list(): Promise<TokenInfo[]> {
    return (await this.#access.tokens()).map(infoOf);
  }

  /** Ends a token and all sessions that were begun with it, at once. @returns false if there is none that is valid. */
  async revoke(id: string): Promise<boolean> {
    const entry = await this.#token(id);
    return entry !== null && this.#access.change(entry.id, { revokedAt: this.#parts.clock.now() });
  }

  /** A new secret for a token; the old one ends at once. @throws TOKEN_NOT_FOUND. */
  async rotate(id: string): Promise<NewToken> {
    const entry = await this.#token(id);
    const { secret, hash } = newSecret();
    if (!entry || !(await this.#access.change(entry.id, { hash }))) throw tokenNotFound(id);
    return { ...infoOf(entry), token: `bl_${entry.id}_${secret}` };
  }

  /** Whether anybody could come in with a token now. */
  async any(): Promise<boolean> {
    const now = this.#parts.clock.now();
    return (await this.#access.tokens()).some((entry) => isValid(entry, now));
  }

  /** @internal Who stands behind what was presented; null for nobody. */
  async authenticate(presented: string): Promise<Authenticated | null> {
    const [, form, id, secret] = FORM.exec(presented) ?? [];
    if (form === undefined || id === undefined || secret === undefined) return null;
    const entry = await this.#access.get(id);
    // Compared in any case, and in the same time.
    const matches = timingSafeEqual(hashOf(secret), Buffer.from(entry?.hash ?? NO_HASH, 'hex'));
    const now = this.#parts.clock.now();
    if (!entry || !matches || entry.kind !== KINDS[form as keyof typeof KINDS] || !isValid(entry, now)) return null;
    if (entry.kind === 'token') {
      this.#used(entry, now);
      return { ...infoOf(entry), session: null };
    }
    const token = await this.#access.get(entry.parent!);
    if (!token || !isValid(token, now)) return null;
    this.#used(token, now);
    return { ...infoOf(token), session: { id: entry.id, since: entry.createdAt, until: entry.expiresAt! } };
  }

  /** @internal Begins a session of a token. @returns what the browser keeps, and when it ends. */
  async beginSession(
    token: Pick<TokenInfo, 'id' | 'name' | 'scope' | 'expiresAt'>,
    until = this.#parts.clock.now() + SESSION_MS,
  ): Promise<{ readonly cookie: string; readonly expiresAt: number }> {
    const { name, scope, expiresAt: end } = token;
    const expiresAt = Math.min(until, end ?? until);
    const createdAt = this.#parts.clock.now();
    // What it may do is asked of its token, each time.
    const fresh = {
      kind: 'session',
      parent: token.id,
      name,
      scope,
      queues: null,
      tenants: null,
      createdAt,
      expiresAt,
    } as const;
    return { cookie: (await this.#insert(fresh, 'bs')).token, expiresAt };
  }

  /** @internal Another secret for a session that is some time old; it ends when it would have ended. */
  async renewSession(caller: Authenticated): Promise<{ readonly cookie: string; readonly expiresAt: number }> {
    const { id, until } = caller.session!;
    const fresh = await this.beginSession(caller, until);
    await this.#access.change(id, { expiresAt: Math.min(until, this.#parts.clock.now() + OVERLAP_MS) });
    return fresh;
  }

  /** @internal */
  async endSession(id: string): Promise<void> {
    await this.#access.change(id, { revokedAt: this.#parts.clock.now() });
  }

  get #access(): AccessStore {
    return this.#parts.store.access;
  }

  async #token(id: string): Promise<AccessEntry | null> {
    const entry = await this.#access.get(idCheck(id, 'id'));
    return entry?.kind === 'token' && entry.revokedAt === null ? entry : null;
  }

  async #insert(
    given: Omit<AccessEntry, 'id' | 'hash' | 'lastUsedAt' | 'revokedAt'>,
    form: keyof typeof KINDS,
  ): Promise<NewToken> {
    const { secret, hash } = newSecret();
    const entry = { ...given, id: randomBytes(8).toString('hex'), hash, lastUsedAt: null, revokedAt: null };
    await this.#access.insert(entry);
    return { ...infoOf(entry), token: `${form}_${entry.id}_${secret}` };
  }

  /** Coarse, and nobody waits for it. */
  #used({ id, lastUsedAt }: AccessEntry, now: number): void {
    if (lastUsedAt !== null && now - lastUsedAt < USED_EVERY_MS) return;
    this.#access.change(id, { lastUsedAt: now }).catch(() => {});
  }
}

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
const NO_HASH = '0'.repeat(64);

const newSecret = (): { secret: string; hash: string } => {
  const secret = randomBytes(32).toString('base64url');
  return { secret, hash: hashOf(secret).toString('hex') };
};

const isValid = ({ revokedAt, expiresAt }: AccessEntry, now: number): boolean =>
  revokedAt === null && (expiresAt === null || expiresAt > now);

const infoOf = (entry: AccessEntry): TokenInfo => {
  const { id, name, scope, queues, tenants, createdAt, expiresAt, lastUsedAt, revokedAt } = entry;
  return { id, name, scope, queues, tenants, createdAt, expiresAt, lastUsedAt, revokedAt };
};
