/**
 * The records of a CSV file of any size. A record that is broken costs its own line and no other: where a quote is never closed,
 * or a record is longer than any row can be, reading goes on behind the line on which it began.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Info, type Parser, parse } from 'csv-parse';

/** A record and the line on which it ends, or the line that could not be read and why. */
export type CsvItem =
  | { readonly line: number; readonly record: readonly string[] }
  | { readonly line: number; readonly reason: string };

export interface CsvFormat {
  readonly delimiter: string;
  /** Two bytes a character: a broken record ends the reading there, for its lines cannot be told apart byte by byte. */
  readonly wide: boolean;
}

export const MAX_RECORD_BYTES = 1_048_576;

export class CsvRecords {
  readonly #path: string;
  readonly #format: CsvFormat;
  readonly #signal: AbortSignal | undefined;
  #offset = 0;
  #read = 0;
  #source: ReadStream | null = null;

  constructor(path: string, format: CsvFormat, signal?: AbortSignal) {
    this.#path = path;
    this.#format = format;
    this.#signal = signal;
  }

  /** How far the file has been read, in bytes. */
  get bytesRead(): number {
    return this.#source ? this.#offset + this.#source.bytesRead : this.#read;
  }

  async *items(): AsyncGenerator<CsvItem> {
    for (let line = 0; ; ) {
      const broken = yield* this.#piece(line);
      if (!broken) return;
      const next = this.#format.wide ? null : await skipLine(this.#path, this.#offset + broken.bytes);
      yield { line: line + broken.lines + (next?.lines ?? 1), reason: broken.reason };
      if (!next?.more) return;
      line += broken.lines + next.lines;
      this.#offset += broken.bytes + next.bytes;
    }
  }

  /** Records from the offset to the end of the file, or to the first that is broken. */
  async *#piece(line: number): AsyncGenerator<CsvItem, Broken | null> {
    const piece = new Piece(this.#path, this.#offset, this.#format, this.#signal);
    this.#source = piece.source;
    try {
      for await (const { record, info } of piece.parser as AsyncIterable<{ record: string[]; info: Info }>) {
        yield { line: line + info.lines, record };
        if (piece.isLastBeforeBroken()) break;
      }
      return piece.broken;
    } finally {
      piece.close();
      this.#read = this.bytesRead;
      this.#source = null;
    }
  }
}

/** What came before a broken record, counted from the start of the piece. */
interface Broken {
  readonly records: number;
  readonly bytes: number;
  readonly lines: number;
  readonly reason: string;
}

/** One parser on one part of the file. */
class Piece {
  readonly source: ReadStream;
  readonly parser: Parser;
  broken: Broken | null = null;
  #made = 0;
  #taken = 0;
  #good = { bytes: 0, lines: 0 };

  constructor(path: string, start: number, { delimiter }: CsvFormat, signal: AbortSignal | undefined) {
    this.source = createReadStream(path, { start, signal });
    this.parser = parse({
      bom: true,
      delimiter,
      info: true,
      ltrim: true,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      max_record_size: MAX_RECORD_BYTES,
      on_record: (record, { bytes, lines }) => {
        this.#made++;
        this.#good = { bytes, lines };
        return record;
      },
      on_skip: (error) => {
        this.#break(error?.code);
        return undefined;
      },
    });
    this.source.on('error', (error) => this.parser.destroy(error));
    this.source.pipe(this.parser);
  }

  /** Whether all that can be had of this piece has been taken. */
  isLastBeforeBroken(): boolean {
    this.#taken++;
    return this.broken !== null && this.#taken >= this.broken.records;
  }

  close(): void {
    this.source.destroy();
    this.parser.destroy();
  }

  /** The parser would drop what follows in silence: it is stopped, with the records in hand still to be taken. */
  #break(code: string | undefined): void {
    if (this.broken) return;
    const reason =
      code === 'CSV_MAX_RECORD_SIZE'
        ? `the row is longer than ${MAX_RECORD_BYTES} bytes; a quote may be missing`
        : 'a quote that opens here is never closed';
    this.broken = { ...this.#good, records: this.#made, reason };
    setImmediate(() => {
      this.source.destroy();
      this.parser.end();
    });
  }
}

const CHUNK_BYTES = 65_536;

/** Skips empty lines and the first line that is not. */
const skipLine = async (
  path: string,
  from: number,
): Promise<{ readonly bytes: number; readonly lines: number; readonly more: boolean }> => {
  const file: FileHandle = await open(path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let [bytes, lines, within, after] = [0, 1, false, 0];
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, from + bytes);
      if (bytesRead === 0) return { bytes, lines, more: false };
      for (let i = 0; i < bytesRead; i++, bytes++) {
        const byte = chunk[i];
        const isEnd = byte === 10 || byte === 13;
        if (within && isEnd) {
          const pair = byte === 13 && (await file.read(Buffer.alloc(1), 0, 1, from + bytes + 1)).buffer[0] === 10;
          return { bytes: bytes + (pair ? 2 : 1), lines, more: true };
        }
        if (isEnd && !(byte === 10 && after === 13)) lines++;
        if (!isEnd) within = true;
        after = byte ?? 0;
      }
    }
  } finally {
    await file.close();
  }
};
