/** What is done with one contender, inside a process of its own. Times are taken here, so that no message between processes counts. */
import type { Contender, Durability, Open } from './contenders/contender.ts';
import { besideBacklog } from './postgres/backlog.ts';

export interface Where {
  readonly file: string;
  readonly durability: Durability;
}

const CHUNK = 1000;
const DAY_MS = 86_400_000;

const seconds = async (work: () => Promise<void>): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};

const collectGarbage = () => (globalThis as { gc?: () => void }).gc?.();

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Looks every few milliseconds: more often would slow down what is measured. */
const untilDrained = async (contender: Contender): Promise<void> => {
  while (!(await contender.isDrained())) await pause(4);
};

/** The measures of one contender. The two-process drain is made of steps, because two processes take them together. */
export const measuresOf = (open: Open) => {
  let drained: Contender | undefined;
  return {
    /** Jobs per second, added one by one. */
    add: async (where: Where, n: number, callers: number): Promise<number> => {
      const contender = await open(where);
      const took = await seconds(() => contender.add(n, callers));
      await contender.close();
      return n / took;
    },

    /** Jobs per second, added a thousand in a call. */
    addMany: async (where: Where, n: number): Promise<number> => {
      const contender = await open(where);
      const took = await seconds(() => contender.addMany(n, CHUNK));
      await contender.close();
      return n / took;
    },

    prepareDrain: async (where: Where): Promise<void> => {
      drained = await open({ ...where, onStart: () => {} });
    },
    fill: async (n: number): Promise<void> => {
      await drained!.addMany(n, CHUNK);
    },
    release: async (): Promise<void> => {
      await drained!.release();
    },
    /** Jobs per second until all of them are stored as completed. */
    drain: async (n: number): Promise<number> => {
      const took = await seconds(async () => {
        await drained!.release();
        await untilDrained(drained!);
      });
      return n / took;
    },
    endDrain: async (): Promise<void> => {
      await drained!.close();
      drained = undefined;
    },

    latency: (where: Where, samples: number) => latency(open, where, samples),
    backlog: (where: Where, backlog: number, batch: number, pairs: number) =>
      backlogs(open, where, backlog, batch, pairs),
    besideBacklog: (where: Where, sizes: Parameters<typeof besideBacklog>[2]) => besideBacklog(open, where, sizes),
  };
};

export type Measures = ReturnType<typeof measuresOf>;

/** Milliseconds from the call that adds a job to the start of its handler, while nothing else happens. */
const latency = async (open: Open, where: Where, samples: number): Promise<{ p50: number; p99: number }> => {
  let started = (_at: number) => {};
  const contender = await open({ ...where, onStart: () => started(performance.now()) });
  await contender.release();
  const took: number[] = [];
  for (let i = 0; i < samples; i++) {
    // Not in step with anybody's polling.
    await pause(3 + Math.random() * 5);
    const start = new Promise<number>((resolve) => {
      started = resolve;
    });
    const from = performance.now();
    const added = contender.add(1, 1);
    took.push((await start) - from);
    await added;
  }
  await untilDrained(contender);
  await contender.close();
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))]!;
  return { p50: at(0.5), p99: at(0.99) };
};

/** A contender whose jobs are counted, and which can be told to run so many. */
const openCounted = async (open: Open, where: Where) => {
  let started = 0;
  let stopAt = Number.POSITIVE_INFINITY;
  let reached = () => {};
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const contender = await open({
    ...where,
    onStart: () => {
      started++;
      if (started % 500 === 0) look();
      if (started >= stopAt) reached();
    },
  });
  return {
    contender,
    look,
    get peak() {
      return peak;
    },
    /** CPU time, in seconds, until so many more handlers have started: other programs disturb it less than the clock's time. */
    run: async (n: number): Promise<number> => {
      stopAt = started + n;
      collectGarbage();
      const from = process.cpuUsage();
      let held: Promise<void> | undefined;
      const all = new Promise<number>((resolve) => {
        reached = () => {
          reached = () => {};
          const { user, system } = process.cpuUsage(from);
          resolve((user + system) / 1e6);
          held = contender.hold();
        };
      });
      await contender.release();
      const took = await all;
      await held;
      return took;
    },
  };
};

/** The drain of a table with a backlog against that of an empty one, by turns on two files: 1 is no difference. */
const backlogs = async (open: Open, { file, durability }: Where, backlog: number, batch: number, pairs: number) => {
  const empty = await openCounted(open, { file: `${file}-empty`, durability });
  const compare = async (full: Awaited<ReturnType<typeof openCounted>>, tops: boolean) => {
    const ratios: number[] = [];
    for (let i = 0; i < pairs; i++) {
      await empty.contender.addMany(batch, CHUNK);
      if (tops) await full.contender.addMany(batch, CHUNK);
      // In changing order, so that neither profits from always being the second.
      const [first, second] = i % 2 === 0 ? [empty, full] : [full, empty];
      const took = [await first.run(batch), await second.run(batch)] as const;
      ratios.push(first === empty ? took[0] / took[1] : took[1] / took[0]);
    }
    return ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]!;
  };

  const full = await openCounted(open, { file: `${file}-full`, durability });
  await empty.contender.addMany(batch, CHUNK);
  await empty.run(batch);
  collectGarbage();
  const before = process.memoryUsage.rss();
  for (let added = 0; added < backlog; added += 10 * CHUNK) {
    await full.contender.addMany(Math.min(10 * CHUNK, backlog - added), CHUNK);
    full.look();
  }
  const waiting = await compare(full, false);
  // Less than a tenth of a megabyte cannot be told.
  const memoryMb = Math.max(0.1, (Math.max(full.peak, empty.peak) - before) / 1e6);
  await full.contender.endAll!();
  const finished = await compare(full, true);
  await full.contender.close();

  const delaying = await openCounted(open, { file: `${file}-delayed`, durability });
  await delaying.contender.addMany(backlog, CHUNK, DAY_MS);
  const delayed = await compare(delaying, true);
  await Promise.all([delaying.contender.close(), empty.contender.close()]);
  return { memoryMb, waiting, finished, delayed };
};
