/**
 * What becomes of the work when the database, the connections or the workers do not hold: npm run test:chaos.
 *
 * 1. Two workers, and a producer that hands in jobs at a fixed rate, each a process of its own.
 * 2. Before, chaos, recovery (until no job waits longer than before), after.
 * 3. A reader of its own then looks at every job.
 */
import { debian15 } from '../conformance/postgres.ts';
import { Load, quantile } from '../load/load.ts';
import { now } from '../load/notes.ts';
import { readOptions } from '../load/options.ts';
import { finish, type Row, skipped } from '../load/report.ts';
import { openDatabase, openFollowed } from '../load/server.ts';
import { judge } from '../load/verdict.ts';
import { SCENARIOS, type Scenario, type Stage } from './scenarios.ts';

const idOf = ({ name, kind }: Scenario): string => (kind === 'sqlite' ? `${name}-sqlite` : name);
const { phaseMs, rate, wants } = readOptions(SCENARIOS.map(idOf), { seconds: 10, rate: 200 });

const WORKER = { slots: 20, takes: [1, 5] } as const;
/** Until code is compiled and caches are filled. */
const WARM_UP_MS = 2000;
/** Recovered: no job is older than twice the oldest before, or this. */
const CALM_MS = 500;
const RECOVERY_MS = 60_000;
const DRAIN_MS = 60_000;
const CLOSE_MS = 10_000;
const LEAST_AFTER = 0.98;

const run = async (scenario: Scenario): Promise<Row> => {
  if (scenario.followed && 'without' in debian15) return skipped(idOf(scenario), debian15.without);
  const database = scenario.followed ? await openFollowed() : await openDatabase(scenario.kind, scenario.flags);
  const load = new Load(database.url);
  try {
    return await runOn(scenario, load, database);
  } finally {
    await load.dispose();
    await database.dispose();
  }
};

const runOn = async (scenario: Scenario, load: Load, database: Stage['database']): Promise<Row> => {
  let started = 0;
  const startWorker = () => load.worker(`worker-${++started}`, WORKER);
  const workers = [await startWorker(), await startWorker()];
  const producer = await load.producer('producer', { rate });
  await load.watch(WARM_UP_MS);

  const beforeFrom = now();
  const usual = await load.watch(phaseMs);
  const beforeTo = now();
  const note = await scenario.chaos({ database, load, workers, phaseMs, startWorker });
  const chaosTo = now();
  const calmMs = Math.max(2 * usual, CALM_MS);
  const recovery = await load.calm(calmMs, RECOVERY_MS);
  const afterFrom = now();
  await load.watch(phaseMs);
  const afterTo = now();

  producer.say('stop');
  const drained = await load.until(() => load.backlog === 0 && producer.end !== null, DRAIN_MS);
  const stops = await Promise.all(workers.map((worker) => load.stop(worker, CLOSE_MS)));
  const verdict = await judge(load, scenario.kills === true);

  const before = load.rate(beforeFrom, beforeTo);
  const after = load.rate(afterFrom, afterTo);
  const outages = load.tally.events.filter(({ note: { name } }) => name === 'store-unavailable').length;
  const faults = [
    ...verdict.faults,
    ...(recovery === null ? [`not recovered within ${RECOVERY_MS} ms: ${load.backlog} jobs behind`] : []),
    ...(drained === null ? [`not drained within ${DRAIN_MS} ms: ${load.backlog} jobs left`] : []),
    ...(stops.includes(null) ? [`a worker did not close within ${CLOSE_MS} ms`] : []),
    ...(after < LEAST_AFTER * before ? [`after: ${after.toFixed(1)} jobs/s, before: ${before.toFixed(1)}`] : []),
  ];
  return {
    name: idOf(scenario),
    cells: {
      'before/s': before.toFixed(1),
      'after/s': after.toFixed(1),
      ratio: (after / before).toFixed(3),
      'recovery s': recovery === null ? 'never' : (recovery / 1000).toFixed(1),
      'chaos s': ((chaosTo - beforeTo) / 1000).toFixed(1),
      'p99 ms': quantile(load.delays(beforeFrom, beforeTo), 0.99).toFixed(0),
      'after ms': quantile(load.delays(afterFrom, afterTo), 0.99).toFixed(0),
      jobs: String(verdict.jobs),
      lost: String(verdict.lost),
      overlaps: String(verdict.overlaps),
      doubled: String(verdict.doubled),
      again: String(verdict.again),
      outages: String(outages),
    },
    note: `${scenario.what}: ${note}`,
    faults,
  };
};

await finish(
  SCENARIOS.filter((scenario) => wants(idOf(scenario))),
  idOf,
  run,
);
