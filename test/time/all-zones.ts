/**
 * `npm run test:time`: every zone and every other name of one, every change of its clocks from 2000 to 2040, random expressions for
 * each, compared with the oracle. Takes about ten minutes. With words as arguments, only the zones whose names contain one of them;
 * `--seed WORD` makes other expressions.
 */
import { parseArgs } from 'node:util';
import { compareZone, emptyComparison, minutesOf } from './compare.ts';
import { allZones } from './zones.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: 'whole' } },
});
const zones = allZones.filter((name) => positionals.length === 0 || positionals.some((word) => name.includes(word)));
const range = {
  from: minutesOf('2000-01-01T00:00Z'),
  to: minutesOf('2041-01-01T00:00Z'),
  step: 60,
  perChange: 24,
  seed: values.seed,
};

const started = performance.now();
const figures = emptyComparison();
for (const [i, name] of zones.entries()) {
  compareZone(name, range, figures);
  if (process.stderr.isTTY)
    process.stderr.write(`\r${i + 1} of ${zones.length} zones, ${figures.differences.length} differences`);
}
if (process.stderr.isTTY) process.stderr.write('\n');

const { transitions, expressions, slots, differences } = figures;
const seconds = Math.round((performance.now() - started) / 1000);
console.log(
  `${zones.length} zones, ${transitions} changes, ${expressions} expressions, ${slots} slots in ${seconds} s: ${differences.length} differences.`,
);
for (const difference of differences.slice(0, 100)) console.log(difference);
process.exitCode = differences.length === 0 && zones.length > 0 ? 0 : 1;
