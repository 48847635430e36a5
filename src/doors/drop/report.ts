import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure, Job } from '../../job/job.ts';
import { isFinal } from '../../job/states.ts';
import { identityOf, removeIfSame, sameFile, syncFolder, systemCode } from './files.ts';
import { lookAgain } from './intake.ts';
import type { Drop, Room } from './room.ts';
import { statusOf, statusOfRemoved, statusPath, statusText, writeStatus } from './status-file.ts';

/**
 * Brings the status file of a job up to date. The last status is on disk before the job file goes: whatever happens in between,
 * one of the two is there.
 * @returns whether the job has ended, and all is said and done.
 */
export const report = async (room: Room, drop: Drop): Promise<boolean> => {
  const path = join(room.folder, `${drop.stem}.job`);
  if (drop.written !== null && !(await statsOf(statusPath(room.folder, drop.stem)))) drop.written = null;
  const job = await room.client.get(drop.jobId);
  // Not once it has ended: what has the name then was dropped for another run.
  if (job && !isFinal(job.status)) await followFile(room, drop, await statsOf(path));
  const now = room.clock.now();
  const status = job
    ? statusOf(job, drop.startTime, await failureOf(room, job), now)
    : statusOfRemoved(drop.jobId, drop.startTime, now);
  const ended = status.status !== 'running';
  const text = statusText(status);
  const isNews = text !== drop.written;
  if (isNews) {
    await writeStatus(room.folder, drop.stem, text, ended);
    drop.written = text;
  }
  if (!ended) return false;
  if (drop.file && (await removeIfSame(path, drop.file))) await syncFolder(room.folder);
  if (!isNews) return true;
  const { stem, jobId } = drop;
  const message = `${stem}.job: ${status.state}${status.error ? `: ${status.error.message}` : '.'}`;
  room.say({ kind: 'finished', message, file: `${stem}.job`, jobId });
  return true;
};

const failureOf = async (room: Room, job: Job): Promise<Failure | null> =>
  job.status === 'failed' ? ((await room.client.attempts(job.id)).at(-1)?.error ?? null) : null;

/** Keeps up with what happens to the job file meanwhile: it may vanish, be touched, or be replaced. */
const followFile = async (room: Room, drop: Drop, stats: BigIntStats | null): Promise<void> => {
  if (!stats) {
    drop.file = null;
    drop.next = null;
    return;
  }
  const identity = identityOf(stats);
  if (!sameFile(identity, drop.file) && !sameFile(identity, drop.next)) await lookAgain(room, drop, stats);
};

const statsOf = async (path: string): Promise<BigIntStats | null> => {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
};
