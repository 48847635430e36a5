/** Plays a song without any installed tool: one period of a wave per voice, noise for drums. The same song gives the same samples. */
import { randomFrom } from './random.ts';
import type { Hit, Note, Song } from './song.ts';

export const RATE = 22_050;

const TABLE = 2048;
/** Keeps the loudest moments below full scale. */
const LEVEL = 0.85;

/** Loudness of the overtones, from the ground tone up. */
const VOICES: Readonly<Record<Note['voice'], { readonly wave: Float32Array; readonly gain: number }>> = {
  bass: { wave: waveOf([1, 0.5, 0.25, 0.1]), gain: 0.22 },
  chord: { wave: waveOf([1, 0.4, 0.2, 0.1]), gain: 0.1 },
  lead: { wave: waveOf([1, 0.2, 0.15]), gain: 0.12 },
};

function waveOf(overtones: readonly number[]): Float32Array {
  return Float32Array.from({ length: TABLE }, (_, i) =>
    overtones.reduce((sum, gain, n) => sum + gain * Math.sin(((n + 1) * 2 * Math.PI * i) / TABLE), 0),
  );
}

/** One channel at 22,050 samples a second. */
export const playSong = (song: Song): Float32Array => {
  const at = (beats: number) => Math.round((beats * 60 * RATE) / song.tempo);
  const sound = new Float32Array(at(song.beats) + RATE / 4);
  for (const note of song.notes) playNote(sound, note, at(note.at), at(note.length));
  for (const { drum, at: beat } of song.hits) mix(sound, DRUMS[drum], at(beat));
  for (let i = 0; i < sound.length; i++) sound[i]! *= LEVEL;
  return sound;
};

const playNote = (sound: Float32Array, { voice, pitch }: Note, from: number, length: number): void => {
  const { wave, gain } = VOICES[voice];
  const step = (440 * 2 ** ((pitch - 69) / 12) * TABLE) / RATE;
  const attack = RATE / 200;
  const end = Math.min(length, sound.length - from);
  let phase = 0;
  for (let i = 0; i < end; i++) {
    const envelope = Math.min(1, i / attack) * (1 - i / length) * gain;
    sound[from + i]! += wave[phase & (TABLE - 1)]! * envelope;
    phase += step;
  }
};

const mix = (sound: Float32Array, sample: Float32Array, from: number): void => {
  const end = Math.min(sample.length, sound.length - from);
  for (let i = 0; i < end; i++) sound[from + i]! += sample[i]!;
};

const drumOf = (seconds: number, sampleAt: (t: number, noise: number) => number): Float32Array => {
  const random = randomFrom(0);
  return Float32Array.from({ length: seconds * RATE }, (_, i) => sampleAt(i / RATE, random() * 2 - 1));
};

const DRUMS: Readonly<Record<Hit['drum'], Float32Array>> = {
  kick: drumOf(0.15, (t) => 0.5 * Math.sin(2 * Math.PI * (50 * t + 4 * (1 - Math.exp(-t * 40)))) * Math.exp(-t * 25)),
  snare: drumOf(0.12, (t, noise) => 0.25 * noise * Math.exp(-t * 35)),
  hat: drumOf(0.04, (t, noise) => 0.1 * noise * Math.exp(-t * 120)),
};
