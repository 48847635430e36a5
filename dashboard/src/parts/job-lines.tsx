/** A few jobs, one line each, each a way to its page. */
import type { JobView } from '../../../src/client.ts';
import { href } from '../router.ts';
import { Status } from './status.tsx';
import { Time } from './time.tsx';

export const JobLines = ({ jobs, none }: { readonly jobs: readonly JobView[]; readonly none: string }) =>
  jobs.length === 0 ? (
    <p class="quiet">{none}</p>
  ) : (
    <ul class="due">
      {jobs.map(({ id, type, shown, startedAt, runAt, completedAt, progress }) => (
        <li key={id}>
          <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{type}</a>
          <span>
            <Status state={shown} />
            {shown === 'running' && progress > 0 && <span class="quiet"> {Math.round(progress)} %</span>}
          </span>
          <Time at={completedAt ?? startedAt ?? runAt} />
        </li>
      ))}
    </ul>
  );
