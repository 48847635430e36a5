import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { artistsOf, normaliseArtist, normaliseTitle, shortTitle } from './normalise.ts';

/** A work whose writers are known. */
export interface KnownWork {
  readonly title: string;
  readonly songwriters: readonly string[];
  readonly source: string;
}

/** Works by title and performer. Both must fit: there are many songs called "Hello". */
export class CreditsIndex {
  readonly #works = new Map<string, KnownWork>();
  readonly size: number;

  constructor(entries: readonly { readonly work: KnownWork; readonly artists: readonly string[] }[]) {
    this.size = entries.length;
    for (const { work, artists } of entries)
      for (const artist of artists)
        for (const title of new Set([normaliseTitle(work.title), shortTitle(work.title)])) {
          const key = keyOf(title, normaliseArtist(artist));
          // A full title is never pushed aside by the short form of another.
          if (!this.#works.has(key) || title === normaliseTitle(work.title)) this.#works.set(key, work);
        }
  }

  find(title: string, artist: string): KnownWork | undefined {
    const titles = [normaliseTitle(title), shortTitle(title)];
    for (const name of artistsOf(artist))
      for (const candidate of titles) {
        const work = this.#works.get(keyOf(candidate, name));
        if (work) return work;
      }
    return undefined;
  }
}

const keyOf = (title: string, artist: string): string => `${title}\n${artist}`;

export const INDEX_FILE = new URL('./data/credits-index.csv', import.meta.url);

/** Reads the index: a CSV file with the columns title, artists (separated by |), songwriters (separated by ;), source. */
export const loadCreditsIndex = async (file: URL | string = INDEX_FILE): Promise<CreditsIndex> => {
  const records = parse(await readFile(file), { bom: true, columns: true, trim: true }) as Record<string, string>[];
  return new CreditsIndex(
    records.map(({ title = '', artists = '', songwriters = '', source = '' }) => ({
      artists: split(artists, '|'),
      work: { title, songwriters: split(songwriters, ';'), source },
    })),
  );
};

const split = (text: string, by: string): string[] =>
  text
    .split(by)
    .map((part) => part.trim())
    .filter((part) => part !== '');
