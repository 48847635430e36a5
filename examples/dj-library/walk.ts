/** Finds files below folders, one at a time, however many there are. Every file is named by its real path, so links cannot double it. */
import type { Stats } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { systemCode } from './errors.ts';

export interface FoundFile {
  readonly path: string;
  readonly size: number;
  /** Epoch milliseconds, whole. */
  readonly modifiedAt: number;
}

/** A folder or file that could not be looked at; everything else is found all the same. */
export interface Problem {
  readonly path: string;
  readonly code: string;
}

export const AUDIO_EXTENSIONS: readonly string[] = [
  '.wav',
  '.wave',
  '.mp3',
  '.flac',
  '.m4a',
  '.aac',
  '.ogg',
  '.oga',
  '.opus',
  '.aif',
  '.aiff',
  '.wma',
];

export interface WalkOptions {
  /** With or without the dot, in letters of either case. */
  readonly extensions?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProblem?: (problem: Problem) => void;
}

/** Hidden files and folders are left out. A path may also name a single file. */
export async function* walk(paths: readonly string[], options: WalkOptions = {}): AsyncGenerator<FoundFile> {
  const { extensions = AUDIO_EXTENSIONS, signal, onProblem = () => {} } = options;
  const wanted = new Set(extensions.map((one) => `.${one.replace(/^\./, '').toLowerCase()}`));
  const isWanted = (path: string) => wanted.has(extname(path).toLowerCase());
  const seen = new Set<string>();
  /** Folders still to be looked into; the last first, so that the list stays short. */
  const open: string[] = [];

  const arrive = async (path: string, real: boolean): Promise<FoundFile | null> => {
    try {
      const place = real ? path : await realpath(path);
      const found: Stats = await stat(place);
      if (found.isDirectory() && !seen.has(place)) {
        seen.add(place);
        open.push(place);
      }
      const { size, mtimeMs } = found;
      return found.isFile() && isWanted(place) ? { path: place, size, modifiedAt: Math.floor(mtimeMs) } : null;
    } catch (error) {
      onProblem({ path, code: systemCode(error) });
      return null;
    }
  };

  for (const path of [...paths].reverse()) {
    const file = await arrive(path, false);
    if (file) yield file;
  }
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    try {
      for await (const entry of await opendir(folder, { bufferSize: 256 })) {
        signal?.throwIfAborted();
        if (entry.name.startsWith('.')) continue;
        const path = join(folder, entry.name);
        const isLink = entry.isSymbolicLink();
        if (!isLink && !entry.isDirectory() && !isWanted(path)) continue;
        const file = await arrive(path, !isLink);
        if (file) yield file;
      }
    } catch (error) {
      signal?.throwIfAborted();
      onProblem({ path: folder, code: systemCode(error) });
    }
  }
}
