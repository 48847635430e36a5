/**
 * Functions that were given in place of a job type. They live in the memory of this process, under a job type that only this
 * process serves: so no other process takes their jobs, and what a dead process left is told apart from what is alive.
 */
import { BacklineError } from '../job/backline-error.ts';
import { job } from '../job/define.ts';
import { functionLost } from '../job/errors.ts';
import { encodeResult } from '../job/payload.ts';

const RESERVED = 'function';

/** Whether a job type stands for the functions of some process. */
export const isFunctionType = (type: string): boolean => type === RESERVED || type.startsWith(`${RESERVED}.`);

/** What is stored of a function: its name for people, and where it is in the memory of its process. */
export interface FunctionPayload {
  readonly function: string;
  readonly entry: number;
}

interface Entry {
  readonly func: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** It recurs: the end of one job is not its end. */
  readonly recurs: boolean;
}

export class Functions {
  /** The job type of this process's functions. */
  readonly type: string;
  readonly #maxResultBytes: number;
  readonly #entries = new Map<number, Entry>();
  readonly #entryOf = new Map<string, number>();
  #last = 0;

  /**
   * @param boot tells this process from others on the same database; null where there are none.
   * @param maxResultBytes a larger result is not kept.
   */
  constructor(boot: string | null, maxResultBytes = 1024 * 1024) {
    this.type = boot === null ? RESERVED : `${RESERVED}.${boot}`;
    this.#maxResultBytes = maxResultBytes;
  }

  /** @param recurs whether it is kept until it is dropped, and not until the end of its job. */
  add(func: Entry['func'], args: readonly unknown[], recurs = false): FunctionPayload {
    const entry = ++this.#last;
    this.#entries.set(entry, { func, args, recurs });
    return { function: nameOf(func), entry };
  }

  /** The job of an entry, once it is known: then the entry goes when its job ends. */
  belongs({ entry }: FunctionPayload, jobId: string): void {
    if (this.#entries.get(entry)?.recurs === false) this.#entryOf.set(jobId, entry);
  }

  /** The job was not stored, or recurs no more. */
  drop({ entry }: FunctionPayload): void {
    this.#entries.delete(entry);
  }

  ended(jobId: string): void {
    this.#entries.delete(this.#entryOf.get(jobId) ?? 0);
    this.#entryOf.delete(jobId);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * A function promised no result that JSON can hold: what cannot be kept is left out, and the job has completed all the same. It
   * is run once unless the caller says otherwise, and for as long as it takes.
   */
  jobType() {
    return job({
      maxAttempts: 1,
      timeout: false,
      onError: verdictOf,
      run: async (payload: FunctionPayload, ctx) => {
        this.belongs(payload, ctx.job.id);
        const found = this.#entries.get(payload.entry);
        if (!found) throw functionLost(payload.function);
        return this.#storable(await found.func(...(found.args as never[])));
      },
    });
  }

  #storable(result: unknown): unknown {
    try {
      encodeResult(result, this.#maxResultBytes);
      return result;
    } catch {
      return null;
    }
  }
}

/** The job type that stands in for a process which has ended: whatever it left fails, and says why. */
export const lostFunctions = () =>
  job({
    onError: verdictOf,
    run: (payload: FunctionPayload) => {
      throw functionLost(payload.function);
    },
  });

/** Trying again does not bring a function back. */
const verdictOf = (error: unknown) =>
  error instanceof BacklineError && error.code === 'FUNCTION_LOST' ? 'never' : undefined;

const nameOf = (func: Entry['func']): string => func.name.slice(0, 200).toWellFormed() || 'anonymous';
