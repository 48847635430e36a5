/** What can be found out about a track, who finds it out, and what an answer looks like, whatever language it comes from. */
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { isGone, LibraryError } from '../errors.ts';

const share = z.number().min(0).max(1);
const decibel = z.number().nullable();

export const ANSWERS = {
  tempo: z.object({
    bpm: z.number().positive().nullable(),
    firstBeat: z.number().nonnegative().nullable(),
    steadiness: share,
  }),
  key: z.object({ key: z.string().nullable(), clearness: share }),
  /** Decibels below full scale; null for silence. Seconds of silence at both ends. */
  loudness: z.object({
    peakDb: decibel,
    rmsDb: decibel,
    silentStart: z.number().nonnegative(),
    silentEnd: z.number().nonnegative(),
  }),
} as const;

export type AnalysisType = keyof typeof ANSWERS;

export const ANALYSIS_TYPES = Object.keys(ANSWERS) as readonly AnalysisType[];

/** Which job type does it: `analyze` runs in Node processes, `analyze_loudness` in Python processes. */
export const JOB_TYPE_OF = { tempo: 'analyze', key: 'analyze', loudness: 'analyze_loudness' } as const satisfies Record<
  AnalysisType,
  string
>;

export const analyzeInput = z.object({
  trackId: z.string(),
  path: z.string(),
  /** The version of the file that is meant. */
  size: z.number(),
  modifiedAt: z.number(),
  /** Its length, where that is known. */
  seconds: z.number().nullable(),
  types: z.array(z.enum(ANALYSIS_TYPES)).min(1),
});

export type AnalyzeInput = z.infer<typeof analyzeInput>;

/** Answers by type: one for each that was asked for. */
export type Analyses = { readonly [T in AnalysisType]?: z.infer<(typeof ANSWERS)[T]> };

/** @throws LibraryError BAD_ANALYSIS if a worker answered something else. */
export const checkAnswers = (answers: unknown, { path, types }: AnalyzeInput): Analyses => {
  const wanted = z.object(Object.fromEntries(types.map((type) => [type, ANSWERS[type]])));
  const checked = wanted.safeParse(answers);
  if (checked.success) return checked.data as Analyses;
  throw new LibraryError('BAD_ANALYSIS', `${path}: the worker's answer is none. ${z.prettifyError(checked.error)}`);
};

/** A file that is another by now must be staged before it is analysed. @throws LibraryError FILE_GONE, FILE_CHANGED. */
export const checkVersion = async ({ path, size, modifiedAt }: AnalyzeInput): Promise<void> => {
  const now = await stat(path).catch((error: unknown) => {
    if (isGone(error)) throw new LibraryError('FILE_GONE', `${path} is not there any more. Scan its folder again.`);
    throw error;
  });
  if (now.size !== size || Math.floor(now.mtimeMs) !== modifiedAt)
    throw new LibraryError('FILE_CHANGED', `${path} has changed since it was scanned. Scan its folder again.`);
};
