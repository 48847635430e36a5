import { BacklineError } from '../../job/backline-error.ts';

export const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof BacklineError && codes.includes(error.code);

/** What the client answers with a word, the API answers with an error. */
export const orIf = async <T>(codes: readonly string[], instead: T, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask();
  } catch (error) {
    if (hasCode(error, codes)) return instead;
    throw error;
  }
};
