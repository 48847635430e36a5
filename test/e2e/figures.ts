/** A past, straight into the tables: what happened in each minute before now, as a service that has run for long would have counted it. */
import Database from 'better-sqlite3';
import { bucketOf } from '../../src/job/histogram.ts';
import { makeEmpty } from './many.ts';

const MINUTE = 60_000;

interface Past {
  readonly minutes: number;
  readonly queues: readonly string[];
  readonly types: readonly string[];
}

/** Times around one length, as a histogram. */
const around = (ms: number, n: number): string => {
  const histogram: number[] = [];
  for (const [factor, share] of [
    [0.5, 0.5],
    [1, 0.35],
    [4, 0.12],
    [20, 0.03],
  ] as const) {
    const bucket = bucketOf(ms * factor);
    while (histogram.length <= bucket) histogram.push(0);
    histogram[bucket]! += Math.ceil(n * share);
  }
  return JSON.stringify(histogram);
};

/** A day has its hours, and one of them its trouble. */
const loadAt = (minute: number, kind: number) => {
  const made = Math.round(60 + 40 * Math.sin(minute / 170 + kind) + 12 * Math.sin(minute / 7));
  const trouble = minute % 240 > 20 && minute % 240 < 38 && kind === 0 ? 0.4 : 0.01;
  const failed = Math.floor(made * trouble + ((minute * 7 + kind) % 10) / 10);
  return { made, failed, done: made - failed };
};

/** A new database with a past. */
export const makePast = async (file: string, past: Past): Promise<void> => {
  await makeEmpty(file);
  addPast(file, past);
};

/** A past for a database that has tables. */
export const addPast = (file: string, { minutes, queues, types }: Past): void => {
  const db = new Database(file);
  const now = Math.floor(Date.now() / MINUTE) * MINUTE;
  const insert = db.prepare('INSERT INTO job_minutes VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?)');
  const depth = db.prepare('INSERT INTO job_depths VALUES (?, ?, ?, ?)');
  db.transaction(() => {
    for (let m = minutes; m > 0; m--) {
      const at = now - m * MINUTE;
      depth.run(at, '', 120 + Math.round(90 * Math.sin(m / 25)), 8 + (m % 5));
      for (const [q, queue] of queues.entries()) {
        depth.run(at, queue, 20 + ((m * (q + 3)) % 17), 1 + (m % (q + 2)));
        for (const [t, type] of types.entries()) {
          const { made, failed, done } = loadAt(m, q + t);
          const wait = 40 + 30 * Math.sin(m / 30) + 200 * q;
          const run = 25 * 3 ** t;
          insert.run(
            ...[at, queue, type, made, made, done, failed, Math.floor(failed / 3)],
            ...[made * wait, made, made * run, around(wait, made), around(run, made)],
          );
        }
      }
    }
  })();
  db.close();
};
