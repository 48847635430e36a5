/** How a key is written: by name, and by its place on the wheel that DJs mix by. */

export type Mode = 'major' | 'minor';

/** From C up. */
export const PITCHES = ['C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B'] as const;

/** `F# minor`. @param tonic 0 is C, 11 is B. */
export const keyName = (tonic: number, mode: Mode): string => `${PITCHES[tonic]} ${mode}`;

/** `F# minor` → `F#m`, as DJ programs write it; majors are the letter alone. */
export const shortKey = (name: string): string => name.replace(/ minor$/, 'm').replace(/ major$/, '');

/** `F# minor` → `11A`. Each step on the wheel is a fifth; 8B is C major, 8A is A minor. */
export const camelotOf = (name: string): string => {
  const [pitch, mode] = name.split(' ') as [(typeof PITCHES)[number], Mode];
  const tonic = PITCHES.indexOf(pitch);
  const fifths = ((mode === 'major' ? tonic : tonic + 3) * 7) % 12;
  return `${((fifths + 7) % 12) + 1}${mode === 'major' ? 'B' : 'A'}`;
};
