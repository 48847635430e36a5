/**
 * One scheduler works on a folder at a time, whatever database each has.
 *
 * 1. The lock is a file with the holder's name in it, made by a hard link, which fails if there is one.
 * 2. The holder touches it while it lives. Another takes it over once its process is known to be gone (same host), or once it has
 *    not been touched for a while (another host, whose processes cannot be seen).
 * 3. Two that take over at the same time cannot both win: the taking is a rename, what was taken is looked at, and the winner
 *    waits a moment and looks again. The holder looks at the lock before every round.
 */
import { randomUUID } from 'node:crypto';
import { readFile, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../job/check.ts';
import type { Clock } from '../../util/clock.ts';
import { hasEnded, markOf, type ProcessMark } from '../../util/process.ts';
import { sleep } from '../../util/sleep.ts';
import { identityOf, moveIfSame, systemCode, writeWhole } from './files.ts';

/** Who holds a folder. */
export interface Holder extends ProcessMark {
  /** Tells holders apart that live in one process. */
  readonly token: string;
  /** ISO time, for people. */
  readonly since: string;
}

export const LOCK_NAME = '.backline-drop.lock';
const TOUCH_EVERY_MS = 5000;
const SILENT_MS = 30_000;
const LOOK_AGAIN_MS = 200;

export class FolderLock {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #me: Holder;
  #held = false;
  #touchedAt = Number.NEGATIVE_INFINITY;
  #silent: { readonly version: string; readonly since: number } | null = null;

  constructor(folder: string, clock: Clock) {
    this.#path = join(folder, LOCK_NAME);
    this.#clock = clock;
    this.#me = { token: randomUUID(), ...markOf(process.pid), since: new Date(clock.now()).toISOString() };
  }

  /** Takes the lock, or makes sure that it is still held. @returns null if it is ours, else whoever has it. */
  async hold(): Promise<Holder | 'somebody' | null> {
    const current = await this.#read();
    if (current && current.holder?.token === this.#me.token) {
      await this.#touch();
      this.#held = true;
      return null;
    }
    this.#held = false;
    if (current && !(await this.#takeAway(current))) return current.holder ?? 'somebody';
    return this.#create();
  }

  /** Gives the lock back, if it is ours. */
  async release(): Promise<void> {
    if (!this.#held) return;
    this.#held = false;
    const current = await this.#read();
    if (current?.holder?.token === this.#me.token) await unlink(this.#path);
  }

  async #create(): Promise<Holder | 'somebody' | null> {
    try {
      await writeWhole(this.#path, `${JSON.stringify(this.#me, null, 2)}\n`, { keep: true });
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return 'somebody';
      throw error;
    }
    await sleep(LOOK_AGAIN_MS, { keepAlive: false });
    const current = await this.#read();
    this.#held = current?.holder?.token === this.#me.token;
    return this.#held ? null : (current?.holder ?? 'somebody');
  }

  /** Removes the lock of a holder that is gone. @returns false if it must be respected. */
  async #takeAway(current: Current): Promise<boolean> {
    if (!this.#isGone(current)) return false;
    const aside = `${this.#path}.${this.#me.token}.tmp`;
    if (await moveIfSame(this.#path, current.identity, aside)) await unlink(aside);
    return true;
  }

  #isGone({ holder, version }: Current): boolean {
    if (holder && hasEnded(holder)) return true;
    // It can be seen to live, however long its event loop has been busy.
    if (holder?.pidStart && markOf(holder.pid).pidStart === holder.pidStart) return false;
    const now = this.#clock.monotonic();
    if (this.#silent?.version !== version) this.#silent = { version, since: now };
    return now - this.#silent.since >= SILENT_MS;
  }

  async #touch(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#touchedAt < TOUCH_EVERY_MS) return;
    this.#touchedAt = now;
    const at = this.#clock.now() / 1000;
    await utimes(this.#path, at, at);
  }

  async #read(): Promise<Current | null> {
    try {
      const stats = await stat(this.#path, { bigint: true });
      const identity = identityOf(stats);
      return {
        identity,
        version: `${identity.ino} ${identity.mtimeNs}`,
        holder: parseHolder(await readFile(this.#path, 'utf8')),
      };
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  }
}

interface Current {
  readonly identity: ReturnType<typeof identityOf>;
  readonly version: string;
  /** null if the file does not say. */
  readonly holder: Holder | null;
}

const parseHolder = (text: string): Holder | null => {
  try {
    const value: unknown = JSON.parse(text);
    const { token, pid, host } = isRecord(value) ? value : {};
    return typeof token === 'string' && typeof host === 'string' && Number.isInteger(pid) ? (value as Holder) : null;
  } catch {
    return null;
  }
};
