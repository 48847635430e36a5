/**
 * What one job leaves on disk, so that a service killed at any moment goes on where it was.
 *
 * 1. `rows.ndjson` and `import.json`: the rows of the catalog, and what there is to say about them. Written under other names and
 *    renamed when whole; once they are there, the catalog is not read again.
 * 2. `part-….csv` and `checkpoint.json`: the credits so far. The checkpoint says how many bytes of which part belong to how many
 *    bytes of the rows; what was written behind that is forgotten. Each run has a part of its own, so that a process which was
 *    believed dead and wakes up again writes where nobody reads.
 * 3. `credits.csv` and `summary.json`: the end.
 */
import { randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogRow } from './catalog.ts';
import type { Counts } from './identify.ts';

/** How far the identification is. */
export interface Checkpoint {
  readonly part: string;
  readonly rowsBytes: number;
  readonly partBytes: number;
  readonly counts: Counts;
}

export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true });
  }

  get creditsFile(): string {
    return join(this.path, 'credits.csv');
  }

  get rowsFile(): string {
    return join(this.path, 'rows.ndjson');
  }

  /** What an earlier run wrote, or null. A file that is not whole counts as none. */
  async load<T>(name: 'import' | 'checkpoint' | 'summary'): Promise<T | null> {
    try {
      return JSON.parse(await readFile(join(this.path, `${name}.json`), 'utf8')) as T;
    } catch (error) {
      if (error instanceof SyntaxError || (error as { code?: string }).code === 'ENOENT') return null;
      throw error;
    }
  }

  async save(name: 'import' | 'checkpoint' | 'summary', value: unknown): Promise<void> {
    const temporary = this.#temporary(name);
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(JSON.stringify(value, null, 2));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.path, `${name}.json`));
  }

  /** Writes the rows under another name; `done` gives them their own. */
  async writeRows(): Promise<{ write(text: string): Promise<void>; done(): Promise<void>; close(): Promise<void> }> {
    const temporary = this.#temporary('rows');
    const file = await open(temporary, 'wx');
    return {
      write: (text) => file.appendFile(text),
      done: async () => {
        await file.sync();
        await rename(temporary, this.rowsFile);
      },
      close: () => file.close(),
    };
  }

  /** Rows from a position in bytes, each with the position behind it. */
  async *readRows(from: number): AsyncGenerator<{ readonly row: CatalogRow; readonly end: number }> {
    let rest: Buffer = Buffer.alloc(0);
    let start = from;
    for await (const chunk of createReadStream(this.rowsFile, { start: from }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
        yield { row: JSON.parse(bytes.toString('utf8', at, end)) as CatalogRow, end: start + end + 1 };
        at = end + 1;
      }
      rest = bytes.subarray(at);
      start += at;
    }
  }

  /** A new part, with as much of an earlier one as its checkpoint vouches for. */
  async continuePart(
    checkpoint: Checkpoint | null,
  ): Promise<{ readonly name: string; readonly file: FileHandle; readonly kept: boolean }> {
    const name = `part-${randomBytes(6).toString('hex')}.csv`;
    const path = join(this.path, name);
    const kept = checkpoint !== null && (await this.#copyPart(checkpoint, path));
    return { name, file: await open(path, kept ? 'a' : 'w'), kept };
  }

  async #copyPart({ part, partBytes }: Checkpoint, to: string): Promise<boolean> {
    try {
      await copyFile(join(this.path, part), to, constants.COPYFILE_FICLONE);
      await truncate(to, partBytes);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** The part is whole: it becomes the result. */
  async finish(part: string, summary: unknown): Promise<void> {
    await rename(join(this.path, part), this.creditsFile);
    await this.save('summary', summary);
  }

  /** Removes what only a resumed run would need. */
  async tidy(): Promise<void> {
    const kept = new Set(['credits.csv', 'summary.json']);
    for (const name of await readdir(this.path)) if (!kept.has(name)) await rm(join(this.path, name), { force: true });
  }

  #temporary(name: string): string {
    return join(this.path, `${name}-${randomBytes(6).toString('hex')}.tmp`);
  }
}
