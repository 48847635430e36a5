/** The one kind of error that users meet, and how its codes are defined. The errors themselves are in errors.ts. */

/** What an error says: what was found, what is allowed, and the next step. */
export interface ErrorDetails {
  /** One sentence: what happened. */
  readonly message: string;
  /** The option, setting, argument or payload path at fault. */
  readonly field?: string;
  /** The value that was found, shortened. */
  readonly found?: string;
  /** The values that are allowed. */
  readonly allowed?: string;
  /** What the reader can do next. */
  readonly next?: string;
}

/** An error with a stable code. Its message holds every detail, so that a bare log line is enough. */
export class BacklineError extends Error {
  override readonly name: string = 'BacklineError';
  readonly code: string;
  readonly field: string | undefined;
  readonly found: string | undefined;
  readonly allowed: string | undefined;
  readonly next: string | undefined;
  readonly #details: ErrorDetails;

  constructor(code: string, details: ErrorDetails, cause?: unknown) {
    super(sentence(details), cause === undefined ? undefined : { cause });
    this.#details = details;
    this.code = code;
    this.field = details.field;
    this.found = details.found;
    this.allowed = details.allowed;
    this.next = details.next;
  }

  /** @internal What it was made of: its message without what is allowed and the next step. */
  get details(): ErrorDetails {
    return this.#details;
  }

  /** @internal The same error about a field that has another name where the value came from. */
  about(field: string): BacklineError {
    return new BacklineError(this.code, { ...this.#details, field }, this);
  }

  /** @internal The same error about one item of a list. */
  at(item: string): BacklineError {
    const { message, field = 'type' } = this.#details;
    return new BacklineError(
      this.code,
      { ...this.#details, message: `${item}: ${message}`, field: `${item}.${field}` },
      this,
    );
  }
}

const sentence = ({ message, allowed, next }: ErrorDetails): string =>
  [message, allowed && `Allowed: ${allowed}.`, next].filter(Boolean).join(' ');

/** Codes in use, in the order of their definition; the test for docs/errors.md reads them. */
export const codes: string[] = [];

/** Defines an error: its code, which never changes, and what it says. */
export const error = <A extends unknown[]>(code: string, say: (...args: A) => ErrorDetails & { cause?: unknown }) => {
  codes.push(code);
  return (...args: A): BacklineError => {
    const { cause, ...details } = say(...args);
    return new BacklineError(code, details, cause);
  };
};
