/** What is done with one kind of pool, inside a process of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { payload, share } from '../contenders/contender.ts';
import type { Where } from '../measures.ts';
import { open as backline, drain } from './backline.ts';
import { open as piscina } from './piscina.ts';
import type { OpenPool, PoolKind } from './pool.ts';
import { WORKERS } from './pool.ts';
import { open as raw } from './raw.ts';

const POOLS: Readonly<Record<string, OpenPool>> = { backline, piscina, raw };
const MIB = 1024 * 1024;

export const poolMeasuresOf = (name: string) => ({
  /** Calls per second of the pool alone, warm; and what its processes hold then, in MB. */
  pool: async (kind: PoolKind, n: number): Promise<{ rate: number; memoryMb: number }> => {
    const pool = await POOLS[name]!(kind);
    await share(200, WORKERS, (i) => pool.run(payload(i)));
    const from = performance.now();
    await share(n, WORKERS, (i) => pool.run(payload(i)));
    const rate = n / ((performance.now() - from) / 1000);
    const memoryMb = childrenMb();
    await pool.close();
    return { rate, memoryMb };
  },

  /** Jobs per second through our store and our pool. */
  drainPool: (where: Where, kind: PoolKind, n: number): Promise<number> =>
    drain(
      where,
      kind,
      Array.from({ length: n }, (_, i) => payload(i)),
    ),
});

export type PoolMeasures = ReturnType<typeof poolMeasuresOf>;

/** Resident memory of the processes that this one has started; 0 where the system does not tell. */
const childrenMb = (): number => {
  try {
    const pids = readdirSync('/proc/self/task').flatMap((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    );
    const kib = pids.map((pid) =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
    );
    return (kib.reduce((sum, one) => sum + one, 0) * 1024) / MIB;
  } catch {
    return 0;
  }
};
