/** When a schedule runs next: by the clocks of its zone, by those of whoever looks, and how long until then. */
import type { NextRunsView } from '../../../src/client.ts';
import { inZone, ownZone } from '../time.ts';
import { Time } from './time.tsx';

interface NextRunsProps {
  readonly runs: NextRunsView;
  /** Without how long until then: where there is little room. */
  readonly short?: boolean;
}

export const NextRuns = ({ runs: { timeZone, runs }, short = false }: NextRunsProps) => {
  const own = ownZone();
  const two = own !== timeZone;
  if (runs.length === 0) return <p class="quiet">It does not run any more.</p>;
  return (
    <div class="wide-table" tabIndex={0} role="region" aria-label="Next runs, as a table">
      <table class="next-runs">
        <thead>
          <tr>
            <th scope="col">{timeZone}</th>
            {two && <th scope="col">Here ({own})</th>}
            {!short && <th scope="col">Then</th>}
          </tr>
        </thead>
        <tbody>
          {runs.map(({ at, local, note }) => (
            <tr key={at}>
              <td>
                {inZone(at, timeZone) ?? local}
                {note && <span class="note">{note}</span>}
              </td>
              {two && <td>{inZone(at, own)}</td>}
              {!short && (
                <td class="quiet">
                  <Time at={at} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

/** What the next changes of the clocks do to it. */
export const ClockChanges = ({ runs: { clockChanges } }: { readonly runs: NextRunsView }) =>
  clockChanges.length === 0 ? null : (
    <ul class="changes">
      {clockChanges.map(({ at, from, to, effect }) => (
        <li key={at}>
          <strong>{inZone(at, ownZone())}</strong>{' '}
          <span class="quiet">
            the clocks go from {from.slice(11, 16)} to {to.slice(11, 16)}
          </span>
          <br />
          {effect}
        </li>
      ))}
    </ul>
  );
