/** Which value of a setting holds: the flag's, then the environment's, then the config file's, then the default. */
import { checkJobTypes, type Jobs } from '../job/define.ts';
import { unknownOption } from '../job/errors.ts';
import { type Environment, KEY_FILE_VARIABLE, KEY_VARIABLE, OLD_KEYS_VARIABLE } from './env.ts';
import type { ConfigFile } from './file.ts';
import { type Config, OPTION_NAMES, OPTIONS, type Option, type OptionName, type Settings } from './options.ts';

export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** One setting, and where it came from. */
export interface ResolvedSetting {
  readonly name: OptionName;
  /** As it was given, for people; secrets are masked. Null where nothing is set. */
  readonly shown: string | null;
  readonly from: Origin;
  /** The flag, the variable or the file. */
  readonly place: string;
}

export interface Resolved {
  readonly settings: Settings;
  readonly origins: readonly ResolvedSetting[];
  readonly jobs: Jobs | undefined;
  /** Not yet checked. */
  readonly schedules: NonNullable<Config['schedules']>;
  /** The config file that was read, or null. */
  readonly file: string | null;
}

/** Where settings come from. Flags are texts by the name of the setting. */
export interface Sources {
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: Environment;
  readonly file: ConfigFile | null;
}

/**
 * Checks every setting that is given, also those that a stronger source hides.
 * @throws INVALID_OPTION, INVALID_TIME_ZONE, UNKNOWN_OPTION; the field names the flag, the variable or the file.
 */
export const resolveSettings = ({ flags, environment, file }: Sources): Resolved => {
  checkVariables(environment);
  checkFileNames(file);
  checkJobTypes(file?.config.jobs);
  const resolved = OPTION_NAMES.map((name) => resolve(name, { flags, environment, file }));
  return {
    settings: Object.freeze(
      Object.fromEntries(resolved.map(({ name, value }) => [name, value])),
    ) as unknown as Settings,
    origins: resolved.map(({ value: _, ...setting }) => setting),
    jobs: file?.config.jobs,
    schedules: file?.config.schedules ?? [],
    file: file?.path ?? null,
  };
};

/** Every setting as people may see it: its value with secrets masked, where that comes from, and what it is for. */
export const shownSettings = ({ origins }: Resolved) =>
  origins.map(({ name, shown, place }) => ({ name, value: shown, place, says: OPTIONS[name].says }));

const resolve = (name: OptionName, { flags, environment, file }: Sources): ResolvedSetting & { value: unknown } => {
  const option: Option<unknown, unknown> = OPTIONS[name];
  const flag = flagName(option.flag);
  const found: Found[] = [];
  const add = (from: Origin, place: string, field: string, given: unknown, meant = given) => {
    if (given !== undefined) found.push({ from, place, given, value: option.check(meant, field) });
  };
  const text = (given: string | undefined): unknown => (given === undefined ? undefined : option.read(given));
  add('flag', flag, flag, flags[name], text(flags[name]));
  const variable = environment[option.env];
  add('environment', option.env, `${option.env} in the environment`, variable, text(variable));
  add('file', file?.name ?? '', `${name} in ${file?.name}`, file?.config[name]);
  if (option.default !== null) add('default', 'default', name, option.default);
  const { from, place, given, value } = found[0] ?? { from: 'default', place: 'default', given: null, value: null };
  return { name, from, place, value, shown: show(given, option) };
};

/** `--queue, --queues <names>` → `--queues`. */
export const flagName = (flag: string): string => /--[\w-]+(?= )/.exec(flag)![0];

interface Found {
  readonly from: Origin;
  readonly place: string;
  readonly given: unknown;
  readonly value: unknown;
}

const show = (given: unknown, { mask }: Option<unknown, unknown>): string | null => {
  if (given === null) return null;
  const text = Array.isArray(given) ? given.join(',') : String(given);
  return mask ? mask(text) : text;
};

const PREFIX = 'BACKLINE_';

/** Variables that are no settings: the config file's own place, and the service that commands speak to. */
export const CONFIG_VARIABLE = 'BACKLINE_CONFIG';
export const URL_VARIABLE = 'BACKLINE_URL';
export const TOKEN_VARIABLE = 'BACKLINE_TOKEN';

/** A mistyped variable would be ignored in silence. Only names with our prefix are ours to judge. */
const checkVariables = (environment: Environment): void => {
  const others = [CONFIG_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE, KEY_VARIABLE, KEY_FILE_VARIABLE, OLD_KEYS_VARIABLE];
  const known = [...others, ...OPTION_NAMES.map((name) => OPTIONS[name].env)];
  for (const name of Object.keys(environment))
    if (name.startsWith(PREFIX) && !known.includes(name))
      throw unknownOption(
        'The environment',
        name,
        known.filter((one) => one.startsWith(PREFIX)),
      );
};

const checkFileNames = (file: ConfigFile | null): void => {
  const known = [...OPTION_NAMES, 'jobs', 'schedules'];
  for (const name of Object.keys(file?.config ?? {}))
    if (!known.includes(name)) throw unknownOption(file!.name, name, known);
};
