/** Runs of a trigger, as commands show them. */
import type { ClockChange, ExplainedRun, Explanation } from '../../schedule/explain.ts';
import { iso, type Output, table } from './print.ts';

/** In words, the next runs in its zone and in UTC, and what the next clock changes do to them. */
export const sayRuns = async (out: Output, { words, timeZone, runs, clockChanges }: Explanation): Promise<void> => {
  if (out.json) {
    for (const one of runs) await out.record('run', runRecord(one), () => '');
    for (const { at, runs, ...change } of clockChanges)
      await out.record('clock-change', { at: iso(at.getTime()), ...change, runs: runs.map(runRecord) }, () => '');
    return;
  }
  await out.data(out.paint('bold', `${words}.`));
  if (runs.length === 0) return out.talk('It has no run any more.');
  await out.data('');
  for (const line of runTable(runs, timeZone, out.width)) await out.data(line);
  for (const change of clockChanges) await sayChange(out, change, timeZone);
};

const sayChange = async (out: Output, { from, to, effect, runs }: ClockChange, zone: string): Promise<void> => {
  await out.data('');
  await out.data(`${out.paint('bold', `Clock change: ${pretty(from)} becomes ${pretty(to)}`)}`);
  await out.data(effect);
  for (const line of runTable(runs, zone, out.width)) await out.data(`  ${line}`);
};

const runTable = (runs: readonly ExplainedRun[], zone: string, width: number | null): string[] =>
  table(
    runs.map(({ at, local, note }) => ({
      [`in ${zone}`]: pretty(local),
      'in UTC': pretty(iso(at.getTime())!),
      '': note ?? '',
    })),
    width,
  );

const runRecord = ({ at, local, note }: ExplainedRun) => ({ at: iso(at.getTime()), local, note });

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `2026-03-29T03:00:00+02:00` → `Sun 2026-03-29 03:00:00 +02:00`. */
const pretty = (local: string): string => {
  const [, date = '', time = '', offset = ''] = /^(.{10})T(\d\d:\d\d:\d\d)(?:\.\d+)?(.*)$/.exec(local) ?? [];
  return `${DAYS[new Date(date).getUTCDay()]} ${date} ${time}${offset === 'Z' ? 'Z' : ` ${offset}`}`;
};
