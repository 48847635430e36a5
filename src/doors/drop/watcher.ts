/**
 * The file-drop door: `*.job` files in, `*.status` files out.
 *
 * 1. A round looks at the folder; rounds come at every poll, and sooner when something hints at a change.
 * 2. A job file that has been left alone for a moment is taken in: status `running`, then the job (intake.ts).
 * 3. A job that was taken in is followed: its status file is rewritten until it is final, then the job file goes (report.ts).
 * 4. Nothing is remembered that matters: after a crash, the folder and the database say what is left to do.
 */
import { type BigIntStats, type FSWatcher, watch } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadable } from '../../job/errors.ts';
import type { Clock } from '../../util/clock.ts';
import { sleep } from '../../util/sleep.ts';
import { isLeftBehind, systemCode, tidy } from './files.ts';
import { FolderLock } from './folder-lock.ts';
import { Followed } from './followed.ts';
import { findUnfinished, takeIn } from './intake.ts';
import { isSafeStem, stemOf } from './job-file.ts';
import { Problems } from './problems.ts';
import { report } from './report.ts';
import type { DropClient, Room } from './room.ts';
import { checkSchedulerOptions, type JobSchedulerOptions } from './scheduler-options.ts';
import { Settling } from './settling.ts';
import { loadStatus, statusStemOf } from './status-file.ts';

/** Files taken in at a time, and statuses adopted at a time: enough to be fast, few enough to stay polite. */
const AT_ONCE = 8;
const FILES_A_ROUND = 500;
const ADOPTED_A_ROUND = 2000;
const TIDY_EVERY_MS = 60_000;
/** Hints do not make rounds more frequent than this. */
const SHORTEST_PAUSE_MS = 100;

/**
 * Watches a folder and turns each job file into one durable job.
 *
 * @example
 * const scheduler = new JobScheduler(manager, { jobsDir: 'data/jobs', jobType: 'catalog' });
 * await scheduler.start();
 */
export class JobScheduler {
  readonly #room: Room;
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #settleMs: number;
  readonly #lock: FolderLock;
  readonly #problems: Problems;
  readonly #settling: Settling;
  readonly #followed = new Followed();
  readonly #stop = new AbortController();
  readonly #unsafe = new Set<string>();
  #pause = new AbortController();
  #standsBy: string | null = null;
  #holds = false;
  #tidiedAt = 0;
  /** Stems of the status files that were there when the folder was taken over; they may speak of jobs that go on. */
  #toAdopt: string[] = [];
  #hints: FSWatcher | null = null;
  #loop: Promise<void> | null = null;

  /** @throws UNKNOWN_OPTION, INVALID_OPTION. */
  constructor(client: DropClient, options: JobSchedulerOptions = {}) {
    const { pollMs, settleMs, room } = checkSchedulerOptions(client, options);
    this.#pollMs = pollMs;
    this.#settleMs = settleMs;
    this.#room = room;
    this.#clock = room.clock;
    this.#lock = new FolderLock(room.folder, room.clock);
    this.#problems = new Problems(room.clock, (kind, message, error) => room.say({ kind, message, error }));
    this.#settling = new Settling(room.clock);
  }

  /**
   * Makes the folder if need be and begins to watch it. A second call does nothing.
   * @throws UNREADABLE if there can be no such folder.
   */
  async start(): Promise<void> {
    if (this.#loop || this.#stop.signal.aborted) return;
    const { folder, client } = this.#room;
    try {
      await mkdir(folder, { recursive: true });
      await readdir(folder);
    } catch (error) {
      throw unreadable(folder, error);
    }
    client.on('job-status-changed', this.#hear);
    client.on('job-progress', this.#hear);
    this.#listen();
    this.#loop = this.#run();
  }

  /** Stops watching, after the round under way. Jobs go on; their files are looked after again at the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#pause.abort();
    this.#hints?.close();
    this.#room.client.off('job-status-changed', this.#hear);
    this.#room.client.off('job-progress', this.#hear);
    await this.#loop;
    await this.#lock.release().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#pause = new AbortController();
      await this.#try(this.#room.folder, () => this.#round());
      await sleep(Math.min(SHORTEST_PAUSE_MS, this.#pollMs), { signal });
      await sleep(Math.max(0, this.#pollMs - SHORTEST_PAUSE_MS), {
        signal: AbortSignal.any([signal, this.#pause.signal]),
      });
    }
  }

  /** Does one thing; what fails is said once and tried again later. */
  async #try(what: string, act: () => Promise<void>): Promise<boolean> {
    if (this.#problems.mustWait(what)) return false;
    try {
      await act();
      this.#problems.worked(what);
      return true;
    } catch (error) {
      // The folder may have been removed under us; a job file may vanish at any time.
      if (systemCode(error) === 'ENOENT') await mkdir(this.#room.folder, { recursive: true }).catch(() => {});
      this.#problems.failed(what, error);
      return false;
    }
  }

  async #round(): Promise<void> {
    const { folder } = this.#room;
    if (!(await this.#hold())) return;
    const names = await readdir(folder);
    await this.#tidy(names.some(isLeftBehind));
    this.#problems.keepOnly(
      (what) => what === folder || names.includes(what) || this.#followed.has(stemOf(what) ?? ''),
    );
    await this.#takeInAll(names.flatMap((name) => this.#stemOf(name)));
    await this.#adopt();
    await eachOf(this.#followed.turn(), async (drop) => {
      await this.#try(`${drop.stem}.job`, async () => {
        if (await report(this.#room, drop)) this.#followed.ended(drop);
      });
    });
  }

  /** Whether this scheduler works on the folder now. One that waits says so once. */
  async #hold(): Promise<boolean> {
    const { folder, say } = this.#room;
    const other = await this.#lock.hold();
    if (other) {
      const who = other === 'somebody' ? 'another scheduler' : `process ${other.pid} on ${other.host}`;
      if (this.#standsBy !== who)
        say({ kind: 'standby', message: `${folder} is looked after by ${who}; standing by.` });
      this.#standsBy = who;
      this.#holds = false;
      this.#followed.clear();
      return false;
    }
    if (this.#holds) return true;
    this.#holds = true;
    this.#standsBy = null;
    await this.#tidy(true);
    this.#toAdopt = (await readdir(folder)).flatMap((name) => statusStemOf(name) ?? []);
    say({ kind: 'holding', message: `Watching ${folder} for *.job files.` });
    return true;
  }

  /** Now and then, and when there is something that must not wait. */
  async #tidy(now: boolean): Promise<void> {
    const { folder, clock } = this.#room;
    if (!now && clock.monotonic() - this.#tidiedAt < TIDY_EVERY_MS) return;
    this.#tidiedAt = clock.monotonic();
    await tidy(folder, clock.now());
  }

  #stemOf(name: string): string[] {
    const stem = stemOf(name);
    if (stem === null) return [];
    if (isSafeStem(stem)) return [stem];
    if (!this.#unsafe.has(name)) {
      const message = `The name ${JSON.stringify(name)} cannot be used for a job: give it a plain name of at most 200 bytes.`;
      this.#room.say({ kind: 'ignored', message, file: name });
    }
    this.#unsafe.add(name);
    return [];
  }

  /** Takes in the files that nobody follows yet, the oldest first. */
  async #takeInAll(stems: readonly string[]): Promise<void> {
    this.#settling.keepOnly(new Set(stems));
    const found: { stem: string; stats: BigIntStats; quietMs: number }[] = [];
    await eachOf(
      stems.filter((stem) => !this.#followed.has(stem)),
      async (stem) => {
        const stats = await lstat(join(this.#room.folder, `${stem}.job`), { bigint: true }).catch(() => null);
        if (!stats) return;
        const quietMs = this.#settling.quietMs(stem, stats);
        if (quietMs >= this.#settleMs) found.push({ stem, stats, quietMs });
      },
    );
    found.sort((a, b) => Number(a.stats.mtimeNs - b.stats.mtimeNs));
    await eachOf(found.slice(0, FILES_A_ROUND), async ({ stem, stats, quietMs }) => {
      await this.#try(`${stem}.job`, async () => {
        const answer = await takeIn(this.#room, stem, stats, quietMs);
        if (typeof answer === 'object') this.#followed.add(answer);
      });
    });
  }

  /** After a crash, jobs whose file has vanished have only their status file to be found by. */
  async #adopt(): Promise<void> {
    const some = this.#toAdopt.splice(0, ADOPTED_A_ROUND);
    if (this.#toAdopt.length > 0) this.#pause.abort();
    await eachOf(some, async (stem) => {
      if (!(await this.#try(`${stem}.status`, () => this.#adoptOne(stem)))) this.#toAdopt.push(stem);
    });
  }

  async #adoptOne(stem: string): Promise<void> {
    if (this.#followed.has(stem)) return;
    const status = await loadStatus(this.#room.folder, stem);
    const drop = await findUnfinished(this.#room, stem, status);
    if (drop) this.#followed.add(drop);
    else this.#followed.remember(stem, status?.job_id);
  }

  /** Events are hints: they make the next round come sooner, and look at this job in it. */
  readonly #hear = ({ jobId }: { readonly jobId: string }): void => {
    if (this.#holds && this.#followed.touch(jobId, this.#clock.now() / 1000)) this.#pause.abort();
  };

  #listen(): void {
    try {
      this.#hints = watch(this.#room.folder, { persistent: false }, (_, name) => {
        if (name === null || stemOf(name) !== null) this.#pause.abort();
      });
      this.#hints.on('error', () => this.#hints?.close());
    } catch {
      this.#hints = null; // Not every file system can tell; the poll does not depend on it.
    }
  }
}

const eachOf = async <T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> => {
  let next = 0;
  const take = async () => {
    while (next < items.length) await act(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, take));
};
