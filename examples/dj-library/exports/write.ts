/** Files that appear whole or not at all. */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LibraryError, systemCode } from '../errors.ts';

/** What a writer leaves behind that was killed; `cleanup` removes them. */
export const PART = /^\..+\.part$/;

export const partOf = (path: string, id: string): string => join(dirname(path), `.${basename(path)}.${id}.part`);

/**
 * Writes beside the file, syncs, and renames.
 * @throws LibraryError with the system's code (`ENOSPC`, `EACCES` …) and the path.
 */
export const writeWhole = async (
  path: string,
  part: string,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<void> => {
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(part, 'w');
    for await (const piece of pieces) await file.writeFile(piece);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(part, path);
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(part, { force: true }).catch(() => {});
    throw systemCode(error) ? notWritten(path, error) : error;
  }
};

const NEXT: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room on that disk',
  EDQUOT: 'Make room within your quota',
  EACCES: 'Give this program the right to write there, or choose another folder',
  EPERM: 'Give this program the right to write there, or choose another folder',
  EROFS: 'Choose a folder that can be written',
};

const notWritten = (path: string, cause: unknown): LibraryError => {
  const code = systemCode(cause);
  const said = cause instanceof Error ? cause.message.replace(/^\w+: /, '').replace(/, .*/, '') : '';
  const next = NEXT[code] ?? 'Choose another folder';
  return new LibraryError(code, `${path} could not be written: ${code}, ${said}. ${next}, then retry the job.`, {
    cause,
  });
};
