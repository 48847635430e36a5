/** The process of one contender: takes one call after the other from its parent. */
import { open as backline } from './contenders/backline.ts';
import type { Open } from './contenders/contender.ts';
import { open as plainjob } from './contenders/plainjob.ts';
import { open as script } from './contenders/script.ts';
import { followed } from './live/measure.ts';
import { measuresOf } from './measures.ts';
import { poolMeasuresOf } from './pools/measures.ts';
import { openBatched, openPlain } from './postgres/graphile.ts';
import { open as pgBoss } from './postgres/pg-boss.ts';
import { open as pgScript } from './postgres/script.ts';

const CONTENDERS: Readonly<Record<string, Open>> = {
  backline,
  plainjob,
  script,
  'pg-script': pgScript,
  'pg-boss': pgBoss,
  'graphile-worker': openPlain,
  'graphile-worker-batched': openBatched,
};

const name = process.argv[2]!;
const measures: Record<string, (...args: never[]) => Promise<unknown>> = {
  // Those that are only a pool have no store to open.
  ...measuresOf(CONTENDERS[name] ?? script),
  ...poolMeasuresOf(name),
  followed,
};

process.on('message', async ({ method, args }: { method: string; args: never[] }) => {
  try {
    process.send!({ value: (await measures[method]!(...args)) ?? null });
  } catch (error) {
    process.send!({ error: String(error instanceof Error ? error.stack : error) });
  }
});
// The parent is gone: there is nobody left to measure for.
process.on('disconnect', () => process.exit(1));
