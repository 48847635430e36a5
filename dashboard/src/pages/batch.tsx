/** One batch: its jobs against time and by state, what follows it, and what can be done to all of it. */
import { useState } from 'preact/hooks';
import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import type { PageProps } from '../pages.ts';
import { type Batch, BatchBar, endedOf, policyText } from '../parts/batch-bar.tsx';
import { BulkDialog } from '../parts/bulk-dialog.tsx';
import { Button } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Family } from '../parts/family.tsx';
import { JobActions } from '../parts/job-actions.tsx';
import { Page } from '../parts/page.tsx';
import { Facts } from '../parts/peek.tsx';
import { Status } from '../parts/status.tsx';
import { Empty, Skeleton, TroubleView } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, counted } from '../time.ts';

export default function BatchPage({ params }: PageProps) {
  const id = params['id']!;
  const job = useResource(
    `job ${id}`,
    (signal) => api.jobs.get({ id }, { signal }),
    // Its jobs' ends are told as jobs of their own; which of them are its, the frames do not say.
    (frame) => frame.kind === 'job',
  );
  const data = job.data.value;
  const trouble = job.trouble.value;
  const missing = trouble?.code === 'JOB_NOT_FOUND' || (data && !data.batch);
  return (
    <Page
      title={data ? `${data.type} ${data.shown}` : 'Batch'}
      heading={
        <span class="crumbs">
          <a href={href('/batches')}>Batches</a>
          <span class="quiet" aria-hidden="true">
            /
          </span>
          {data?.type ?? id}
        </span>
      }
      aside={data && <Status state={data.shown} />}
      actions={data?.batch && <Actions job={data} batch={data.batch} onDone={job.reload} />}
    >
      {!data && !trouble && <Skeleton lines={10} />}
      {trouble && !missing && (
        <TroubleView trouble={trouble} what="The batch" retry={job.reload} kept={data !== undefined} />
      )}
      {missing && (
        <Empty title="There is no such batch">
          <p>
            No batch has the id <code>{id}</code>. It may have been deleted.
          </p>
          <a class="button" href={href('/batches')}>
            All batches
          </a>
        </Empty>
      )}
      {data?.batch && <Content job={data} batch={data.batch} />}
    </Page>
  );
}

const LOST = 'status:failed,timeout,cancelled';

/** Retrying the batch begins it anew with all that it lost. Where that is not possible, those of its jobs still can be retried. */
const Actions = ({
  job,
  batch,
  onDone,
}: {
  readonly job: JobView;
  readonly batch: Batch;
  readonly onDone: () => Promise<void>;
}) => {
  const [asked, setAsked] = useState(false);
  const lost = batch.failed + batch.timeout + batch.cancelled;
  const may = job.allowed.length > 0 && !job.allowed.includes('retry');
  return (
    <>
      {lost > 0 && may && <Button onClick={() => setAsked(true)}>Retry {counted(lost, 'job')} …</Button>}
      <JobActions job={job} onDone={onDone} />
      {asked && <BulkDialog which={{ q: `parent:${job.id} ${LOST}` }} onClose={() => setAsked(false)} />}
    </>
  );
};

const STATES = ['completed', 'failed', 'timeout', 'cancelled'] as const;

const Content = ({ job, batch }: { readonly job: JobView; readonly batch: Batch }) => {
  const jobs = (words: string) => href(`/jobs?q=${encodeURIComponent(`parent:${job.id} ${words}`.trim())}`);
  const left = batch.total - endedOf(batch);
  return (
    <>
      <section class="card strip-card" aria-label="How far it is">
        <BatchBar batch={batch} />
        <nav class="states" aria-label="Its jobs by state">
          {STATES.map((state) => (
            <a key={state} href={jobs(`status:${state}`)}>
              <Status state={state} /> <span class="figure">{count(batch[state])}</span>
            </a>
          ))}
          <a href={jobs('status:created,queued,running')}>
            still to end <span class="figure">{count(left)}</span>
          </a>
          <a href={jobs('')}>all of them</a>
        </nav>
        <p class="quiet">
          It {policyText(batch.policy)}.{batch.open && ' More jobs may follow, until it is sealed.'}
          {job.error && ` ${job.error}`}
        </p>
      </section>
      <Family job={job} />
      <div class="columns-2 even">
        <Callbacks batch={batch} />
        <Card title="Facts" actions={<a href={href(`/jobs/${encodeURIComponent(job.id)}`)}>As a job</a>}>
          <Facts job={job} />
        </Card>
      </div>
    </>
  );
};

const WHEN = { success: 'when it completes', failure: 'when it fails', end: 'however it ends' } as const;

const Callbacks = ({ batch: { callbacks } }: { readonly batch: Batch }) => {
  const known = useResource(`callbacks ${callbacks.map(({ id }) => id).join(' ')}`, async (signal) => {
    const { jobs } =
      callbacks.length === 0 ? { jobs: [] } : await api.jobs.list({ id: callbacks.map(({ id }) => id) }, { signal });
    return new Map(jobs.map((job) => [job.id, job.shown]));
  });
  return (
    <Card title="What follows">
      {callbacks.length === 0 ? (
        <p class="quiet">Nothing: it has no callbacks.</p>
      ) : (
        <ul class="due">
          {callbacks.map(({ on, type, id }) => {
            const shown = known.data.value?.get(id);
            return (
              <li key={id}>
                {shown ? <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{type}</a> : <span>{type}</span>}
                <span class="quiet">{WHEN[on]}</span>
                {shown ? <Status state={shown} /> : <span class="quiet">not yet</span>}
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
};
