/** What the door does to files: whole or not at all, and never to a file other than the one meant. */
import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { link, lstat, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Which file a name stood for, and in which version. A name that is given to another file differs here. */
export interface Identity {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly size: bigint;
}

export const identityOf = ({ ino, mtimeNs, size }: BigIntStats): Identity => ({ ino, mtimeNs, size });

export const sameFile = (a: Identity | null, b: Identity | null): boolean =>
  a !== null && b !== null && a.ino === b.ino && a.mtimeNs === b.mtimeNs && a.size === b.size;

/** Names that start so belong to the door and are nobody's job. */
const OWN = '.backline-drop-';
const TEMPORARY = '.tmp';
const TAKEN_AWAY = `${OWN}done-`;

/** The system's word for what went wrong, such as `ENOENT`. */
export const systemCode = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

/**
 * Writes a file as a whole: a reader sees the text before or the new one, never a part. The temporary name is in the same folder,
 * because a rename works within one file system only.
 * @param options `keep`: an error (EEXIST) if the name is taken. `durable`: the name itself survives a power cut, too.
 */
export const writeWhole = async (
  path: string,
  text: string,
  options: { readonly keep?: boolean; readonly durable?: boolean } = {},
): Promise<void> => {
  const temporary = join(dirname(path), `${OWN}${randomBytes(8).toString('hex')}${TEMPORARY}`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await (options.keep ? moveToFreeName(temporary, path) : rename(temporary, path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  if (options.durable) await syncFolder(dirname(path));
};

/** Makes renames and removals in a folder survive a power cut, where the file system can. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM', 'EBADF'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
};

/** Removes a file, but only the one meant. @returns false if the name is gone or stands for another file now. */
export const removeIfSame = async (path: string, expected: Identity): Promise<boolean> => {
  const aside = join(dirname(path), `${TAKEN_AWAY}${basename(path)}`);
  if (!(await moveIfSame(path, expected, aside))) return false;
  await unlink(aside);
  return true;
};

/**
 * Moves a file to a free name, but only the one meant: checking first and moving then would take away a file that took the name
 * in between.
 * @returns false if the name is gone or stands for another file now.
 */
export const moveIfSame = async (path: string, expected: Identity, target: string): Promise<boolean> => {
  try {
    await rename(path, target);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  if (sameFile(identityOf(await lstat(target, { bigint: true })), expected)) return true;
  await putBack(target, path);
  return false;
};

/** Gives a file its name back, unless a newer file has it: then the older one was replaced, as its owner wanted. */
const putBack = async (aside: string, path: string): Promise<void> => {
  try {
    await moveToFreeName(aside, path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    await unlink(aside);
  }
};

/** Renames without replacing. A hard link is the one step that fails if the name is taken; some file systems have none. */
const moveToFreeName = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP', 'EMLINK'].includes(systemCode(error) ?? '')) throw error;
    if (await exists(to)) throw Object.assign(error as object, { code: 'EEXIST' });
    return rename(from, to);
  }
  await unlink(from);
};

export const exists = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
};

/** A name beside the file that nobody has: `x.job.bad`, `x.job.bad-2` … */
export const freeName = async (path: string): Promise<string> => {
  for (let n = 1; ; n++) {
    const name = n === 1 ? path : `${path}-${n}`;
    if (!(await exists(name))) return name;
  }
};

const LEFT_BEHIND_MS = 60_000;

export const isLeftBehind = (name: string): boolean => name.startsWith(TAKEN_AWAY);

/** Tidies what a killed process left: half-written temporary files go, a file that was being taken away gets its name back. */
export const tidy = async (folder: string, now: number): Promise<void> => {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (isLeftBehind(name)) await putBack(path, join(folder, name.slice(TAKEN_AWAY.length)));
    else if (name.startsWith('.backline-drop') && name.endsWith(TEMPORARY) && (await ageMs(path, now)) > LEFT_BEHIND_MS)
      await unlink(path).catch(() => {});
  }
};

const ageMs = async (path: string, now: number): Promise<number> => {
  try {
    return now - (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
};
