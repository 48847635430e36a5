/** Beats a minute, by following the beats (music-tempo) and laying a line through them. */
import MusicTempo from 'music-tempo';
import type { Sound } from '../audio/sound.ts';

export interface Tempo {
  /** Beats a minute, with two decimals; null where there is no beat. */
  readonly bpm: number | null;
  /** When the first beat that was followed comes, in seconds from the start of the file. */
  readonly firstBeat: number | null;
  /** From 0 to 1: how evenly the beats come. */
  readonly steadiness: number;
}

const NONE: Tempo = { bpm: null, firstBeat: null, steadiness: 0 };
const STEPS_A_SECOND = 100;
const FASTEST_BPM = 180;

export const tempoOf = ({ samples, rate, startsAt }: Sound): Tempo => {
  const hopSize = Math.round(rate / STEPS_A_SECOND);
  const bufferSize = 2 ** Math.round(Math.log2(rate / 21.5));
  try {
    const found = new MusicTempo(samples, { hopSize, bufferSize, timeStep: hopSize / rate });
    return evenTempo(
      found.beats.map((time) => startsAt + time),
      60 / Number(found.tempo),
    );
  } catch (error) {
    // It throws a text where there is no beat at all: silence, a single tone, a click.
    if (typeof error === 'string') return NONE;
    throw error;
  }
};

/** The slope of the line through the beats, each counted by how many intervals it is away from the one before. */
export const evenTempo = (beats: readonly number[], interval: number): Tempo => {
  if (beats.length < 4 || !(interval > 0)) return NONE;
  const counts = [0];
  for (let i = 1; i < beats.length; i++)
    counts.push(counts[i - 1]! + Math.max(1, Math.round((beats[i]! - beats[i - 1]!) / interval)));
  const n = beats.length;
  const meanCount = counts.reduce((sum, count) => sum + count, 0) / n;
  const meanTime = beats.reduce((sum, time) => sum + time, 0) / n;
  let [across, along] = [0, 0];
  for (let i = 0; i < n; i++) {
    across += (counts[i]! - meanCount) * (beats[i]! - meanTime);
    along += (counts[i]! - meanCount) ** 2;
  }
  const slope = across / along;
  const off = beats.reduce((sum, time, i) => sum + Math.abs(time - meanTime - slope * (counts[i]! - meanCount)), 0) / n;
  const steadiness = Math.max(0, 1 - (4 * off) / slope);
  const firstBeat = Math.max(0, meanTime - slope * meanCount);
  // Faster than anybody counts: what was followed is every half beat.
  const bpm = 60 / slope > FASTEST_BPM ? 30 / slope : 60 / slope;
  return {
    bpm: Math.round(100 * bpm) / 100,
    firstBeat: Math.round(firstBeat * 1000) / 1000,
    steadiness: Math.round(steadiness * 100) / 100,
  };
};
