/**
 * The keys that secrets are encrypted with: one to encrypt, and old ones that can still be read.
 *
 * 1. What the manager was given; else BACKLINE_KEY; else the first line of the file BACKLINE_KEY_FILE.
 * 2. Else, where jobs are kept in a file: a key of its own beside it (`jobs.db.key`), made when the first secret comes. In memory: one
 *    that lives as long as the process.
 * 3. Else there is none: nothing secret can be stored.
 *
 * A key file is read again when a key is missing, so that a rotation reaches processes that run.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { KEY_FILE_VARIABLE, KEY_VARIABLE, OLD_KEYS_VARIABLE, readEnvironment } from '../config/env.ts';
import { badSecretKey, keyFileOpen, secretKeyMissing, unreadable } from '../job/errors.ts';

export interface Key {
  /** Tells which key it is, and nothing of it. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** Where keys come from, as a manager is told. */
export interface KeyOptions {
  /** 32 bytes, as base64 or as 64 hexadecimal digits. Default: BACKLINE_KEY. */
  readonly key?: string | undefined;
  /** A file with the key in its first line, and old ones in those after it. Default: BACKLINE_KEY_FILE. */
  readonly keyFile?: string | undefined;
  /** Keys that were used before: still read, not written with any more. Default: BACKLINE_OLD_KEYS, parted by commas. */
  readonly oldKeys?: readonly string[] | undefined;
}

const BYTES = 32;

/** A new key as text. */
export const newKey = (): string => randomBytes(BYTES).toString('base64');

/** @throws BAD_SECRET_KEY, which does not show the key. */
export const parseKey = (text: string, where: string): Key => {
  const given = text.trim();
  const isHex = /^[0-9a-f]{64}$/i.test(given);
  if (!isHex && !/^[A-Za-z0-9+/_-]{43}=?$/.test(given))
    throw badSecretKey(where, given === '' ? 'is empty' : `has ${given.length} characters that are no such key`);
  const bytes = Buffer.from(given, isHex ? 'hex' : 'base64');
  if (bytes.every((byte) => byte === bytes[0])) throw badSecretKey(where, 'is one byte 32 times');
  return { id: createHash('sha256').update('backline key id\n').update(bytes).digest('hex').slice(0, 12), bytes };
};

/** The keys of a file: that of the first line encrypts. @throws KEY_FILE_OPEN, UNREADABLE, BAD_SECRET_KEY. */
export const readKeyFile = (path: string): Key[] => {
  let text: string;
  try {
    const mode = statSync(path).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw keyFileOpen(path, mode.toString(8));
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw (error as { code?: string }).code === 'KEY_FILE_OPEN' ? error : unreadable(path, error);
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0) throw badSecretKey(path, 'is empty');
  return lines.map((line) => parseKey(line, path));
};

/** Writes a file that only its owner may read, if there is none. @returns whether it did. */
export const writeKeyFile = (path: string, text: string): boolean => {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw unreadable(path, error);
  }
  try {
    writeSync(file, `${text}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return true;
};

/** Puts a new key before those of a key file, in one step. @throws as `readKeyFile`. */
export const prependKey = (path: string): void => {
  readKeyFile(path);
  const fresh = `${path}.${process.pid}.new`;
  writeKeyFile(fresh, `${newKey()}\n${readFileSync(path, 'utf8').trimEnd()}`);
  renameSync(fresh, path);
};

/** Another process may have made it a moment ago, and not have filled it yet. */
const LOOKS = 50;
const LOOK_MS = 2;

interface Keys {
  /** The one that encrypts. */
  readonly current: Key | null;
  readonly all: readonly Key[];
}

export class Keyring {
  readonly #given: KeyOptions;
  readonly #database: () => string;
  #keys: Keys | undefined;

  /** @param database where the jobs are, as the store says it. */
  constructor(given: KeyOptions, database: () => string) {
    this.#given = given;
    this.#database = database;
  }

  /** The key to encrypt with. @param field what for. @throws SECRET_KEY_MISSING, and whatever reading keys throws. */
  current(field: string): Key {
    this.#keys ??= this.#load();
    if (!this.#keys.current) this.#keys = withOwn(this.#keys, ownKeys(this.#database(), true));
    if (!this.#keys.current) throw secretKeyMissing(field, null);
    return this.#keys.current;
  }

  /** A key by its id. @throws SECRET_KEY_MISSING. */
  byId(id: string, field: string): Key {
    const find = () => this.#keys?.all.find((key) => key.id === id);
    const known = find();
    if (known) return known;
    // What is in memory only would be lost by another look.
    if (this.#database() !== MEMORY || !this.#keys) this.#keys = this.#load();
    const key = find();
    if (!key) throw secretKeyMissing(field, id);
    return key;
  }

  /** The file that the key comes from, or null. */
  get file(): string | null {
    const { key, keyFile } = this.#sources();
    if (key) return null;
    return keyFile || keyFileBeside(this.#database());
  }

  #sources() {
    const environment = readEnvironment();
    const { key = environment[KEY_VARIABLE], keyFile = environment[KEY_FILE_VARIABLE] } = this.#given;
    const { oldKeys = environment[OLD_KEYS_VARIABLE]?.split(',') ?? [] } = this.#given;
    return { key, keyFile, oldKeys: oldKeys.filter((one) => one.trim() !== '') };
  }

  #load(): Keys {
    const { key, keyFile, oldKeys } = this.#sources();
    const old = { current: null, all: oldKeys.map((one) => parseKey(one, OLD_KEYS_VARIABLE)) };
    if (key) return withOwn(old, [parseKey(key, KEY_VARIABLE)]);
    return withOwn(old, keyFile ? readKeyFile(keyFile) : ownKeys(this.#database(), false));
  }
}

const MEMORY = ':memory:';

const withOwn = ({ current, all }: Keys, own: readonly Key[]): Keys => ({
  current: own[0] ?? current,
  all: [...own, ...all],
});

const keyFileBeside = (database: string): string | null =>
  database === MEMORY || /^postgres(ql)?:/.test(database) ? null : `${database}.key`;

/** Those of a database itself. @param make whether to make one. */
const ownKeys = (database: string, make: boolean): Key[] => {
  if (database === MEMORY) return make ? [parseKey(newKey(), 'this process')] : [];
  const file = keyFileBeside(database);
  if (file === null) return [];
  if (make) writeKeyFile(file, newKey());
  for (let look = 0; ; look++) {
    if (!existsSync(file)) return [];
    try {
      return readKeyFile(file);
    } catch (error) {
      if ((error as { code?: string }).code !== 'BAD_SECRET_KEY' || look === LOOKS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    }
  }
};
