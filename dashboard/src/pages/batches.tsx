/** All batches, newest first: how far each is, what its jobs came to, and what a failed one means for it. */
import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { BatchBar, policyText } from '../parts/batch-bar.tsx';
import { Card } from '../parts/card.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href, query, setQuery } from '../router.ts';
import { count } from '../time.ts';

const PAGE = 50;
const STATES = ['running', 'completed', 'failed', 'timeout', 'cancelled'] as const;
type State = (typeof STATES)[number];

export default function Batches() {
  const asked = query.value.get('status');
  const status = STATES.includes(asked as State) ? (asked as State) : null;
  const after = query.value.get('after') ?? undefined;
  const batches = useResource(
    `batches ${status} ${after}`,
    (signal) => api.jobs.list({ batch: true, status: status ? [status] : undefined, limit: PAGE, after }, { signal }),
    ({ kind }) => kind === 'job',
    2000,
  );
  return (
    <Page
      title="Batches"
      actions={
        <select
          aria-label="State"
          value={status ?? ''}
          onChange={({ currentTarget }) => setQuery({ status: currentTarget.value, after: null })}
        >
          <option value="">In every state</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      }
    >
      <Loaded of={batches} what="The batches" skeleton={<Skeleton lines={8} />}>
        {({ jobs, next }) =>
          jobs.length === 0 ? (
            <Nothing filtered={status !== null || after !== undefined} />
          ) : (
            <>
              <Table batches={jobs} />
              <Pages next={next} begun={after !== undefined} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

const Nothing = ({ filtered }: { readonly filtered: boolean }) =>
  filtered ? (
    <Empty title="No batch is in this state">
      <a class="button" href={href('/batches')}>
        All batches
      </a>
    </Empty>
  ) : (
    <Empty title="No batches yet">
      <p>A batch is a job that stands for many: it ends when they have, and may start others then.</p>
      <pre class="block" tabIndex={0}>{`await manager.enqueueBatch({
  type: 'month-end',
  jobs: [{ type: 'collect', payload: 'eu' }, { type: 'collect', payload: 'us' }],
  onSuccess: { type: 'report' },
});`}</pre>
    </Empty>
  );

const Table = ({ batches }: { readonly batches: readonly JobView[] }) => (
  <Card title="Newest first">
    <table class="lines">
      <thead>
        <tr>
          <th scope="col">Batch</th>
          <th scope="col">State</th>
          <th scope="col" class="wide">
            Its jobs
          </th>
          <th scope="col" class="number">
            Failed
          </th>
          <th scope="col">Made</th>
        </tr>
      </thead>
      <tbody>
        {batches.map(({ id, type, shown, batch, createdAt }) => (
          <tr key={id}>
            <th scope="row">
              <a href={href(`/batches/${encodeURIComponent(id)}`)}>{type}</a>
              <span class="quiet block-line">{batch && policyText(batch.policy)}</span>
            </th>
            <td data-name="State">
              <Status state={shown} />
            </td>
            <td class="wide" data-name="Its jobs">
              {batch && <BatchBar batch={batch} />}
            </td>
            <td class="number" data-name="Failed">
              {count(batch ? batch.failed + batch.timeout : 0)}
            </td>
            <td data-name="Made">
              <Time at={createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Card>
);

const Pages = ({ next, begun }: { readonly next: string | null; readonly begun: boolean }) =>
  next === null && !begun ? null : (
    <p class="row">
      {begun && (
        <button type="button" class="button" onClick={() => setQuery({ after: null }, { replace: false })}>
          To the newest
        </button>
      )}
      {next !== null && (
        <button type="button" class="button" onClick={() => setQuery({ after: next }, { replace: false })}>
          Older ones
        </button>
      )}
    </p>
  );
