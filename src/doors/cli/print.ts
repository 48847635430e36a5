/**
 * What the command line says: data on standard output, talk and errors on standard error. With `--json`, data are objects, one a
 * line, each with `v` (the version of the shape) and `kind`.
 */
import { styleText } from 'node:util';
import type { ResolvedSetting } from '../../config/settings.ts';
import { BacklineError } from '../../job/backline-error.ts';

type Style = Parameters<typeof styleText>[0];
type Stream = NodeJS.WriteStream;

const VERSION = 1;

/** Where the value of a setting came from: a flag, a variable or a file. */
type Origin = Pick<ResolvedSetting, 'from' | 'place'> & { readonly name: string };

export interface OutputOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

export class Output {
  readonly json: boolean;
  readonly #debug: boolean;
  readonly #out: Stream;
  readonly #err: Stream;
  readonly #closed = new AbortController();
  #progressing = false;
  #origins: readonly Origin[] = [];

  constructor({ json, debug }: OutputOptions, out: Stream = process.stdout, err: Stream = process.stderr) {
    this.json = json;
    this.#debug = debug;
    this.#out = out;
    this.#err = err;
    // The reader went away, as `head` does: that is no error, there is only nobody left to write for.
    const onError = (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.#closed.abort();
    };
    out.on('error', onError);
    err.on('error', onError);
  }

  /** Fires when nobody reads our output any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** From here on, an error about a setting says where its value came from. */
  knowOrigins(origins: readonly Origin[]): void {
    this.#origins = origins;
  }

  /** One line of data. Resolves when there is room for more. */
  data(line: string): Promise<void> {
    return this.#write(this.#out, `${line}\n`);
  }

  /** The same data for a program (`--json`) or for a person. */
  record(kind: string, fields: object, line: () => string): Promise<void> {
    return this.data(this.json ? JSON.stringify({ v: VERSION, kind, ...fields }) : line());
  }

  /** Something for a person beside the data. */
  talk(line: string): void {
    this.progress(null);
    void this.#write(this.#err, `${line}\n`);
  }

  /** A line that is written over and over, on a terminal only; null wipes it. */
  progress(line: string | null): void {
    if (!this.#err.isTTY || (line === null && !this.#progressing)) return;
    this.#progressing = line !== null;
    void this.#write(this.#err, `\r\u001b[2K${line === null ? '' : clip(line, this.#err.columns - 1)}`);
  }

  /** What happened, where, and what to do next; the stack only with `--debug`. */
  error(error: unknown): void {
    this.progress(null);
    void this.#write(
      this.#err,
      `${this.json ? JSON.stringify(errorRecord(error, this.#originOf(error))) : this.#errorText(error)}\n`,
    );
    if (this.#debug && error instanceof Error) void this.#write(this.#err, `${stackOf(error)}\n`);
  }

  /** Text in a style, where the terminal shows it and NO_COLOR does not forbid it. */
  paint(style: Style, text: string, to: 'data' | 'talk' = 'data'): string {
    return styleText(style, text, { stream: to === 'data' ? this.#out : this.#err });
  }

  /** Characters that fit into one line of data, or null where lines have no end. */
  get width(): number | null {
    return this.#out.isTTY ? this.#out.columns : null;
  }

  #errorText(error: unknown): string {
    const { code, message, allowed, next, causes } = errorParts(error);
    const lines = [`${this.paint('red', '✗', 'talk')} ${this.paint('bold', code, 'talk')}  ${clean(message)}`];
    const origin = this.#originOf(error);
    if (origin) lines.push(`  from ${clean(origin)}`);
    if (allowed) lines.push(`  Allowed: ${clean(allowed)}`);
    lines.push(...causes.map((cause) => `  because: ${clean(cause)}`));
    if (next) lines.push(`  → ${clean(next)}`);
    return lines.join('\n');
  }

  #originOf(error: unknown): string | undefined {
    const field = error instanceof BacklineError ? error.field : undefined;
    // `schedules[2].cron` is about `schedules`.
    const about = field?.split('[')[0];
    return this.#origins.find(({ name, from }) => name === about && from !== 'default')?.place;
  }

  #write(stream: Stream, text: string): Promise<void> {
    if (this.#closed.signal.aborted || stream.write(text)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        this.#closed.signal.removeEventListener('abort', done);
        resolve();
      };
      stream.on('drain', done);
      this.#closed.signal.addEventListener('abort', done);
    });
  }
}

interface ErrorParts {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly found?: string;
  readonly allowed?: string;
  readonly next?: string;
  readonly causes: readonly string[];
}

/** The sentence, the allowed values and the next step apart; an error's message holds all three. */
const errorParts = (error: unknown): ErrorParts => {
  const causes = causesOf(error);
  if (!(error instanceof BacklineError)) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return {
      code: 'UNEXPECTED',
      message,
      next: 'This is a mistake in backline: run it again with --debug and report it.',
      causes,
    };
  }
  const { code, field, found, allowed, next } = error;
  const cut = (text: string, end: string | undefined) =>
    end && text.endsWith(end) ? text.slice(0, -end.length).trimEnd() : text;
  const message = cut(cut(error.message, next), allowed && `Allowed: ${allowed}.`);
  return { code, message, field, found, allowed, next, causes: causes.filter((cause) => !message.includes(cause)) };
};

const causesOf = (error: unknown): string[] => {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause instanceof Error && causes.length < 10) {
    causes.push(cause.message || cause.name);
    cause = cause.cause;
  }
  return causes;
};

const errorRecord = (error: unknown, from: string | undefined): object => {
  const { causes, ...parts } = errorParts(error);
  return { v: VERSION, kind: 'error', ...parts, from, ...(causes.length > 0 ? { causes } : {}) };
};

const stackOf = (error: Error): string =>
  `${error.stack ?? error.message}${error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''}`;

/** A column: its heading and what stands in it. */
export type Row = Readonly<Record<string, string | number | null>>;

/** Rows as a table with aligned columns; numbers to the right. @param width cuts the last column so that lines fit. */
export const table = (rows: readonly Row[], width: number | null): string[] => {
  const names = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => names.map((name) => clean(String(row[name] ?? '–').replace(/\s+/g, ' '))));
  const widths = names.map((name, i) => Math.max(name.length, ...cells.map((line) => line[i]!.length)));
  const isNumber = names.map((name) => rows.every((row) => typeof row[name] === 'number'));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => (isNumber[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(names), ...cells.map(line)].map((text) => (width === null ? text : clip(text, width)));
};

export const clip = (text: string, width: number): string =>
  text.length > width && width > 1 ? `${text.slice(0, width - 1)}…` : text;

/** Control characters of stored text could move the cursor or change the terminal: they are shown, not obeyed. */
export const clean = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => {
    if (character === '\n' || character === '\t') return character;
    return character === '\u001b' ? '␛' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });

/** An instant for people: UTC, to the second. Never the machine's zone. */
export const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;

/** An instant for programs. */
export const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const STEPS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** A length of time for people: its largest unit, rounded down. */
export const span = (ms: number): string => {
  const [size, unit] = STEPS.find(([size]) => ms >= size) ?? [1, 'ms'];
  return `${Math.floor(ms / size)} ${unit}`;
};

const SIZES: readonly (readonly [bytes: number, unit: string])[] = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];

export const bytes = (n: number): string => {
  const [size, unit] = SIZES.find(([size]) => n >= size) ?? [1, 'B'];
  return `${size === 1 ? n : (n / size).toFixed(n / size < 10 ? 1 : 0)} ${unit}`;
};

/** `1 job`, `2 jobs`, with thousands parted. */
export const count = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
