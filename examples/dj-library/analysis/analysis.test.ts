import { expect, test } from 'vitest';
import { composeSong } from '../generate/song.ts';
import { playSong, RATE } from '../generate/synthesiser.ts';
import { tone } from '../testing.ts';
import { chromaOf, keyOf } from './key.ts';
import { camelotOf, keyName, PITCHES, shortKey } from './key-names.ts';
import { evenTempo, tempoOf } from './tempo.ts';

const sound = (samples: Float32Array, rate = RATE) => ({ samples, rate, startsAt: 0 });

test.each([0, 13, 30, 47, 71])('song %i has the tempo and the key that it was made with', (n) => {
  const song = composeSong(n);
  const heard = sound(playSong(song));
  const { bpm, steadiness } = tempoOf(heard);
  const ratio = bpm! / song.tempo;
  expect([0.5, 1, 2].some((octave) => Math.abs(ratio / octave - 1) <= 0.01)).toBe(true);
  expect(steadiness).toBeGreaterThan(0.8);
  expect(keyOf(heard).key).toBe(keyName(song.tonic, song.mode));
});

test('silence, a single sound and nothing at all have no beat', () => {
  const clap = new Float32Array(RATE * 3).fill(0.5, RATE, RATE + 50);
  for (const samples of [new Float32Array(RATE * 3), clap, new Float32Array(0)])
    expect(tempoOf(sound(samples))).toEqual({ bpm: null, firstBeat: null, steadiness: 0 });
});

test('silence and sounds shorter than a frame have no key', () => {
  expect(keyOf(sound(new Float32Array(RATE * 3)))).toEqual({ key: null, clearness: 0 });
  expect(keyOf(sound(tone(0.1, RATE)))).toEqual({ key: null, clearness: 0 });
});

test.each([8000, 22_050, 48_000])('a tone is heard as what it is at %i samples a second', (rate) => {
  for (let pitch = 48; pitch < 72; pitch += 5) {
    const chroma = chromaOf(sound(tone(2, rate, 440 * 2 ** ((pitch - 69) / 12)), rate))!;
    expect(PITCHES[chroma.indexOf(Math.max(...chroma))]).toBe(PITCHES[pitch % 12]);
  }
});

test('beats that are missing or trembling leave the tempo as it is', () => {
  const beats = Array.from({ length: 60 }, (_, i) => 10 + i * 0.48 + (i % 2 ? 0.004 : -0.004)).filter(
    (_, i) => i % 7 !== 3,
  );
  const { bpm, firstBeat, steadiness } = evenTempo(beats, 0.5);
  expect(bpm).toBeCloseTo(125, 0);
  expect(firstBeat).toBeCloseTo(10, 1);
  expect(steadiness).toBeGreaterThan(0.9);
});

test('beats that come faster than anybody counts are half beats', () => {
  const { bpm } = evenTempo(
    Array.from({ length: 40 }, (_, i) => i * 0.31),
    0.31,
  );
  expect(bpm).toBeCloseTo(96.77, 1);
});

test.each([
  ['C major', '8B', 'C'],
  ['A minor', '8A', 'Am'],
  ['G major', '9B', 'G'],
  ['F# minor', '11A', 'F#m'],
  ['B major', '1B', 'B'],
  ['G# minor', '1A', 'G#m'],
  ['F minor', '4A', 'Fm'],
  ['C# major', '3B', 'C#'],
])('%s is %s on the wheel, and %s for short', (name, camelot, short) => {
  expect(camelotOf(name)).toBe(camelot);
  expect(shortKey(name)).toBe(short);
});
