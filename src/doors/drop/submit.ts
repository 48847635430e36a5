import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../job/check.ts';
import { badJobFile, duplicateJobId, invalidOption, unreadable } from '../../job/errors.ts';
import { jsonProblem } from '../../util/json.ts';
import { show } from '../../util/text.ts';
import { systemCode, writeWhole } from './files.ts';
import { CATALOG_FIELDS, isSafeStem, type JobFields, MAX_JOB_FILE_BYTES, parseJobFile } from './job-file.ts';

/** What a catalog's job file says. */
export interface CatalogJob {
  readonly catalog_path: string;
  readonly audio_base_path?: string;
  /** Epoch seconds; now, if not given. */
  readonly submitted_at?: number;
}

export interface SubmitOptions {
  /** Name of the job file without `.job`. A random one if not given. */
  readonly id?: string;
  /** The fields of the job file. Default: those of a catalog. */
  readonly fields?: JobFields;
}

/**
 * Writes a job file for a scheduler to find, in this process or in another. The file appears as a whole.
 * @returns the id: the file's name without `.job`; `readStatus(jobsDir, id)` tells what becomes of it.
 * @throws BAD_JOB_FILE naming the field, INVALID_OPTION for an id that is no plain file name, DUPLICATE_JOB_ID if a file of this
 *   name waits already, UNREADABLE if the folder cannot be written.
 *
 * @example
 * const id = await submitJob('data/jobs', { catalog_path: '/music/catalog.csv' });
 */
export const submitJob = async (
  jobsDir: string,
  spec: CatalogJob | Readonly<Record<string, unknown>>,
  options: SubmitOptions = {},
): Promise<string> => {
  const id = options.id ?? randomUUID();
  if (!isSafeStem(id)) throw invalidOption('id', id, 'a plain file name of at most 200 bytes, without a path');
  if (!isRecord(spec))
    throw badJobFile(`${id}.job`, 'content', `is ${show(spec)}`, 'an object with the fields of a job');
  const content = { ...spec, submitted_at: spec.submitted_at ?? Date.now() / 1000 };
  const found = jsonProblem(content, '');
  if (found) throw badJobFile(`${id}.job`, found.path.slice(1), found.problem, 'plain JSON values');
  const text = `${JSON.stringify(content, null, 2)}\n`;
  const bytes = Buffer.from(text);
  const checked = parseJobFile(`${id}.job`, bytes, options.fields ?? CATALOG_FIELDS);
  if ('error' in checked) throw checked.error;
  if (bytes.length > MAX_JOB_FILE_BYTES)
    throw invalidOption('size', bytes.length, `at most ${MAX_JOB_FILE_BYTES} bytes`);
  const path = join(jobsDir, `${id}.job`);
  try {
    await mkdir(jobsDir, { recursive: true });
  } catch (error) {
    throw unreadable(jobsDir, error);
  }
  try {
    await writeWhole(path, text, { keep: true, durable: true });
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? duplicateJobId(id) : unreadable(path, error);
  }
  return id;
};
