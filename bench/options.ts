/** What the command line may say. */
import { parseArgs } from 'node:util';
import { POSTGRES } from './postgres/scenarios.ts';
import { type Scenario, SQLITE, type StoreName } from './scenarios.ts';

export interface Options {
  readonly json: boolean;
  readonly help: boolean;
  readonly install: boolean;
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly scale: number;
  readonly folder: string | null;
}

const SCENARIOS: readonly Scenario[] = [...SQLITE, ...POSTGRES];
const STORES: readonly StoreName[] = ['sqlite', 'postgres'];

const TABLE = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  store: { type: 'string' },
  only: { type: 'string' },
  rounds: { type: 'string', default: '3' },
  scale: { type: 'string', default: '1' },
  dir: { type: 'string' },
  'no-install': { type: 'boolean', default: false },
} as const;

const names = (scenarios: readonly Scenario[]): string[] => [...new Set(scenarios.map(({ name }) => name))];

const aboutAll = (store: StoreName): string =>
  SCENARIOS.filter((one) => one.store === store)
    .map(({ name, about }) => `  ${name.padEnd(14)} ${about}`)
    .join('\n');

export const HELP = `Usage: npm run bench -- [options]

  --json         one JSON object a line on standard output, instead of a table
  --store name   only this store: ${STORES.join(' or ')}
  --only a,b     only these: ${names(SCENARIOS).join(', ')}
  --rounds n     rounds, 1 to 100 (default 3); the median counts
  --scale x      share of the full size, 0.001 to 10 (default 1); 0.05 takes about two minutes
  --dir path     where the databases lie while they are measured (default: bench/data); the disk matters
  --no-install   do not fetch the peers if they are missing

${STORES.map((store) => `On ${store}:\n${aboutAll(store)}`).join('\n\n')}
`;

/** @throws Error that says what is allowed. */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({ args: [...args], options: TABLE, strict: true });
  return {
    json: values.json,
    help: values.help,
    install: !values['no-install'],
    scenarios: chosen(stored(values.store), values.only),
    rounds: number('rounds', values.rounds, 1, 100, Number.isInteger),
    scale: number('scale', values.scale, 0.001, 10),
    folder: values.dir ?? null,
  };
};

const stored = (store: string | undefined): readonly Scenario[] => {
  if (store === undefined) return SCENARIOS;
  if (!STORES.some((name) => name === store))
    throw new Error(`--store does not know "${store}". Use: ${STORES.join(', ')}.`);
  return SCENARIOS.filter((one) => one.store === store);
};

const chosen = (scenarios: readonly Scenario[], only: string | undefined): readonly Scenario[] => {
  if (only === undefined) return scenarios;
  const wanted = only.split(',').map((name) => name.trim());
  const known = names(scenarios);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only does not know "${unknown}". Use: ${known.join(', ')}.`);
  return scenarios.filter(({ name }) => wanted.includes(name));
};

const number = (name: string, text: string, least: number, most: number, fits = Number.isFinite): number => {
  const value = Number(text);
  if (text.trim() === '' || !fits(value) || value < least || value > most)
    throw new Error(
      `--${name} must be ${fits === Number.isInteger ? 'a whole number' : 'a number'} from ${least} to ${most}, not "${text}".`,
    );
  return value;
};
