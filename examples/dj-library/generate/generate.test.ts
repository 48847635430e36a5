import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTags } from '../audio/tags.ts';
import { generateSongs, readTruth } from '../generate.ts';
import { freshFolder } from '../testing.ts';
import { composeSong } from './song.ts';
import { playSong, RATE } from './synthesiser.ts';

test('the same number gives the same song, and other numbers others', () => {
  expect(playSong(composeSong(7))).toEqual(playSong(composeSong(7)));
  expect(composeSong(8).title).not.toBe(composeSong(7).title);
});

test('songs cover all keys and the tempos from 70 to 180, in 12 to 20 seconds, and none is too loud', () => {
  const songs = Array.from({ length: 200 }, (_, n) => composeSong(n));
  expect(new Set(songs.map(({ tonic, mode }) => `${tonic} ${mode}`)).size).toBe(24);
  const tempos = songs.map(({ tempo }) => tempo).sort((a, b) => a - b);
  expect(tempos[0]).toBeGreaterThanOrEqual(70);
  expect(tempos[0]).toBeLessThan(80);
  expect(tempos.at(-1)).toBeGreaterThan(170);
  expect(tempos.at(-1)).toBeLessThanOrEqual(180);
  for (const song of songs.slice(0, 24)) {
    const sound = playSong(song);
    expect(sound.length / RATE).toBeGreaterThan(10);
    expect(sound.length / RATE).toBeLessThan(21);
    expect(sound.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0)).toBeLessThanOrEqual(1);
  }
});

test('a folder of songs says what is right, and songs that are there are left alone', async () => {
  const folder = freshFolder();
  const seen: number[] = [];
  const truth = await generateSongs(folder, 3, (done) => void seen.push(done));
  expect(seen).toEqual([1, 2, 3]);
  expect(await readTruth(folder)).toEqual(truth);
  const names = readdirSync(folder).filter((name) => name.endsWith('.wav'));
  expect(names.sort()).toEqual(Object.keys(truth).sort());
  const first = join(folder, names[0]!);
  const { title, artist } = composeSong(0);
  expect(await readTags(first)).toMatchObject({ title, artist, genre: 'Electronic', problem: null });
  truncateSync(first, 10);
  await generateSongs(folder, 3);
  expect(statSync(first).size).toBe(10);
  expect(readFileSync(join(folder, 'truth.json'), 'utf8')).toContain(names[2]);
  expect(await readTruth(join(folder, 'none'))).toBeNull();
});
