/** `node test/time/speed.ts`: what the arithmetic costs. Numbers for people; tests assert steps, never time. */
import { checkTrigger, nextSlot, slotsOf } from '../../src/schedule/schedule.ts';
import { allZones } from './zones.ts';

const AFTER = Date.parse('2026-06-01T12:00:00Z');

const first = (cron: string, timeZone: string): string => {
  const started = performance.now();
  const slot = nextSlot(checkTrigger({ cron, timeZone }, AFTER), AFTER);
  const ms = performance.now() - started;
  return `${cron.padEnd(20)} ${timeZone.padEnd(20)} ${new Date(slot!).toISOString()}  ${ms.toFixed(2)} ms`;
};

first('0 0 * 2 1#5', 'Asia/Tokyo'); // The code itself is warm then; the zones below are not.
console.log('The first slot, checked and found, in a zone that was never asked before:');
for (const [cron, zone] of [
  ['0 2 * * *', 'Europe/Berlin'],
  ['0 0 29 2 *', 'America/New_York'],
  ['0 0 * 2 1#5', 'Australia/Lord_Howe'],
  ['*/7 * * 2 1#5', 'Pacific/Apia'],
  ['* * 29 2 *', 'Africa/Casablanca'],
] as const)
  console.log(`  ${first(cron, zone)}`);

const CRONS = [
  '0 2 * * *',
  '*/5 * * * *',
  '30 9 * * mon-fri',
  '0 0 L * *',
  '0 0 1 1 *',
  '0 0 29 2 *',
  '15 3 * * sunL',
  '0 */6 * * *',
];
const begun = performance.now();
const triggers = Array.from({ length: 10_000 }, (_, i) =>
  checkTrigger({ cron: CRONS[i % CRONS.length], timeZone: allZones[i % allZones.length] }, AFTER),
);
console.log(
  `10,000 schedules in ${allZones.length} zones made and checked: ${(performance.now() - begun).toFixed(0)} ms`,
);
for (const round of ['first', 'again']) {
  const started = performance.now();
  for (const [i, trigger] of triggers.entries()) nextSlot(trigger, AFTER + i * 1000);
  const ms = performance.now() - started;
  console.log(`The next slot of each, ${round}: ${ms.toFixed(0)} ms`);
}

const everySecond = slotsOf(checkTrigger({ cron: '* * * * * *', timeZone: 'Europe/Berlin' }, AFTER));
const started = performance.now();
const count = everySecond.count(AFTER, AFTER + 365 * 86_400_000);
console.log(`The slots of a year of seconds counted (${count}): ${(performance.now() - started).toFixed(2)} ms`);
