/** Runs of a trigger, as commands show them. */
import type { ExplainedRun } from '../../schedule/explain.ts';
import { iso, table } from './print.ts';

export const runTable = (runs: readonly ExplainedRun[], zone: string, width: number | null): string[] =>
  table(
    runs.map(({ at, local, note }) => ({
      [`in ${zone}`]: pretty(local),
      'in UTC': pretty(iso(at.getTime())!),
      '': note ?? '',
    })),
    width,
  );

export const runRecord = ({ at, local, note }: ExplainedRun) => ({ at: iso(at.getTime()), local, note });

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `2026-03-29T03:00:00+02:00` → `Sun 2026-03-29 03:00:00 +02:00`. */
export const pretty = (local: string): string => {
  const [, date = '', time = '', offset = ''] = /^(.{10})T(\d\d:\d\d:\d\d)(?:\.\d+)?(.*)$/.exec(local) ?? [];
  return `${DAYS[new Date(date).getUTCDay()]} ${date} ${time}${offset === 'Z' ? 'Z' : ` ${offset}`}`;
};
