/** The job `cleanup`: forgets tracks whose files have been gone for long, and removes what killed exports left. */
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from 'backline';
import { z } from 'zod';
import { PART } from './exports/write.ts';
import type { Library } from './library.ts';
import { isMissing } from './scan.ts';

export const cleanupInput = z.object({
  /** A drive that is not plugged in today is no reason to forget its tracks. */
  missingForMs: z
    .number()
    .nonnegative()
    .default(7 * 86_400_000),
  partsOlderThanMs: z.number().nonnegative().default(86_400_000),
});

export interface CleanupResult {
  readonly tracks: number;
  readonly parts: number;
}

export const cleanUp = async (
  input: z.infer<typeof cleanupInput>,
  ctx: Context,
  library: Library,
): Promise<CleanupResult> => {
  const now = Date.now();
  let [tracks, parts] = [0, 0];
  for (const { id, path } of library.missingBefore(now - input.missingForMs)) {
    ctx.signal.throwIfAborted();
    if (!(await isMissing(path))) continue;
    library.remove(id);
    tracks++;
  }
  const folders = new Set(library.exports().map(({ path }) => dirname(path)));
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => []))
      if (PART.test(name) && (await isOlder(join(folder, name), now - input.partsOlderThanMs))) {
        await rm(join(folder, name), { force: true });
        parts++;
      }
  return { tracks, parts };
};

const isOlder = (path: string, time: number): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs <= time,
    () => false,
  );
