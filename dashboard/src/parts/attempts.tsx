/** Every attempt of a job, with the waits before and between them: what happened, as one picture. */
import type { AttemptView, JobView } from '../../../src/client.ts';
import { now, span } from '../time.ts';
import { type SpanLine, Spans } from './spans.tsx';

/** More lines than this are no picture any more: the last ones are drawn. */
const DRAWN = 40;

interface AttemptsProps {
  readonly job: JobView;
  readonly attempts: readonly AttemptView[];
}

export const Attempts = ({ job, attempts }: AttemptsProps) => {
  const at = now.value;
  const shown = attempts.slice(-DRAWN);
  const seen = lengthOf(job, attempts, at);
  const lines = shown.flatMap((attempt) => [
    ...waitBefore(job, attempt, attempts[attempts.indexOf(attempt) - 1] ?? null, seen),
    lineOf(attempt, attempts, at),
  ]);
  const last = attempts.at(-1);
  const waits = job.status === 'queued' || job.status === 'created';
  if (waits) lines.push(waiting(job, last, at));
  if (lines.length === 0) return <p class="quiet">It has not run, and does not wait to.</p>;
  return (
    <>
      {attempts.length > shown.length && (
        <p class="quiet">{attempts.length - shown.length} earlier attempts are not drawn.</p>
      )}
      <Spans label="Attempts and waits, in order" lines={lines} />
    </>
  );
};

/** From when it was made to when it ended, or now. */
const lengthOf = ({ createdAt }: JobView, attempts: readonly AttemptView[], at: number): number => {
  const end = attempts.at(-1)?.endedAt;
  return (end ? Date.parse(end) : at) - Date.parse(createdAt);
};

const nameOf = ({ attempt, life }: AttemptView, all: readonly AttemptView[]): string =>
  all.some((one) => one.life > 1) ? `Attempt ${attempt}, life ${life}` : `Attempt ${attempt}`;

const lineOf = (attempt: AttemptView, all: readonly AttemptView[], at: number): SpanLine => {
  const { claim, startedAt, endedAt, outcome, error, worker } = attempt;
  const from = Date.parse(startedAt);
  const to = endedAt === null ? Math.max(at, from) : Date.parse(endedAt);
  const why = error ? `${error.code ?? error.name}` : outcome;
  return {
    key: `attempt ${claim}`,
    label: nameOf(attempt, all),
    pieces: [{ from, to, tone: outcome }],
    says: `${why} · ${span(to - from)}${worker ? ` · ${worker}` : ''}`,
  };
};

/** What lies before an attempt: the wait in the queue, or the pause after the failure before it. */
const waitBefore = (job: JobView, attempt: AttemptView, before: AttemptView | null, seen: number): SpanLine[] => {
  const to = Date.parse(attempt.startedAt);
  const from = before ? Date.parse(before.endedAt ?? attempt.startedAt) : Date.parse(job.createdAt);
  // Too short to be seen beside the others.
  if (to - from < Math.max(1, seen * 0.002)) return [];
  const length = span(to - from);
  const name = before === null ? 'Waited' : before.life < attempt.life ? 'Until its retry' : 'Backoff';
  return [{ key: `wait ${attempt.claim}`, label: name, pieces: [{ from, to, tone: 'wait' }], says: length }];
};

const waiting = (job: JobView, last: AttemptView | undefined, at: number): SpanLine => {
  const from = last?.endedAt ? Date.parse(last.endedAt) : Date.parse(job.createdAt);
  const runAt = Date.parse(job.runAt);
  const to = Math.max(runAt, at, from + 1);
  const says = job.held
    ? 'held'
    : runAt > at
      ? `runs in ${span(runAt - at)}`
      : `waits for ${span(at - Math.max(from, runAt))}`;
  return { key: 'waiting', label: last ? 'Backoff' : 'Waits', pieces: [{ from, to, tone: 'wait' }], says };
};
