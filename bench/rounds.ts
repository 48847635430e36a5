/** Rounds in which the contenders take turns, so that a busy moment of the machine hits all of them; what counts is the median. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Durability } from './contenders/contender.ts';
import type { Peers } from './peer.ts';
import { type ContenderName, Remotes } from './remote.ts';
import { type Line, line } from './report.ts';
import type { Scenario } from './scenarios.ts';

export interface RunOptions {
  readonly rounds: number;
  readonly scale: number;
  /** Names and versions of the peers; those that are skipped are missing. */
  readonly peers: Peers;
  /** Where the databases lie while they are measured. */
  readonly folder: string;
}

interface Entry {
  readonly name: ContenderName;
  readonly durability: Durability;
  /** One list of figures a round. */
  readonly rounds: (readonly number[])[];
}

const WARM_UP = 0.2;

const QUEUES = { peer: 'plainjob', limit: 'script' } as const;

/** Measures one scenario. @returns a line for each figure and durability. */
export const runScenario = async (scenario: Scenario, remotes: Remotes, options: RunOptions): Promise<Line[]> => {
  const { limit, peer: rival } = scenario.against ?? QUEUES;
  const peerName = rival === null ? undefined : options.peers[rival];
  const entries = entriesOf(scenario, limit, peerName === undefined ? null : rival);
  // They may run side by side: what they measure is memory and CPU time, each in a process of its own.
  if (scenario.once) await Promise.all(entries.map((entry) => runAlone(scenario, entry, options)));
  else {
    for (const entry of entries) await runOne(scenario, remotes, entry, options, options.scale * WARM_UP);
    for (let round = 0; round < options.rounds; round++)
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[(i + round) % entries.length]!;
        entry.rounds.push(await runOne(scenario, remotes, entry, options, options.scale));
      }
  }
  return scenario.durabilities.flatMap((durability) =>
    scenario.figures.map((figure, i) => {
      const of = (name: ContenderName, at: Durability) => {
        const entry = entries.find((one) => one.name === name && one.durability === at);
        return entry ? median(entry.rounds.map((values) => values[i]!)) : null;
      };
      const peer = peerName === undefined ? null : { name: peerName, value: of(rival!, 'process')! };
      return line(figure, durability, of('backline', durability)!, peer, of(limit, durability)!);
    }),
  );
};

/** The peer has one durability of its own: it is measured once and stands beside both of ours. */
const entriesOf = ({ durabilities }: Scenario, limit: ContenderName, peer: ContenderName | null): Entry[] => {
  const entry = (name: ContenderName, durability: Durability): Entry => ({ name, durability, rounds: [] });
  const both = durabilities.flatMap((durability) => [entry('backline', durability), entry(limit, durability)]);
  return peer === null ? both : [...both, entry(peer, 'process')];
};

const runOne = async (
  scenario: Scenario,
  remotes: Remotes,
  { name, durability }: Entry,
  { folder }: RunOptions,
  scale: number,
): Promise<readonly number[]> => {
  const own = join(folder, `${name}-${durability}`);
  mkdirSync(own, { recursive: true });
  try {
    return await scenario.measure(remotes, name, { file: join(own, 'jobs.db'), durability }, scale);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
};

/** In a fresh process: its memory is measured too. */
const runAlone = async (scenario: Scenario, entry: Entry, options: RunOptions): Promise<void> => {
  const remotes = new Remotes();
  try {
    entry.rounds.push(await runOne(scenario, remotes, entry, options, options.scale));
  } finally {
    remotes.end();
  }
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
