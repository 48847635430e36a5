/** What an audio file says about itself. A file that says nothing is called by its name. */
import { basename, extname } from 'node:path';
import { parseFile } from 'music-metadata';
import { systemCode } from '../errors.ts';
import type { TrackTags } from '../library.ts';
import { readWavFormat } from './wav.ts';

const MAX_TEXT = 1000;

/** Never fails because of what the file holds: `problem` says what could not be read. @throws what the system says of the file. */
export const readTags = async (path: string): Promise<TrackTags & { readonly problem: string | null }> => {
  const name = basename(path, extname(path));
  const nothing = { title: name, artist: null, album: null, genre: null, year: null };
  try {
    const { common, format } = await parseFile(path, { duration: false, skipCovers: true });
    const seconds = format.duration ?? (await secondsOf(path));
    return {
      title: clean(common.title) ?? name,
      artist: clean(common.artist),
      album: clean(common.album),
      genre: clean(common.genre?.join(', ')),
      year: common.year ?? null,
      seconds: seconds !== null && Number.isFinite(seconds) && seconds > 0 ? seconds : null,
      problem: null,
    };
  } catch (error) {
    if (systemCode(error)) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    return { ...nothing, seconds: await secondsOf(path), problem };
  }
};

/** The header of a WAV file tells its length also where its sizes were never filled in. */
const secondsOf = async (path: string): Promise<number | null> => {
  try {
    const { frames, rate } = await readWavFormat(path);
    return frames / rate;
  } catch {
    return null;
  }
};

const clean = (text: string | undefined): string | null => {
  const plain = text
    ?.replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT)
    .toWellFormed();
  return plain ? plain : null;
};
