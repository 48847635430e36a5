import { type CatalogItem, openCatalog } from './catalog.ts';
import type { RunFolder } from './run-folder.ts';

/** What there is to say about reading a catalog. */
export interface ImportStats {
  /** Data rows of the catalog: imported and skipped. */
  readonly rows: number;
  readonly imported: number;
  readonly skipped: number;
  /** The first rows that were skipped. */
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
  /** Fields that were left out because they made no sense; their rows were imported. */
  readonly doubtful: { readonly isrc: number; readonly duration: number };
  /** Our name of each column → the catalog's. */
  readonly columns: Readonly<Record<string, string>>;
  readonly ignored_columns: readonly string[];
}

const PROBLEMS_KEPT = 20;
const WRITTEN_AT_ONCE = 262_144;

/** Copies the rows of a catalog into the job's folder, unless an earlier run has done so. */
export const importCatalog = async (
  path: string,
  folder: RunFolder,
  signal: AbortSignal,
  onProgress: (share: number, rows: number) => void,
): Promise<ImportStats> => {
  const earlier = await folder.load<ImportStats>('import');
  if (earlier) return earlier;
  const catalog = await openCatalog(path, signal);
  const tally = newTally();
  const rows = await folder.writeRows();
  try {
    let text = '';
    for await (const item of catalog.items) {
      text += take(tally, item);
      if (text.length < WRITTEN_AT_ONCE) continue;
      signal.throwIfAborted();
      await rows.write(text);
      text = '';
      onProgress(catalog.read(), tally.rows);
    }
    await rows.write(text);
    await rows.done();
  } finally {
    await rows.close();
  }
  const { position: _, called, ignored } = catalog.columns;
  const stats: ImportStats = { ...tally, columns: called, ignored_columns: ignored };
  await folder.save('import', stats);
  return stats;
};

const newTally = () => ({
  rows: 0,
  imported: 0,
  skipped: 0,
  problems: [] as { line: number; reason: string }[],
  doubtful: { isrc: 0, duration: 0 },
});

/** Counts an item. @returns what to write of it. */
const take = (tally: ReturnType<typeof newTally>, item: CatalogItem): string => {
  tally.rows++;
  if (!('row' in item)) {
    tally.skipped++;
    if (tally.problems.length < PROBLEMS_KEPT) tally.problems.push(item);
    return '';
  }
  tally.imported++;
  for (const field of item.doubts) if (field === 'isrc' || field === 'duration') tally.doubtful[field]++;
  return `${JSON.stringify(item.row)}\n`;
};
