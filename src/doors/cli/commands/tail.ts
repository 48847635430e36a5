import type { Command } from 'commander';
import type { JobFilter } from '../../../job/filter.ts';
import { sleep } from '../../../util/sleep.ts';
import type { ApiClient } from '../../api/http-client.ts';
import type { Run } from '../command.ts';
import { type Cli, serviceClient, withDatabase } from '../connect.ts';
import type { Desk } from '../desk.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { farEvents, SHOWN, type Shown } from '../far-events.ts';
import { untilInterrupted } from '../interrupt.ts';
import { paintStatus } from '../job-text.ts';
import { clean, iso, type Output, time } from '../print.ts';
import { WHERE_FLAG, WHERE_SAYS, whereOf } from '../where.ts';

/** An hour at a time: the wait only has to hold the process open. */
const LONG_MS = 3_600_000;

export const addTail = (program: Command, run: Run): void => {
  program
    .command('tail')
    .description('Show what happens to jobs, as it happens, one event a line.')
    .option(WHERE_FLAG, WHERE_SAYS)
    .action((_, self: Command) => run(self.optsWithGlobals(), tail));
};

const tail = async (cli: Cli): Promise<ExitCode> => {
  const { out, flags } = cli;
  const filter = whereOf(flags);
  const api = await serviceClient(cli);
  if (api) return tailService(api, filter, out);
  return withDatabase(cli, { create: false }, async (client) => {
    const stop = untilInterrupted();
    const signal = AbortSignal.any([stop.signal, out.closed]);
    // One after the other, so that events keep their order although a filter may have to ask the database.
    let last = Promise.resolve();
    for (const name of SHOWN)
      client.on(name, (event) => {
        last = last.then(() => print({ name, event } as Shown, client, filter, out)).catch((error) => out.error(error));
      });
    out.talk('Listening; Ctrl-C ends it.');
    while (!signal.aborted) await sleep(LONG_MS, { signal });
    await last;
    return out.closed.aborted ? EXIT.ok : stop.code();
  });
};

const tailService = async (api: ApiClient, filter: JobFilter | null, out: Output): Promise<ExitCode> => {
  const client = await (await import('../remote.ts')).connectTo(api);
  const stop = untilInterrupted();
  const signal = AbortSignal.any([stop.signal, out.closed]);
  for await (const shown of farEvents(api, filter ?? {}, out, signal)) await print(shown, client, filter, out);
  return out.closed.aborted ? EXIT.ok : stop.code();
};

const print = async (shown: Shown, client: Desk, filter: JobFilter | null, out: Output): Promise<void> => {
  const { name, event } = shown;
  if (out.closed.aborted || (filter && !(await fits(shown, client, filter)))) return;
  await out.record('event', { event: name, ...event, at: iso(event.at), ...when(shown) }, () => line(shown, out));
};

/** Other times of an event, for programs. */
const when = ({ name, event }: Shown): object => (name === 'job-status-changed' ? { runAt: iso(event.runAt) } : {});

/** Whether an event is of a job that the filter means. The state is the event's: the job may be further on by now. */
const fits = async ({ name, event }: Shown, client: Desk, filter: JobFilter): Promise<boolean> => {
  const { status, type, queue, id, ...others } = filter;
  const among = (wanted: string | readonly string[] | undefined, found: string) =>
    wanted === undefined || [wanted].flat().includes(found);
  if (status !== undefined && (name !== 'job-status-changed' || !among(status, event.status))) return false;
  if (!among(type, event.type) || !among(queue, event.queue) || !among(id, event.jobId)) return false;
  return Object.keys(others).length === 0 || (await client.count({ ...others, id: event.jobId })) > 0;
};

const line = (shown: Shown, out: Output): string => {
  const { type, jobId, at } = shown.event;
  return `${time(at)}  ${news(shown, out)}  ${clean(type)}  ${jobId}${detail(shown)}`;
};

const news = ({ name, event }: Shown, out: Output): string => {
  if (name === 'job-status-changed') return paintStatus(event.status, out);
  if (name === 'job-progress') return `… ${Math.floor(event.progress)} %`;
  return name === 'job-removed' ? '− removed' : '⊘ cancel asked';
};

const detail = ({ name, event }: Shown): string => {
  const text =
    name === 'job-status-changed'
      ? event.error
      : name === 'job-progress'
        ? event.note
        : name === 'job-removed'
          ? null
          : event.reason;
  return text ? `  ${clean(text).replace(/\s+/g, ' ')}` : '';
};
