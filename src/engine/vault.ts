/**
 * Secrets at rest: encrypted before a payload reaches the store, in clear again only where a handler gets it.
 *
 * In place of a secret stands `{ "$secret": "v1.<key id>.<base64url of nonce, ciphertext and tag>" }`: AES-256-GCM with a random nonce
 * of 96 bits. What it belongs to (the job, the place in its payload) is authenticated with it, so that a value which was copied to
 * another job or field in the database cannot be read there.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { BacklineError } from '../job/backline-error.ts';
import type { CheckedJobType } from '../job/define.ts';
import type { NewJob } from '../job/enqueue-options.ts';
import { invalidPayload, secretInName, secretUnreadable } from '../job/errors.ts';
import type { Job } from '../job/job.ts';
import {
  MASK,
  maskSecretsIn,
  namesRule,
  pathText,
  replaceSecrets,
  Scrubber,
  SEALED,
  SECRET_NAMES,
  type SecretRules,
  valuesWithin,
} from '../job/secrets.ts';
import { type Key, type KeyOptions, Keyring } from './keyring.ts';

type Path = readonly (string | number)[];

/** What a value is encrypted for. */
export type Binding = `job ${string}` | `callback ${string}` | `key ${string}` | `schedule ${string}`;

/** What is known of a job whose payload is read; or of a schedule, which is no job. */
export interface Bound {
  readonly id: string | null;
  readonly key: string | null;
  readonly scheduleId: string | null;
}

/** Not a secret of any job type: what a batch hands in later gets its own id then, with the number of the batch's life. */
const bindingsOf = ({ id, key, scheduleId }: Bound): Binding[] => [
  ...(id === null ? [] : ([`job ${id}`, `callback ${id.replace(/:\d+$/, '')}`] as const)),
  ...(key === null ? [] : [`key ${key}` as const]),
  // What a schedule starts has the payload of its row, as it stands there.
  ...(scheduleId === null ? [] : [`schedule ${scheduleId}` as const]),
];

/** What is written of a job that may replace another under its key: that one keeps its id. */
export const bindingOf = (job: Pick<NewJob, 'id' | 'key' | 'onConflict'>): Binding =>
  job.key !== null && job.onConflict === 'replace' ? `key ${job.key}` : `job ${job.id}`;

const NONCE = 12;
const TAG = 16;
const FORM = /^v1\.([0-9a-f]{12})\.([\w-]+)$/;

export class Vault {
  readonly #keyring: Keyring;
  readonly #names: readonly string[];
  readonly #rules = new Map<CheckedJobType | undefined, SecretRules>();

  /** @param names what secrets are called; none of them for an empty list. */
  constructor(keyring: Keyring, names: readonly string[] = SECRET_NAMES) {
    this.#keyring = keyring;
    this.#names = names;
  }

  /** The file that the key comes from, or null. */
  get keyFile(): string | null {
    return this.#keyring.file;
  }

  rulesOf(type: CheckedJobType | undefined): SecretRules {
    const known = this.#rules.get(type);
    if (known) return known;
    const rules = { paths: type?.secrets ?? [], isSecret: namesRule(this.#names, type?.notSecret) };
    this.#rules.set(type, rules);
    return rules;
  }

  /**
   * The secrets of a payload that comes in: a scrubber that knows them, and whether there are any.
   * @throws INVALID_PAYLOAD for one that pretends to hold an encrypted value.
   */
  find(payload: unknown, type: CheckedJobType | undefined): { readonly any: boolean; readonly scrubber: Scrubber } {
    const values = new Set<string>();
    let any = false;
    replaceSecrets(payload, this.rulesOf(type), {
      secret: (value) => {
        any = true;
        valuesWithin(value, values);
        return value;
      },
      sealed: (_, path) => {
        throw invalidPayload(pathText(path), `has the one name "${SEALED}", which stands for encrypted values`);
      },
    });
    return { any, scrubber: new Scrubber(values) };
  }

  /**
   * JSON of a payload with its secrets encrypted.
   * @throws SECRET_KEY_MISSING.
   */
  seal(json: string, type: CheckedJobType | undefined, binding: Binding): string {
    return this.#sealed(JSON.parse(json), this.rulesOf(type), binding);
  }

  #sealed(payload: unknown, rules: SecretRules, binding: Binding): string {
    return JSON.stringify(
      replaceSecrets(payload, rules, {
        secret: (value, path) => {
          const key = this.#keyring.current(pathText(path));
          return { [SEALED]: encrypt(JSON.stringify(value), key, binding, path) };
        },
        sealed: (text) => ({ [SEALED]: text }),
      }),
    );
  }

  /**
   * A stored payload in clear, and a scrubber that knows its secrets.
   * @throws SECRET_KEY_MISSING, SECRET_UNREADABLE.
   */
  open(payload: unknown, job: Bound, type: CheckedJobType | undefined): { payload: unknown; scrubber: Scrubber } {
    const values = new Set<string>();
    const note = (value: unknown): unknown => {
      valuesWithin(value, values);
      return value;
    };
    const clear = replaceSecrets(payload, this.rulesOf(type), {
      // From a time before it was marked, or from a program that does not know of it.
      secret: note,
      sealed: (text, path) => note(this.#decrypted(text, bindingsOf(job), path)),
    });
    return { payload: clear, scrubber: new Scrubber(values) };
  }

  #decrypted(text: string, bindings: readonly Binding[], path: Path): unknown {
    const field = pathText(path);
    const [, keyId, data] = FORM.exec(text) ?? [];
    if (keyId === undefined || data === undefined) throw secretUnreadable(field, 'unknown');
    const key = this.#keyring.byId(keyId, field);
    for (const binding of bindings) {
      const clear = decrypt(Buffer.from(data, 'base64url'), key, binding, path);
      if (clear !== null) return JSON.parse(clear) as unknown;
    }
    throw secretUnreadable(field, keyId);
  }

  /** A payload as it is shown. */
  masked(payload: unknown, type: CheckedJobType | undefined): unknown {
    return maskSecretsIn(payload, this.rulesOf(type));
  }

  /** A job as it is shown. */
  shown<J extends Job>(job: J, type: CheckedJobType | undefined): J {
    const rules = this.rulesOf(type);
    const payload = this.masked(job.payload, type);
    const result = maskSecretsIn(job.result, { ...rules, paths: [] });
    return payload === job.payload && result === job.result ? job : { ...job, payload, result };
  }

  /**
   * A payload that a person edited: where it shows the mask of a secret of the old one, that secret is meant.
   * @throws SECRET_KEY_MISSING, SECRET_UNREADABLE.
   */
  edited(payload: unknown, old: Bound & { readonly payload: unknown }, type: CheckedJobType | undefined): unknown {
    const shown = this.masked(old.payload, type);
    if (shown === old.payload) return payload;
    return unmasked(payload, shown, this.open(old.payload, old, type).payload);
  }

  /**
   * The same text with everything under the current key.
   * @returns null if it is under that key already.
   * @throws SECRET_KEY_MISSING, SECRET_UNREADABLE.
   */
  resealed(json: string, job: Bound): string | null {
    let changed = false;
    const current = this.#keyring.current('the current key');
    const value = replaceSecrets(JSON.parse(json), NOTHING, {
      secret: (one) => one,
      sealed: (text, path) => {
        if (FORM.exec(text)?.[1] === current.id) return { [SEALED]: text };
        changed = true;
        const [binding, clear] = this.#found(text, bindingsOf(job), path);
        return { [SEALED]: encrypt(clear, current, binding, path) };
      },
    });
    return changed ? JSON.stringify(value) : null;
  }

  /**
   * The same text with a digest in the place of each secret, to tell whether it is the one that was said before; null if there is none.
   * Slow on purpose: what a person could guess must not be found out with it.
   * @throws SECRET_KEY_MISSING, SECRET_UNREADABLE.
   */
  digested(json: string, bound: Bound): string | null {
    let any = false;
    const value = replaceSecrets(JSON.parse(json), NOTHING, {
      secret: (one) => one,
      sealed: (text, path) => {
        any = true;
        const clear = JSON.stringify(this.#decrypted(text, bindingsOf(bound), path));
        return scryptSync(clear, context(bindingsOf(bound)[0]!, path), 16).toString('base64url');
      },
    });
    return any ? JSON.stringify(value) : null;
  }

  #found(text: string, bindings: readonly Binding[], path: Path): readonly [Binding, string] {
    for (const binding of bindings) {
      try {
        return [binding, JSON.stringify(this.#decrypted(text, [binding], path))];
      } catch (error) {
        if (!(error instanceof BacklineError) || error.code !== 'SECRET_UNREADABLE' || binding === bindings.at(-1))
          throw error;
      }
    }
    throw secretUnreadable(pathText(path), 'unknown');
  }
}

/** @param where where jobs are kept, as the store says it. */
export const vaultWith = (
  { names, ...keys }: KeyOptions & { readonly names: readonly string[] },
  where: () => string,
): Vault => new Vault(new Keyring(keys, where), names);

const NOTHING: SecretRules = { paths: [], isSecret: () => false };

/** @throws SECRET_IN_NAME: names are not encrypted. */
export const mustNotTell = (
  scrubber: Scrubber,
  names: Readonly<Record<string, string | null | readonly string[]>>,
): void => {
  for (const [field, given] of Object.entries(names))
    for (const name of [given ?? []].flat()) if (scrubber.isToldBy(name)) throw secretInName(field, 'the payload');
};

/** An error about a payload without its secrets. */
export const scrubbed = (error: unknown, scrubber: Scrubber): unknown => {
  if (!(error instanceof BacklineError)) return error;
  const { message, field, found, allowed, next } = error.details;
  const clean = (text: string | undefined) => (text === undefined ? undefined : scrubber.text(text));
  const details = { message: scrubber.text(message), field, found: clean(found), allowed, next };
  return new BacklineError(error.code, details);
};

const unmasked = (given: unknown, shown: unknown, clear: unknown): unknown => {
  if (given === MASK && shown === MASK) return clear;
  if (typeof given !== 'object' || given === null || typeof shown !== 'object' || shown === null) return given;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(given) ? [...given] : { ...given };
  for (const [name, item] of Object.entries(given)) {
    if (!Object.hasOwn(shown, name)) continue;
    const [was, is] = [shown, clear].map((one) => (one as Readonly<Record<string, unknown>>)[name]);
    (copy as Record<string, unknown>)[name] = unmasked(item, was, is);
  }
  return copy;
};

const context = (binding: Binding, path: Path): Buffer => Buffer.from(JSON.stringify([binding, ...path.map(String)]));

const encrypt = (clear: string, { id, bytes }: Key, binding: Binding, path: Path): string => {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', bytes, nonce, { authTagLength: TAG }).setAAD(context(binding, path));
  const data = Buffer.concat([nonce, cipher.update(clear, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `v1.${id}.${data.toString('base64url')}`;
};

/** Null if it was not encrypted for this. */
const decrypt = (data: Buffer, { bytes }: Key, binding: Binding, path: Path): string | null => {
  if (data.length < NONCE + TAG) return null;
  try {
    const decipher = createDecipheriv('aes-256-gcm', bytes, data.subarray(0, NONCE), { authTagLength: TAG })
      .setAAD(context(binding, path))
      .setAuthTag(data.subarray(-TAG));
    return decipher.update(data.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return null;
  }
};
