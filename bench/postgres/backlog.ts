/** How much slower jobs are processed beside many others that have ended or are to run later. */
import type { Contender, Open } from '../contenders/contender.ts';
import type { Where } from '../measures.ts';
import { connect, placeOf } from './place.ts';

const CHUNK = 1000;
const DAY_MS = 86_400_000;

/**
 * The speed of a table with so many finished and so many delayed rows to that of an empty one, by turns: 1 is no difference. By the
 * clock, because most of the work is the server's.
 */
export const besideBacklog = async (
  open: Open,
  { file, durability }: Where,
  { backlog, batch, pairs }: { backlog: number; batch: number; pairs: number },
): Promise<number> => {
  const opened = (end: string) => open({ file: `${file}_${end}`, durability, onStart: () => {} });
  const [empty, full] = [await opened('empty'), await opened('full')];
  await full.stock!({ finished: backlog, delayed: backlog, delayMs: DAY_MS });
  await settle(placeOf(file).connectionString);
  const ratios: number[] = [];
  for (let i = 0; i <= pairs; i++) {
    // In changing order, so that neither profits from always being the second; the first pair warms up.
    const [first, second] = i % 2 === 0 ? [empty, full] : [full, empty];
    const took = [await drain(first, batch), await drain(second, batch)] as const;
    if (i > 0) ratios.push(first === empty ? took[0] / took[1] : took[1] / took[0]);
  }
  await Promise.all([empty.close(), full.close()]);
  return ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]!;
};

/** What the server would do by itself within minutes, in the middle of the measuring. */
const settle = async (connectionString: string): Promise<void> => {
  const client = await connect(connectionString);
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  await client.end();
};

/** Milliseconds until so many jobs are done. */
const drain = async (contender: Contender, n: number): Promise<number> => {
  await contender.addMany(n, CHUNK);
  const from = performance.now();
  await contender.release();
  while (!(await contender.isDrained())) await new Promise((resolve) => setTimeout(resolve, 4));
  const took = performance.now() - from;
  await contender.hold();
  return took;
};
