import type { Command } from 'commander';
import type { Run } from '../command.ts';
import { type Cli, loadSettings } from '../connect.ts';
import { addSettings } from '../flags.ts';
import { count, table } from '../print.ts';

export const addConfig = (program: Command, run: Run): void => {
  const command = program.command('config').description('Show every setting, its value and where that came from.');
  addSettings(command).action((_, self: Command) => run(self.optsWithGlobals(), showConfig));
};

const showConfig = async ({ out, flags }: Cli): Promise<void> => {
  const { origins, jobs, schedules, file } = await loadSettings({ out, flags });
  const types = Object.keys(jobs ?? {});
  // Nobody has checked them yet.
  const ids = schedules.map((one) => String((one as { id?: unknown } | null)?.id));
  if (out.json) {
    for (const { name, shown, from, place } of origins)
      await out.record('setting', { name, value: shown, from, place }, () => '');
    await out.record('config-file', { file, jobs: types, schedules: ids }, () => '');
    return;
  }
  const rows = origins.map(({ name, shown, place }) => ({ setting: name, value: shown ?? '(not set)', from: place }));
  for (const line of table(rows, out.width)) await out.data(line);
  const held = `${count(types.length, 'job type')}${list(types)}, ${count(ids.length, 'schedule')}${list(ids)}`;
  out.talk(file === null ? 'No config file.' : `Config file ${file}: ${held}.`);
};

const list = (types: readonly string[]): string => (types.length === 0 ? '' : ` (${types.join(', ')})`);
