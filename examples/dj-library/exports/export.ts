/** The job `export`: a list of tracks as one file. */
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Context } from 'backline';
import { z } from 'zod';
import type { AnalysedTrack, Library } from '../library.ts';
import { FORMAT, FORMATS, type Format, type ListInfo } from './formats.ts';
import { partOf, writeWhole } from './write.ts';

export const exportInput = z.object({
  trackIds: z.array(z.string()),
  format: z.enum(FORMATS),
  folder: z.string().min(1),
  /** Of the file, without its extension, and of the list in it. */
  name: z.string().regex(/^[^/\\\p{Cc}]{1,100}$/u, 'a file name without slashes, at most 100 characters'),
});

export interface ExportResult {
  readonly path: string;
  readonly tracks: number;
  /** Tracks that are no longer in the library. */
  readonly unknown: number;
}

const AT_ONCE = 500;

/** The file is there before the job says so; a job that runs twice writes the same file again. */
export const exportList = async (
  input: z.infer<typeof exportInput>,
  ctx: Context,
  library: Library,
): Promise<ExportResult> => {
  const { trackIds, format, folder, name } = input;
  const form = FORMAT[format];
  const path = resolve(folder, name + form.extension);
  const tracks = await tracksOf(trackIds, library, ctx.signal);
  const info = { name, tracks: tracks.length };
  await writeWhole(path, partOf(path, ctx.job.id), piecesOf(form, info, tracks, ctx));
  const result: ExportResult = { path, tracks: tracks.length, unknown: trackIds.length - tracks.length };
  library.transaction(() => {
    library.putExport({ path, format, tracks: tracks.length, jobId: ctx.job.id, writtenAt: Date.now() });
    void ctx.complete(library.db, result);
  });
  return result;
};

/** As they are now, so that what the list says of itself holds. Others have their turn in between. */
const tracksOf = async (ids: readonly string[], library: Library, signal: AbortSignal): Promise<AnalysedTrack[]> => {
  const tracks: AnalysedTrack[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    signal.throwIfAborted();
    tracks.push(...library.tracksOf(ids.slice(from, from + AT_ONCE)));
    await setImmediate();
  }
  return tracks;
};

async function* piecesOf(form: Format, info: ListInfo, tracks: readonly AnalysedTrack[], ctx: Context) {
  yield form.head(info);
  for (let from = 0; from < tracks.length; from += AT_ONCE) {
    ctx.signal.throwIfAborted();
    yield tracks
      .slice(from, from + AT_ONCE)
      .map((track, i) => form.track(track, from + i))
      .join('');
    ctx.progress({ done: Math.min(tracks.length, from + AT_ONCE), total: tracks.length });
  }
  yield form.end(info);
}
