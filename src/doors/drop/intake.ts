/** One job file → one job. Every step can be repeated: a crash between any two of them neither loses nor doubles the job. */
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { BacklineError } from '../../job/backline-error.ts';
import { isFinal } from '../../job/states.ts';
import { freeName, identityOf, moveIfSame, removeIfSame, syncFolder } from './files.ts';
import { isIdFor, type JobFile, readJobFile, sameContent } from './job-file.ts';
import type { Drop, Room } from './room.ts';
import { loadStatus, statusOfNew, statusOfRefused, statusText, writeStatus } from './status-file.ts';

type Status = Record<string, unknown> | null | undefined;
type GoodFile = Extract<JobFile, { kind: 'good' }>;

/** The job to follow; `later` if it is not this file's turn yet; `done` if nothing is left to do. */
export type Intake = Drop | 'later' | 'done';

/** @param quietMs how long the file has been left alone. */
export const takeIn = async (room: Room, stem: string, stats: BigIntStats, quietMs: number): Promise<Intake> => {
  const file = await readJobFile(room.folder, stem, stats, room.fields);
  if (file.kind === 'moved') return 'later';
  const status = await loadStatus(room.folder, stem);
  // An earlier file of this name may have a job that goes on: one name has one status file, so that one goes first.
  const former = await findUnfinished(room, stem, status);
  if (former && !(file.kind === 'good' && former.jobId === file.id)) return former;
  if (file.kind === 'bad')
    return file.unfinished && quietMs < room.patienceMs ? 'later' : refuse(room, stem, stats, file.error);
  if (status?.job_id === file.id && status.status !== 'running') return finishRemoval(room, stem, stats);
  return begin(room, stem, stats, file, status);
};

/** The job that a status file speaks of, if it has not reached its end. */
export const findUnfinished = async (room: Room, stem: string, status: Status): Promise<Drop | null> => {
  const id = status?.job_id;
  if (!isIdFor(stem, id)) return null;
  const job = await room.client.get(id);
  if (!job || (isFinal(job.status) && status?.status === shortWord(job.status))) return null;
  return { stem, jobId: id, startTime: startTimeOf(status, room), file: null, next: null, written: null };
};

const shortWord = (status: string): string => (status === 'completed' ? 'completed' : 'failed');

const startTimeOf = (status: Status, room: Room): number => {
  const written = status?.start_time;
  return typeof written === 'number' && written >= 0 ? written : room.clock.now() / 1000;
};

/** The status was final, and then the process died: only the removal is left. */
const finishRemoval = async (room: Room, stem: string, stats: BigIntStats): Promise<'done'> => {
  if (await removeIfSame(join(room.folder, `${stem}.job`), identityOf(stats))) await syncFolder(room.folder);
  return 'done';
};

/** Says `running` first, makes the job second: whoever sees the job sees a status. */
const begin = async (room: Room, stem: string, stats: BigIntStats, file: GoodFile, status: Status): Promise<Intake> => {
  const known = status?.job_id === file.id;
  const startTime = known ? startTimeOf(status, room) : room.clock.now() / 1000;
  const drop: Drop = { stem, jobId: file.id, startTime, file: identityOf(stats), next: null, written: null };
  if (await room.client.get(file.id)) return drop;
  drop.written = statusText(statusOfNew(file.id, startTime));
  await writeStatus(room.folder, stem, drop.written, true);
  try {
    await room.client.enqueue(room.jobType, file.payload, { ...room.jobOptions, id: file.id });
  } catch (error) {
    if (!(error instanceof BacklineError)) throw error;
    if (error.code === 'INVALID_PAYLOAD' || error.code === 'PAYLOAD_TOO_LARGE') return refuse(room, stem, stats, error);
    if (error.code !== 'DUPLICATE_JOB_ID') throw error;
  }
  room.say({ kind: 'taken', message: `${stem}.job is job ${file.id}.`, file: `${stem}.job`, jobId: file.id });
  return drop;
};

/** A file that cannot become a job: its status says why, and the file is kept under a name that is not read again. */
const refuse = async (
  room: Room,
  stem: string,
  stats: BigIntStats,
  error: BacklineError,
): Promise<'done' | 'later'> => {
  const path = join(room.folder, `${stem}.job`);
  await writeStatus(room.folder, stem, statusText(statusOfRefused(error, room.clock.now() / 1000)), true);
  const aside = await freeName(`${path}.bad`);
  if (!(await moveIfSame(path, identityOf(stats), aside))) return 'later';
  await syncFolder(room.folder);
  room.say({ kind: 'refused', message: error.message, file: `${stem}.job`, error });
  return 'done';
};

/**
 * Looks at the file that has the name of a job which is followed. The same content is the same job, even if the file was touched
 * or copied again; anything else waits until that job has ended.
 */
export const lookAgain = async (room: Room, drop: Drop, stats: BigIntStats): Promise<void> => {
  const file = await readJobFile(room.folder, drop.stem, stats, room.fields);
  if (file.kind === 'good' && sameContent(file.id, drop.jobId)) drop.file = identityOf(stats);
  else drop.file = null;
  drop.next = file.kind === 'moved' ? null : identityOf(stats);
};
