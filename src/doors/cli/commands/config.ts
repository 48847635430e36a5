import type { Command } from 'commander';
import type { Run } from '../command.ts';
import { type Cli, loadSettings } from '../connect.ts';
import { addSettings } from '../flags.ts';
import { table } from '../print.ts';

export const addConfig = (program: Command, run: Run): void => {
  const command = program.command('config').description('Show every setting, its value and where that came from.');
  addSettings(command).action((_, self: Command) => run(self.optsWithGlobals(), showConfig));
};

const showConfig = async ({ out, flags }: Cli): Promise<void> => {
  const { origins, jobs, file } = await loadSettings({ out, flags });
  const types = Object.keys(jobs ?? {});
  if (out.json) {
    for (const { name, shown, from, place } of origins)
      await out.record('setting', { name, value: shown, from, place }, () => '');
    await out.record('config-file', { file, jobs: types }, () => '');
    return;
  }
  const rows = origins.map(({ name, shown, place }) => ({ setting: name, value: shown ?? '(not set)', from: place }));
  for (const line of table(rows, out.width)) await out.data(line);
  out.talk(file === null ? 'No config file.' : `Config file ${file}: ${types.length} job types${list(types)}.`);
};

const list = (types: readonly string[]): string => (types.length === 0 ? '' : ` (${types.join(', ')})`);
