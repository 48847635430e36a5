/** Jobs, attempts and log lines as records for programs and as text for people. */
import { type BatchInfo, policyText, unfinishedOf } from '../../job/batch.ts';
import type { Attempt, Failure, Job, LogLine } from '../../job/job.ts';
import { shownStatus } from '../../job/states.ts';
import { clean, iso, type Output, type Row, time } from './print.ts';

type Style = Parameters<Output['paint']>[0];

/** State = word + shape + colour, never colour alone. */
const SHAPES: Readonly<Record<string, readonly [shape: string, style: Style]>> = {
  created: ['◇', 'dim'],
  scheduled: ['◷', 'magenta'],
  queued: ['○', 'reset'],
  running: ['▶', 'blue'],
  retrying: ['↻', 'yellow'],
  completed: ['✓', 'green'],
  failed: ['✕', 'red'],
  timeout: ['✕', 'red'],
  cancelled: ['⊘', 'dim'],
};

export const shape = (status: string): string => `${SHAPES[status]?.[0] ?? '·'} ${status}`;

export const paintStatus = (status: string, out: Output): string =>
  out.paint(SHAPES[status]?.[1] ?? 'reset', shape(status));

/** A job for programs: times as ISO 8601 in UTC, everything else as it is. */
export const jobRecord = (job: Job): object => ({
  ...job,
  createdAt: iso(job.createdAt),
  queuedAt: iso(job.queuedAt),
  runAt: iso(job.runAt),
  startedAt: iso(job.startedAt),
  completedAt: iso(job.completedAt),
  timeoutAt: iso(job.timeoutAt),
  expiresAt: iso(job.expiresAt),
  cancelRequestedAt: iso(job.cancelRequestedAt),
});

export const jobRow = (job: Job, now: number): Row => ({
  state: shape(shownStatus(job, now)),
  id: job.id,
  type: job.type,
  queue: job.queue,
  priority: job.priority,
  attempt: job.batch ? '' : `${job.attempts}/${job.maxAttempts}`,
  progress: `${Math.floor(job.progress)} %`,
  created: time(job.createdAt),
  what: job.error ?? job.note ?? '',
});

export const attemptRecord = (id: string, attempt: Attempt): object => ({
  id,
  ...attempt,
  startedAt: iso(attempt.startedAt),
  endedAt: iso(attempt.endedAt),
});

export const logRecord = (id: string, line: LogLine): object => ({ id, ...line, at: iso(line.at) });

export const logText = ({ at, level, message, fields }: LogLine): string =>
  clean(`${time(at)} ${level.padEnd(5)} ${message}${fields ? ` ${JSON.stringify(fields)}` : ''}`);

/** Everything about one job, for people. */
export const jobText = (job: Job, attempts: readonly Attempt[], out: Output, now: number): string => {
  const lines = [
    `${paintStatus(shownStatus(job, now), out)}  ${out.paint('bold', clean(job.type))}  ${job.id}`,
    ...fieldsOf(job).map(([name, value]) => `  ${name.padEnd(12)} ${clean(value)}`),
  ];
  if (attempts.length > 0) lines.push('', ...attempts.flatMap((attempt) => attemptText(attempt)));
  return lines.join('\n');
};

const fieldsOf = (job: Job): [name: string, value: string][] => {
  const fields: [string, string | null | false][] = [
    ['queue', `${job.queue}, priority ${job.priority}`],
    ['batch', job.batch && batchText(job.batch)],
    ['calls', job.batch && callsText(job.batch)],
    ['attempt', !job.batch && `${job.attempts} of ${job.maxAttempts}${job.life > 1 ? `, life ${job.life}` : ''}`],
    ['life', job.batch !== null && job.life > 1 && String(job.life)],
    ['crashes', job.crashes > 0 && String(job.crashes)],
    ['progress', `${job.progress} %${job.note ? `, ${job.note}` : ''}`],
    ['created', time(job.createdAt)],
    ['runs at', job.status === 'queued' && time(job.runAt)],
    ['started', job.startedAt !== null && time(job.startedAt)],
    ['ended', job.completedAt !== null && time(job.completedAt)],
    ['expires', job.expiresAt !== null && time(job.expiresAt)],
    ['cancel asked', job.cancelRequestedAt !== null && time(job.cancelRequestedAt)],
    ['held', job.held && 'until it is released: backline jobs edit --release'],
    ['worker', job.worker],
    ['parent', job.parentId],
    ['tenant', job.tenant],
    ['replay of', job.replayOf],
    ['key', job.key],
    ['limit key', job.limitKey],
    ['tags', job.tags.length > 0 && job.tags.join(' ')],
    ['payload', JSON.stringify(job.payload)],
    ['result', job.result !== null && JSON.stringify(job.result)],
    ['error', job.error],
  ];
  return fields.filter((field): field is [string, string] => typeof field[1] === 'string');
};

/** What its policy is, and how its jobs are. */
const batchText = (batch: BatchInfo): string => {
  const { total, completed, failed, timeout, cancelled } = batch;
  const counts = `${total} in all, ${completed} completed, ${failed} failed, ${timeout} timed out, ${cancelled} cancelled`;
  return `${policyText(batch.policy)}${batch.open ? ', open for more jobs' : ''}: ${counts}, ${unfinishedOf(batch)} unfinished`;
};

const callsText = ({ callbacks }: BatchInfo): string | null =>
  callbacks.length === 0 ? null : callbacks.map(({ on, type, id }) => `on ${on} ${type} ${id}`).join('; ');

const attemptText = ({ attempt, life, startedAt, endedAt, worker, outcome, error }: Attempt): string[] => {
  const took = endedAt === null ? '' : ` after ${endedAt - startedAt} ms`;
  const head = `  attempt ${attempt}${life > 1 ? ` of life ${life}` : ''}  ${time(startedAt)}  ${outcome}${took}  on ${worker ?? 'an unknown worker'}`;
  return [clean(head), ...failureText(error, '    ')];
};

const failureText = (failure: Failure | null | undefined, indent: string): string[] => {
  if (!failure) return [];
  const { name, message, code, stack, cause, output } = failure;
  const text = stack?.includes(message)
    ? stack
    : `${name}${code ? ` [${code}]` : ''}: ${message}${stack ? `\n${stack}` : ''}`;
  return [
    ...indented(text, indent),
    ...(output ? [`${indent}its last words were`, ...indented(output, `${indent}  `)] : []),
    ...(cause ? [`${indent}because of`, ...failureText(cause, `${indent}  `)] : []),
  ];
};

const indented = (text: string, indent: string): string[] =>
  clean(text)
    .trimEnd()
    .split('\n')
    .map((line) => `${indent}${line}`);
