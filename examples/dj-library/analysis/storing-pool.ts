import { WorkerPool, type WorkerPoolOptions } from 'backline';
import type { Library } from '../library.ts';
import { type Analyses, type AnalyzeInput, checkAnswers, checkVersion } from './analyses.ts';

type Task = Parameters<WorkerPool['run']>[0];

/**
 * A pool whose workers only analyse: this process checks what they found and writes it into the library, in one transaction with
 * the end of the job. So workers in any language need no database, and a track's analysis is stored exactly once.
 */
export class StoringPool extends WorkerPool<Analyses> {
  readonly #library: () => Library;

  constructor(options: WorkerPoolOptions, library: () => Library) {
    super(options);
    this.#library = library;
  }

  override async run(task: Task): Promise<unknown> {
    const input = task.payload as AnalyzeInput;
    await checkVersion(input);
    const analyses = checkAnswers(await super.run(task), input);
    const library = this.#library();
    library.transaction(() => {
      library.putAnalyses(input, analyses, { jobId: task.job.id, now: Date.now() });
      void task.ctx.complete(library.db, analyses);
    });
    return analyses;
  }
}
