import type { Command } from 'commander';
import type { JobExplanation, Reason } from '../../../job/reason.ts';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import { paintStatus } from '../job-text.ts';
import { clean, iso, type Output } from '../print.ts';

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
    await cli.out.record('explanation', explanationRecord(found), () => explanationText(found, cli.out));
  });

const explanationText = ({ id, type, queue, status, reasons }: JobExplanation, out: Output): string =>
  [
    `${paintStatus(status, out)}  ${out.paint('bold', clean(type))}  ${id}  in ${clean(queue)}`,
    ...reasons.flatMap(({ says, next }) => [`  ${clean(says)}`, ...(next === null ? [] : [`    → ${clean(next)}`])]),
  ].join('\n');

/** For programs: times as ISO 8601 in UTC. */
const explanationRecord = ({ at, reasons, ...rest }: JobExplanation): object => ({
  ...rest,
  at: iso(at),
  reasons: reasons.map(reasonRecord),
});

const TIMES: ReadonlySet<string> = new Set([
  'runAt',
  'since',
  'until',
  'expiresAt',
  'leaseUntil',
  'timeoutAt',
  'deadlineAt',
  'at',
]);

const reasonRecord = (reason: Reason): object =>
  Object.fromEntries(
    Object.entries(reason).map(([name, value]) => {
      if (name === 'holders') return [name, (value as readonly { startedAt: number | null }[]).map(holderRecord)];
      return [name, TIMES.has(name) ? iso(value as number | null) : value];
    }),
  );

const holderRecord = (holder: { readonly startedAt: number | null }): object => ({
  ...holder,
  startedAt: iso(holder.startedAt),
});
