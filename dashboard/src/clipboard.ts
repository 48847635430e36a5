import { toast, toastTrouble } from './toasts.ts';

/** @param what as the message names it: `The id`. */
export const copy = async (text: string, what: string): Promise<void> => {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} was copied.`);
  } catch (error) {
    toastTrouble(`${what} could not be copied`, error);
  }
};

/** As a POSIX shell must have it. */
export const shellText = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
