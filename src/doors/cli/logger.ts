/** Log lines of a running service: readable on a terminal, JSON (pino) everywhere else. Both go to standard error. */
import { destination, pino } from 'pino';
import type { LogLevel } from '../../config/options.ts';
import { clean, type Output, time } from './print.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const STYLES = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

type Write = (fields: object, message: string) => void;
export type Logger = Readonly<Record<LogLevel, Write>> & { isLevelEnabled(level: string): boolean };

export const makeLogger = (least: LogLevel, out: Output): Logger => {
  if (!process.stderr.isTTY || out.json) return pino({ level: least }, destination({ dest: 2, sync: true }));
  const isLevelEnabled = (level: string) => LEVELS.indexOf(level as LogLevel) >= LEVELS.indexOf(least);
  const writer = (level: LogLevel) => [level, write(level, isLevelEnabled(level), out)] as const;
  return { ...(Object.fromEntries(LEVELS.map(writer)) as Record<LogLevel, Write>), isLevelEnabled };
};

const write =
  (level: LogLevel, enabled: boolean, out: Output): Write =>
  (fields, message) => {
    if (!enabled) return;
    const label = out.paint(STYLES[level], level.padEnd(5), 'talk');
    const more = rest(fields);
    out.talk(`${time(Date.now())} ${label} ${clean(message)}${more ? ` ${out.paint('dim', more, 'talk')}` : ''}`);
  };

const rest = (fields: object): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${clean(value instanceof Error ? value.message : (JSON.stringify(value) ?? String(value)))}`,
    )
    .join(' ');
