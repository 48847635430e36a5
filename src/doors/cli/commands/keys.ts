import type { Command } from 'commander';
import { newKey, prependKey, writeKeyFile } from '../../../engine/keyring.ts';
import { fileExists, usage } from '../../../job/errors.ts';
import type { Run } from '../command.ts';
import { type Cli, withThisDatabase } from '../connect.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { count } from '../print.ts';

export const addKeys = (program: Command, run: Run): void => {
  const keys = program.command('keys').description('The keys that secrets in payloads are encrypted with.');
  keys
    .command('generate')
    .description('Make a new key: shown, or written to a file that only you can read.')
    .option('--file <path>', 'Where to; BACKLINE_KEY_FILE names it then.')
    .action((_, self: Command) => run(self.optsWithGlobals(), generate));
  keys
    .command('rotate')
    .description('Encrypt everything that is stored with the current key, so that old ones can be thrown away.')
    .option('--new', 'First put a new key into the key file; the old ones stay below it.')
    .action((_, self: Command) => run(self.optsWithGlobals(), rotate));
};

const generate = async ({ out, flags }: Cli): Promise<void> => {
  if (typeof flags.file !== 'string') {
    const key = newKey();
    await out.record('key', { key }, () => key);
    out.talk('Set it as BACKLINE_KEY for every process. Whoever has it can read the secrets; without it nobody can.');
    return;
  }
  if (!writeKeyFile(flags.file, newKey()))
    throw fileExists(flags.file, 'Add a key to it with: backline keys rotate --new');
  await out.record('key', { file: flags.file }, () => `A new key is in ${flags.file}`);
  out.talk('Set BACKLINE_KEY_FILE to its path for every process, and keep a copy in a safe place.');
};

const rotate = (cli: Cli): Promise<ExitCode> =>
  withThisDatabase(cli, { create: false }, async (client) => {
    const { out, flags } = cli;
    if (flags.new === true) {
      const file = client.secrets.keyFile;
      if (file === null)
        throw usage('--new needs a key file.', 'Set BACKLINE_KEY to the new key and BACKLINE_OLD_KEYS to the old one.');
      prependKey(file);
      out.talk(
        `${file} has a new key in its first line. Processes that run read it as soon as they meet a value under it.`,
      );
    }
    const { rewritten, current, unreadable, unreadableCount } = await client.secrets.rotate();
    const told = { rewritten, current, unreadable: unreadableCount };
    await out.record('rotation', told, () => `${count(rewritten, 'payload')} encrypted anew, ${current} were already`);
    for (const { id, message } of unreadable) out.talk(`! job ${id}: ${message}`);
    if (unreadableCount === 0) out.talk('Old keys are no longer needed by what is stored here; backups may need them.');
    else out.talk(`${count(unreadableCount, 'payload')} could not be read: keep the keys that they name.`);
    return unreadableCount === 0 ? EXIT.ok : EXIT.failed;
  });
