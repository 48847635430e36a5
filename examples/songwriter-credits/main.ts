/** The program: one catalog once, or a service that watches a folder. `--help` says how. */
import { runOnce } from './batch.ts';
import { runService } from './service.ts';
import { HELP, readSettings, UsageError } from './settings.ts';

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const main = async (): Promise<void> => {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (!settings) {
    process.stdout.write(HELP);
  } else if (settings.catalog === null) {
    await runService(settings, say);
  } else {
    process.stdout.write(`${JSON.stringify(await runOnce(settings.catalog, settings, say), null, 2)}\n`);
  }
};

try {
  await main();
} catch (error) {
  const cause = error instanceof Error && error.cause instanceof Error ? `\n  ${error.cause.message}` : '';
  say(`✗ ${error instanceof Error ? error.message : String(error)}${cause}`);
  if (error instanceof UsageError) say('  main.ts --help tells what there is.');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
