/** The environment of a worker: what a program needs to run, what its user lets pass, and what is set for it. Nothing else. */
import { readEnvironment } from '../config/env.ts';
import { type Check, checkOptions, isRecord, listOf } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';

/** The environment of workers: by default no more than they need, so that the secrets of the host are not handed on. */
export interface WorkerEnvironment {
  /** Names of variables that are passed on, beside PATH, HOME, the language, the time zone and the like; `*` at the end for all that begin so. */
  readonly pass?: readonly string[];
  /** Variables that are set. */
  readonly set?: Readonly<Record<string, string>>;
}

const NEEDED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'LC_*', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  // Without these, programs do not start on Windows.
  ...['Path', 'PATHEXT', 'SystemRoot', 'SYSTEMROOT', 'SystemDrive', 'ComSpec', 'WINDIR', 'USERPROFILE', 'APPDATA'],
];

const pattern: Check<string> = (value, field) => {
  if (typeof value !== 'string' || !/^[^=*\0]+\*?$/.test(value))
    throw invalidOption(field, value, 'the name of a variable, or its beginning and *');
  return value;
};

const values: Check<Readonly<Record<string, string>>> = (value, field) => {
  if (!isRecord(value)) throw invalidOption(field, value, 'names and their values');
  for (const [name, one] of Object.entries(value)) {
    if (/[=\0]/.test(name) || name === '') throw invalidOption(field, name, 'names without "="');
    if (typeof one !== 'string' || one.includes('\0')) throw invalidOption(`${field}.${name}`, one, 'text');
  }
  return value as Record<string, string>;
};

export const environment: Check<WorkerEnvironment> = (value, field) =>
  checkOptions({ pass: listOf(pattern, 1000), set: values }, value ?? {}, field, `${field}.`);

/** The whole environment of a worker. */
export const environmentOf = ({ pass = [], set = {} }: WorkerEnvironment = {}): Record<string, string> => {
  const allowed = [...NEEDED, ...pass];
  const fits = (name: string) =>
    allowed.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
  const passed = Object.entries(readEnvironment()).filter(([name]) => fits(name));
  return { ...Object.fromEntries(passed), ...set };
};
