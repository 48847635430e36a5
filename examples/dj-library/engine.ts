/** The engine of a DJ library: everything that takes long is a job, and everything else a question. */
import { resolve } from 'node:path';
import { type Duration, type Job, JobManager, type ManagerOptions } from 'backline';
import { ANALYSIS_TYPES, type AnalysisType, type AnalyzeInput, JOB_TYPE_OF } from './analysis/analyses.ts';
import { LibraryError } from './errors.ts';
import { type ExportFormat, FORMATS } from './exports/formats.ts';
import { type LibraryJobs, libraryJobs } from './jobs.ts';
import { Library } from './library.ts';

export interface EngineOptions {
  /** The file that holds the jobs and the library; made if there is none. */
  readonly database: string;
  /** Processes that analyse, of each language. Default 4. */
  readonly workers?: number;
  /** The command that runs Python, for analyses that are written in it. Default `python3`. */
  readonly python?: string;
  /** How often the library is cleaned up by itself. Default `1d`; false for never. */
  readonly cleanupEvery?: Duration | false;
  readonly manager?: Omit<ManagerOptions, 'jobs'>;
}

export interface ExportOptions {
  /** Default: all of them. */
  readonly formats?: readonly ExportFormat[];
  readonly folder: string;
  /** Of the files, and of the list in them. Default `library`. */
  readonly name?: string;
  /** Default true. */
  readonly userInitiated?: boolean;
}

/** What a person waits for comes first: 1 runs before 10. */
const PRIORITY = { export: 1, analysis: 3, scan: 5, system: 7, cleanup: 10 } as const;

/** One at a time, whoever asks for it. */
const CLEANUP = { priority: PRIORITY.cleanup, key: 'cleanup' };

/** A library of 400,000 tracks can be exported in one job. */
const MAX_PAYLOAD_BYTES = 16 * 2 ** 20;

export class Engine implements AsyncDisposable {
  /** Runs the jobs, and tells what happens to them. */
  readonly jobManager: JobManager<LibraryJobs>;
  readonly #file: string;
  #library: Library | undefined;
  #closed = false;

  readonly #cleanupEvery: Duration | false;

  constructor(options: EngineOptions) {
    const { database, workers = 4, python = 'python3', cleanupEvery = '1d', manager = {} } = options;
    this.#cleanupEvery = cleanupEvery;
    this.#file = resolve(database);
    const jobs = libraryJobs({ library: () => this.library, workers, python });
    this.jobManager = new JobManager(`sqlite:${this.#file}`, { maxPayloadBytes: MAX_PAYLOAD_BYTES, ...manager, jobs });
  }

  /** Unfinished jobs of an earlier run go on at once. */
  async start(): Promise<void> {
    await this.jobManager.start();
    const { schedules } = this.jobManager;
    const cleanup = { id: 'cleanup', type: 'cleanup', payload: {}, options: CLEANUP } as const;
    // What passed while the program was off is made up for once.
    if (this.#cleanupEvery !== false) await schedules.register({ ...cleanup, interval: this.#cleanupEvery });
    else await schedules.remove('cleanup');
  }

  /** What runs is given some time, then goes on at the next start. */
  async close(): Promise<void> {
    await this.jobManager.close();
    this.#closed = true;
    this.#library?.close();
    this.#library = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Tracks, analyses and exports. After `start`. */
  get library(): Library {
    if (this.#closed) throw new LibraryError('ENGINE_CLOSED', 'The engine is closed. Make a new one.');
    this.#library ??= new Library(this.#file);
    return this.#library;
  }

  /** @param extensions such as `.mp3`, in letters of either case; all that are known if not given. @returns the id of a `scan`. */
  async createScanJob(paths: string[], extensions?: string[], userInitiated = true): Promise<string> {
    const priority = userInitiated ? PRIORITY.scan : PRIORITY.system;
    const payload = { paths: paths.map((path) => resolve(path)), extensions, userInitiated };
    const { id } = await this.jobManager.enqueue('scan', payload, { priority, userInitiated });
    return id;
  }

  /**
   * @returns the id of a `batch_analyze`, with a job per track; two if an analysis in Python is asked for beside others.
   * @throws LibraryError UNKNOWN_TRACK, UNKNOWN_ANALYSIS.
   */
  async createAnalysisJobs(
    trackIds: string[],
    analysisTypes: string[] = ['tempo', 'key'],
    userInitiated = true,
  ): Promise<string> {
    const types = analysisTypes.map(analysisType);
    const groups = Map.groupBy(types, (type) => JOB_TYPE_OF[type]);
    const jobs = trackIds.flatMap((trackId) => {
      const track = this.library.track(trackId);
      if (!track)
        throw new LibraryError('UNKNOWN_TRACK', `There is no track ${JSON.stringify(trackId)} in the library.`);
      const { path, size, modifiedAt, seconds } = track;
      return [...groups].map(([type, some]) => {
        const payload: AnalyzeInput = { trackId, path, size, modifiedAt, seconds, types: some };
        return { type, payload };
      });
    });
    const priority = userInitiated ? PRIORITY.analysis : PRIORITY.system;
    const payload = { analysisTypes: types, tracks: trackIds.length };
    const { id } = await this.jobManager.enqueueBatch({
      type: 'batch_analyze',
      payload,
      jobs,
      priority,
      userInitiated,
    });
    return id;
  }

  /** @returns the id of an `export`; of a `batch_export` with one for each format, if there are several. */
  async exportTracks(trackIds: string[], options: ExportOptions): Promise<string> {
    const { formats = FORMATS, folder, name = 'library', userInitiated = true } = options;
    const priority = userInitiated ? PRIORITY.export : PRIORITY.system;
    const payloads = [...new Set(formats)].map((format) => ({ trackIds, format, folder: resolve(folder), name }));
    const [first, ...others] = payloads;
    if (!first) throw new LibraryError('NO_FORMAT', `No format is given. Known formats: ${FORMATS.join(', ')}.`);
    if (others.length === 0) return (await this.jobManager.enqueue('export', first, { priority, userInitiated })).id;
    const jobs = payloads.map((payload) => ({ type: 'export' as const, payload }));
    const payload = { formats, folder, name, tracks: trackIds.length };
    const { id } = await this.jobManager.enqueueBatch({ type: 'batch_export', payload, jobs, priority, userInitiated });
    return id;
  }

  /** Forgets tracks whose files have been gone for a week, and removes what broken exports left. One at a time. */
  async createCleanupJob(payload: { missingForMs?: number; partsOlderThanMs?: number } = {}): Promise<string> {
    const { id } = await this.jobManager.enqueue('cleanup', payload, { ...CLEANUP, userInitiated: false });
    return id;
  }

  getAllJobs(): Promise<Job[]> {
    return this.jobManager.getAllJobs();
  }

  /** In `created`, `queued` or `running`. */
  getActiveJobs(): Promise<Job[]> {
    return this.jobManager.getActiveJobs();
  }

  getJobById(jobId: string): Promise<Job | null> {
    return this.jobManager.getJobById(jobId);
  }

  /** A batch is cancelled with its jobs. */
  cancelJob(jobId: string): Promise<boolean> {
    return this.jobManager.cancelJob(jobId);
  }

  retryJob(jobId: string): Promise<boolean> {
    return this.jobManager.retryJob(jobId);
  }

  abortAllJobs(): Promise<void> {
    return this.jobManager.abortAllJobs();
  }

  getJobStatistics(): ReturnType<JobManager['getJobStatistics']> {
    return this.jobManager.getJobStatistics();
  }

  getSystemHealth(): ReturnType<JobManager['getSystemHealth']> {
    return this.jobManager.getSystemHealth();
  }

  get db(): JobManager['db'] {
    return this.jobManager.db;
  }
}

const analysisType = (name: string): AnalysisType => {
  if (!(ANALYSIS_TYPES as readonly string[]).includes(name))
    throw new LibraryError(
      'UNKNOWN_ANALYSIS',
      `There is no analysis ${JSON.stringify(name)}. Known: ${ANALYSIS_TYPES.join(', ')}.`,
    );
  return name as AnalysisType;
};
