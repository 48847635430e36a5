import type { Command } from 'commander';
import type { JobExplanation } from '../../../job/reason.ts';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import { paintStatus } from '../job-text.ts';
import { clean, type Output } from '../print.ts';

export const addExplain = (program: Command, run: Run): void => {
  program
    .command('explain')
    .argument('<id>')
    .description('Say why a job does not run, or what it is doing, and what can be done about it.')
    .action((id: string, _, self: Command) => run(self.optsWithGlobals(), (cli) => tell(cli, id)));
};

const tell = (cli: Cli, id: string): Promise<void> =>
  withClient(cli, { create: false }, async (client) => {
    const found = await client.explain(id);
    // Only here: the other commands must not wait for the schemas.
    const { explanationView } = await import('../../api/explanation.ts');
    await cli.out.record('explanation', explanationView(found), () => explanationText(found, cli.out));
  });

const explanationText = ({ id, type, queue, status, reasons }: JobExplanation, out: Output): string =>
  [
    `${paintStatus(status, out)}  ${out.paint('bold', clean(type))}  ${id}  in ${clean(queue)}`,
    ...reasons.flatMap(({ says, next }) => [`  ${clean(says)}`, ...(next === null ? [] : [`    → ${clean(next)}`])]),
  ].join('\n');
