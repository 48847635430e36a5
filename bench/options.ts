/** What the command line may say. */
import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario } from './scenarios.ts';

export interface Options {
  readonly json: boolean;
  readonly help: boolean;
  readonly install: boolean;
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly scale: number;
  readonly folder: string | null;
}

const TABLE = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  only: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  scale: { type: 'string', default: '1' },
  dir: { type: 'string' },
  'no-install': { type: 'boolean', default: false },
} as const;

export const HELP = `Usage: npm run bench -- [options]

  --json         one JSON object a line on standard output, instead of a table
  --only a,b     only these: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --rounds n     rounds, 1 to 100 (default 3); the median counts
  --scale x      share of the full size, 0.001 to 10 (default 1); 0.05 takes less than half a minute
  --dir path     where the databases lie while they are measured (default: bench/data); the disk matters
  --no-install   do not fetch the peer if it is missing

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}
`;

/** @throws Error that says what is allowed. */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({ args: [...args], options: TABLE, strict: true });
  return {
    json: values.json,
    help: values.help,
    install: !values['no-install'],
    scenarios: values.only === undefined ? SCENARIOS : chosen(values.only),
    rounds: number('rounds', values.rounds, 1, 100, Number.isInteger),
    scale: number('scale', values.scale, 0.001, 10),
    folder: values.dir ?? null,
  };
};

const chosen = (only: string): Scenario[] => {
  const names = only.split(',').map((name) => name.trim());
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only does not know "${unknown}". Use: ${known.join(', ')}.`);
  return SCENARIOS.filter(({ name }) => names.includes(name));
};

const number = (name: string, text: string, least: number, most: number, fits = Number.isFinite): number => {
  const value = Number(text);
  if (text.trim() === '' || !fits(value) || value < least || value > most)
    throw new Error(
      `--${name} must be ${fits === Number.isInteger ? 'a whole number' : 'a number'} from ${least} to ${most}, not "${text}".`,
    );
  return value;
};
