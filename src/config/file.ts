/** The config file: `backline.config.ts`, `.mts`, `.js` or `.mjs` in the working directory, or the one that is named. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isRecord } from '../job/check.ts';
import type { Jobs } from '../job/define.ts';
import { badConfigFile } from '../job/errors.ts';
import type { Config } from './options.ts';

const ENDINGS = ['ts', 'mts', 'js', 'mjs'] as const;

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** As errors name it. */
  readonly name: string;
  /** As it stands in the file, not yet checked. */
  readonly config: Config;
}

/**
 * Gives a config file its types; returns what it gets.
 *
 * @example
 * export default defineConfig({ database: 'sqlite:data/backline.db', jobs: { welcome: job({ run: greet }) } });
 */
export const defineConfig = <const J extends Jobs>(config: Config<J>): Config<J> => config;

/**
 * Finds and loads the config file.
 * @param named its path, if the caller names one.
 * @returns null if none is named and none is there.
 * @throws BAD_CONFIG_FILE if it is missing, ambiguous, cannot be loaded, or exports no object.
 */
export const loadConfigFile = async (folder: string, named?: string): Promise<ConfigFile | null> => {
  const path = named === undefined ? findConfigFile(folder) : resolve(folder, named);
  if (path === null) return null;
  const name = named ?? basename(path);
  if (named !== undefined && !existsSync(path)) throw badConfigFile(name, 'does not exist');
  if (!statSync(path).isFile()) throw badConfigFile(name, 'is not a file');
  if (!ENDINGS.some((ending) => path.endsWith(`.${ending}`)))
    throw badConfigFile(name, `must end in ${ENDINGS.map((ending) => `.${ending}`).join(', ')}`);
  const exported = await load(path, name);
  const config = exported.default;
  if (!isRecord(config)) throw badConfigFile(name, 'must export its settings: export default defineConfig({ … })');
  if (config.jobs !== undefined && !isRecord(config.jobs))
    throw badConfigFile(name, 'must hold under "jobs" an object of job types by name');
  mustHoldSchedules(config, name);
  return { path, name, config };
};

/** What each of them says is checked when it is registered, beside the types of its jobs. */
const mustHoldSchedules = ({ jobs, schedules }: Record<string, unknown>, name: string): void => {
  if (schedules === undefined) return;
  if (!Array.isArray(schedules)) throw badConfigFile(name, 'must hold under "schedules" a list of schedules');
  if (schedules.length > 0 && Object.keys(jobs ?? {}).length === 0)
    throw badConfigFile(name, 'holds schedules, but under "jobs" no job type that they could start');
};

const findConfigFile = (folder: string): string | null => {
  const found = ENDINGS.map((ending) => join(folder, `backline.config.${ending}`)).filter((path) => existsSync(path));
  if (found.length > 1)
    throw badConfigFile(
      basename(found[0]!),
      `stands beside ${found
        .slice(1)
        .map((path) => basename(path))
        .join(', ')}: keep one`,
    );
  return found[0] ?? null;
};

const load = async (path: string, name: string): Promise<Record<string, unknown>> => {
  const isTypeScript = /\.m?ts$/.test(path);
  // Absent in the types of older Nodes, and false where types cannot be stripped.
  const strips = (process.features as { readonly typescript?: unknown }).typescript;
  if (isTypeScript && !strips)
    throw badConfigFile(
      name,
      `is TypeScript, which this Node (${process.version}) cannot read: use Node 22.18 or newer, or ${name.replace(/ts$/, 'js')}`,
    );
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw badConfigFile(name, `cannot be loaded: ${firstLine(error)}`, error);
  }
};

/** What went wrong, in one line; for a mistake in the syntax, Node puts its place on top of the stack. */
const firstLine = (error: unknown): string => {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const at = /^\S+:(\d+)\n/.exec(error.stack ?? '')?.[1];
  const text = error.message.split('\n')[0]!.replace(/\.$/, '') || error.name;
  return at ? `${text} (line ${at})` : text;
};
