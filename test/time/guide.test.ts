/** docs/schedules.md says what the code does. */
import { readFileSync } from 'node:fs';
import { job, type MissedPolicy } from 'backline';
import { testClock } from 'backline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Folder } from '../journeys/command-line.ts';
import { freshFile, startManager } from '../managers.ts';
import { ROOT } from '../source-scan.ts';
import { until } from '../wait.ts';

const page = readFileSync(`${ROOT}/docs/schedules.md`, 'utf8');

describe('the table of missed slots', () => {
  const [, table = ''] = /^\| `missed` \|.*\n\| --- .*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  const rows = [...table.matchAll(/^\| `(.+)`(?: \(default\))? \| (.+) \|$/gm)];
  const policies: Record<string, MissedPolicy> = {
    runOnce: 'runOnce',
    runAll: 'runAll',
    skip: 'skip',
    "{ window: '2h' }": { window: '2h' },
  };
  /** What each row says, as figures: the latest night is an hour ago when the program is there again. */
  const figures: Record<string, { fired: number; missed: number }> = {
    'runs once, for the latest night; two are missed': { fired: 1, missed: 2 },
    'runs three times, one after the other': { fired: 3, missed: 0 },
    'does not run; three are missed': { fired: 0, missed: 3 },
    'runs for those that are not older than two hours': { fired: 1, missed: 2 },
  };

  test('has a row for each policy', () => {
    expect(rows.map(([, policy]) => policy)).toEqual(Object.keys(policies));
  });

  test.each(rows.map(([, policy, says]) => [policy!, says!]))('%s: %s', async (policy, says) => {
    const file = freshFile();
    const starts: number[] = [];
    const start = (at: string) =>
      startManager(
        {
          ...{ clock: testClock(at), pollInterval: '1h' },
          jobs: { report: job({ run: async (_: unknown, ctx) => void starts.push(ctx.job.slotAt!) }) },
          schedules: [{ id: 'nightly', type: 'report', cron: '0 2 * * *', missed: policies[policy]! }],
        },
        file,
      );
    await (await start('2027-05-03T12:00:00Z')).close();
    const manager = await start('2027-05-06T03:00:00Z');
    await until(async () => {
      const { fired, missed } = (await manager.schedules.get('nightly'))!.counts;
      return fired + missed === 3 && starts.length === fired;
    });
    expect((await manager.schedules.get('nightly'))!.counts).toMatchObject(figures[says]!);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });
});

describe('the commands of the page', () => {
  let folder: Folder;
  beforeAll(() => {
    folder = new Folder();
    folder.write(
      'backline.config.ts',
      "import { job } from 'backline';\nexport default { jobs: { report: job({ run: () => 1 }) } };",
    );
    folder.write(
      'holidays.ics',
      'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20991225\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
    );
  });
  afterAll(() => folder.remove());

  test('do what they say, one after the other', async () => {
    const [, script = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? [];
    const lines = script.replaceAll('\\\n', ' ').trim().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const words = [...line.replace(/ +# .*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain!,
      );
      expect(words.shift()).toBe('backline');
      expect([line, await folder.run(words)]).toMatchObject([line, { code: 0, stderr: '' }]);
    }
    expect((await folder.ask('schedules', 'show', 'nightly'))[0]).toMatchObject({
      ...{
        pause: { reason: 'audit' },
        missed: { window: 7_200_000 },
        job: { priority: 2 },
        trigger: { calendar: { not: {} } },
      },
    });
  });

  test('are those there are', async () => {
    const [, list = ''] = /`backline schedules ((?:\w+ \| )+\w+)`/.exec(page) ?? [];
    const { stdout } = await folder.run(['schedules', '--help']);
    const known = [...stdout.matchAll(/^ {2}(\w+) (?:\[options\]|<id>)/gm)].map(([, name]) => name!);
    expect(list.split(' | ').sort()).toEqual(known.filter((name) => name !== 'help').sort());
  });
});
