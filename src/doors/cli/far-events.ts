/** What happens at a service elsewhere, as the events that a database tells of. Between two of them a job may have moved further. */
import type { EventMap } from '../../engine/events.ts';
import { BacklineError } from '../../job/backline-error.ts';
import type { JobFilter } from '../../job/filter.ts';
import { sleep } from '../../util/sleep.ts';
import type { JobFrame } from '../api/frames.ts';
import type { ApiClient } from '../api/http-client.ts';
import type { Output } from './print.ts';

export const SHOWN = ['job-status-changed', 'job-progress', 'job-cancel-requested', 'job-removed'] as const;
export type Shown = { [Name in (typeof SHOWN)[number]]: { name: Name; event: EventMap[Name] } }[(typeof SHOWN)[number]];

const AGAIN_MS = 3000;

/** Follows the service until the signal, also over breaks. @throws what the first request is refused with. */
export async function* farEvents(
  api: ApiClient,
  filter: JobFilter,
  out: Output,
  signal: AbortSignal,
): AsyncGenerator<Shown, void> {
  let lastEventId: string | undefined;
  for (let first = true; !signal.aborted; first = false) {
    try {
      const frames = await api.events.watch({ ...wishOf(filter), kind: ['job'], lastEventId }, { signal });
      if (first) out.talk('Listening; Ctrl-C ends it.');
      for await (const frame of frames) {
        lastEventId = frame.id;
        if (frame.kind === 'gap') out.talk('! Some changes were missed.');
        else if (frame.kind === 'job') yield shownOf(frame);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (first || (error instanceof BacklineError && error.code !== 'API_UNREACHABLE')) throw error;
    }
    if (signal.aborted) return;
    out.talk(`! The service has ended the stream, or is away. Next try in ${AGAIN_MS / 1000} s.`);
    await sleep(AGAIN_MS, { signal });
  }
}

/** What the service can sort out itself; the rest is asked for job by job. */
const wishOf = ({ status, type, queue, id, parent }: JobFilter) => {
  const some = <T>(items: T | readonly T[] | undefined): T[] | undefined => {
    const list = items === undefined ? [] : [items].flat();
    return list.length > 0 && list.length <= 100 ? (list as T[]) : undefined;
  };
  return { status: some(status), type: some(type), queue: some(queue), id: some(id), parent };
};

export const shownOf = (frame: JobFrame): Shown => {
  const { jobId, seq, type, queue, status = 'queued', attempts = 0, error = null, progress = 0, note = null } = frame;
  const event = { jobId, seq, type, queue, at: Date.parse(frame.at) };
  if (frame.removed) return { name: 'job-removed', event };
  if (frame.cancelRequested) return { name: 'job-cancel-requested', event: { ...event, reason: error ?? '' } };
  if (status === 'running' && progress > 0) return { name: 'job-progress', event: { ...event, progress, note } };
  const runAt = frame.runAt === undefined ? event.at : Date.parse(frame.runAt);
  return { name: 'job-status-changed', event: { ...event, status, from: null, attempts, runAt, error } };
};
