/** How far something is: one line that changes on a terminal, a line now and then in a log. */
export class Progress {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  readonly #now: () => number;
  #label = '';
  #saidAt = Number.NEGATIVE_INFINITY;
  #last = '';
  /** What is to be shown yet. */
  #pending: string | null = null;

  constructor(stream: { write(text: string): unknown; readonly isTTY?: boolean }, now = () => performance.now()) {
    this.#write = (text) => void stream.write(text);
    this.#isTerminal = stream.isTTY === true;
    this.#now = now;
  }

  update(label: string, done: number, total: number, more = ''): void {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    const line = `${label.padEnd(10)} ${String(percent).padStart(3)} %  ${done} of ${total}${more && `  ${more}`}`;
    const everyMs = this.#isTerminal ? 100 : 2000;
    const isNew = label !== this.#label;
    if (isNew) this.end();
    this.#label = label;
    if (line === this.#last || (!isNew && this.#now() - this.#saidAt < everyMs)) {
      this.#pending = line === this.#last ? null : line;
      return;
    }
    this.#say(line);
  }

  /** The last state is always shown. */
  end(): void {
    if (this.#pending !== null) this.#say(this.#pending);
    if (this.#isTerminal && this.#last !== '') this.#write('\n');
    this.#label = '';
    this.#last = '';
    this.#saidAt = Number.NEGATIVE_INFINITY;
  }

  #say(line: string): void {
    this.#write(this.#isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
    this.#last = line;
    this.#saidAt = this.#now();
    this.#pending = null;
  }
}
