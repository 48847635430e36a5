/**
 * Makes a folder of songs whose tempo and key are known: `node generate.ts FOLDER [TRACKS]`. No tool is needed, and the same
 * number always gives the same song. `truth.json` says what is right.
 */
import { realpathSync } from 'node:fs';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keyName } from './analysis/key-names.ts';
import { wavOf } from './audio/wav.ts';
import { composeSong, type Song } from './generate/song.ts';
import { playSong, RATE } from './generate/synthesiser.ts';

/** What is right, by file name. */
export type Truth = Readonly<Record<string, { readonly tempo: number; readonly key: string }>>;

export const TRUTH_FILE = 'truth.json';

/** Songs that are there already are left as they are. @param onSong called after each. */
export const generateSongs = async (
  folder: string,
  tracks: number,
  onSong: (done: number) => void | Promise<void> = () => {},
): Promise<Truth> => {
  await mkdir(folder, { recursive: true });
  const truth: Record<string, { tempo: number; key: string }> = {};
  for (let n = 0; n < tracks; n++) {
    const song = composeSong(n);
    const name = fileNameOf(song, n);
    truth[name] = { tempo: song.tempo, key: keyName(song.tonic, song.mode) };
    await write(join(folder, name), () => songFile(song));
    await onSong(n + 1);
  }
  // Last, so that it names nothing that is not there.
  await writeFile(join(folder, `.${TRUTH_FILE}.new`), JSON.stringify(truth, null, 1));
  await rename(join(folder, `.${TRUTH_FILE}.new`), join(folder, TRUTH_FILE));
  return truth;
};

/** @returns null where the folder was not made here. */
export const readTruth = async (folder: string): Promise<Truth | null> => {
  try {
    return JSON.parse(await readFile(join(folder, TRUTH_FILE), 'utf8')) as Truth;
  } catch {
    return null;
  }
};

const fileNameOf = ({ title }: Song, n: number): string =>
  `${String(n + 1).padStart(3, '0')} ${title.replaceAll(/\s+\d+$/g, '')}.wav`;

const songFile = (song: Song): Buffer =>
  wavOf(playSong(song), RATE, { INAM: song.title, IART: song.artist, IPRD: song.album, IGNR: 'Electronic' });

/** A file that is there is whole. */
const write = async (path: string, content: () => Buffer): Promise<void> => {
  try {
    await (await open(path)).close();
  } catch {
    const folder = join(path, '..');
    const part = join(folder, `.${process.pid}.part`);
    await writeFile(part, content());
    await rename(part, path);
  }
};

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [folder, tracks = '200'] = process.argv.slice(2);
  if (folder === undefined || !/^\d{1,5}$/.test(tracks)) {
    process.stderr.write('Usage: node generate.ts FOLDER [TRACKS], such as: node generate.ts /tmp/songs 200\n');
    process.exitCode = 2;
  } else await generateSongs(folder, Number(tracks));
}
