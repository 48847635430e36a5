/** What the processes of a load write down, one JSON line per fact, at once: what was noted before a kill is known after it. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

export type Note =
  /** A job is due to be handed in. */
  | { readonly kind: 'asked'; readonly id: string; readonly at: number }
  /** The store has said that it is there. */
  | { readonly kind: 'acknowledged'; readonly id: string; readonly at: number }
  | { readonly kind: 'begun'; readonly id: string; readonly claim: number; readonly at: number }
  | { readonly kind: 'ended'; readonly id: string; readonly claim: number; readonly at: number }
  /** What the manager told of itself. */
  | { readonly kind: 'event'; readonly name: string; readonly at: number; readonly text?: string }
  /** What should never happen. */
  | { readonly kind: 'fault'; readonly text: string; readonly at: number };

/** Milliseconds on a clock that all processes of this machine share, and that never jumps. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export const noteTo = (file: string): ((note: Note) => void) => {
  const opened = openSync(file, 'a');
  return (note) => void writeSync(opened, `${JSON.stringify(note)}\n`);
};

/** Reads on from where it stopped. */
export class Notes {
  readonly #opened: number;
  #read = 0;
  #rest = '';

  constructor(file: string) {
    this.#opened = openSync(file, 'a+');
  }

  next(): Note[] {
    const more = fstatSync(this.#opened).size - this.#read;
    if (more <= 0) return [];
    const bytes = Buffer.alloc(more);
    this.#read += readSync(this.#opened, bytes, 0, more, this.#read);
    const lines = (this.#rest + bytes.toString('latin1')).split('\n');
    // The last line of a killed process may be torn.
    this.#rest = lines.pop()!;
    return lines.map((line) => JSON.parse(line) as Note);
  }

  close(): void {
    closeSync(this.#opened);
  }
}
