import { type Counts, type Credit, count, identify, noCounts, type Sources } from './identify.ts';
import type { Checkpoint, RunFolder } from './run-folder.ts';

const HEADER = 'line,title,artist,album,isrc,songwriters,source,evidence\n';
const CHECKPOINT_EVERY_MS = 1000;
/** Rows between two looks at the clock and the signal: many where nothing is waited for, few where each may take seconds. */
const QUICK_BATCH = 500;
const SLOW_BATCH = 8;

/** Identifies the rows that were imported and writes one line of CSV for each; goes on where an earlier run stopped. */
export const writeCredits = async (
  folder: RunFolder,
  sources: Sources,
  signal: AbortSignal,
  onProgress: (rows: number) => void,
): Promise<{ readonly counts: Counts; readonly part: string }> => {
  const earlier = await folder.load<Checkpoint>('checkpoint');
  const { name: part, file, kept } = await folder.continuePart(earlier);
  const start = kept && earlier ? earlier : { rowsBytes: 0, partBytes: Buffer.byteLength(HEADER), counts: noCounts() };
  const { counts } = start;
  let { rowsBytes, partBytes } = start;
  let savedAt = performance.now();
  const save = async () => {
    await file.datasync();
    await folder.save('checkpoint', { part, rowsBytes, partBytes, counts } satisfies Checkpoint);
    savedAt = performance.now();
  };
  try {
    if (!kept) await file.appendFile(HEADER);
    await save();
    for await (const { credits, end } of batches(folder, rowsBytes, sources, signal)) {
      for (const credit of credits) count(counts, credit);
      const text = credits.map(toLine).join('');
      await file.appendFile(text);
      partBytes += Buffer.byteLength(text);
      rowsBytes = end;
      onProgress(counts.identified + counts.unidentified);
      if (signal.aborted || performance.now() - savedAt >= CHECKPOINT_EVERY_MS) await save();
      signal.throwIfAborted();
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { counts, part };
};

/** Rows in order, identified a batch at a time. Files are read together; the web service keeps its own pace. */
async function* batches(
  folder: RunFolder,
  from: number,
  sources: Sources,
  signal: AbortSignal,
): AsyncGenerator<{ readonly credits: readonly Credit[]; readonly end: number }> {
  const size = sources.tags || sources.musicbrainz ? SLOW_BATCH : QUICK_BATCH;
  const identifyAll = (rows: readonly Parameters<typeof identify>[0][]) =>
    Promise.all(rows.map((row) => identify(row, sources, signal)));
  let rows: Parameters<typeof identify>[0][] = [];
  let last = from;
  for await (const { row, end } of folder.readRows(from)) {
    rows.push(row);
    last = end;
    if (rows.length < size) continue;
    yield { credits: await identifyAll(rows), end };
    rows = [];
  }
  if (rows.length > 0) yield { credits: await identifyAll(rows), end: last };
}

const toLine = ({ row, songwriters, source, evidence }: Credit): string =>
  `${[row.line, row.title, row.artist, row.album ?? '', row.isrc ?? '', songwriters.join('; '), source ?? '', evidence].map(toField).join(',')}\n`;

const toField = (value: string | number): string => {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
