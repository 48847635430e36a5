import { isRecord } from './check.ts';
import type { Progress } from './context.ts';
import { invalidOption } from './errors.ts';

const MAX_NOTE = 1000;

/**
 * Whole percent, and what is said with it.
 * @throws INVALID_OPTION for a number that is not finite, or a message that is no text.
 */
export const toPercent = (progress: Progress): { percent: number; note: string | null } => {
  if (!isRecord(progress)) return { percent: percentOf(progress), note: null };
  const { done, total, message } = progress;
  if (message !== undefined && typeof message !== 'string') throw invalidOption('progress.message', message, 'text');
  const [part, all] = [finite(done, 'progress.done'), finite(total, 'progress.total')];
  const share = all === 0 ? 100 : (part / all) * 100;
  return { percent: percentOf(share), note: message?.slice(0, MAX_NOTE).toWellFormed() ?? `${done} of ${total}` };
};

const finite = (value: unknown, field: string): number => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidOption(field, value, 'a finite number');
  return value;
};

/** Whole percent, and 100 only when all is done. */
const percentOf = (value: unknown): number => Math.max(0, Math.min(100, Math.floor(finite(value, 'progress'))));
