/** Files that are handed in become jobs through the watched folder: stored here, announced there. Nothing is worked on. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BacklineError } from '../../job/backline-error.ts';
import {
  badUpload,
  tooManyUploads,
  unreadable,
  uploadExists,
  uploadNoSpace,
  uploadNotFound,
  uploadTooLarge,
} from '../../job/errors.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import type { Incoming, Upload, UploadDesk, UploadState } from '../api/uploads.ts';
import { exists, systemCode } from './files.ts';
import type { JobFields } from './job-file.ts';
import { Receiving, removeLeftovers } from './receiving.ts';
import { readStatus, statusPath } from './status-file.ts';
import { submitJob } from './submit.ts';
import { checkUploadId, partsOf, safeName, storedName } from './upload-name.ts';

export interface UploadsOptions {
  /** Where files are kept; made if it is not there. Default `uploads/catalogs`. */
  readonly folder?: string;
  /** The watched folder. Default `data/jobs`. */
  readonly jobsDir?: string;
  /** The largest file, in bytes. Default 4 GiB. */
  readonly maxBytes?: number;
  /** How many may be under way at once. Default 8. */
  readonly maxAtOnce?: number;
  /** What must stay free on the disk, in bytes. Default 100 MiB. */
  readonly keepFreeBytes?: number;
  /** The fields of a job file. Default: those of a catalog. */
  readonly fields?: JobFields;
  readonly clock?: Clock;
}

/** What is known of an upload while this process lives. */
interface Known {
  readonly name: string;
  readonly startedAt: number;
  readonly bytesExpected: number | null;
  bytesReceived: number;
  state: 'receiving' | 'received' | 'cut';
  problem: Upload['problem'];
}

/** So often the disk is looked at. */
const LOOK_EVERY_BYTES = 64 * 2 ** 20;
/** Uploads that have ended and are still remembered. */
const REMEMBERED = 1000;
const STATS_AT_ONCE = 64;

/**
 * @example
 * const uploads = new Uploads({ folder: 'uploads/catalogs', jobsDir: 'data/jobs' });
 * await uploads.start();
 * const server = await startServer(manager, { host: '127.0.0.1', port: 4700, uploads });
 */
export class Uploads implements UploadDesk {
  readonly maxBytes: number;
  readonly #folder: string;
  readonly #jobsDir: string;
  readonly #maxAtOnce: number;
  readonly #keepFreeBytes: number;
  readonly #fields: JobFields | undefined;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(options: UploadsOptions = {}) {
    const { folder = 'uploads/catalogs', jobsDir = 'data/jobs', maxBytes = 2 ** 32, maxAtOnce = 8 } = options;
    this.maxBytes = maxBytes;
    this.#folder = resolve(folder);
    this.#jobsDir = jobsDir;
    this.#maxAtOnce = maxAtOnce;
    this.#keepFreeBytes = options.keepFreeBytes ?? 100 * 2 ** 20;
    this.#fields = options.fields;
    this.#clock = options.clock ?? systemClock;
  }

  /** Makes the folder, and removes what a killed process left in it. @throws UNREADABLE. */
  async start(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await removeLeftovers(this.#folder, this.#clock.now(), (id) => this.#isAnnounced(id));
    } catch (error) {
      throw unreadable(this.#folder, error);
    }
  }

  async begin(file: Parameters<UploadDesk['begin']>[0]): Promise<Incoming> {
    const id = file.id === undefined ? randomUUID() : checkUploadId(file.id);
    const name = safeName(file.name);
    const before = this.#known.get(id);
    if (before && before.state !== 'cut') throw uploadExists(id);
    const underWay = [...this.#known.values()].filter(({ state }) => state === 'receiving').length;
    if (underWay >= this.#maxAtOnce) throw tooManyUploads(this.#maxAtOnce);
    const { bytesExpected } = file;
    const startedAt = this.#clock.now();
    const known: Known = { name, startedAt, bytesExpected, bytesReceived: 0, state: 'receiving', problem: null };
    // From here on the id is taken, whoever else asks for it.
    this.#remember(id, known);
    try {
      if (await this.#isTaken(id)) throw uploadExists(id);
      await this.#mustHaveRoom(bytesExpected ?? 0);
      const receiving = await Receiving.begin(this.#folder, storedName(id, name)).catch((error) => {
        throw this.#inOurWords(error);
      });
      return this.#incoming(id, known, receiving);
    } catch (error) {
      this.#known.delete(id);
      throw error;
    }
  }

  async get(id: string): Promise<Upload> {
    const known = this.#known.get(id);
    if (known) return this.#view(id, known);
    const stored = (await this.#storedNames()).find((name) => partsOf(name)?.id === id);
    const upload = (stored && (await this.#fromDisk(stored))) || (await this.#fromJobsDir(id));
    if (!upload) throw uploadNotFound(id);
    return upload;
  }

  async list(limit: number): Promise<readonly Upload[]> {
    const stored = await this.#storedNames();
    const known = [...this.#known].map(([id, { startedAt }]) => ({ id, startedAt, stored: '' }));
    const found: { id: string; startedAt: number; stored: string }[] = [];
    for (let i = 0; i < stored.length; i += STATS_AT_ONCE) {
      const some = stored.slice(i, i + STATS_AT_ONCE).map(async (name) => {
        const { id } = partsOf(name)!;
        const times = this.#known.has(id) ? null : await timesOf(join(this.#folder, name));
        if (times) found.push({ id, startedAt: times.startedAt, stored: name });
      });
      await Promise.all(some);
    }
    const newest = [...known, ...found].sort((a, b) => b.startedAt - a.startedAt).slice(0, limit);
    const views = await Promise.all(newest.map(({ id, stored }) => (stored ? this.#fromDisk(stored) : this.get(id))));
    return views.filter((view) => view !== null);
  }

  #incoming(id: string, known: Known, receiving: Receiving): Incoming {
    let lookAt = LOOK_EVERY_BYTES;
    const cut = async (reason: unknown): Promise<void> => {
      if (known.state !== 'receiving') return;
      known.state = 'cut';
      const { code, message } = this.#inOurWords(reason);
      known.problem = { code, message };
      await receiving.drop();
    };
    return {
      id,
      write: async (chunk) => {
        if (known.bytesReceived + chunk.length > this.maxBytes) throw uploadTooLarge(this.maxBytes);
        if (known.bytesReceived >= lookAt) {
          lookAt += LOOK_EVERY_BYTES;
          await this.#mustHaveRoom(0);
        }
        await receiving.write(chunk).catch((error) => {
          throw this.#inOurWords(error);
        });
        known.bytesReceived += chunk.length;
      },
      finish: async (fields) => {
        if (known.bytesReceived === 0) throw badUpload('file', 'is empty', 'a file with something in it');
        try {
          await receiving.finish((path) => this.#announce(id, path, fields));
        } catch (error) {
          throw this.#inOurWords(error);
        }
        known.state = 'received';
        return this.#view(id, known);
      },
      cut,
    };
  }

  async #announce(id: string, path: string, fields: Readonly<Record<string, string>>): Promise<void> {
    try {
      const options = { id, ...(this.#fields ? { fields: this.#fields } : {}) };
      await submitJob(this.#jobsDir, { ...fields, catalog_path: path }, options);
    } catch (error) {
      throw error instanceof BacklineError && error.code === 'DUPLICATE_JOB_ID' ? uploadExists(id) : error;
    }
  }

  async #isAnnounced(id: string): Promise<boolean> {
    return (await exists(join(this.#jobsDir, `${id}.job`))) || (await exists(statusPath(this.#jobsDir, id)));
  }

  async #isTaken(id: string): Promise<boolean> {
    return (await this.#isAnnounced(id)) || (await this.#storedNames()).some((name) => partsOf(name)?.id === id);
  }

  async #storedNames(): Promise<string[]> {
    return (await readdir(this.#folder)).filter((name) => partsOf(name) !== null);
  }

  async #mustHaveRoom(bytes: number): Promise<void> {
    if (bytes > this.maxBytes + FORM_BYTES) throw uploadTooLarge(this.maxBytes);
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < bytes + this.#keepFreeBytes) throw uploadNoSpace(bavail * bsize);
  }

  #inOurWords(error: unknown): BacklineError {
    if (error instanceof BacklineError) return error;
    if (systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT') return uploadNoSpace(0);
    return unreadable(this.#folder, error);
  }

  /** What has ended and was remembered the longest goes. */
  #remember(id: string, known: Known): void {
    this.#known.delete(id);
    this.#known.set(id, known);
    const ended = [...this.#known].filter(([, { state }]) => state !== 'receiving');
    for (const [old] of ended.slice(0, Math.max(0, ended.length - REMEMBERED))) this.#known.delete(old);
  }

  async #fromDisk(stored: string): Promise<Upload | null> {
    const { id, name } = partsOf(stored)!;
    const found = await timesOf(join(this.#folder, stored));
    if (!found) return null;
    const { startedAt, bytes } = found;
    return this.#view(id, {
      ...{ name, startedAt, bytesExpected: null, bytesReceived: bytes, state: 'received', problem: null },
    });
  }

  /** A job file that was dropped by hand, or whose catalog is gone by now. */
  async #fromJobsDir(id: string): Promise<Upload | null> {
    const status = await this.#statusOf(id);
    if (!status && !(await this.#isAnnounced(id))) return null;
    const startedAt = status ? Math.round(status.start_time * 1000) : this.#clock.now();
    const nothing = { bytesExpected: null, bytesReceived: 0, problem: null };
    return this.#view(id, { name: `${id}.job`, startedAt, state: 'received', ...nothing });
  }

  async #view(id: string, known: Known): Promise<Upload> {
    const { name, startedAt, bytesExpected, bytesReceived, problem } = known;
    const status = known.state === 'received' ? await this.#statusOf(id) : null;
    const state: UploadState = status?.status ?? known.state;
    return { id, name, state, bytesReceived, bytesExpected, startedAt, status: status && { ...status }, problem };
  }

  async #statusOf(id: string) {
    // Somebody else's file under that name says nothing of ours.
    const status = await readStatus(this.#jobsDir, id).catch(() => null);
    return status && STATES.includes(status.status) && Number.isFinite(status.start_time) ? status : null;
  }
}

const STATES: readonly unknown[] = ['running', 'completed', 'failed'];

/** A form is a little longer than the file in it. */
const FORM_BYTES = 2 ** 20;

const timesOf = async (path: string): Promise<{ startedAt: number; bytes: number } | null> => {
  try {
    const { birthtimeMs, mtimeMs, size } = await stat(path);
    return { startedAt: Math.round(birthtimeMs || mtimeMs), bytes: size };
  } catch {
    return null;
  }
};
