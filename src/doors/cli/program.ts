/** The command line. Commands are one file each; here they are put together, and every error ends in one place. */
import { Command, CommanderError, Option } from 'commander';
import { TOKEN_VARIABLE, URL_VARIABLE } from '../../config/settings.ts';
import { needsDatabase, usage } from '../../job/errors.ts';
import { packageVersion } from '../../util/version.ts';
import type { Run } from './command.ts';
import { addAdd } from './commands/add.ts';
import { addAudit } from './commands/audit.ts';
import { addBackup } from './commands/backup.ts';
import { addCheck } from './commands/check.ts';
import { addConfig } from './commands/config.ts';
import { addCron } from './commands/cron.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExplain } from './commands/explain.ts';
import { addJobs } from './commands/jobs.ts';
import { addKeys } from './commands/keys.ts';
import { addLogs } from './commands/logs.ts';
import { addMigrate } from './commands/migrate.ts';
import { addMove } from './commands/move.ts';
import { addQueues } from './commands/queues.ts';
import { addSchedules } from './commands/schedules.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addTail } from './commands/tail.ts';
import { addTokens } from './commands/tokens.ts';
import { addWork } from './commands/work.ts';
import { addWorkers } from './commands/workers.ts';
import { serviceOf } from './connect.ts';
import { EXIT, EXIT_HELP, type ExitCode, exitCodeOf } from './exit-code.ts';
import { settingFlag } from './flags.ts';
import { Output } from './print.ts';

const COMMANDS = [
  addStart,
  addWork,
  addAdd,
  addJobs,
  addExplain,
  addLogs,
  addTail,
  addQueues,
  addSchedules,
  addWorkers,
  addStatus,
  addMigrate,
  addCheck,
  addBackup,
  addMove,
  addDoctor,
  addConfig,
  addCron,
  addKeys,
  addTokens,
  addAudit,
];

const makeProgram = (run: Run, stdout: Streams['stdout']): Command => {
  const program = new Command('backline')
    .description('Background jobs: start the service, hand work in, look after it.')
    .version(packageVersion(), '-V, --version', 'Show the version.')
    .helpOption('-h, --help', 'Show this help.')
    .addOption(settingFlag('database'))
    .addOption(
      new Option('--config <file>', 'The config file, instead of backline.config.ts in this folder. [BACKLINE_CONFIG]'),
    )
    .addOption(new Option('--url <address>', `A service to speak to, in place of a database. [${URL_VARIABLE}]`))
    .addOption(new Option('--token <text>', `The token for it. [${TOKEN_VARIABLE}]`))
    .addOption(new Option('--json', 'Print data as JSON, one object a line.'))
    .addOption(new Option('--debug', 'Show the stack of an error.'))
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => {} })
    .exitOverride()
    .showHelpAfterError(false)
    .addHelpText('after', `\n${EXIT_HELP}`)
    .hook('preAction', (_, command) => mustBeHere(command));
  for (const add of COMMANDS) add(program, run);
  return program;
};

/** These have no use for a service elsewhere. */
const HERE = ['start', 'work', 'config', 'cron'];
/** These work on a database: on another one than was meant would be worse than not at all. */
const ON_DATABASE = ['migrate', 'check', 'backup', 'move', 'doctor'];

/** @throws NEEDS_DATABASE, USAGE. */
const mustBeHere = (command: Command): void => {
  const flags = command.optsWithGlobals();
  const name = command.name();
  if (serviceOf({ flags }) === undefined || command.parent?.parent) return;
  if (ON_DATABASE.includes(name) || (HERE.includes(name) && flags.url !== undefined))
    throw needsDatabase(`backline ${name}`);
};

/** The streams of a process. */
export type Streams = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>;

/** Runs one command to its end; every error is told on standard error. @param args without the program's own name. */
export const runProgram = async (args: readonly string[], { stdin, stdout, stderr }: Streams): Promise<ExitCode> => {
  // Known before the arguments are read, so that mistakes in them are told in the right form too.
  const out = new Output({ json: args.includes('--json'), debug: args.includes('--debug') }, stdout, stderr);
  let code: ExitCode = EXIT.ok;
  const run: Run = async (flags, action) => {
    code = (await action({ out, flags, input: stdin })) ?? EXIT.ok;
  };
  try {
    await makeProgram(run, stdout).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const told = error instanceof CommanderError ? asUsage(error, args) : error;
    out.error(told);
    return exitCodeOf(told);
  }
};

/** Commander's complaint in our form: its suggestion becomes the next step. */
const asUsage = (error: CommanderError, args: readonly string[]): Error => {
  const command = args.find((arg) => !arg.startsWith('-')) ?? '';
  if (error.code === 'commander.help') return usage('No command was given.', 'backline --help');
  const [problem = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const sentence = `${problem[0]?.toUpperCase()}${problem.slice(1)}`.replace(/\.?$/, '.');
  return usage(sentence, suggestion?.replace(/^\(|\)$/g, '') ?? `backline help ${command}`.trimEnd());
};
