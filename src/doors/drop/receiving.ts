/**
 * A file that is being received. It lies in a folder of its own, with a note on whose it is, until it is whole:
 *
 * 1. The bytes go to `.receiving-…/ID_NAME`, and are synced.
 * 2. A second name beside the folder makes it an upload; then its job file is written.
 * 3. Only then the first name goes. Whoever finds a first name whose process is gone knows that the upload was not finished.
 */
import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../job/check.ts';
import { hasEnded, markOf, type ProcessMark } from '../../util/process.ts';
import { exists, syncFolder, systemCode } from './files.ts';
import { partsOf } from './upload-name.ts';

const FOLDER = '.receiving-';
const NOTE = 'owner.json';
/** An upload moves all the time: what did not for so long is nobody's, unless its process can be seen to live. */
const STALE_MS = 600_000;

export class Receiving {
  readonly #folder: string;
  readonly #own: string;
  readonly #stored: string;
  #file: FileHandle | null;

  private constructor(folder: string, own: string, stored: string, file: FileHandle) {
    this.#folder = folder;
    this.#own = own;
    this.#stored = stored;
    this.#file = file;
  }

  static async begin(folder: string, stored: string): Promise<Receiving> {
    const own = join(folder, `${FOLDER}${randomBytes(8).toString('hex')}`);
    await mkdir(own);
    try {
      const note = await open(join(own, NOTE), 'wx');
      await note.writeFile(JSON.stringify(markOf(process.pid)));
      await note.close();
      return new Receiving(folder, own, stored, await open(join(own, stored), 'wx', 0o644));
    } catch (error) {
      await rm(own, { recursive: true, force: true });
      throw error;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) at += (await this.#file!.write(chunk, at)).bytesWritten;
  }

  /** Gives the file its place; `announce` is told the path, and what it throws takes the place away again. */
  async finish(announce: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.#folder, this.#stored);
    await this.#file!.sync();
    await this.#closeFile();
    await secondName(join(this.#own, this.#stored), path);
    try {
      await syncFolder(this.#folder);
      await announce(path);
    } catch (error) {
      await unlink(path).catch(() => {});
      throw error;
    }
    await rm(this.#own, { recursive: true, force: true });
  }

  /** Nothing is left of it. */
  async drop(): Promise<void> {
    await this.#closeFile();
    await rm(this.#own, { recursive: true, force: true });
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}

/** Some file systems have no second names; there, the first one goes at once. */
const secondName = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP', 'EMLINK'].includes(systemCode(error) ?? '')) throw error;
    await rename(from, to);
  }
};

/** Removes what killed processes left of unfinished uploads. @param isAnnounced whether an upload has its job file. */
export const removeLeftovers = async (
  folder: string,
  now: number,
  isAnnounced: (id: string) => Promise<boolean>,
): Promise<number> => {
  let removed = 0;
  for (const name of await readdir(folder)) {
    const own = join(folder, name);
    if (!name.startsWith(FOLDER) || !(await isAbandoned(own, now))) continue;
    for (const stored of await readdir(own)) {
      const parts = partsOf(stored);
      if (!parts || !(await isSecondName(join(own, stored), join(folder, stored)))) continue;
      if (!(await isAnnounced(parts.id))) await unlink(join(folder, stored));
    }
    await rm(own, { recursive: true, force: true });
    removed++;
  }
  if (removed > 0) await syncFolder(folder);
  return removed;
};

const isAbandoned = async (own: string, now: number): Promise<boolean> => {
  const mark = await readMark(join(own, NOTE));
  if (mark && hasEnded(mark)) return true;
  if (mark?.pidStart && markOf(mark.pid).pidStart === mark.pidStart) return false;
  const times = await Promise.all((await readdir(own)).map(async (name) => (await stat(join(own, name))).mtimeMs));
  return now - Math.max((await stat(own)).mtimeMs, ...times) > STALE_MS;
};

const readMark = async (path: string): Promise<ProcessMark | null> => {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) && typeof value['pid'] === 'number' ? (value as unknown as ProcessMark) : null;
  } catch {
    return null;
  }
};

const isSecondName = async (first: string, second: string): Promise<boolean> => {
  if (!(await exists(second))) return false;
  return (await lstat(first)).ino === (await lstat(second)).ino;
};
