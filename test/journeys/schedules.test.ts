/** A schedule's life on the command line, beside a worker that runs what it starts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../wait.ts';
import { Folder, linesOf } from './command-line.ts';

const CONFIG = `
import { job } from 'backline';
export default {
  database: 'sqlite:jobs.db',
  timeZone: 'Europe/Berlin',
  jobs: { report: job({ run: (payload, ctx) => ({ payload, slotAt: ctx.job.slotAt }) }) },
};
`;

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
  folder.write('backline.config.ts', CONFIG);
});
afterAll(() => folder.remove());

const schedules = (...args: string[]) => folder.run(['schedules', ...args]);
const recordOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await schedules(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return linesOf(stdout)[0]!;
};

test('it is made, shown, changed, paused, run, and removed', async () => {
  expect(await schedules('ls')).toMatchObject({ code: 3, stderr: expect.stringContaining('NO_DATABASE') });
  const made = await recordOf(
    'add',
    'nightly',
    '--type',
    'report',
    '--cron',
    '30 2 * * *',
    '--payload',
    '{"a":1}',
    '--tag',
    'x',
  );
  expect(made).toMatchObject({
    ...{ kind: 'added', id: 'nightly', words: 'At 02:30 every day, Europe/Berlin time', version: 1, source: 'cli' },
    ...{ payload: { a: 1 }, job: { tags: ['x'] }, missed: 'runOnce', overlap: 'skip' },
  });
  expect(await schedules('add', 'nightly', '--type', 'report', '--at', '2099-01-01T00:00:00Z')).toMatchObject({
    ...{ code: 6, stderr: expect.stringContaining('SCHEDULE_EXISTS') },
  });

  const next = await schedules('next', 'nightly', '--count', '2');
  expect(next.stdout).toMatch(/in Europe\/Berlin +in UTC\n(.*02:30:00 \+0[12]:00 .*Z\n?){2}/);

  // What is not named stays.
  const changed = await recordOf(
    'edit',
    'nightly',
    '--priority',
    '2',
    '--missed',
    'window:2h',
    '--if-version',
    '1',
    '--actor',
    'ada',
  );
  expect(changed).toMatchObject({ version: 2, missed: { window: 7_200_000 }, job: { priority: 2, tags: ['x'] } });
  expect(await schedules('edit', 'nightly', '--max-instances', '2', '--if-version', '1')).toMatchObject({
    ...{ code: 6, stderr: expect.stringContaining('SCHEDULE_CHANGED') },
  });

  expect(await recordOf('pause', 'nightly', '--reason', 'audit', '--until', '2h')).toMatchObject({
    pause: { reason: 'audit', actor: 'command line', until: expect.stringMatching(/Z$/) },
  });
  expect((await schedules('ls', '--paused')).stdout).toMatch(/nightly .*‖ paused until .*: audit/);
  expect(await recordOf('resume', 'nightly')).toMatchObject({ pause: null, version: 4 });

  const { id } = await recordOf('run', 'nightly', '--actor', 'bob');
  expect(await schedules('run', 'nightly')).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('SCHEDULE_FULL'),
  });
  const worker = folder.start(['work']);
  await until(
    async () =>
      linesOf((await folder.run(['jobs', 'show', String(id), '--json'])).stdout)[0]?.['status'] === 'completed',
  );
  expect((await worker.end('SIGTERM')).code).toBe(0);
  const jobs = linesOf((await folder.run(['jobs', 'ls', '--where', 'schedule:nightly', '--json'])).stdout);
  expect(jobs.map((job) => job['id'])).toEqual([id]);

  const history = linesOf((await schedules('history', 'nightly', '--json')).stdout);
  expect(history.map(({ kind, actor, ...entry }) => [kind, entry['what'] ?? null, actor])).toHaveLength(5);
  expect((await schedules('history', 'nightly')).stdout).toMatch(
    /ran .*bob[\s\S]*updated .*ada +cli: .*missed.*job\.priority/,
  );

  expect(await schedules('rm', 'nightly')).toMatchObject({ code: 0, stderr: expect.stringContaining('--yes') });
  expect(await schedules('rm', 'nightly', '--yes')).toMatchObject({ code: 0, stdout: 'nightly removed\n' });
  expect(await schedules('show', 'nightly')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('SCHEDULE_NOT_FOUND'),
  });
}, 60_000);

test.each([
  ['no type', ['add', 'a', '--cron', '* * * * *'], /USAGE.*--type/s],
  ['no trigger', ['add', 'a', '--type', 'report'], /INVALID_OPTION.*trigger/s],
  [
    'two triggers',
    ['add', 'a', '--type', 'report', '--cron', '* * * * *', '--every', '5m'],
    /exactly one of cron, interval and at/,
  ],
  ['a day that never comes', ['add', 'a', '--type', 'report', '--cron', '0 0 30 2 *'], /INVALID_CRON/],
  ['a time without a zone', ['add', 'a', '--type', 'report', '--at', '2099-01-01T00:00'], /TIME_WITHOUT_ZONE/],
  [
    'a payload that is no JSON',
    ['add', 'a', '--type', 'report', '--every', '5m', '--payload', '{'],
    /INVALID_PAYLOAD|JSON/,
  ],
  ['an unknown policy', ['add', 'a', '--type', 'report', '--every', '5m', '--overlap', 'burn'], /overlap.*queueAll/s],
])('%s is refused', async (_, args, words) => {
  const { code, stdout, stderr } = await schedules(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(words);
});

test('those of the config file are registered by the service and by workers, and by nothing else', async () => {
  const place = new Folder();
  const write = (schedules: string) =>
    place.write(
      'backline.config.ts',
      CONFIG.replace("database: 'sqlite:jobs.db',", `port: 0, schedules: [${schedules}],`),
    );
  const nightly = "{ id: 'nightly', type: 'report', payload: { a: 1 }, cron: '0 2 * * *', build: 1 }";
  const registered = async () => linesOf((await place.run(['schedules', 'ls', '--json'])).stdout);
  try {
    write(nightly);
    expect((await place.run(['add', 'report'])).code).toBe(0);
    expect(await registered()).toEqual([]);
    const service = place.start(['start', '--json']);
    await service.says(/"kind":"started"/);
    const config = linesOf((await place.run(['config', '--json'])).stdout).at(-1);
    expect(config).toMatchObject({ kind: 'config-file', schedules: ['nightly'] });
    expect(await registered()).toMatchObject([
      { id: 'nightly', source: 'code', words: 'At 02:00 every day, Europe/Berlin time', build: 1, version: 1 },
    ]);
    expect((await service.end('SIGTERM')).code).toBe(0);

    // What the code says changes with it.
    write(nightly.replace('0 2 *', '0 3 *').replace('build: 1', 'build: 2'));
    const worker = place.start(['work', '--json']);
    await worker.says(/"kind":"started"/);
    expect(await registered()).toMatchObject([{ trigger: { cron: '0 3 * * *' }, version: 2 }]);
    expect((await worker.end('SIGTERM')).code).toBe(0);

    write(`${nightly}, { id: 'b', type: 'report', cron: '0 25 * * *' }`);
    for (const command of ['start', 'work']) {
      const { code, stderr } = await place.run([command]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/INVALID_CRON +schedules\[1\]: .*hour.*\n +from backline\.config\.ts/),
      ]);
    }
    expect(await registered()).toHaveLength(1);
  } finally {
    await place.remove();
  }
}, 60_000);

test('days of an .ics file are counted, or left out', async () => {
  folder.write(
    'holidays.ics',
    'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20991225\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
  );
  const noon = ['--type', 'report', '--cron', '0 12 25 12 *', '--tz', 'UTC'];
  await recordOf('add', 'only', ...noon, '--calendar', 'holidays.ics');
  await recordOf('add', 'others', ...noon, '--calendar', 'not:holidays.ics');
  const runs = async (id: string) =>
    linesOf((await schedules('next', id, '--count', '100', '--json')).stdout).map(({ at }) => String(at).slice(0, 4));
  expect(await runs('only')).toEqual(['2099']);
  expect(await runs('others')).not.toContain('2099');
  for (const [file, code] of [
    ['none.ics', 'USAGE'],
    ['backline.config.ts', 'INVALID_PAYLOAD'],
  ])
    expect(await schedules('add', 'b', ...noon, '--calendar', file!)).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining(code!) },
    });
});

test('what a clock change does to it is told', async () => {
  await recordOf('add', 'change', '--type', 'report', '--cron', '30 2 * * *', '--dst-gap', 'skip');
  const { stdout } = await schedules('next', 'change');
  expect(stdout).toMatch(/Clock change: [\s\S]*02:30 does not exist: left out\./);
  const lines = linesOf((await schedules('next', 'change', '--count', '1', '--json')).stdout);
  expect(lines.map(({ kind }) => kind)).toEqual(['run', 'clock-change', 'clock-change']);
});

test('flags that have no meaning are refused', async () => {
  const cron = ['--type', 'report', '--cron', '@daily'];
  expect(await schedules('add', 'c', ...cron, '--if-version', '1')).toMatchObject({ code: 2 });
  expect(await schedules('run', 'only', '--if-version', '1')).toMatchObject({ code: 2 });
  const far = await schedules('resume', 'only', '--actor', 'ada', '--url', 'http://127.0.0.1:9');
  expect(far).toMatchObject({ code: 2, stderr: expect.stringContaining('--actor has no meaning with --url') });
});
