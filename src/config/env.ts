/** The only reader of the process's environment. What is empty counts as not set, as compose files and shells leave it. */

export type Environment = Readonly<Record<string, string>>;

export const readEnvironment = (): Environment =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));
