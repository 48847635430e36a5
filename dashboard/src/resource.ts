/**
 * What a view shows, asked of the server: kept while it is asked anew, kept when asking fails, and there at once when one comes back.
 */
import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { type Frame, isWide, onFrames, paused } from './live.ts';
import { type Trouble, troubleOf } from './trouble.ts';

export interface Resource<T> {
  /** The last good answer; undefined before there is one. */
  readonly data: Signal<T | undefined>;
  /** Why the last question was not answered; null if it was. */
  readonly trouble: Signal<Trouble | null>;
  readonly loading: Signal<boolean>;
  /** Asks again. Always settles. */
  readonly reload: () => Promise<void>;
}

/** Nothing is kept of what was asked: somebody else looks now. */
export const forgetAll = (): void => {
  for (const { data, trouble } of kept.values()) {
    data.value = undefined;
    trouble.value = null;
  }
  kept.clear();
};

type Load<T> = (signal: AbortSignal) => Promise<T>;

interface Kept<T> extends Resource<T> {
  /** Asked by whom it is shown now. */
  load: Load<T>;
}

const KEPT_AT_MOST = 60;
/** Soon enough for an eye, and rare enough for a server. */
const PAUSE_MS = 1000;
const kept = new Map<string, Kept<unknown>>();

/**
 * @param key says what is asked: the same key means the same answer, wherever it is shown.
 * @param concerns whether a frame may have changed the answer. Default: only frames that say that anything may have.
 * @param pauseMs the least time between two questions that frames set off.
 */
export const useResource = <T>(
  key: string,
  load: Load<T>,
  concerns: (frame: Frame) => boolean = () => false,
  pauseMs = PAUSE_MS,
) => {
  const resource = useMemo(() => resourceOf(key, load), [key]);
  resource.load = load;
  useEffect(() => {
    // The stream that opens meanwhile says at once that anything may have happened: that is looked at after the pause, too.
    return whenTold((frame) => isWide(frame) || concerns(frame), resource.reload, { pauseMs, atOnce: true });
  }, [resource]);
  return resource as Resource<T>;
};

const resourceOf = <T>(key: string, load: Load<T>): Kept<T> => {
  const found = kept.get(key) as Kept<T> | undefined;
  const resource = found ?? make(load);
  // The oldest goes first.
  kept.delete(key);
  kept.set(key, resource as Kept<unknown>);
  if (kept.size > KEPT_AT_MOST) kept.delete(kept.keys().next().value!);
  return resource;
};

const make = <T>(load: Load<T>): Kept<T> => {
  const data = signal<T | undefined>(undefined);
  const trouble = signal<Trouble | null>(null);
  const loading = signal(false);
  let asking: AbortController | undefined;
  const reload = async (): Promise<void> => {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    loading.value = true;
    try {
      const answer = await resource.load(mine.signal);
      if (asking !== mine) return;
      data.value = answer;
      trouble.value = null;
    } catch (error) {
      if (asking !== mine) return;
      trouble.value = troubleOf(error);
    }
    loading.value = false;
  };
  const resource: Kept<T> = { data, trouble, loading, reload, load };
  return resource;
};

/**
 * Calls back when a frame is of concern: at once, and then not again before it is done and a pause is over; `atOnce`: also now.
 * @returns ends it.
 */
export const whenTold = (
  concerns: (frame: Frame) => boolean,
  act: () => Promise<void>,
  { pauseMs = PAUSE_MS, atOnce = false } = {},
): (() => void) => {
  let busy = false;
  let again = false;
  let ended = false;
  const go = async (): Promise<void> => {
    busy = true;
    await act();
    await new Promise((done) => setTimeout(done, pauseMs));
    busy = false;
    // Going on after a pause tells everybody anyway.
    const due = again && !ended && !paused.peek();
    again = false;
    if (!due) return;
    await go();
  };
  const end = onFrames((frames) => {
    if (!frames.some(concerns)) return;
    if (busy) again = true;
    else void go();
  });
  if (atOnce) void go();
  return () => {
    ended = true;
    end();
  };
};
