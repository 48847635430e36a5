/** Compares the product's slots with the oracle's around the changes of a zone's clocks. */
import { BacklineError } from '../../src/job/backline-error.ts';
import { CronSlots } from '../../src/schedule/cron.ts';
import { Pattern } from '../../src/schedule/cron-calendar.ts';
import { lastSlot, type Slots } from '../../src/schedule/slots.ts';
import { Zone } from '../../src/schedule/zone.ts';
import { changesOf, type Dst, type Minutes, readMinutes, runsOf } from './oracle.ts';
import { makeExpression, type Random, randomFrom } from './patterns.ts';

export interface Comparison {
  transitions: number;
  /** Expressions compared, each over the whole stretch around a change. */
  expressions: number;
  /** Expressions that were made at random and name a date that cannot be. */
  refused: number;
  slots: number;
  /** What differed, as sentences. */
  readonly differences: string[];
}

export interface Range {
  readonly from: number;
  readonly to: number;
  /** Minutes between two looks for a change. */
  readonly step: number;
  /** Expressions for each change. */
  readonly perChange: number;
  readonly seed: string;
}

export const emptyComparison = (): Comparison => ({
  transitions: 0,
  expressions: 0,
  refused: 0,
  slots: 0,
  differences: [],
});

const MINUTE = 60_000;
/** Holds a whole day that was left out, on both sides. */
const AROUND = 30 * 60;

export const minutesOf = (date: string): number => Date.parse(date) / MINUTE;

/** Every change of a zone's clocks in a range, with expressions made for each. Adds to the figures. */
export const compareZone = (name: string, range: Range, into: Comparison): void => {
  const zone = new Zone(name);
  const changes = changesOf(name, range.from, range.to, range.step);
  const seen = changesSeen(zone, range.from, range.to);
  if (changes.join() !== seen.join()) into.differences.push(`${name}: changes at ${seen}, not ${changes}`);
  for (const change of changes) {
    const random = randomFrom(`${range.seed} ${name} ${change}`);
    const minutes = readMinutes(name, change - AROUND, 2 * AROUND);
    into.transitions++;
    for (let i = 0; i < range.perChange; i++) compareOne(name, zone, minutes, random, into);
  }
};

/** The minutes at which the product sees a change. */
const changesSeen = (zone: Zone, from: number, to: number): number[] => {
  const seen: number[] = [];
  let before = zone.spanAt(from * MINUTE).offset;
  for (let at = from * MINUTE; at <= to * MINUTE; ) {
    const { offset, start, end } = zone.spanAt(at);
    if (offset !== before) seen.push(start / MINUTE);
    before = offset;
    at = end;
  }
  return seen;
};

const compareOne = (name: string, zone: Zone, minutes: Minutes, random: Random, into: Comparison): void => {
  const { start, shown } = minutes;
  const expression = makeExpression(random, [shown[AROUND - 1]!, shown[AROUND]!]);
  const dst: Dst =
    random() < 0.7
      ? { gap: 'after', overlap: 'once' }
      : { gap: random() < 0.5 ? 'after' : 'skip', overlap: random() < 0.5 ? 'once' : 'twice' };
  let slots: Slots;
  try {
    slots = new CronSlots(new Pattern(expression), zone, dst);
  } catch (error) {
    if (!(error instanceof BacklineError && error.code === 'INVALID_CRON' && error.field === 'day of month'))
      throw error;
    into.refused++;
    return;
  }
  // The oracle does not know what the minute before its first one showed.
  const first = (start + 1) * MINUTE;
  const last = (start + shown.length) * MINUTE - 1;
  const expected = runsOf(expression, minutes, dst).map((second) => second * 1000);
  const found: number[] = [];
  for (let slot = slots.next(first - 1); slot !== null && slot <= last; slot = slots.next(slot)) {
    found.push(slot);
    if (found.length > expected.length + 10) break;
  }
  into.expressions++;
  into.slots += expected.length;
  const say = (what: string) =>
    into.differences.push(
      `${name} ${new Date((start + AROUND) * MINUTE).toISOString()} "${expression}" ${JSON.stringify(dst)}: ${what}`,
    );
  const wrong = expected.findIndex((slot, i) => slot !== found[i]);
  if (wrong >= 0 || found.length !== expected.length)
    say(`${iso(found[wrong])} instead of ${iso(expected[wrong])}, ${found.length} instead of ${expected.length}`);
  else compareWithin(slots, expected, first, last, random, say);
};

/** The count and the last slot between two instants, and the next after one. */
const compareWithin = (
  slots: Slots,
  expected: readonly number[],
  first: number,
  last: number,
  random: Random,
  say: (what: string) => void,
) => {
  const somewhere = () => first + Math.floor((random() * (last - first)) / 500) * 500;
  for (let i = 0; i < 3; i++) {
    const [after, until] = [somewhere(), somewhere()].sort((a, b) => a - b) as [number, number];
    const between = expected.filter((slot) => slot > after && slot <= until);
    const counted = slots.count(after, until);
    if (counted !== between.length)
      say(`counts ${counted} instead of ${between.length} from ${iso(after)} to ${iso(until)}`);
    const latest = lastSlot(slots, after, until);
    if (latest !== (between.at(-1) ?? null)) say(`last is ${iso(latest)} from ${iso(after)} to ${iso(until)}`);
    const next = expected.find((slot) => slot > after);
    if (next !== undefined && slots.next(after) !== next) say(`next after ${iso(after)} is ${iso(slots.next(after))}`);
  }
};

const iso = (instant: number | null | undefined): string =>
  instant == null ? 'nothing' : new Date(instant).toISOString();
