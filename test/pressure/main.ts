/**
 * What becomes of the speed when the database has more to do than to serve jobs: npm run test:pressure.
 *
 * 1. What two workers can do is measured; their handlers wait, so the database must keep up, and not the processor.
 * 2. Each scenario has a database of its own: a clean phase, the pressure, and a graceful stop while it lasts.
 * 3. New workers do what is left, and a reader of its own looks at every job.
 */
import { Load, quantile } from '../load/load.ts';
import { now } from '../load/notes.ts';
import { readOptions } from '../load/options.ts';
import type { Program } from '../load/program.ts';
import { finish, type Row } from '../load/report.ts';
import { openDatabase } from '../load/server.ts';
import { judge } from '../load/verdict.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const { phaseMs, wants } = readOptions(
  SCENARIOS.map(({ name }) => name),
  { seconds: 12 },
);

const WORKER = { slots: 100, takes: [400, 600] } as const;
const WORKERS = 2;
const STOP_MS = 10_000;
const DRAIN_MS = 120_000;
const LEAST = 0.95;

const startWorkers = (load: Load, name: string): Promise<Program[]> =>
  Promise.all(Array.from({ length: WORKERS }, (_, i) => load.worker(`${name}-${i + 1}`, WORKER)));

/** More than enough is waiting; the first second is not counted. */
const measureCapacity = async (): Promise<number> => {
  const database = await openDatabase('postgres');
  const load = new Load(database.url);
  try {
    const workers = await startWorkers(load, 'worker');
    const ideal = (WORKERS * WORKER.slots * 2000) / (WORKER.takes[0] + WORKER.takes[1]);
    const most = Math.round((ideal * (phaseMs + 2000)) / 1000);
    const producer = await load.producer('producer', { rate: 20 * ideal, most });
    await producer.heard('all acknowledged');
    const left = load.backlog;
    await load.until(() => load.backlog < left - ideal, phaseMs);
    const from = now();
    await load.until(() => load.backlog < WORKERS * WORKER.slots, 4 * phaseMs);
    const capacity = load.rate(from, now());
    await Promise.all(workers.map((worker) => load.stop(worker, STOP_MS)));
    return capacity;
  } finally {
    await load.dispose();
    await database.dispose();
  }
};

const run = async (scenario: Scenario, capacity: number): Promise<Row> => {
  const database = await openDatabase('postgres');
  const load = new Load(database.url);
  const producers: Program[] = [];
  let first = 0;
  const produce = async (rate: number, most?: number): Promise<Program> => {
    const name = `producer-${producers.length + 1}`;
    const producer = await load.producer(name, { rate, first, ...(most === undefined ? {} : { most }) });
    producers.push(producer);
    // Their jobs must not meet.
    first += 1_000_000;
    return producer;
  };
  try {
    const workers = await startWorkers(load, 'worker');
    const began = now();
    const measured = await scenario.press({ server: database.server!, load, capacity, phaseMs, produce });
    const p99 = quantile(load.delays(began, now()), 0.99);
    const stops = await Promise.all(workers.map((worker) => load.stop(worker, STOP_MS)));
    for (const producer of producers) producer.say('stop');
    await measured.end();
    const others = await startWorkers(load, 'other');
    const isDone = () => load.backlog === 0 && producers.every(({ end }) => end !== null);
    const drained = await load.until(isDone, DRAIN_MS);
    await Promise.all(others.map((worker) => load.stop(worker, STOP_MS)));
    const verdict = await judge(load, false);
    const ratio = measured.pressed / measured.clean;
    return {
      name: scenario.name,
      cells: {
        'clean/s': measured.clean.toFixed(1),
        'pressed/s': measured.pressed.toFixed(1),
        ratio: ratio.toFixed(3),
        'p99 ms': p99.toFixed(0),
        'stop s': stops.map((ms) => (ms === null ? 'never' : (ms / 1000).toFixed(1))).join(' '),
        jobs: String(verdict.jobs),
        lost: String(verdict.lost),
        overlaps: String(verdict.overlaps),
        doubled: String(verdict.doubled),
      },
      note: `${scenario.what}: ${measured.note}`,
      faults: [
        ...verdict.faults,
        ...(ratio < LEAST ? [`${measured.pressed.toFixed(1)} jobs/s, clean: ${measured.clean.toFixed(1)}`] : []),
        ...(stops.includes(null) ? [`a worker did not stop within ${STOP_MS} ms`] : []),
        ...(drained === null ? [`not drained within ${DRAIN_MS} ms: ${load.backlog} jobs left`] : []),
      ],
    };
  } finally {
    await load.dispose();
    await database.dispose();
  }
};

const capacity = await measureCapacity();
process.stdout.write(`${WORKERS} workers can do ${capacity.toFixed(1)} jobs a second\n`);
await finish(
  SCENARIOS.filter(({ name }) => wants(name)),
  ({ name }) => name,
  (scenario) => run(scenario, capacity),
);
