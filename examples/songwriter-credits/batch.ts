import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { BacklineError, JobManager } from 'backline';
import { type CatalogResult, catalogJob } from './handler.ts';
import { MusicBrainz } from './musicbrainz.ts';
import { RunFolder } from './run-folder.ts';
import type { Settings } from './settings.ts';

/** One catalog, once. Its jobs are kept in memory; what was identified is on disk, so that a run which was broken off goes on. */
export const runOnce = async (
  catalog: string,
  { resultsDir, audioBasePath, musicbrainz }: Settings,
  say: (line: string) => void,
): Promise<CatalogResult> => {
  const id = await idFor(catalog, audioBasePath);
  const folder = join(resultsDir, id);
  // A run that ended is done anew: the index, the files or the service may know more by now.
  if (await new RunFolder(folder).load('summary')) await rm(folder, { recursive: true });
  const jobs = { catalog: catalogJob({ resultsDir, musicbrainz: musicbrainz && new MusicBrainz(musicbrainz) }) };
  await using manager = new JobManager(':memory:', { jobs, shutdownTimeout: 0, logger: false });
  manager.on('job-progress', ({ progress, note }) => say(`${progress.toFixed(0).padStart(3)} %  ${note ?? ''}`));
  await manager.start();
  const input = { catalog_path: catalog, ...(audioBasePath === undefined ? {} : { audio_base_path: audioBasePath }) };
  const handle = await manager.enqueue('catalog', input, { id });
  // Awaited here, for the manager closes when this block is left.
  return await manager.result<CatalogResult>(handle, { timeout: '24d' }).catch((error) => {
    // Nobody can look this job up later: what it failed of is the message.
    throw error instanceof BacklineError && error.code === 'JOB_FAILED' ? (error.cause ?? error) : error;
  });
};

/** The same for the same version of the same file, so that the run before is found again. */
const idFor = async (catalog: string, audioBasePath = ''): Promise<string> => {
  const name = basename(catalog)
    .replace(/[^A-Za-z0-9_.]+/g, '-')
    .slice(0, 60);
  const version = await stat(catalog).then(
    ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
    () => 'missing',
  );
  const parts = [resolve(catalog), version, resolve(audioBasePath)].join('\n');
  return `batch-${name}-${createHash('sha256').update(parts).digest('hex').slice(0, 12)}`;
};
