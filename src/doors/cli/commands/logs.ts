import type { Command } from 'commander';
import { jobNotFound } from '../../../job/errors.ts';
import { isFinal } from '../../../job/states.ts';
import { sleep } from '../../../util/sleep.ts';
import type { Action, Run } from '../command.ts';
import { withClient } from '../connect.ts';
import { EXIT } from '../exit-code.ts';
import { untilInterrupted } from '../interrupt.ts';
import { logRecord, logText } from '../job-text.ts';

const PAGE = 1000;
const LOOK_MS = 300;

export const addLogs = (program: Command, run: Run): void => {
  program
    .command('logs')
    .argument('<id>')
    .description('Show what a job logged.')
    .option('-f, --follow', 'Go on until the job has ended.')
    .action((id: string, _, self: Command) => run(self.optsWithGlobals(), showLogs(id)));
};

const showLogs =
  (id: string): Action =>
  (cli) =>
    withClient(cli, { create: false }, async (client) => {
      const { out, flags } = cli;
      const stop = flags.follow === true ? untilInterrupted() : null;
      let after: { claim: number; n: number } | undefined;
      for (;;) {
        // Asked before the lines are read: what was logged before its end is not missed.
        const job = await client.get(id);
        if (!job) throw jobNotFound(id);
        let lines: Awaited<ReturnType<typeof client.logs>>;
        do {
          lines = await client.logs(id, { limit: PAGE, ...(after ? { after } : {}) });
          for (const line of lines) await out.record('log', logRecord(id, line), () => logText(line));
          after = lines.at(-1) ?? after;
        } while (lines.length === PAGE && !out.closed.aborted);
        if (out.closed.aborted || !stop) break;
        if (isFinal(job.status)) {
          out.talk(`Job ${id} is ${job.status}.`);
          break;
        }
        if (stop.signal.aborted) return stop.code();
        await sleep(LOOK_MS, { signal: AbortSignal.any([stop.signal, out.closed]) });
      }
      if (!after && !out.json) out.talk(`Job ${id} has logged nothing.`);
      return EXIT.ok;
    });
