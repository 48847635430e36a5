import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagerOptions } from 'backline';
import { expect, onTestFinished, test } from 'vitest';
import { wavOf } from './audio/wav.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { generateSongs, readTruth } from './generate.ts';
import type { ScanResult } from './scan.ts';
import { freshFolder, tone, until } from './testing.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('Skipped: tests of analyses in Python, for there is no python3.');

const QUIET = { logger: false, handleSignals: false, pollInterval: 50, retryDelay: 10, durability: 'process' } as const;

const start = async (
  folder: string,
  manager: Omit<ManagerOptions, 'jobs'> = {},
  more: Pick<EngineOptions, 'cleanupEvery'> = {},
): Promise<Engine> => {
  const parts = { workers: 2, manager: { ...QUIET, ...manager }, ...more };
  const engine = new Engine({ database: join(folder, 'library.db'), ...parts });
  onTestFinished(() => engine.close());
  await engine.start();
  return engine;
};

const put = (folder: string, name: string, title = name, seconds = 0.2): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, wavOf(tone(seconds, 8000), 8000, { INAM: title }));
  return path;
};

/** Scans, and waits until every file is staged. */
const scanned = async (engine: Engine, ...paths: string[]): Promise<ScanResult> => {
  const result = await engine.jobManager.result<ScanResult>(await engine.createScanJob(paths));
  await until(async () => (await engine.jobManager.count({ type: 'file_stage', status: ['queued', 'running'] })) === 0);
  return result;
};

const titles = (engine: Engine): string[] => engine.library.tracks().map(({ title }) => title);

test('a scan stages each file once, and notices what is new, changed, moved and gone', async () => {
  const folder = freshFolder();
  const music = join(folder, 'music');
  const engine = await start(folder);
  const [a, b, c] = [put(music, 'a.wav'), put(music, 'sub/b.WAV'), put(music, 'c.wav')];
  put(music, 'notes.txt');
  expect(await scanned(engine, music)).toEqual({ found: 3, staged: 3, missing: 0, problems: { count: 0, first: [] } });
  expect(titles(engine)).toEqual(['a.wav', 'c.wav', 'sub/b.WAV']);
  const idOf = (path: string) => engine.library.trackAt(path)?.id;
  const [idA, idB] = [idOf(a), idOf(b)];

  expect(await scanned(engine, music)).toMatchObject({ found: 3, staged: 0, missing: 0 });
  expect(await engine.jobManager.count({ type: 'file_stage' })).toBe(3);

  put(music, 'a.wav', 'another title', 0.3);
  renameSync(b, join(music, 'moved.wav'));
  rmSync(c);
  put(music, 'd.wav', 'd', 0.4);
  expect(await scanned(engine, music)).toMatchObject({ found: 3, staged: 3, missing: expect.any(Number) });
  expect(titles(engine)).toEqual(['another title', 'd', 'sub/b.WAV']);
  expect([idOf(a), idOf(join(music, 'moved.wav'))]).toEqual([idA, idB]);
  expect(engine.library.counts()).toMatchObject({ tracks: 4, missing: 1 });

  put(music, 'c.wav');
  await scanned(engine, music);
  expect(engine.library.counts()).toMatchObject({ tracks: 4, missing: 0 });
});

test('a folder that is away takes its tracks out of the list, and brings them back', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  put(folder, 'drive/a.wav');
  put(folder, 'other/b.wav', 'b', 0.3);
  await scanned(engine, join(folder, 'drive'), join(folder, 'other'));
  renameSync(join(folder, 'drive'), join(folder, 'unplugged'));
  expect(await scanned(engine, join(folder, 'drive'))).toEqual({
    found: 0,
    staged: 0,
    missing: 1,
    problems: { count: 1, first: [{ path: join(folder, 'drive'), code: 'ENOENT' }] },
  });
  expect(titles(engine)).toEqual(['b']);
  renameSync(join(folder, 'unplugged'), join(folder, 'drive'));
  await scanned(engine, join(folder, 'drive'));
  expect(titles(engine)).toEqual(['b', 'drive/a.wav']);
});

test('only the asked extensions are scanned, and who asked is known by the priority', async () => {
  const folder = freshFolder();
  const engine = await start(folder, { worker: false });
  const row = async (id: string) => {
    const { type, priority, userInitiated, payload } = (await engine.getJobById(id))!;
    return { type, priority, userInitiated, payload };
  };
  expect(await row(await engine.createScanJob([folder], ['.MP3']))).toMatchObject({
    type: 'scan',
    priority: 5,
    userInitiated: true,
    payload: { paths: [folder], extensions: ['.MP3'] },
  });
  expect(await row(await engine.createScanJob([folder], undefined, false))).toMatchObject({
    priority: 7,
    userInitiated: false,
  });
  expect(await row(await engine.createAnalysisJobs([]))).toMatchObject({ type: 'batch_analyze', priority: 3 });
  expect(await row(await engine.createAnalysisJobs([], ['key'], false))).toMatchObject({
    priority: 7,
    userInitiated: false,
  });
  const one = await engine.exportTracks([], { folder, formats: ['csv'] });
  expect(await row(one)).toMatchObject({ type: 'export', priority: 1, userInitiated: true });
  expect(await row(await engine.exportTracks([], { folder }))).toMatchObject({ type: 'batch_export', priority: 1 });
  const cleanup = await engine.createCleanupJob();
  expect(await row(cleanup)).toMatchObject({ type: 'cleanup', priority: 10, userInitiated: false });
  expect(await engine.createCleanupJob()).toBe(cleanup);
});

test('tracks are analysed in Node processes, and the library has what they found', async () => {
  const folder = freshFolder();
  const songs = join(folder, 'songs');
  await generateSongs(songs, 3);
  const engine = await start(folder);
  await scanned(engine, songs);
  const batch = await engine.createAnalysisJobs(engine.library.tracks().map(({ id }) => id));
  expect(await engine.jobManager.result(batch)).toMatchObject({ total: 3, completed: 3 });
  const { jobs } = await engine.jobManager.list({ parent: batch });
  expect(jobs.map(({ type, priority }) => `${type} ${priority}`)).toEqual(Array(3).fill('analyze 3'));
  expect(await engine.getJobById(batch)).toMatchObject({ type: 'batch_analyze', status: 'completed', progress: 100 });
  const truth = (await readTruth(songs))!;
  for (const { path, key, bpm } of engine.library.tracks()) {
    expect(key).toBe(truth[path.slice(songs.length + 1)]!.key);
    expect(bpm).toBeGreaterThan(60);
  }
  expect(engine.library.counts()).toEqual({ tracks: 3, analyses: 6, missing: 0 });
  for (const type of ['tempo', 'key'] as const) expect(engine.library.tracksWithout(type)).toEqual([]);
});

test.runIf(hasPython)('a worker in Python needs neither the database nor packages', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  const silence = new Float32Array(8000);
  const music = Float32Array.from([...silence, ...tone(2, 8000), ...silence, ...silence]);
  writeFileSync(join(folder, 'a.wav'), wavOf(music, 8000));
  writeFileSync(join(folder, 'silent.wav'), wavOf(silence, 8000));
  await scanned(engine, folder);
  const [a, silent] = engine.library.tracks().map(({ id }) => id);
  const batch = await engine.createAnalysisJobs([a!, silent!], ['loudness', 'key']);
  expect(await engine.jobManager.result(batch)).toMatchObject({ total: 4, completed: 4 });
  const { jobs } = await engine.jobManager.list({ parent: batch, type: 'analyze_loudness' });
  const resultOf = (id: string) => jobs.find(({ payload }) => (payload as { trackId: string }).trackId === id)?.result;
  expect(resultOf(a!)).toEqual({
    loudness: { peakDb: -6.02, rmsDb: expect.closeTo(-13.01, 1), silentStart: 1, silentEnd: 2 },
  });
  expect(resultOf(silent!)).toEqual({ loudness: { peakDb: null, rmsDb: null, silentStart: 1, silentEnd: 1 } });
  expect(engine.library.tracks()).toMatchObject([{ peakDb: -6.02 }, { peakDb: null, rmsDb: null }]);
});

test('an analysis counts for the version of the file that was heard', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  const path = put(folder, 'a.wav', 'a', 2);
  await scanned(engine, folder);
  const [track] = engine.library.tracks();
  await engine.jobManager.result(await engine.createAnalysisJobs([track!.id], ['key']));
  expect(engine.library.tracks()[0]!.key).not.toBeNull();
  put(folder, 'a.wav', 'a', 3);
  const stale = await engine.createAnalysisJobs([track!.id], ['key']);
  expect(await engine.jobManager.result(stale)).toMatchObject({ failed: 1 });
  const [failed] = (await engine.jobManager.list({ parent: stale })).jobs;
  expect(failed).toMatchObject({
    status: 'failed',
    attempts: 1,
    error: expect.stringContaining(`${path} has changed`),
  });
  await scanned(engine, folder);
  expect(engine.library.tracks()[0]!.key).toBeNull();
  expect(engine.library.tracksWithout('key')).toEqual([track!.id]);
});

test('a file that cannot be analysed fails alone, at once, with its path and a code', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  writeFileSync(join(folder, 'broken.wav'), 'RIFF no sound');
  put(folder, 'good.wav', 'good', 2);
  await scanned(engine, folder);
  const ids = engine.library.tracks().map(({ id }) => id);
  const batch = await engine.createAnalysisJobs(ids, hasPython ? ['key', 'loudness'] : ['key']);
  const n = hasPython ? 2 : 1;
  expect(await engine.jobManager.result(batch)).toMatchObject({ total: 2 * n, completed: n, failed: n });
  const { jobs } = await engine.jobManager.list({ parent: batch, status: 'failed' });
  for (const { id, attempts, error } of jobs) {
    expect({ attempts, error }).toEqual({ attempts: 1, error: expect.stringContaining('broken.wav') });
    const [attempt] = await engine.jobManager.attempts(id);
    expect(attempt!.error!.code).toMatch(/^(WAV_BROKEN|WAV_UNSUPPORTED|DECODE_FAILED)$/);
  }
  expect(await engine.retryJob(jobs[0]!.id)).toBe(true);
  expect(await engine.retryJob(batch.replace(/.$/, '_'))).toBe(false);
});

test('what is asked for must exist', async () => {
  const engine = await start(freshFolder(), { worker: false });
  await expect(engine.createAnalysisJobs(['nobody'])).rejects.toMatchObject({ code: 'UNKNOWN_TRACK' });
  await expect(engine.createAnalysisJobs([], ['mood'])).rejects.toMatchObject({ code: 'UNKNOWN_ANALYSIS' });
  await expect(engine.exportTracks([], { folder: '.', formats: [] })).rejects.toMatchObject({ code: 'NO_FORMAT' });
  await expect(engine.exportTracks([], { folder: '.', name: '../x' })).rejects.toMatchObject({
    code: 'INVALID_PAYLOAD',
  });
  expect(await engine.getJobById('nobody')).toBeNull();
  expect(await engine.cancelJob('nobody')).toBe(false);
});

test('a closed engine says so, and closing twice is harmless', async () => {
  const engine = await start(freshFolder());
  expect(engine.library.counts()).toEqual({ tracks: 0, analyses: 0, missing: 0 });
  await engine.close();
  await engine.close();
  expect(() => engine.library).toThrow('The engine is closed');
  await expect(engine.createScanJob(['.'])).rejects.toMatchObject({ code: 'MANAGER_CLOSED' });
});

test('a list is exported in every format, by a batch with a job for each', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  put(folder, 'music/a.wav');
  put(folder, 'music/b.wav', 'b', 0.3);
  await scanned(engine, join(folder, 'music'));
  const ids = engine.library.tracks().map(({ id }) => id);
  const out = join(folder, 'out');
  const batch = await engine.exportTracks([...ids, 'nobody'], { folder: out, name: 'Friday' });
  expect(await engine.jobManager.result(batch)).toMatchObject({ total: 4, completed: 4 });
  expect(readdirSync(out).sort()).toEqual(['Friday.csv', 'Friday.json', 'Friday.m3u8', 'Friday.xml']);
  const { jobs } = await engine.jobManager.list({ parent: batch });
  for (const { result, priority } of jobs) {
    expect(result).toEqual({ path: expect.stringContaining('Friday'), tracks: 2, unknown: 1 });
    expect(priority).toBe(1);
  }
  expect(engine.library.exports().map(({ tracks, format }) => [format, tracks])).toEqual([
    ['csv', 2],
    ['json', 2],
    ['m3u8', 2],
    ['rekordbox', 2],
  ]);
  expect(JSON.parse(readFileSync(join(out, 'Friday.json'), 'utf8')).tracks).toHaveLength(2);
});

test('an export that cannot be written fails with the path and the code, and everything else goes on', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  writeFileSync(join(folder, 'file'), '');
  const id = await engine.exportTracks([], { folder: join(folder, 'file'), formats: ['csv'] });
  await expect(engine.jobManager.result(id)).rejects.toMatchObject({
    code: 'JOB_FAILED',
    cause: { code: expect.stringMatching(/ENOTDIR|EEXIST/), message: expect.stringContaining(join(folder, 'file')) },
  });
  expect(await engine.getJobById(id)).toMatchObject({ status: 'failed', attempts: 1 });
  await engine.jobManager.result(await engine.exportTracks([], { folder, formats: ['csv'] }));
  expect((await engine.getSystemHealth()).ok).toBe(true);
});

test('clean-up forgets what has been gone for long and removes what broken exports left; nothing else', async () => {
  const folder = freshFolder();
  const engine = await start(folder);
  const gone = put(folder, 'music/gone.wav');
  put(folder, 'music/here.wav', 'here', 0.3);
  await scanned(engine, join(folder, 'music'));
  await engine.jobManager.result(await engine.exportTracks([], { folder, formats: ['csv'], name: 'x' }));
  rmSync(gone);
  await scanned(engine, join(folder, 'music'));
  const [old, young] = [join(folder, '.x.csv.old.part'), join(folder, '.x.csv.young.part')];
  writeFileSync(old, '');
  writeFileSync(young, '');
  utimesSync(old, 0, 0);
  const clean = async (payload?: { missingForMs: number }) =>
    engine.jobManager.result(await engine.createCleanupJob(payload));
  expect(await clean()).toEqual({ tracks: 0, parts: 1 });
  expect(engine.library.counts()).toMatchObject({ tracks: 2, missing: 1 });
  expect(await clean({ missingForMs: 0 })).toEqual({ tracks: 1, parts: 0 });
  expect(engine.library.counts()).toMatchObject({ tracks: 1, missing: 0 });
  expect(statSync(young).size).toBe(0);
});

test('clean-up comes again by itself, also after a restart, and can be looked after like any schedule', async () => {
  const folder = freshFolder();
  const engine = await start(folder, {}, { cleanupEvery: 200 });
  const { schedules } = engine.jobManager;
  await until(async () => (await schedules.get('cleanup'))!.counts.fired > 1);
  const [latest] = (await engine.jobManager.list({ schedule: 'cleanup', status: 'completed' })).jobs;
  expect(latest).toMatchObject({
    ...{ type: 'cleanup', priority: 10, userInitiated: false, key: 'cleanup', result: { tracks: 0, parts: 0 } },
  });
  await schedules.pause('cleanup', { reason: 'a show is on' });
  await engine.close();

  const again = await start(folder, {}, { cleanupEvery: '1d' });
  const paused = await again.jobManager.schedules.get('cleanup');
  expect(paused).toMatchObject({ pause: { reason: 'a show is on' }, trigger: { everyMs: 86_400_000 }, version: 3 });
  await again.jobManager.schedules.resume('cleanup');
  const { id } = await again.jobManager.schedules.run('cleanup');
  expect(await again.jobManager.result(id)).toEqual({ tracks: 0, parts: 0 });
  await again.close();

  const never = await start(folder, {}, { cleanupEvery: false });
  expect(await never.jobManager.schedules.get('cleanup')).toBeNull();
});

test('cancelling a batch cancels its jobs; abortAllJobs leaves nothing active; statistics and health add up', async () => {
  const folder = freshFolder();
  for (let i = 0; i < 6; i++) put(folder, `${i}.wav`, `${i}`, 1 + i / 10);
  const engine = await start(folder);
  const events: string[] = [];
  engine.jobManager.on('job-status-changed', ({ type, status }) => events.push(`${type} ${status}`));
  await scanned(engine, folder);
  await engine.jobManager.pauseQueue('default');
  const ids = engine.library.tracks().map(({ id }) => id);
  const batch = await engine.createAnalysisJobs(ids);
  expect((await engine.getActiveJobs()).length).toBe(7);
  expect(await engine.cancelJob(batch)).toBe(true);
  await until(async () => (await engine.getJobById(batch))?.status === 'cancelled');
  expect(await engine.jobManager.count({ parent: batch, status: 'cancelled' })).toBe(6);
  await engine.createAnalysisJobs(ids, ['key']);
  await engine.createScanJob([folder]);
  expect(await engine.abortAllJobs()).toBeUndefined();
  expect(await engine.getActiveJobs()).toEqual([]);
  const statistics = await engine.getJobStatistics();
  expect(statistics).toEqual(await engine.db.getJobStatistics());
  expect(statistics.total).toBe((await engine.getAllJobs()).length);
  const wanted = [
    'scan created',
    'scan queued',
    'scan running',
    'scan completed',
    'file_stage completed',
    'analyze cancelled',
  ];
  await until(() => wanted.every((one) => events.includes(one)));
  expect(await engine.getSystemHealth()).toMatchObject({ ok: true, queueDepth: 0, database: { ok: true } });
  expect(await engine.db.checkIntegrity()).toMatchObject({ ok: true });
});
