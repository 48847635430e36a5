/**
 * Something about one file is wrong: trying again cannot help. Its code and its path are kept with the failed job. It crosses from
 * worker processes by its name (see `neverRetry`), so it needs nothing of Backline there.
 */
export class LibraryError extends Error {
  override readonly name = 'LibraryError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** For `onError` of job types. */
export const neverRetry = (error: unknown): 'never' | undefined =>
  (error as { name?: unknown } | null)?.name === 'LibraryError' ? 'never' : undefined;

/** What the system says of a path: `ENOSPC`, `EACCES`, `ENOENT` …; empty if it said nothing. */
export const systemCode = (error: unknown): string => {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : '';
};

/** The file is not there, or what should be its folder is none. */
export const isGone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(systemCode(error));
