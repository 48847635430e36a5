import { expect, test } from 'vitest';
import type { AnalysedTrack } from './library.ts';
import { Progress } from './progress.ts';
import { reportOf, scoreOf } from './report.ts';
import { readSettings, UsageError } from './settings.ts';

const track = (name: string, bpm: number | null, key: string | null): AnalysedTrack => ({
  id: name,
  path: `/music/${name}`,
  size: 1,
  modifiedAt: 1,
  addedAt: 1,
  missingSince: null,
  title: name,
  artist: null,
  album: null,
  genre: null,
  year: null,
  seconds: 10,
  bpm,
  firstBeat: 0,
  key,
  peakDb: null,
  rmsDb: null,
});

const right = { tempo: 100, key: 'C major' };

test('a tempo is right within one percent, also if it is counted in half or double beats', () => {
  const tempos = [100, 100.9, 99.1, 50.4, 201.9, 101.2, 98.9, 300, 33.3, null];
  const tracks = tempos.map((bpm, i) => track(`${i}`, bpm, i === 0 ? 'C major' : 'A minor'));
  const truth = Object.fromEntries(tempos.map((_, i) => [`${i}`, right]));
  expect(scoreOf(tracks, truth)).toEqual({ tracks: 10, tempo: 5, octave: 3, key: 1 });
  expect(scoreOf(tracks, { 0: right })).toEqual({ tracks: 1, tempo: 1, octave: 1, key: 1 });
});

test('the report has a table, shares of what is right, failures and where the exports are', () => {
  const outcome = {
    exports: [{ path: '/x/library.csv', format: 'csv', tracks: 2, jobId: 'j', writtenAt: 1 }],
    failed: { count: 7, first: ['analyze: broken'] },
  };
  const tracks = Array.from({ length: 10 }, (_, i) => track(`${i}.wav`, 100, null));
  const text = reportOf(tracks, { '0.wav': right }, outcome);
  expect(text).toMatch(/^track +tempo +key +loudness +truth$/m);
  expect(text).toMatch(/^0\.wav +100\.0 +- +- +100\.0 {2}C major$/m);
  expect(text).toContain('… and 2 more');
  expect(text).toContain('tempo right  1 of 1 (100.0 %), 1 of them in the same octave');
  expect(text).toContain('key right    0 of 1 (0.0 %)');
  expect(text).toContain('failed       7 jobs\n  analyze: broken');
  expect(text).toContain('exported     /x/library.csv  2 tracks');
  expect(reportOf(tracks, null, outcome)).not.toContain('right');
});

const show = (isTTY: boolean) => {
  let [text, now] = ['', 0];
  const write = (more: string) => {
    text += more;
  };
  const progress = new Progress({ isTTY, write }, () => now);
  for (let i = 0; i <= 100; i++, now += 50) progress.update('scan', i, 100);
  progress.update('analyse', 0, 0);
  progress.end();
  progress.end();
  return text;
};

test('progress is one changing line on a terminal', () => {
  const text = show(true);
  expect(text.split('\n')).toHaveLength(3);
  expect(text.split('\r').length).toBeGreaterThan(40);
  expect(text.split('\n')[0]).toMatch(/scan {7}100 % {2}100 of 100$/);
  expect(text.split('\n')[1]).toMatch(/analyse {4}100 % {2}0 of 0$/);
});

test('progress in a log is a line now and then, the last state always', () => {
  expect(show(false).split('\n')).toEqual([
    'scan         0 %  0 of 100',
    'scan        40 %  40 of 100',
    'scan        80 %  80 of 100',
    'scan       100 %  100 of 100',
    'analyse    100 %  0 of 0',
    '',
  ]);
});

test('settings have defaults, and wrong ones are refused with a sentence', () => {
  expect(readSettings(['--help'])).toBeNull();
  expect(readSettings([])).toMatchObject({
    music: null,
    tracks: 200,
    folder: expect.stringMatching(/data.dj-library$/),
  });
  expect(readSettings(['--folder', '/a', '--music', '/b', '--workers', '3'])).toMatchObject({
    database: '/a/library.db',
    exports: '/a/exports',
    music: '/b',
    workers: 3,
  });
  for (const args of [
    ['x'],
    ['--tracks'],
    ['--tracks', '0'],
    ['--workers', '1e3'],
    ['--folder', ''],
    ['--music', 'a', '--tracks', '1'],
  ])
    expect(() => readSettings(args)).toThrow(UsageError);
});
