import { resolve } from 'node:path';
import { type Context, job } from 'backline';
import { z } from 'zod';
import { type CreditsIndex, loadCreditsIndex } from './credits-index.ts';
import type { Counts } from './identify.ts';
import { type ImportStats, importCatalog } from './import-catalog.ts';
import type { MusicBrainz } from './musicbrainz.ts';
import { RunFolder } from './run-folder.ts';
import { TagReader } from './tags.ts';
import { writeCredits } from './write-credits.ts';

export const catalogInput = z.object({
  catalog_path: z.string().min(1),
  audio_base_path: z.string().min(1).optional(),
  submitted_at: z.number().nonnegative().optional(),
});

export type CatalogInput = z.infer<typeof catalogInput>;

/** What a catalog job returns; the status file shows it as `result`. */
export interface CatalogResult {
  readonly import: ImportStats;
  /** `identified` and `unidentified` add up to the imported rows. */
  readonly identification: Pick<Counts, 'identified' | 'unidentified' | 'by'>;
  /** Audio files by what came of them; only where `audio_base_path` is given. */
  readonly audio?: Counts['audio'] & { readonly folder_found: boolean };
  /** Questions to the web service by what came of them; only where one is configured. */
  readonly musicbrainz?: Counts['musicbrainz'];
  readonly output: { readonly credits: string; readonly rows: number };
}

export interface CatalogJobParts {
  /** Each job gets a folder of its own in here. */
  readonly resultsDir: string;
  readonly index?: CreditsIndex;
  readonly musicbrainz?: MusicBrainz | null;
}

const WAITED_FOR: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE']);

/** Share of the whole that the import takes, as progress shows it. */
const IMPORT_SHARE = 0.3;

/** The job of the system: reads a catalog, finds out who wrote each song, writes credits and statistics. */
export const catalogJob = ({ resultsDir, index, musicbrainz = null }: CatalogJobParts) => {
  let loaded: Promise<CreditsIndex> | undefined;
  return job({
    input: catalogInput,
    timeout: false, // a large catalog and one request a second can take days
    maxAttempts: 5,
    // A catalog never kills a process; being running when the service is killed must not count against it.
    maxCrashes: 10_000,
    // What somebody must make room for is waited for; it is no failure of the job.
    onError: (error) => (WAITED_FOR.has(String((error as { code?: unknown }).code)) ? { snooze: '30s' } : undefined),
    run: async (input: CatalogInput, ctx: Context): Promise<CatalogResult> => {
      loaded ??= index ? Promise.resolve(index) : loadCreditsIndex();
      const folder = new RunFolder(resolve(resultsDir, ctx.job.id));
      await folder.make();
      const earlier = await folder.load<CatalogResult>('summary');
      if (earlier) return earlier;
      const result = await run(input, ctx, folder, { index: await loaded, musicbrainz });
      await folder.tidy();
      return result;
    },
  });
};

const run = async (
  input: CatalogInput,
  ctx: Context,
  folder: RunFolder,
  known: { readonly index: CreditsIndex; readonly musicbrainz: MusicBrainz | null },
): Promise<CatalogResult> => {
  const imported = await importCatalog(input.catalog_path, folder, ctx.signal, (share, rows) =>
    ctx.progress({ done: share * IMPORT_SHARE, total: 1, message: `reading the catalog: ${rows} rows` }),
  );
  ctx.log.info({ rows: imported.rows, skipped: imported.skipped }, 'catalog read');
  const tags = input.audio_base_path === undefined ? null : await TagReader.open(input.audio_base_path);
  if (input.audio_base_path !== undefined && !tags)
    ctx.log.warn({ audio_base_path: input.audio_base_path }, 'there is no such folder: no tags are read');
  const { counts, part } = await writeCredits(folder, { ...known, tags }, ctx.signal, (rows) => {
    const share = imported.imported === 0 ? 1 : rows / imported.imported;
    const message = `identifying: ${rows} of ${imported.imported} rows`;
    ctx.progress({ done: IMPORT_SHARE + (1 - IMPORT_SHARE) * share, total: 1, message });
  });
  const { identified, unidentified, by } = counts;
  const result: CatalogResult = {
    import: imported,
    identification: { identified, unidentified, by },
    ...(input.audio_base_path === undefined ? {} : { audio: { folder_found: tags !== null, ...counts.audio } }),
    ...(known.musicbrainz ? { musicbrainz: counts.musicbrainz } : {}),
    output: { credits: folder.creditsFile, rows: identified + unidentified },
  };
  await folder.finish(part, result);
  ctx.log.info({ identified, unidentified }, 'credits written');
  return result;
};
