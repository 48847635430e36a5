/** Queues, line by line: places, a picture of the last time, what waits, and since when. */
import type { ComponentChildren } from 'preact';
import type { MetricsView, QueueView } from '../../../src/client.ts';
import { LATE_MS, lateOf, waitingOf } from '../health.ts';
import { href } from '../router.ts';
import { count, counted, span } from '../time.ts';
import { Spark } from './spark.tsx';

interface QueueTableProps {
  readonly at: string;
  readonly queues: readonly QueueView[];
  /** With the figures of each queue; undefined where they are not known yet. */
  readonly metrics: MetricsView | undefined;
  readonly during: string;
  /** What can be done to one. */
  readonly actions?: (queue: QueueView) => ComponentChildren;
}

export const QueueTable = ({ at, queues, metrics, during, actions }: QueueTableProps) => (
  <table class="lines">
    <thead>
      <tr>
        <th scope="col">Queue</th>
        <th scope="col">Running</th>
        <th scope="col" class="wide">
          Done, {during}
        </th>
        <th scope="col" class="number">
          Waiting
        </th>
        <th scope="col" class="number">
          Oldest
        </th>
        <th scope="col" class="number">
          In / out <span class="quiet">a minute</span>
        </th>
        <th scope="col" class="number">
          Failed
        </th>
        {actions && (
          <th scope="col" class="unseen-cell">
            <span class="unseen">Actions</span>
          </th>
        )}
      </tr>
    </thead>
    <tbody>
      {queues.map((queue) => (
        <Line key={queue.name} {...{ at, queue, during, metrics }}>
          {actions && <td class="acts">{actions(queue)}</td>}
        </Line>
      ))}
    </tbody>
  </table>
);

interface LineProps extends Pick<QueueTableProps, 'at' | 'during' | 'metrics'> {
  readonly queue: QueueView;
  readonly children: ComponentChildren;
}

const Line = ({ at, queue, metrics, during, children }: LineProps) => {
  const { name, paused, counts } = queue;
  const late = lateOf(queue, at);
  const own = metrics?.queues[name];
  const q = (words: string) => href(`/jobs?q=${encodeURIComponent(`queue:${name} ${words}`)}`);
  const failed = counts.failed + counts.timeout;
  return (
    <tr>
      <th scope="row">
        <a href={href(`/queues/${encodeURIComponent(name)}`)}>{name}</a>
        {paused && <span class="tag warn">paused</span>}
      </th>
      <td data-name="Running">
        <Places queue={queue} />
      </td>
      <td class="wide" data-name={`Done, ${during}`}>
        {own ? (
          <Spark
            values={own.series.completed}
            tone="completed"
            label={`${counted(own.completed, 'job')} done, ${during}`}
          />
        ) : (
          <span class="quiet">none</span>
        )}
      </td>
      <td class="number" data-name="Waiting">
        <a href={q('status:queued')}>{count(waitingOf(queue))}</a>
      </td>
      <td class="number" data-name="Oldest">
        <span class={!paused && late >= LATE_MS ? 'warn-text' : undefined}>{late === 0 ? '–' : span(late)}</span>
      </td>
      <td class="number" data-name="In / out a minute">
        <span>
          {rate(own?.createdPerSecond)} / {rate(own?.completedPerSecond)}
        </span>
      </td>
      <td class="number" data-name="Failed">
        {failed === 0 ? '0' : <a href={q('status:failed,timeout')}>{count(failed)}</a>}
      </td>
      {children}
    </tr>
  );
};

/** Also what is small is not nothing. */
const rate = (perSecond = 0): string => {
  const n = perSecond * 60;
  return n < 0.05 ? '0' : n < 10 ? n.toFixed(1) : count(Math.round(n));
};

/** Of a limit, how much is taken; without one, how many. */
export const Places = ({ queue: { counts, maxRunning } }: { readonly queue: QueueView }) => (
  <span class="places">
    {maxRunning !== null && (
      <meter
        min={0}
        max={Math.max(1, maxRunning)}
        value={Math.min(counts.running, maxRunning)}
        aria-label={`${counts.running} of ${maxRunning} places taken`}
      />
    )}
    <span>{maxRunning === null ? count(counts.running) : `${count(counts.running)} of ${count(maxRunning)}`}</span>
  </span>
);
