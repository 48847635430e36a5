/** Bytes → lines, within a bound of memory. */

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
const SHOWN = 200;

/** Cuts a stream of bytes into lines of UTF-8 text. A line longer than the bound ends it, with no more than the bound kept. */
export class Lines {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onTooLong: (begin: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(maxBytes: number, onLine: (line: string) => void, onTooLong: (begin: string) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (!this.#ended) {
      const to = chunk.indexOf(NEWLINE, from);
      const part = to < 0 ? chunk.subarray(from) : chunk.subarray(from, to);
      if (this.#bytes + part.length > this.#maxBytes) return this.#tooLong(part);
      if (to < 0) {
        // The system's buffer is larger than the rest of a line, and would be held by it.
        if (part.length > 0) this.#parts.push(Buffer.from(part));
        this.#bytes += part.length;
        return;
      }
      const line = this.#take(part);
      if (line.trim() !== '') this.#onLine(line);
      from = to + 1;
    }
  }

  /** Nothing more is taken. @returns what stood in a last line without an end. */
  end(): string {
    this.#ended = true;
    return this.#take(NOTHING);
  }

  #take(last: Buffer): string {
    if (this.#parts.length === 0) return last.toString('utf8');
    const line = Buffer.concat([...this.#parts, last]).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }

  #tooLong(part: Buffer): void {
    this.#ended = true;
    const begin = Buffer.concat([...this.#parts, part.subarray(0, SHOWN)].slice(0, 1)).subarray(0, SHOWN);
    this.#parts = [];
    this.#onTooLong(begin.toString('utf8'));
  }
}

/** The last bytes of a stream, as text. */
export class Tail {
  readonly #maxBytes: number;
  #bytes: Buffer = NOTHING;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.from(Buffer.concat([this.#bytes, chunk.subarray(-this.#maxBytes)]).subarray(-this.#maxBytes));
  }

  clear(): void {
    this.#bytes = NOTHING;
  }

  get text(): string {
    return this.#bytes.toString('utf8').trim();
  }
}
