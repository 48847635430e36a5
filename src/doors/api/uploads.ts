/** What the API needs of whoever takes files in; src/doors/drop/uploads.ts does it. */

/** `received`: whole, and its job file is written. `cut`: it ended too early, and nothing of it is left. */
export const UPLOAD_STATES = ['receiving', 'received', 'running', 'completed', 'failed', 'cut'] as const;
export type UploadState = (typeof UPLOAD_STATES)[number];

export interface Upload {
  /** Also the name of its job file and status file. */
  readonly id: string;
  /** The name of the file, made safe. */
  readonly name: string;
  readonly state: UploadState;
  readonly bytesReceived: number;
  /** What the sender said that the whole request has; null if it did not, or nobody knows any more. */
  readonly bytesExpected: number | null;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** What the status file of its job says; null while there is none. */
  readonly status: Readonly<Record<string, unknown>> | null;
  /** Why it was cut. */
  readonly problem: { readonly code: string; readonly message: string } | null;
}

/** An upload under way. Exactly one of `finish` and `cut` ends it. */
export interface Incoming {
  readonly id: string;
  /** Writes on; resolves when there is room for more. @throws UPLOAD_TOO_LARGE, UPLOAD_NO_SPACE. */
  write(chunk: Uint8Array): Promise<void>;
  /** The file is whole: it gets its name, and then its job file. @throws BAD_JOB_FILE, UPLOAD_EXISTS, UPLOAD_NO_SPACE. */
  finish(fields: Readonly<Record<string, string>>): Promise<Upload>;
  /** Nothing is left of it but what `get` says. */
  cut(reason: unknown): Promise<void>;
}

export interface UploadDesk {
  /** The largest file, in bytes. */
  readonly maxBytes: number;
  /** @throws BAD_UPLOAD, UPLOAD_EXISTS, UPLOAD_TOO_LARGE, UPLOAD_NO_SPACE, TOO_MANY_UPLOADS. */
  begin(file: {
    readonly id?: string | undefined;
    readonly name: string;
    readonly bytesExpected: number | null;
  }): Promise<Incoming>;
  /** @throws UPLOAD_NOT_FOUND. */
  get(id: string): Promise<Upload>;
  /** Newest first. */
  list(limit: number): Promise<readonly Upload[]>;
}
