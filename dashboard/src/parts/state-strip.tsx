/** How many jobs are in which state: widths grow with the square root, so that 41 that run are seen beside 88,137 that are done. */
import type { StatsView } from '../../../src/client.ts';
import { href } from '../router.ts';
import { count } from '../time.ts';
import { Status } from './status.tsx';

const ORDER = ['completed', 'queued', 'created', 'running', 'failed', 'timeout', 'cancelled'] as const;

export const StateStrip = ({ counts, and = '' }: { readonly counts: StatsView['byStatus']; readonly and?: string }) => {
  const shown = ORDER.filter(
    (state) => counts[state] > 0 || ['completed', 'queued', 'running', 'failed'].includes(state),
  );
  const q = (state: string) => `/jobs?q=${and && `${encodeURIComponent(and)}+`}status:${state}`;
  return (
    <div class="strip">
      <div class="bar" aria-hidden="true">
        {shown
          .filter((state) => counts[state] > 0)
          .map((state) => (
            <i key={state} class={`s-${state}`} style={{ flexGrow: Math.sqrt(counts[state]).toFixed(2) }} />
          ))}
      </div>
      <nav class="states" aria-label="Jobs by state">
        {shown.map((state) => (
          <a key={state} href={href(q(state))}>
            <Status state={state} /> <span class="figure">{count(counts[state])}</span>
          </a>
        ))}
      </nav>
    </div>
  );
};
