/** The same songs with real instruments: what is analysed must not depend on our own synthesiser. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyOf } from '../analysis/key.ts';
import { keyName } from '../analysis/key-names.ts';
import { tempoOf } from '../analysis/tempo.ts';
import { decode } from '../audio/decode.ts';
import { freshFolder } from '../testing.ts';
import { midiOf } from './midi.ts';
import { composeSong } from './song.ts';

const FONTS = ['TimGM6mb.sf2', 'default-GM.sf2', 'FluidR3_GM.sf2'].map((name) => `/usr/share/sounds/sf2/${name}`);
const font = FONTS.find((path) => existsSync(path));
const isThere = font !== undefined && spawnSync('fluidsynth', ['--version']).status === 0;
if (!isThere)
  console.log('Skipped: songs with real instruments (apt-get install fluidsynth timgm6mb-soundfont makes them).');

test.runIf(isThere).each([0, 35, 49, 84])('song %i is heard right with real instruments', async (n) => {
  const song = composeSong(n);
  const folder = freshFolder();
  const [midi, wav] = [join(folder, 'song.mid'), join(folder, 'song.wav')];
  writeFileSync(midi, midiOf(song));
  execFileSync('fluidsynth', ['-q', '-ni', '-r', '44100', '-F', wav, font!, midi], { stdio: 'ignore' });
  const sound = await decode(wav, { maxSeconds: 180, targetRate: 22_050 });
  const ratio = tempoOf(sound).bpm! / song.tempo;
  expect([0.5, 1, 2].some((octave) => Math.abs(ratio / octave - 1) <= 0.01)).toBe(true);
  expect(keyOf(sound).key).toBe(keyName(song.tonic, song.mode));
});

test('a MIDI file has the tempo, every note and an end', () => {
  const song = composeSong(3);
  const bytes = midiOf(song);
  expect(bytes.toString('latin1', 0, 4)).toBe('MThd');
  expect(bytes.readUInt32BE(18)).toBe(bytes.length - 22);
  expect(bytes.readUIntBE(26, 3)).toBe(Math.round(60_000_000 / song.tempo));
  expect([...bytes.subarray(-4)]).toEqual([0, 0xff, 0x2f, 0]);
});
