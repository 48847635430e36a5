/** The key: how loud each of the twelve tones is, compared with how often it is heard in each of the 24 keys. */
import FFT from 'fft.js';
import type { Sound } from '../audio/sound.ts';
import { keyName, PITCHES } from './key-names.ts';

export interface Key {
  /** Such as `F# minor`; null where no tone is heard. */
  readonly key: string | null;
  /** From 0 to 1: by how much it fits better than the next best. */
  readonly clearness: number;
}

/** How well each tone fits a key, as listeners judged it (Krumhansl and Kessler 1982), from the tonic up. */
const PROFILES = {
  major: [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
  minor: [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
} as const;

const LOWEST_HZ = 60;
const HIGHEST_HZ = 2000;

export const keyOf = (sound: Sound): Key => {
  const chroma = chromaOf(sound);
  if (!chroma) return { key: null, clearness: 0 };
  const fits = (['major', 'minor'] as const)
    .flatMap((mode) => PITCHES.map((_, tonic) => ({ mode, tonic, fit: likeness(chroma, PROFILES[mode], tonic) })))
    .sort((a, b) => b.fit - a.fit);
  const [{ mode, tonic, fit }, next] = fits as [(typeof fits)[0], (typeof fits)[0]];
  const clearness = Math.round(Math.max(0, Math.min(1, fit - next.fit)) * 100) / 100;
  return { key: keyName(tonic, mode), clearness };
};

/** How loud each of the twelve tones is, from C up; null if nothing is heard. Peaks only: drums fill the valleys. */
export const chromaOf = ({ samples, rate }: Sound): number[] | null => {
  const size = 2 ** Math.round(Math.log2(rate * 0.37));
  const fft = new FFT(size);
  const spectrum = fft.createComplexArray();
  const hann = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const frame = new Float64Array(size);
  const loud = new Float64Array(size / 2);
  const chroma = new Array<number>(12).fill(0);
  const [first, last] = [
    Math.ceil((LOWEST_HZ * size) / rate),
    Math.min(size / 2 - 2, Math.floor((HIGHEST_HZ * size) / rate)),
  ];
  for (let from = 0; from + size <= samples.length; from += size / 2) {
    for (let i = 0; i < size; i++) frame[i] = samples[from + i]! * hann[i]!;
    fft.realTransform(spectrum, frame);
    for (let i = first - 1; i <= last + 1; i++) loud[i] = Math.hypot(spectrum[2 * i]!, spectrum[2 * i + 1]!);
    for (let i = first; i <= last; i++) {
      const [before, here, after] = [loud[i - 1]!, loud[i]!, loud[i + 1]!];
      if (here <= before || here < after || here < SILENT) continue;
      // The top of the parabola through three neighbours is where the tone really is.
      const bin = i + (0.5 * (before - after)) / (before - 2 * here + after);
      const tone = 12 * Math.log2((bin * rate) / size / 440) + 69;
      chroma[((Math.round(tone) % 12) + 12) % 12]! += Math.sqrt(here);
    }
  }
  return chroma.some((value) => value > 0) ? chroma : null;
};

/** Below the noise of 16 bits. */
const SILENT = 0.05;

/** Correlation of the tones with a profile that is turned to a tonic. */
const likeness = (chroma: readonly number[], profile: readonly number[], tonic: number): number => {
  const turned = chroma.map((_, i) => profile[(i - tonic + 12) % 12]!);
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / 12;
  const [a, b] = [mean(chroma), mean(turned)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < 12; i++) {
    const [x, y] = [chroma[i]! - a, turned[i]! - b];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 ? ab / Math.sqrt(aa * bb) : 0;
};
