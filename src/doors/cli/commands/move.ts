import type { Command } from 'commander';
import { usage } from '../../../job/errors.ts';
import { type MoveProgress, type MoveReport, moveStore, unmarkStores } from '../../../store/move.ts';
import type { Run } from '../command.ts';
import type { Cli, Flags } from '../connect.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { untilInterrupted } from '../interrupt.ts';
import { count, type Output, table } from '../print.ts';

export const addMove = (program: Command, run: Run): void => {
  program
    .command('move')
    .description('Move everything from one database to another: sqlite:… to postgres://…, or any other way round.')
    .option('--from <address>', 'Where the jobs are. Stop its workers first.')
    .option('--to <address>', 'Where they go; it must be empty, and is made if it is not there.')
    .option('--dry-run', 'Only say what would be moved, and what is in the way.')
    .option('--unmark', 'Give an unfinished move up: empty --to, and let --from be used again.')
    .option('--force', 'With --unmark: also if the jobs have arrived, so that what waits runs twice.')
    .action((_, self: Command) => run(self.optsWithGlobals(), move));
};

const move = async (cli: Cli): Promise<ExitCode> => {
  const { out, flags } = cli;
  if (flags.unmark === true) return unmark(cli);
  const [from, to] = [addressOf(flags, 'from'), addressOf(flags, 'to')];
  if (from === undefined || to === undefined)
    throw usage(`--${from === undefined ? 'from' : 'to'} is missing.`, EXAMPLE);
  const interruption = untilInterrupted();
  const onProgress = (progress: MoveProgress) => out.progress(barOf(progress));
  const order = { from, to, dryRun: flags.dryRun === true, signal: interruption.signal, onProgress };
  const report = await moveStore(order, Date.now());
  out.progress(null);
  await out.record('move', report, () => textOf(out, report).join('\n'));
  if (report.outcome !== 'interrupted') return EXIT.ok;
  out.talk('Stopped. Run the same command again to go on; until then neither side can be used.');
  return EXIT.interrupted;
};

const EXAMPLE = 'backline move --from sqlite:data/backline.db --to postgres://user@host/database';

/** @throws USAGE for a database in memory. */
const addressOf = (flags: Flags, name: 'from' | 'to'): string | undefined => {
  const given = flags[name];
  if (typeof given !== 'string') return undefined;
  if (given.endsWith(':memory:'))
    throw usage(
      `--${name} is a database in memory, which lives and dies with its process.`,
      'Name a file or a server.',
    );
  return given;
};

const unmark = async ({ out, flags }: Cli): Promise<ExitCode> => {
  const [from, to] = [addressOf(flags, 'from'), addressOf(flags, 'to')];
  const parts = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  if (Object.keys(parts).length === 0)
    throw usage('It was not said what to unmark.', 'Name the source with --from, the target with --to, or both.');
  const unmarked = await unmarkStores({ ...parts, force: flags.force === true });
  for (const one of unmarked) await out.record('unmark', one, () => `${one.where} ${SAYS[one.outcome]}`);
  return unmarked.some(({ outcome }) => outcome !== 'not-marked') ? EXIT.ok : EXIT.nothing;
};

const SAYS = {
  released: 'can be used again.',
  emptied: 'is empty, and can be used again.',
  'not-marked': 'takes part in no move: nothing to do.',
} as const;

const BAR = 24;

const barOf = ({ phase, rows, total }: MoveProgress): string => {
  const share = total === 0 ? 1 : Math.min(1, rows / total);
  const full = Math.round(share * BAR);
  return `${phase} ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(100 * share)} %  ${count(rows, 'row')} of ${total.toLocaleString('en-US')}`;
};

const textOf = (out: Output, report: MoveReport): string[] => {
  const { outcome, from, to, jobs, rows, written, resumed } = report;
  const what = `${count(jobs, 'job')} (${count(rows, 'row')} in all)`;
  const way = `\n  from ${from}\n  to   ${to}`;
  switch (outcome) {
    case 'planned':
      return [
        `${what} would move${way}`,
        resumed
          ? `  ${count(written, 'row')} of them are written: it would go on from there.`
          : '  Nothing is in the way.',
      ];
    case 'already':
      return [`Nothing to do: what is in ${from} has moved to ${to} before.`];
    case 'interrupted':
      return [`${count(written, 'row')} of ${what} are written${way}`];
    case 'moved':
      return [`${out.paint('green', '✓')} ${what} moved and compared${way}`, ...provenBy(out, report)];
  }
};

/** What both sides say, so that nobody has to believe it. */
const provenBy = (out: Output, { counts, checksums }: MoveReport): string[] => [
  ...(counts.length > 0
    ? table(
        counts.map((one) => ({ ...one })),
        out.width,
      )
    : []),
  `checksum of all jobs: ${checksums['jobs']!.source} on both sides`,
];
