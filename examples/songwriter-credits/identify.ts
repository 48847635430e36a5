import type { CatalogRow } from './catalog.ts';
import type { CreditsIndex } from './credits-index.ts';
import type { MusicBrainz } from './musicbrainz.ts';
import type { TagReader, Tags } from './tags.ts';

export type Source = 'tags' | 'index' | 'musicbrainz';

/** A row with its writers, as far as they are known. */
export interface Credit {
  readonly row: CatalogRow;
  readonly songwriters: readonly string[];
  readonly source: Source | null;
  /** Where the names are from, in words. */
  readonly evidence: string;
  /** What came of the audio file, if the row names one. */
  readonly audio: Tags['kind'] | null;
  /** What came of the question, if it was asked. */
  readonly asked: 'found' | 'none' | 'failed' | 'skipped' | null;
}

export interface Sources {
  readonly tags: TagReader | null;
  readonly index: CreditsIndex;
  readonly musicbrainz: MusicBrainz | null;
}

/** Finds the writers of one row: the file's own tags first, then the index, then the web service. */
export const identify = async (row: CatalogRow, sources: Sources, signal: AbortSignal): Promise<Credit> => {
  const tags = sources.tags && row.filename !== undefined ? await sources.tags.read(row.filename) : null;
  const nothing = { row, songwriters: [], source: null, evidence: '', audio: tags?.kind ?? null, asked: null };
  if (tags?.kind === 'read' && tags.songwriters.length > 0)
    return { ...nothing, songwriters: tags.songwriters, source: 'tags', evidence: `tags of ${row.filename}` };
  const work = sources.index.find(row.title, row.artist);
  if (work)
    return { ...nothing, songwriters: work.songwriters, source: 'index', evidence: `${work.title}: ${work.source}` };
  if (!sources.musicbrainz) return nothing;
  const wanted = tags?.kind === 'read' ? { ...row, isrc: row.isrc ?? tags.isrc, recordingId: tags.recordingId } : row;
  const answer = await sources.musicbrainz.find(wanted, signal);
  if (answer.kind !== 'found') return { ...nothing, asked: answer.kind };
  const { songwriters, evidence } = answer;
  return { ...nothing, songwriters, source: 'musicbrainz', evidence, asked: 'found' };
};

/** The figures of an identification. `identified` and `unidentified` add up to the rows. */
export interface Counts {
  identified: number;
  unidentified: number;
  readonly by: Record<Source, number>;
  readonly audio: Record<Tags['kind'], number>;
  readonly musicbrainz: Record<'found' | 'none' | 'failed' | 'skipped', number>;
}

export const noCounts = (): Counts => ({
  identified: 0,
  unidentified: 0,
  by: { tags: 0, index: 0, musicbrainz: 0 },
  audio: { read: 0, missing: 0, outside: 0, unreadable: 0 },
  musicbrainz: { found: 0, none: 0, failed: 0, skipped: 0 },
});

export const count = (counts: Counts, { source, audio, asked }: Credit): void => {
  if (source === null) counts.unidentified++;
  else {
    counts.identified++;
    counts.by[source]++;
  }
  if (audio !== null) counts.audio[audio]++;
  if (asked !== null) counts.musicbrainz[asked]++;
};
