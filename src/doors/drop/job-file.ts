/** `*.job` files: what may be in one, and the id of the job that it becomes. */
import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { BacklineError } from '../../job/backline-error.ts';
import { isRecord } from '../../job/check.ts';
import { badJobFile } from '../../job/errors.ts';
import { jsonProblem } from '../../util/json.ts';
import { show } from '../../util/text.ts';
import { type Identity, identityOf, sameFile, systemCode } from './files.ts';

/** One field of a job file: whether it must be there, what it may be, and how an error says so. */
export interface JobField {
  readonly required?: boolean;
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
}

/** The fields of a job file, by name. Fields that are not in the table are passed on as they are. */
export type JobFields = Readonly<Record<string, JobField>>;

const isPath = (value: unknown): boolean =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 4096 && !value.includes('\0');

/** Epoch seconds. From 1e11 on it would be the year 5138, or rather milliseconds by mistake. */
const isEpochSeconds = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value < 1e11;

/** The fields of a catalog's job file. */
export const CATALOG_FIELDS: JobFields = {
  catalog_path: { required: true, allowed: 'text: the path of the catalog file', accepts: isPath },
  audio_base_path: { allowed: 'text: the path of a folder with audio files; or leave it out', accepts: isPath },
  submitted_at: {
    allowed: 'a number: seconds since 1970, such as 1618514000.123; or leave it out',
    accepts: isEpochSeconds,
  },
};

export const MAX_JOB_FILE_BYTES = 1_048_576;

/** What reading a job file ended in. `unfinished`: it may still be written to, so it may become good. */
export type JobFile =
  | { readonly kind: 'good'; readonly id: string; readonly payload: Record<string, unknown> }
  | { readonly kind: 'bad'; readonly error: BacklineError; readonly unfinished: boolean }
  /** It vanished or changed while it was read. */
  | { readonly kind: 'moved' };

const SUFFIX = '.job';
const MAX_STEM_BYTES = 200;

/** `x.job` → `x`; null for every other name, hidden ones included. */
export const stemOf = (name: string): string | null =>
  name.endsWith(SUFFIX) && !name.startsWith('.') ? name.slice(0, -SUFFIX.length) : null;

/** Whether a stem can name a job and its status file: no path, no control characters, room for a suffix. */
export const isSafeStem = (stem: string): boolean =>
  stem !== '' &&
  !stem.startsWith('.') &&
  !/[/\\\p{Cc}\uFFFD]/u.test(stem) &&
  stem.isWellFormed() &&
  Buffer.byteLength(stem) <= MAX_STEM_BYTES;

/** Reads and checks one job file; never follows a link, never blocks on a pipe, never reads more than it may. */
export const readJobFile = async (
  folder: string,
  stem: string,
  seen: BigIntStats,
  fields: JobFields,
): Promise<JobFile> => {
  const name = `${stem}${SUFFIX}`;
  const refused = kindProblem(name, seen);
  if (refused) return bad(refused);
  if (seen.size > MAX_JOB_FILE_BYTES)
    return bad(badJobFile(name, 'size', `is ${seen.size} bytes`, `at most ${MAX_JOB_FILE_BYTES} bytes`));
  try {
    const bytes = await readVersion(join(folder, name), identityOf(seen));
    if (!bytes) return { kind: 'moved' };
    const parsed = parseJobFile(name, bytes, fields);
    return 'error' in parsed
      ? { kind: 'bad', ...parsed }
      : { kind: 'good', id: jobIdOf(stem, identityOf(seen), bytes), payload: parsed.payload };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ELOOP') return { kind: 'moved' };
    if (systemCode(error) !== 'EACCES') throw error;
    return bad(badJobFile(name, 'permissions', 'do not let this process read it', 'a file this user may read'), true);
  }
};

const bad = (error: BacklineError, unfinished = false): JobFile => ({ kind: 'bad', error, unfinished });

const kindProblem = (name: string, seen: BigIntStats): BacklineError | undefined => {
  if (seen.isFile()) return undefined;
  const kind = seen.isSymbolicLink() ? 'a symbolic link' : seen.isDirectory() ? 'a directory' : 'no ordinary file';
  return badJobFile(name, 'file', `is ${kind}`, 'an ordinary file with JSON in it');
};

/** The bytes of exactly the version that was seen, or null if it is another by now. */
const readVersion = async (path: string, seen: Identity): Promise<Buffer | null> => {
  const file: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!sameFile(identityOf(await file.stat({ bigint: true })), seen)) return null;
    const bytes = Buffer.alloc(Number(seen.size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const same = bytesRead === bytes.length && sameFile(identityOf(await file.stat({ bigint: true })), seen);
    return same ? bytes : null;
  } finally {
    await file.close();
  }
};

const EXAMPLE = 'a JSON object, such as {"catalog_path": "/path/to/catalog.csv"}';

/** Bytes → payload, or the first thing that is wrong with them. */
export const parseJobFile = (
  name: string,
  bytes: Uint8Array,
  fields: JobFields,
): { payload: Record<string, unknown> } | { error: BacklineError; unfinished: boolean } => {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // Half a file looks like this, too: so the caller waits a while before it believes it.
    return { error: badJobFile(name, 'content', textProblem(bytes, error), EXAMPLE), unfinished: true };
  }
  if (!isRecord(value)) return { error: badJobFile(name, 'content', `is ${show(value)}`, EXAMPLE), unfinished: false };
  const found = jsonProblem(value, '');
  if (found) {
    const field = found.path.slice(1) || 'content';
    return { error: badJobFile(name, field, found.problem, 'plain JSON values'), unfinished: false };
  }
  return checkFields(name, value, fields);
};

const textProblem = (bytes: Uint8Array, error: unknown): string => {
  if (bytes.length === 0) return 'is empty';
  return error instanceof SyntaxError ? `is no JSON (${error.message})` : 'is not UTF-8 text';
};

const checkFields = (name: string, value: Record<string, unknown>, fields: JobFields) => {
  const payload = { ...value };
  for (const [field, { required, allowed, accepts }] of Object.entries(fields)) {
    const given = Object.hasOwn(value, field) ? value[field] : undefined;
    // Programs in other languages write "nothing" as null.
    if (given === undefined || given === null) {
      if (required)
        return {
          error: badJobFile(name, field, given === null ? 'is null' : 'is missing', allowed),
          unfinished: false,
        };
      delete payload[field];
    } else if (!accepts(given)) {
      return { error: badJobFile(name, field, `is ${show(given)}`, allowed), unfinished: false };
    }
  }
  return { payload };
};

const ID_PREFIX = 'drop-';

/**
 * The id of the job that a file becomes. It depends on the file alone, so that reading it again after a crash meets the same job.
 * Its last part is the version of the file: the same content dropped again later is another job.
 */
export const jobIdOf = (stem: string, { ino, mtimeNs, size }: Identity, bytes: Uint8Array): string => {
  return `${idStart(stem)}${digest(stem, '\0', bytes)}-${digest(`${ino} ${mtimeNs} ${size}`)}`;
};

const idStart = (stem: string): string => `${ID_PREFIX}${stem.replace(/[^A-Za-z0-9_.]+/g, '-').slice(0, 60)}-`;

/** Whether an id was made by this door for a file of this name. */
export const isIdFor = (stem: string, id: unknown): id is string =>
  typeof id === 'string' &&
  id.startsWith(idStart(stem)) &&
  /^[0-9a-f]{20}-[0-9a-f]{20}$/.test(id.slice(idStart(stem).length));

/** Whether two ids mean the same name and content, if perhaps another copy of the file. */
export const sameContent = (a: string, b: string): boolean => a.slice(0, -20) === b.slice(0, -20);

const digest = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 20);
};
