/** Rounds in which the contenders take turns, so that a busy moment of the machine hits all of them; what counts is the median. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Durability } from './contenders/contender.ts';
import { median } from './median.ts';
import type { Peers } from './peer.ts';
import type { BenchServer } from './postgres/server.ts';
import { type ContenderName, Remotes } from './remote.ts';
import { type Line, line } from './report.ts';
import type { Scenario } from './scenarios.ts';

export interface RunOptions {
  readonly rounds: number;
  readonly scale: number;
  /** Names and versions of the peers; those that are skipped are missing. */
  readonly peers: Peers;
  /** Where SQLite's files lie while they are measured. */
  readonly folder: string;
  /** There if anything is measured on PostgreSQL. */
  readonly server: BenchServer | null;
}

interface Entry {
  readonly name: ContenderName;
  readonly durability: Durability;
  /** One list of figures a round. */
  readonly rounds: (readonly number[])[];
}

const WARM_UP = 0.2;

/** Measures one scenario. @returns a line for each durability, figure and peer. */
export const runScenario = async (scenario: Scenario, remotes: Remotes, options: RunOptions): Promise<Line[]> => {
  const peers = scenario.against.peers.filter((name) => options.peers[name] !== undefined);
  const entries = entriesOf(scenario, peers);
  if (scenario.once === 'side by side') await Promise.all(entries.map((entry) => runInFresh(scenario, entry, options)));
  else if (scenario.once) for (const entry of entries) await runInFresh(scenario, entry, options);
  else await takeTurns(scenario, remotes, entries, options);
  return linesOf(scenario, entries, peers, options.peers);
};

const takeTurns = async (
  scenario: Scenario,
  remotes: Remotes,
  entries: readonly Entry[],
  options: RunOptions,
): Promise<void> => {
  for (const entry of entries) await runOne(scenario, remotes, entry, options, options.scale * WARM_UP);
  for (let round = 0; round < options.rounds; round++)
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(i + round) % entries.length]!;
      entry.rounds.push(await runOne(scenario, remotes, entry, options, options.scale));
    }
};

const entriesOf = ({ durabilities, against }: Scenario, peers: readonly ContenderName[]): Entry[] => {
  const entry = (name: ContenderName, durability: Durability): Entry => ({ name, durability, rounds: [] });
  const both = durabilities.flatMap((durability) => [entry('backline', durability), entry(against.limit, durability)]);
  return [...both, ...peers.map((name) => entry(name, against.peersAt))];
};

const linesOf = (
  { store, durabilities, figures, against }: Scenario,
  entries: readonly Entry[],
  peers: readonly ContenderName[],
  names: Peers,
): Line[] => {
  const all = (name: ContenderName, at: Durability, i: number): number[] =>
    entries.find((one) => one.name === name && one.durability === at)!.rounds.map((values) => values[i]!);
  const of = (...which: Parameters<typeof all>): number => median(all(...which));
  return durabilities.flatMap((durability) =>
    figures.flatMap((figure, i) => {
      const [ours, limit] = [of('backline', durability, i), of(against.limit, durability, i)];
      const limits = all(against.limit, durability, i);
      const toLimit = all('backline', durability, i).map((value, round) => value / limits[round]!);
      const peer = (name: ContenderName) => {
        const theirs = all(name, against.peersAt, i);
        const ratios = all('backline', durability, i).map((value, round) => value / theirs[round]!);
        return { name: names[name]!, value: median(theirs), ratios };
      };
      return (peers.length === 0 ? [null] : peers.map(peer)).map((one) =>
        line(figure, `${store}/${durability}`, { ours, limit, ratios: toLimit }, one),
      );
    }),
  );
};

const runOne = async (
  scenario: Scenario,
  remotes: Remotes,
  { name, durability }: Entry,
  { folder, server }: RunOptions,
  scale: number,
): Promise<readonly number[]> => {
  if (scenario.store === 'postgres') {
    const file = server!.place();
    try {
      return await scenario.measure(remotes, name, { file, durability }, scale);
    } finally {
      await server!.clear(file);
    }
  }
  const own = join(folder, `${name}-${durability}`);
  mkdirSync(own, { recursive: true });
  try {
    return await scenario.measure(remotes, name, { file: join(own, 'jobs.db'), durability }, scale);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
};

const runInFresh = async (scenario: Scenario, entry: Entry, options: RunOptions): Promise<void> => {
  const remotes = new Remotes();
  try {
    entry.rounds.push(await runOne(scenario, remotes, entry, options, options.scale));
  } finally {
    remotes.end();
  }
};
