/** The jobs `scan` and `file_stage`: which files there are, and what each says about itself. */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { Context } from 'backline';
import { z } from 'zod';
import { readTags } from './audio/tags.ts';
import { isGone } from './errors.ts';
import type { Library, Track } from './library.ts';
import { type FoundFile, type Problem, walk } from './walk.ts';

export const scanInput = z.object({
  paths: z.array(z.string().min(1)).min(1),
  extensions: z.array(z.string().min(1)).optional(),
  userInitiated: z.boolean(),
});

export const stageInput = z.object({
  path: z.string().min(1),
  size: z.number().int().nonnegative(),
  modifiedAt: z.number().int(),
  scanId: z.string(),
});

export interface ScanResult {
  /** Files found; `staged` of them are new or changed. */
  readonly found: number;
  readonly staged: number;
  /** Tracks whose file is no longer there. */
  readonly missing: number;
  readonly problems: { readonly count: number; readonly first: readonly Problem[] };
}

export interface StageResult {
  readonly outcome: 'added' | 'changed' | 'moved' | 'unchanged' | 'gone';
  readonly trackId: string | null;
  /** Why the tags could not be read. */
  readonly problem: string | null;
}

const AT_ONCE = 250;
const PROBLEMS_KEPT = 100;

/**
 * Walks the folders and hands in one `file_stage` for each file that is new or changed. A scan that was broken off and runs
 * again finds what it has done: files that were staged are unchanged, and for those that still wait the job's key is taken.
 */
export const scan = async (input: z.infer<typeof scanInput>, ctx: Context, library: Library): Promise<ScanResult> => {
  const scanId = ctx.job.id;
  let [found, staged, problemCount] = [0, 0, 0];
  const first: Problem[] = [];
  const onProblem = (problem: Problem) => {
    problemCount++;
    if (first.length < PROBLEMS_KEPT) first.push(problem);
    ctx.log.warn({ ...problem }, 'this could not be looked at');
  };
  let files: FoundFile[] = [];
  const flush = async () => {
    const changed = files.filter((file) => !isUnchanged(library.trackAt(file.path), file));
    const known = new Set(changed);
    library.markSeen(
      scanId,
      files.filter((file) => !known.has(file)).map(({ path }) => path),
    );
    await Promise.all(
      changed.map((file) => ctx.enqueue('file_stage', { ...file, scanId }, stageOptions(file, input, ctx))),
    );
    staged += changed.length;
    files = [];
    ctx.progress({ done: 0, total: 1, message: `${found} files found, ${staged} of them new or changed` });
  };
  for await (const file of walk(input.paths, { extensions: input.extensions, signal: ctx.signal, onProblem })) {
    found++;
    if (files.push(file) >= AT_ONCE) await flush();
  }
  await flush();
  const missing = await markMissing(input.paths, scanId, library, ctx.signal);
  return { found, staged, missing, problems: { count: problemCount, first } };
};

const isUnchanged = (track: Track | null, { size, modifiedAt }: FoundFile): boolean =>
  track?.size === size && track.modifiedAt === modifiedAt;

/** The key is that of one version of one file: however many scans meet it, it is staged once. */
const stageOptions = (
  { path, size, modifiedAt }: FoundFile,
  { userInitiated }: { userInitiated: boolean },
  ctx: Context,
) => {
  const version = createHash('sha256').update(`${path}\n${size}\n${modifiedAt}`).digest('base64url');
  return { parent: ctx.job.id, priority: ctx.job.priority, key: `file_stage ${version}`, userInitiated };
};

/** A folder that could not be read hides its files; only what the system says is not there is missing. */
const markMissing = async (
  paths: readonly string[],
  scanId: string,
  library: Library,
  signal: AbortSignal,
): Promise<number> => {
  const roots = await Promise.all(paths.map((path) => realpath(path).catch(() => resolve(path))));
  const isBelow = (path: string) =>
    roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));
  let missing = 0;
  for (const { id, path } of library.notSeenBy(scanId)) {
    signal.throwIfAborted();
    if (!isBelow(path) || !(await isMissing(path))) continue;
    library.markMissing(id, Date.now());
    missing++;
  }
  return missing;
};

export const isMissing = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    (error) => isGone(error),
  );

/** Reads the tags of one file into the library. The track and the end of the job commit together. */
export const stageFile = async (
  input: z.infer<typeof stageInput>,
  ctx: Context,
  library: Library,
): Promise<StageResult> => {
  const file = await lookAt(input.path);
  if (!file) return { outcome: 'gone', trackId: null, problem: null };
  const { problem, ...tags } = await readTags(file.path);
  const moved = library.trackAt(file.path) ? null : await movedFrom(file, library);
  return library.transaction(() => {
    const known = library.trackAt(file.path);
    // Another job may have taken the old row meanwhile.
    const from = known ?? (moved && library.track(moved.id)?.path === moved.path ? moved : null);
    const outcome = !from ? 'added' : from !== known ? 'moved' : isUnchanged(known, file) ? 'unchanged' : 'changed';
    const trackId = library.putTrack(file, tags, { scanId: input.scanId, from: from?.id ?? null, now: Date.now() });
    const result: StageResult = { outcome, trackId, problem };
    void ctx.complete(library.db, result);
    return result;
  });
};

const lookAt = async (path: string): Promise<FoundFile | null> => {
  try {
    const { size, mtimeMs } = await stat(path);
    return { path, size, modifiedAt: Math.floor(mtimeMs) };
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
};

/** A track of the same size and time whose own file is gone. */
const movedFrom = async (file: FoundFile, library: Library): Promise<Track | null> => {
  for (const twin of library.twinsOf(file)) if (await isMissing(twin.path)) return twin;
  return null;
};
