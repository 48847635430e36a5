/** A service that takes files: what is handed in becomes jobs of a folder that it watches. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Uploads } from '../../src/doors/drop/uploads.ts';
import { JobScheduler } from '../../src/doors/drop/watcher.ts';
import type { JobManager } from '../../src/engine/job-manager.ts';
import { type Service, startService } from './service.ts';

/** A file in the hands of a person. */
export const file = (name: string, text: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

export const rows = (n: number): string => Array.from({ length: n }, (_, i) => `song ${i},ada\n`).join('');

/** @param maxBytes the largest file. */
export const startCatalogService = async (maxBytes = 2 ** 20): Promise<Service> => {
  const folder = await mkdtemp(join(tmpdir(), 'backline-e2e-'));
  const jobsDir = join(folder, 'jobs');
  const uploads = new Uploads({ folder: join(folder, 'uploads'), jobsDir, maxBytes });
  await uploads.start();
  const service = await startService({ uploads });
  const options = { jobsDir, jobType: 'catalog', pollInterval: 100, settle: 50 };
  const scheduler = new JobScheduler(service.manager as unknown as JobManager, options);
  await scheduler.start();
  const close = async () => {
    await scheduler.close();
    await service.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...service, close };
};
