/** A song whose tempo and key are known, as notes: what the synthesiser plays, and what a MIDI file holds. */
import type { Mode } from '../analysis/key-names.ts';
import { randomFrom } from './random.ts';

export interface Song {
  readonly title: string;
  readonly artist: string;
  readonly album: string;
  /** Beats a minute, with one decimal. */
  readonly tempo: number;
  /** 0 is C, 11 is B. */
  readonly tonic: number;
  readonly mode: Mode;
  readonly beats: number;
  readonly notes: readonly Note[];
  readonly hits: readonly Hit[];
}

/** Times are in beats. */
export interface Note {
  readonly voice: 'bass' | 'chord' | 'lead';
  readonly at: number;
  readonly length: number;
  /** 60 is the middle C. */
  readonly pitch: number;
}

export interface Hit {
  readonly drum: 'kick' | 'snare' | 'hat';
  readonly at: number;
}

/** Roots in half tones above the tonic, and which chord stands on them. Each begins and ends at home, so that there is a home. */
const PROGRESSIONS = {
  major: [
    [
      [0, 'major'],
      [5, 'major'],
      [7, 'major'],
      [0, 'major'],
    ],
    [
      [0, 'major'],
      [9, 'minor'],
      [5, 'major'],
      [7, 'major'],
    ],
    [
      [0, 'major'],
      [7, 'major'],
      [5, 'major'],
      [0, 'major'],
    ],
  ],
  minor: [
    [
      [0, 'minor'],
      [5, 'minor'],
      [7, 'major'],
      [0, 'minor'],
    ],
    [
      [0, 'minor'],
      [8, 'major'],
      [5, 'minor'],
      [7, 'major'],
    ],
    [
      [0, 'minor'],
      [7, 'minor'],
      [5, 'minor'],
      [0, 'minor'],
    ],
  ],
} as const;

/** Where in a bar of four beats each drum falls. */
const BEATS: readonly Readonly<Record<Hit['drum'], readonly number[]>>[] = [
  { kick: [0, 1, 2, 3], snare: [1, 3], hat: [0.5, 1.5, 2.5, 3.5] },
  { kick: [0, 2], snare: [1, 3], hat: [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5] },
  { kick: [0, 2, 2.5], snare: [1, 3], hat: [0, 1, 2, 3] },
  { kick: [0, 1, 2, 3], snare: [2], hat: [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5] },
];

const FIRST = ['Late', 'Silver', 'Paper', 'Northern', 'Quiet', 'Electric', 'Amber', 'Hollow', 'Distant', 'Velvet'];
const SECOND = [
  'Harbour',
  'Signals',
  'Avenue',
  'Weather',
  'Machines',
  'Gardens',
  'Windows',
  'Rivers',
  'Static',
  'Lanterns',
];
const ARTISTS = [
  'The Patch Bays',
  'Ada & the Looms',
  'Ostinato Club',
  'Low Pass',
  'Kilohertz',
  'Söder Sequence',
  'R&B <Unit>',
];

/** Song `n`, always the same. Tempos from 70 to 180, all 24 keys, 12 to 18 seconds. */
export const composeSong = (n: number): Song => {
  const random = randomFrom(n);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const tempo = Math.round((70 + 110 * random()) * 10) / 10;
  const tonic = n % 12;
  const mode = Math.floor(n / 12) % 2 === 0 ? 'major' : 'minor';
  const bars = Math.max(4, Math.round(((12 + 6 * random()) * tempo) / 60 / 4));
  const chords = pick<readonly (readonly [number, Mode])[]>(PROGRESSIONS[mode]);
  const pattern = pick(BEATS);
  const notes: Note[] = [];
  const hits: Hit[] = [];
  for (let bar = 0; bar < bars; bar++) {
    // The last bar is home, whatever the progression.
    const [step, quality] = bar === bars - 1 ? chords[0]! : chords[bar % chords.length]!;
    notes.push(...barOf({ at: bar * 4, root: tonic + step, quality, tonic, mode }, random));
    for (const drum of ['kick', 'snare', 'hat'] as const)
      hits.push(...pattern[drum].map((at) => ({ drum, at: bar * 4 + at })));
  }
  const title = `${pick(FIRST)} ${pick(SECOND)} ${n + 1}`;
  return {
    title,
    artist: pick(ARTISTS),
    album: `Volume ${1 + (n % 9)}`,
    tempo,
    tonic,
    mode,
    beats: bars * 4,
    notes,
    hits,
  };
};

interface Bar {
  readonly at: number;
  readonly root: number;
  readonly quality: Mode;
  readonly tonic: number;
  readonly mode: Mode;
}

const barOf = ({ at, root, quality, tonic, mode }: Bar, random: () => number): Note[] => {
  const triad = [0, quality === 'major' ? 4 : 3, 7];
  const bass = 36 + (root % 12);
  const scale = [0, 2, mode === 'major' ? 4 : 3, 7, 12];
  return [
    ...[0, 1, 2, 3].map((beat) => ({ voice: 'bass', at: at + beat, length: 0.8, pitch: bass }) as const),
    ...[0, 2].flatMap((beat) =>
      triad.map((step) => ({ voice: 'chord', at: at + beat, length: 1.9, pitch: 60 + ((root + step) % 12) }) as const),
    ),
    // A tune on the beat, which comes back to the tonic and its third more often than not.
    ...[0, 1, 2, 3].map((beat) => {
      const step = beat === 0 ? triad[Math.floor(random() * 3)]! + root : tonic + scale[Math.floor(random() * 5)]!;
      return { voice: 'lead', at: at + beat, length: 0.7, pitch: 72 + (step % 12) } as const;
    }),
  ];
};
