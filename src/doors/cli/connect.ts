/** The one place where commands that run no jobs get their client. */
import { readEnvironment } from '../../config/env.ts';
import { loadConfigFile } from '../../config/file.ts';
import {
  CONFIG_VARIABLE,
  type Resolved,
  resolveSettings,
  TOKEN_VARIABLE,
  URL_VARIABLE,
} from '../../config/settings.ts';
import { JobManager } from '../../engine/job-manager.ts';
import { needsDatabase, usage } from '../../job/errors.ts';
import type { ApiClient } from '../api/http-client.ts';
import { audited } from './audited.ts';
import type { Desk } from './desk.ts';
import { settingsAmong } from './flags.ts';
import { managerOptions } from './manager-options.ts';
import { type Output, span } from './print.ts';

/** Flags as commander hands them over, those of the whole program among them. */
export type Flags = Readonly<Record<string, unknown>>;

/** What every command gets. */
export interface Cli {
  readonly out: Output;
  readonly flags: Flags;
  /** Standard input. */
  readonly input: AsyncIterable<Buffer | string>;
}

/** @throws INVALID_OPTION, UNKNOWN_OPTION, BAD_CONFIG_FILE. */
export const loadSettings = async ({ out, flags }: Pick<Cli, 'out' | 'flags'>): Promise<Resolved> => {
  const environment = readEnvironment();
  const named = typeof flags.config === 'string' ? flags.config : environment[CONFIG_VARIABLE];
  const file = await loadConfigFile(process.cwd(), named);
  const resolved = resolveSettings({ flags: settingsAmong(flags), environment, file });
  out.knowOrigins([...resolved.origins, { name: 'schedules', from: 'file', place: file?.name ?? '' }]);
  return resolved;
};

/** The address of the database without its secrets. */
export const shownDatabase = ({ origins }: Resolved): string =>
  origins.find(({ name }) => name === 'database')?.shown ?? '';

const ONE_PROCESS = 'A database in memory lives and dies with its process: a command of its own sees nothing of it.';

/** The address of a service elsewhere, if the command is to speak to one. A database that is named outweighs the variable. */
export const serviceOf = ({ flags }: Pick<Cli, 'flags'>): string | undefined => {
  if (typeof flags.url === 'string') {
    if (typeof flags.database === 'string') throw usage('--url and --database exclude each other.');
    return flags.url;
  }
  return typeof flags.database === 'string' ? undefined : readEnvironment()[URL_VARIABLE];
};

/**
 * The client of one command: of the service that `--url` names, or of the database, which is opened for it and closed afterwards.
 * @param options `create`: whether the command may make a database that is not there.
 * @throws API_UNREACHABLE, NOT_OUR_API; NO_DATABASE and whatever opening it throws.
 */
export const withClient = async <T>(
  cli: Cli,
  options: { readonly create: boolean },
  work: (client: Desk) => Promise<T>,
): Promise<T> => {
  const api = await serviceClient(cli);
  if (!api) return withDatabase(cli, options, (client) => work(audited(client)));
  return work(await (await import('./remote.ts')).connectTo(api));
};

/** The client of the service that is to be spoken to; null if it is a database. @throws API_UNREACHABLE for what is no address. */
export const serviceClient = async (cli: Cli): Promise<ApiClient | null> => {
  const url = serviceOf(cli);
  if (url === undefined) return null;
  const { createClient } = await import('../api/http-client.ts');
  const given = cli.flags.token;
  const token = typeof given === 'string' ? given : readEnvironment()[TOKEN_VARIABLE];
  return createClient({ url, token });
};

/** As `withDatabase`, for what must not be done to another database than was meant. @throws NEEDS_DATABASE. */
export const withThisDatabase: typeof withDatabase = async (cli, options, work) => {
  if (serviceOf(cli) !== undefined) throw needsDatabase('This command');
  return withDatabase(cli, options, work);
};

/**
 * Opens the database for one command, and closes it afterwards.
 * @throws NO_DATABASE and whatever opening it throws.
 */
export const withDatabase = async <T>(
  cli: Cli,
  options: { readonly create: boolean },
  work: (client: JobManager, resolved: Resolved) => Promise<T>,
): Promise<T> => {
  const resolved = await loadSettings(cli);
  if (resolved.settings.database.endsWith(':memory:')) throw usage(ONE_PROCESS, 'Name a file with --database.');
  const parts = { ...managerOptions(resolved, false), worker: false, create: options.create };
  const client = new JobManager(resolved.settings.database, parts);
  tellTroubles(client, cli.out);
  try {
    await client.start();
    return await work(client, resolved);
  } finally {
    await client.close();
  }
};

/** What a person must know whatever they asked for. What happens to jobs is not among it: `tail` shows that. */
const tellTroubles = (client: JobManager, out: Output): void => {
  client.on('store-repaired', ({ file, kept, recovered, unreadable }) =>
    out.talk(
      `! ${file} was damaged: ${recovered} jobs were read, ${unreadable} could not be. The damaged file is kept as ${kept}`,
    ),
  );
  client.on('store-unavailable', ({ error }) => out.error(error));
  client.on('store-recovered', ({ afterMs }) => out.talk(`The database is back after ${span(afterMs)}.`));
  client.on('error', ({ error }) => out.error(error));
};
