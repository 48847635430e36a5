/** Every job type of the library. What each does is in the file that it names. */
import { fileURLToPath } from 'node:url';
import { job } from 'backline';
import type { z } from 'zod';
import { analyzeInput } from './analysis/analyses.ts';
import { StoringPool } from './analysis/storing-pool.ts';
import { cleanUp, cleanupInput } from './cleanup.ts';
import { neverRetry } from './errors.ts';
import { exportInput, exportList } from './exports/export.ts';
import type { Library } from './library.ts';
import { scan, scanInput, stageFile, stageInput } from './scan.ts';

export interface JobParts {
  readonly library: () => Library;
  /** Processes of each language. */
  readonly workers: number;
  /** The command that runs Python. */
  readonly python: string;
}

/** Being killed with the whole program says nothing against a job that runs in it. */
const IN_PROCESS = { maxCrashes: 1000, onError: neverRetry };
const LOUDNESS = fileURLToPath(new URL('./analysis/loudness_worker.py', import.meta.url));

export const libraryJobs = ({ library, workers, python }: JobParts) => {
  const shared = { maxWorkers: workers, maxMemoryMb: 1024, niceness: 5 };
  const node = { ...shared, name: 'analysis', module: new URL('./analysis/worker.ts', import.meta.url) };
  const snake = { ...shared, name: 'loudness', command: [python, LOUDNESS] };
  const analyze = { input: analyzeInput, onError: neverRetry, timeout: '5m' } as const;
  return {
    scan: job({
      ...IN_PROCESS,
      input: scanInput,
      timeout: false,
      run: (input: z.infer<typeof scanInput>, ctx) => scan(input, ctx, library()),
    }),
    file_stage: job({
      ...IN_PROCESS,
      input: stageInput,
      run: (input: z.infer<typeof stageInput>, ctx) => stageFile(input, ctx, library()),
    }),
    analyze: job({ ...analyze, runner: new StoringPool(node, library) }),
    analyze_loudness: job({ ...analyze, runner: new StoringPool(snake, library) }),
    export: job({
      ...IN_PROCESS,
      input: exportInput,
      run: (input: z.infer<typeof exportInput>, ctx) => exportList(input, ctx, library()),
    }),
    cleanup: job({
      ...IN_PROCESS,
      input: cleanupInput,
      run: (input: z.infer<typeof cleanupInput>, ctx) => cleanUp(input, ctx, library()),
    }),
  };
};

export type LibraryJobs = ReturnType<typeof libraryJobs>;
