/** Flags of the settings, from their one table, and small readers of flag values. */
import { type Command, Option } from 'commander';
import { OPTION_NAMES, OPTIONS, type OptionName } from '../../config/options.ts';

/** Adds the flags of settings to a command. */
export const addSettings = (command: Command, names: readonly OptionName[] = OPTION_NAMES): Command => {
  for (const name of names) if (name !== 'database') command.addOption(settingFlag(name));
  return command;
};

export const settingFlag = (name: OptionName): Option => {
  const { flag, says, env, default: value } = OPTIONS[name];
  return new Option(flag, `${says} [${env}${value === null ? '' : `, default ${value}`}]`);
};

/** The settings among the flags that commander read, by the name of the setting. */
export const settingsAmong = (flags: Readonly<Record<string, unknown>>): Record<string, string | undefined> =>
  Object.fromEntries(
    OPTION_NAMES.flatMap((name) => {
      const given = flags[new Option(OPTIONS[name].flag).attributeName()];
      return typeof given === 'string' ? [[name, given]] : [];
    }),
  );

/** `42` → 42; anything else stays as it is, so that the check of the option can refuse it by name. */
export const number = (text: string): number | string => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

/** Collects a flag that may stand more than once. */
export const collect = (item: string, items: readonly string[] = []): string[] => [...items, item];
