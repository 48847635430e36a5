/** Once: one instant. */
import { checkInstant } from '../job/check.ts';
import { timeWithoutZone } from '../job/errors.ts';
import { parseLocal } from './dates.ts';
import type { Slots } from './slots.ts';
import type { Zone } from './zone.ts';

export class OnceSlots implements Slots {
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  next(after: number): number | null {
    return this.#at > after ? this.#at : null;
  }

  count(after: number, until: number): number {
    return this.#at > after && this.#at <= until ? 1 : 0;
  }
}

/**
 * An instant: a Date, epoch milliseconds, text with Z or an offset, or, where there is a zone, text without. Of a local time that
 * does not exist the end of the gap is meant, and of one that occurs twice the first.
 * @throws TIME_WITHOUT_ZONE, INVALID_OPTION, both naming the field.
 */
export const readInstant = (value: unknown, field: string, zone: Zone | undefined): number => {
  const local = typeof value === 'string' ? parseLocal(value) : undefined;
  if (local === undefined) return checkInstant(value, field);
  if (zone === undefined) throw timeWithoutZone(field, value as string);
  return checkInstant(zone.firstAt(local), field);
};
