import type { Command } from 'commander';
import { checkDuration } from '../../../job/check.ts';
import type { EnqueueOptions } from '../../../job/enqueue-options.ts';
import { usage } from '../../../job/errors.ts';
import type { Run } from '../command.ts';
import { type Cli, type Flags, withClient } from '../connect.ts';
import type { Desk } from '../desk.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../exit-code.ts';
import { collect, number } from '../flags.ts';
import { parsePayload, readLines, readText } from '../input.ts';
import { untilInterrupted } from '../interrupt.ts';
import { waitFor } from '../wait.ts';

const DEFAULT_WAIT_MS = 300_000;

export const addAdd = (program: Command, run: Run): void => {
  program
    .command('add')
    .argument('<job>', 'the job type')
    .argument('[payload]', 'JSON, or - to read it from standard input')
    .description('Hand in a job. Prints its id once it is stored.')
    .option('--many', 'Each line of standard input is the JSON of one job; all are stored, or none.')
    .option('--id <id>', "The job's own id; a second job with it is refused.")
    .option('--queue <name>', 'The queue.')
    .option('--priority <n>', '1 runs first, 10 last. [default 5]')
    .option('--in <time>', 'Run so long from now, such as 5m.')
    .option('--at <time>', 'Run at this instant: ISO 8601 with an offset or Z.')
    .option('--key <text>', 'At most one unfinished job has this key.')
    .option('--key-window <time>', 'With --key: at most one is made in this time, such as 1h.')
    .option(
      '--on-conflict <what>',
      'When the key is taken: return the job that has it, replace, or reject. [default return]',
    )
    .option('--max-attempts <n>', 'The largest number of executions.')
    .option('--timeout <time>', 'How long one attempt may take, such as 5m; false for no limit.')
    .option('--limit-key <text>', 'Jobs with the same limit key share a limit.')
    .option('--parent <id>', 'The parent job.')
    .option('--tenant <name>', 'Whose job it is; that of its parent if not given.')
    .option('--tag <word>', 'A word to find it by; may stand more than once.', collect)
    .option('--expires-at <time>', 'Cancel it if it has not started by then.')
    .option('--held', 'Hold it back until it is released.')
    .option('--system', 'The system asked for it, not a person.')
    .option('--wait', 'Wait for the end, print the result; end with 1 if it fails.')
    .option('--wait-for <time>', 'Wait no longer than this. [default 5m]')
    .action((type: string, payload: string | undefined, _, self: Command) =>
      run(self.optsWithGlobals(), (cli) => add(cli, type, payload)),
    );
};

const add = async (cli: Cli, type: string, given: string | undefined): Promise<ExitCode> => {
  const { flags } = cli;
  const options = optionsOf(flags);
  const waitMs = flags.waitFor === undefined ? DEFAULT_WAIT_MS : checkDuration(flags.waitFor, '--wait-for');
  if (flags.many === true && options.id !== undefined) throw usage('--id names one job, and --many hands in several.');
  if (flags.many === true && given !== undefined && given !== '-')
    throw usage('With --many the payloads are read from standard input.', `backline add ${type} --many < jobs.ndjson`);
  // Read to the end before the database is opened: a slow writer of the input must not hold it.
  const payloads = flags.many === true ? await readLines(cli.input) : [await onePayload(cli, given)];
  // From before the id is printed: who reads it may interrupt the wait at once.
  const stop = flags.wait === true || flags.waitFor !== undefined ? untilInterrupted() : null;
  return withClient(cli, { create: true }, async (client) => {
    const { ids, code } = await enqueueAll(cli, client, { type, payloads, options });
    if (!stop) return code;
    const waited = await waitFor({ cli, client, stop }, ids, waitMs);
    return waited === EXIT.ok ? code : waited;
  });
};

const onePayload = async ({ input }: Cli, given: string | undefined): Promise<unknown> => {
  if (given === undefined) return undefined;
  return parsePayload(given === '-' ? await readText(input) : given, 'payload');
};

const enqueueAll = async (
  { out }: Cli,
  client: Desk,
  jobs: { type: string; payloads: readonly unknown[]; options: Omit<EnqueueOptions, 'tx'> },
): Promise<{ ids: string[]; code: ExitCode }> => {
  const { type, payloads, options } = jobs;
  const say = ({ id, outcome, ...rest }: { id: string; outcome: string; seq?: number }) =>
    out.record('added', { id, type, outcome, seq: rest.seq ?? null }, () => id);
  const ids: string[] = [];
  if (payloads.length === 1) {
    const added = await client.enqueue(type, payloads[0] as never, options);
    await say(added);
    if (added.outcome !== 'inserted' && !out.json)
      out.talk(
        `The key was taken: ${added.outcome === 'existing' ? 'this is the job that has it' : 'its job was replaced'}.`,
      );
    return { ids: [added.id], code: EXIT.ok };
  }
  let code: ExitCode = EXIT.ok;
  for (const item of await client.enqueueMany(
    payloads.map((payload) => ({ type, payload: payload as never, options })),
  )) {
    if (item.outcome === 'rejected') {
      out.error(item.error);
      code = exitCodeOf(item.error);
    } else {
      ids.push(item.id);
      await say(item);
    }
  }
  return { ids, code };
};

/** Flags → options, as the engine checks them; what is wrong is refused there, by name. */
const optionsOf = (flags: Flags): Omit<EnqueueOptions, 'tx'> => {
  const {
    id,
    queue,
    priority,
    in: delay,
    at,
    key,
    keyWindow,
    onConflict,
    maxAttempts,
    timeout,
    limitKey,
    parent,
    tenant,
    tag,
  } = flags;
  const options: Record<string, unknown> = {
    id,
    queue,
    priority: typeof priority === 'string' ? number(priority) : undefined,
    delay,
    runAt: at,
    key,
    keyWindow,
    onConflict,
    maxAttempts: typeof maxAttempts === 'string' ? number(maxAttempts) : undefined,
    timeout: timeout === 'false' ? false : timeout,
    limitKey,
    parent,
    tenant,
    tags: tag,
    expiresAt: flags.expiresAt,
    held: flags.held,
    userInitiated: flags.system === true ? false : undefined,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
};
