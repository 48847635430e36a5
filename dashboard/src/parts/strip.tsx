/**
 * The latest runs of a schedule: one bar each, the newest at the right, as high as the run was long (by its square root, so that a short
 * one is seen beside a long one). A run that failed has a mark beneath the line, one that is not over is an outline. Said in words, too.
 */
import type { ScheduledJobView } from '../../../src/client.ts';
import { href, navigate } from '../router.ts';
import { ago, full, now, span } from '../time.ts';

/** Bars of one strip. */
export const RUNS = 30;
const UP = 20;
const DOWN = 6;
const STEP = 6;
const BAR = 4;

const isLost = ({ status }: ScheduledJobView): boolean => status === 'failed' || status === 'timeout';

/** How long it ran, or runs; null before it has begun. */
const lengthOf = ({ startedAt, completedAt }: ScheduledJobView): number | null =>
  startedAt === null ? null : Math.max(0, (completedAt ? Date.parse(completedAt) : now.peek()) - Date.parse(startedAt));

/** `The last 30 runs: 28 completed, 2 failed. The newest completed 3 h ago and took 1.2 s; the longest took 4.0 s.` */
const wordsOf = (jobs: readonly ScheduledJobView[], at: number): string => {
  const [newest] = jobs;
  if (!newest) return 'No run yet';
  const groups = [...Map.groupBy(jobs, ({ shown }) => shown)].map(([state, list]) => `${list.length} ${state}`);
  const lengths = jobs.map(lengthOf).filter((ms) => ms !== null);
  const took = lengthOf(newest);
  const over = newest.completedAt;
  const last = over
    ? `${newest.shown} ${ago(over, at)}${took === null ? '' : ` and took ${span(took)}`}`
    : newest.shown;
  const longest = lengths.length > 1 ? `; the longest took ${span(Math.max(...lengths))}` : '';
  return `The last ${jobs.length === 1 ? 'run' : `${jobs.length} runs`}: ${groups.join(', ')}. The newest: ${last}${longest}.`;
};

interface StripProps {
  /** Newest first. */
  readonly jobs: readonly ScheduledJobView[];
  /** A click on a bar opens its job. What is clicked is also in the table beside it. */
  readonly opens?: boolean;
}

export const Strip = ({ jobs, opens = false }: StripProps) => {
  const most = Math.max(1, ...jobs.map((job) => lengthOf(job) ?? 0));
  const shown = jobs.slice(0, RUNS);
  return (
    <svg
      class={opens ? 'runs-strip large' : 'runs-strip'}
      role="img"
      aria-label={wordsOf(jobs, now.peek())}
      viewBox={`0 0 ${RUNS * STEP} ${UP + DOWN + 2}`}
    >
      <path class="ground" d={`M0 ${UP + 0.5}H${RUNS * STEP}`} />
      {shown.map((job, i) => (
        <Bar key={job.id} job={job} x={(RUNS - 1 - i) * STEP + (STEP - BAR) / 2} most={most} opens={opens} />
      ))}
    </svg>
  );
};

interface BarProps {
  readonly job: ScheduledJobView;
  readonly x: number;
  readonly most: number;
  readonly opens: boolean;
}

const Bar = ({ job, x, most, opens }: BarProps) => {
  const length = lengthOf(job);
  const height = Math.max(2, Math.sqrt((length ?? 0) / most) * (UP - 1));
  const is = job.completedAt === null ? 'open' : '';
  return (
    <g
      class={`s-${job.shown} ${is}`}
      onClick={opens ? () => navigate(`/jobs/${encodeURIComponent(job.id)}`) : undefined}
    >
      <title>{sentenceOf(job, length)}</title>
      {opens && <rect class="hit" x={x - 1} width={STEP} y="0" height={UP + DOWN + 2} />}
      <rect class="run" x={x} width={BAR} y={UP - height} height={height} />
      {isLost(job) && <rect class="run" x={x} width={BAR} y={UP + 2} height={DOWN} />}
    </g>
  );
};

const sentenceOf = ({ shown, slotAt, createdAt, byHand }: ScheduledJobView, length: number | null): string =>
  `${full(slotAt ?? createdAt)}: ${shown}${length === null ? '' : `, ${span(length)}`}${byHand ? ', by hand' : ''}`;

/** The same as a table, for those who want the figures, or do not see the bars. */
export const RunsTable = ({ jobs }: { readonly jobs: readonly ScheduledJobView[] }) => (
  <div class="wide-table" tabIndex={0} role="region" aria-label="The last runs, as a table">
    <table>
      <thead>
        <tr>
          <th scope="col">Slot</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col">Job</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => {
          const length = lengthOf(job);
          return (
            <tr key={job.id}>
              <td>
                {full(job.slotAt ?? job.createdAt)}
                {job.byHand && <span class="quiet"> by hand</span>}
              </td>
              <td>
                <span class={`state s-${job.shown}`}>{job.shown}</span>
              </td>
              <td class="number">{length === null ? '' : span(length)}</td>
              <td>
                <a href={href(`/jobs/${encodeURIComponent(job.id)}`)}>
                  <code>{job.id}</code>
                </a>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </div>
);
