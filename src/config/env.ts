/** The only reader of the process's environment. What is empty counts as not set, as compose files and shells leave it. */

export type Environment = Readonly<Record<string, string>>;

export const readEnvironment = (): Environment =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));

/** The keys that secrets are encrypted with: no settings, because no file of settings and no list of processes may show them. */
export const KEY_VARIABLE = 'BACKLINE_KEY';
export const KEY_FILE_VARIABLE = 'BACKLINE_KEY_FILE';
export const OLD_KEYS_VARIABLE = 'BACKLINE_OLD_KEYS';
