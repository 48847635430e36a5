import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HELP, readSettings, UsageError } from './settings.ts';

test.each([
  ['--daemon --jobs-dir=here', {}, 'here'],
  ['--daemon --jobs-dir here', {}, 'here'],
  ['--jobs-dir here --daemon', { JOB_SCHEDULER_DIR: 'there' }, 'here'],
  ['--daemon', { JOB_SCHEDULER_DIR: 'there' }, 'there'],
  ['--daemon', { JOB_SCHEDULER_DIR: '' }, 'data/jobs'],
  ['--daemon', {}, 'data/jobs'],
])('%s with %j watches %s', (line, environment, jobsDir) => {
  expect(readSettings(line.split(' '), environment)).toMatchObject({ daemon: true, jobsDir, catalog: null });
});

test('a catalog is a one-time run', () => {
  expect(readSettings(['a.csv', '--audio-base-path', 'audio'], {})).toMatchObject({
    daemon: false,
    catalog: 'a.csv',
    audioBasePath: 'audio',
  });
});

test('every variable of the help is read', () => {
  const environment = {
    JOB_SCHEDULER_DIR: 'jobs',
    CREDITS_RESULTS_DIR: 'results',
    DATABASE_URL: 'sqlite:x.db',
    PORT: '5000',
    MUSICBRAINZ_URL: 'http://127.0.0.1:8080/ws/2',
    MUSICBRAINZ_RATE: '2.5',
    MUSICBRAINZ_CONTACT: 'ada@example.test',
  };
  for (const name of Object.keys(environment)) expect(HELP).toContain(name);
  expect(readSettings(['--daemon'], environment)).toEqual({
    ...{
      daemon: true,
      jobsDir: 'jobs',
      resultsDir: 'results',
      database: 'sqlite:x.db',
      port: 5000,
      catalog: null,
      audioBasePath: undefined,
    },
    musicbrainz: { url: 'http://127.0.0.1:8080/ws/2', perSecond: 2.5, contact: 'ada@example.test' },
  });
});

test('help is help, whatever else is there', () => {
  expect(readSettings(['--help'], {})).toBeNull();
});

test.each<[string[], Record<string, string>, RegExp]>([
  [[], {}, /Neither a catalog nor --daemon/],
  [['--demon'], {}, /Unknown option '--demon'/],
  [['--daemon', '--jobs-dir'], {}, /jobs-dir/],
  [['--daemon', '--jobs-dir='], {}, /--jobs-dir is empty/],
  [['--daemon', 'a.csv'], {}, /come as \*\.job files; found a\.csv/],
  [['a.csv', 'b.csv'], {}, /One catalog at a time/],
  [['--daemon'], { MUSICBRAINZ_URL: 'musicbrainz' }, /MUSICBRAINZ_URL is "musicbrainz"\. Allowed/],
  [['--daemon'], { MUSICBRAINZ_URL: 'file:///etc' }, /MUSICBRAINZ_URL/],
  [['--daemon'], { MUSICBRAINZ_URL: 'http://x', MUSICBRAINZ_RATE: 'fast' }, /MUSICBRAINZ_RATE is "fast"/],
  [['--daemon'], { MUSICBRAINZ_URL: 'http://x', MUSICBRAINZ_RATE: '0' }, /MUSICBRAINZ_RATE is "0"/],
])('%j with %j is refused with a sentence', (args, environment, message) => {
  expect(() => readSettings(args, environment)).toThrow(UsageError);
  expect(() => readSettings(args, environment)).toThrow(message);
});

test('every variable of the compose file is one of the program', () => {
  const text = readFileSync(new URL('./docker-compose.yml', import.meta.url), 'utf8');
  const names = [...text.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => name);
  expect(names).toContain('JOB_SCHEDULER_DIR');
  for (const name of names) expect(HELP).toContain(name);
});
