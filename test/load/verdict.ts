/** What became of every job, by what the processes noted and by what a reader of its own finds in the store. */
import { JobManager } from 'backline';
import type { Load, Run } from './load.ts';

export interface Verdict {
  readonly jobs: number;
  /** Acknowledged, and not completed. */
  readonly lost: number;
  /** Run by two live workers at once. */
  readonly overlaps: number;
  /** Completed more often than once, by the attempts in the store. */
  readonly doubled: number;
  /** Run to the end again, because the worker died before the end was written. */
  readonly again: number;
  readonly faults: readonly string[];
}

const AT_ONCE = 8;
const SHOWN = 3;

/** @param mayRunAgain a worker was killed: what it had just done may be done again. */
export const judge = async (load: Load, mayRunAgain: boolean): Promise<Verdict> => {
  const { asked, acknowledged, runs, faults } = load.look();
  const diedAt = new Map(load.programs.map(({ name, killedAt }) => [name, killedAt]));
  const overlapping = [...runs].filter(([, all]) => overlap(all, diedAt)).map(([id]) => id);
  const again = [...runs].filter(([, all]) => all.filter(({ to }) => to !== null).length > 1).map(([id]) => id);
  const { lost, doubled, problems } = await inStore(load.url, [...acknowledged.keys()]);
  const found = [
    ...counted(faults),
    ...load.programs.flatMap(({ trouble }) => trouble ?? []),
    ...problems,
    ...named(
      'not acknowledged',
      [...asked.keys()].filter((id) => !acknowledged.has(id)),
    ),
    ...named('lost', lost),
    ...named('run by two workers at once', overlapping, (id) => JSON.stringify(runs.get(id))),
    ...named('completed more than once', doubled),
    ...(mayRunAgain ? [] : named('run to the end twice', again, (id) => JSON.stringify(runs.get(id)))),
  ];
  return {
    jobs: acknowledged.size,
    lost: lost.length,
    overlaps: overlapping.length,
    doubled: doubled.length,
    again: again.length,
    faults: found,
  };
};

/** What was said often stands once. */
const counted = (faults: readonly string[]): string[] => {
  const times = new Map<string, number>();
  for (const fault of faults) times.set(fault, (times.get(fault) ?? 0) + 1);
  return [...times].map(([fault, n]) => (n === 1 ? fault : `${n} times: ${fault}`));
};

const named = (what: string, ids: readonly string[], more: (id: string) => string = () => ''): string[] =>
  ids.length === 0
    ? []
    : [
        `${ids.length} jobs ${what}: ${ids
          .slice(0, SHOWN)
          .map((id) => `${id} ${more(id)}`.trim())
          .join(', ')}`,
      ];

/** A killed worker's run is over when it was killed. */
const overlap = (runs: readonly Run[], diedAt: ReadonlyMap<string, number | null>): boolean => {
  const spans = runs
    .map(({ worker, from, to }) => [from, to ?? diedAt.get(worker) ?? Number.POSITIVE_INFINITY] as const)
    .sort(([a], [b]) => a - b);
  return spans.some(([from], i) => i > 0 && from < spans[i - 1]![1]);
};

const inStore = async (url: string, ids: readonly string[]) => {
  const manager = new JobManager(url, { worker: false, logger: false });
  await manager.start();
  const lost: string[] = [];
  const doubled: string[] = [];
  const left = [...ids];
  const look = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      if ((await manager.get(id))?.status !== 'completed') lost.push(id);
      else if ((await manager.attempts(id)).filter(({ outcome }) => outcome === 'completed').length !== 1)
        doubled.push(id);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, look));
    const { problems } = await manager.checkIntegrity();
    return { lost, doubled, problems: problems.map((problem) => `integrity: ${problem}`) };
  } finally {
    await manager.close();
  }
};
