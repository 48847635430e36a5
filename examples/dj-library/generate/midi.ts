/** A song as a MIDI file, for players with real instruments (fluidsynth and a sound font, for example). */
import type { Hit, Note, Song } from './song.ts';

const TICKS = 480;
const DRUM_CHANNEL = 9;
const DRUM: Readonly<Record<Hit['drum'], number>> = { kick: 36, snare: 38, hat: 42 };
/** Channel and General MIDI program: a finger bass, an electric piano, a vibraphone. */
const VOICE: Readonly<Record<Note['voice'], readonly [channel: number, program: number]>> = {
  bass: [0, 33],
  chord: [1, 4],
  lead: [2, 11],
};

export const midiOf = (song: Song): Buffer => {
  const events: { at: number; bytes: number[] }[] = [];
  const sound = (at: number, length: number, channel: number, pitch: number, force: number) => {
    events.push({ at: ticks(at), bytes: [0x90 | channel, pitch, force] });
    events.push({ at: ticks(at + length), bytes: [0x80 | channel, pitch, 0] });
  };
  for (const [channel, program] of Object.values(VOICE)) events.push({ at: 0, bytes: [0xc0 | channel, program] });
  for (const { voice, at, length, pitch } of song.notes) sound(at, length, VOICE[voice][0], pitch, 80);
  for (const { drum, at } of song.hits) sound(at, 0.2, DRUM_CHANNEL, DRUM[drum], drum === 'hat' ? 60 : 110);
  // An end comes before a start at the same time, so that a note may follow itself.
  events.sort((a, b) => a.at - b.at || (a.bytes[0]! & 0xf0) - (b.bytes[0]! & 0xf0));
  const microseconds = Math.round(60_000_000 / song.tempo);
  const track = [0, 0xff, 0x51, 3, ...bigEndian(microseconds, 3)];
  let now = 0;
  for (const { at, bytes } of events) {
    track.push(...variable(at - now), ...bytes);
    now = at;
  }
  track.push(0, 0xff, 0x2f, 0);
  const head = [...bigEndian(0, 2), ...bigEndian(1, 2), ...bigEndian(TICKS, 2)];
  return Buffer.concat([chunk('MThd', head), chunk('MTrk', track)]);
};

const ticks = (beats: number): number => Math.round(beats * TICKS);

const bigEndian = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => (value >> (8 * (bytes - 1 - i))) & 0xff);

const chunk = (name: string, content: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from(name), Buffer.from(bigEndian(content.length, 4)), Buffer.from(content)]);

/** Seven bits a byte; the highest bit says that another follows. */
const variable = (value: number): number[] => {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
};
