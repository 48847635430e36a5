/** What the callers of chaos and pressure may say. */
import { parseArgs } from 'node:util';

export interface Options {
  /** How long a phase lasts, in milliseconds. */
  readonly phaseMs: number;
  /** Jobs a second, where that may be said. */
  readonly rate: number;
  /** Whether a scenario was asked for. */
  readonly wants: (name: string) => boolean;
}

/** Ends the process with a sentence if there is something wrong with them. */
export const readOptions = (names: readonly string[], defaults: { seconds: number; rate?: number }): Options => {
  const string = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: { only: string, seconds: string, ...(defaults.rate === undefined ? {} : { rate: string }) },
    }) as { values: { only?: string; seconds?: string; rate?: string } };
    const only = values.only?.split(',');
    const unknown = only?.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new RangeError(`--only: there is no "${unknown}", only ${names.join(', ')}`);
    return {
      phaseMs: 1000 * numberOf('--seconds', values.seconds, defaults.seconds),
      rate: numberOf('--rate', values.rate, defaults.rate ?? 1),
      wants: (name) => only?.includes(name) ?? true,
    };
  } catch (error) {
    process.stderr.write(`✗ ${(error as Error).message}\n`);
    process.exit(2);
  }
};

const numberOf = (name: string, given: string | undefined, standard: number): number => {
  const n = given === undefined ? standard : Number(given);
  if (!Number.isFinite(n) || n <= 0) throw new RangeError(`${name}: "${given}" is no number above 0`);
  return n;
};
