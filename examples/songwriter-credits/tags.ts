import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { parseFile } from 'music-metadata';

/** What an audio file says about itself, or why it says nothing. */
export type Tags =
  | {
      readonly kind: 'read';
      readonly songwriters: readonly string[];
      readonly isrc?: string;
      readonly recordingId?: string;
    }
  | { readonly kind: 'missing' | 'outside' | 'unreadable' };

/** Reads the tags of audio files under one folder, and of no other files. */
export class TagReader {
  readonly #base: string;

  private constructor(base: string) {
    this.#base = base;
  }

  /** @returns null if there is no such folder: then there are no tags to read. */
  static async open(folder: string): Promise<TagReader | null> {
    try {
      return new TagReader(await realpath(folder));
    } catch {
      return null;
    }
  }

  async read(filename: string): Promise<Tags> {
    const path = resolve(this.#base, filename);
    if (!this.#isInside(path)) return { kind: 'outside' };
    let real: string;
    try {
      real = await realpath(path);
    } catch {
      return { kind: 'missing' };
    }
    // A link inside the folder may lead out of it.
    if (!this.#isInside(real)) return { kind: 'outside' };
    try {
      const { common } = await parseFile(real, { duration: false, skipCovers: true });
      const writers = [...(common.composer ?? []), ...(common.lyricist ?? []), ...(common.writer ?? [])];
      return {
        kind: 'read',
        songwriters: namesIn(writers),
        ...(common.isrc?.[0] ? { isrc: common.isrc[0] } : {}),
        ...(common.musicbrainz_recordingid ? { recordingId: common.musicbrainz_recordingid } : {}),
      };
    } catch {
      return { kind: 'unreadable' };
    }
  }

  #isInside(path: string): boolean {
    const way = relative(this.#base, path);
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  }
}

/** Tags hold one name each, or several with a separator between them. */
const namesIn = (tags: readonly string[]): string[] => [
  ...new Set(
    tags
      .flatMap((tag) => tag.split(/\s*[;/\0]\s*/))
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  ),
];
