/** One job: what became of each attempt, what went in and came out, why it waits, and what can be done about it. */
import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { copy } from '../clipboard.ts';
import { isOfJob, isWide } from '../live.ts';
import type { PageProps } from '../pages.ts';
import { Attempts } from '../parts/attempts.tsx';
import { Card } from '../parts/card.tsx';
import { CommandCard } from '../parts/command-card.tsx';
import { Failures } from '../parts/failure.tsx';
import { Family } from '../parts/family.tsx';
import { Icon } from '../parts/icon.tsx';
import { JobActions } from '../parts/job-actions.tsx';
import { JobLog } from '../parts/job-log.tsx';
import { JsonBlock } from '../parts/json.tsx';
import { Page } from '../parts/page.tsx';
import { Facts } from '../parts/peek.tsx';
import { Status } from '../parts/status.tsx';
import { Empty, Loaded, Skeleton, TroubleView } from '../parts/views.tsx';
import { Why } from '../parts/why.tsx';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, now, span } from '../time.ts';

export default function Job({ params }: PageProps) {
  const id = params['id']!;
  const job = useResource(
    `job ${id}`,
    (signal) => api.jobs.get({ id }, { signal }),
    (frame) => isOfJob(frame, id),
  );
  const data = job.data.value;
  const trouble = job.trouble.value;
  if (!data)
    return (
      <Page title={`Job ${id}`}>
        {!trouble && <Skeleton lines={10} />}
        {trouble?.code === 'JOB_NOT_FOUND' && (
          <Empty title="There is no such job">
            <p>
              No job has the id <code>{id}</code>. It may have been deleted, by a person or by the time that jobs are
              kept.
            </p>
            <a class="button" href={href('/jobs')}>
              All jobs
            </a>
          </Empty>
        )}
        {trouble && trouble.code !== 'JOB_NOT_FOUND' && (
          <TroubleView trouble={trouble} what="The job" retry={job.reload} />
        )}
      </Page>
    );
  return (
    <Page
      title={`${data.type} ${data.shown}`}
      heading={<Heading job={data} />}
      actions={<JobActions job={data} onDone={job.reload} />}
    >
      {trouble && <TroubleView trouble={trouble} what="The job" retry={job.reload} kept />}
      <Subtitle job={data} />
      {data.status === 'running' && !data.batch && <Progress job={data} />}
      <Content job={data} />
    </Page>
  );
}

const Heading = ({ job: { type } }: { readonly job: JobView }) => (
  <span class="crumbs">
    <a href={href('/jobs')}>Jobs</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    {type}
  </span>
);

const Subtitle = ({
  job: { id, shown, queue, attempts, maxAttempts, worker, cancelRequestedAt },
}: {
  readonly job: JobView;
}) => (
  <p class="row subtitle">
    <Status state={shown} />
    <span>
      <code>{id}</code>{' '}
      <button type="button" class="button plain small" aria-label="Copy the id" onClick={() => void copy(id, 'The id')}>
        <Icon name="copy" />
      </button>
    </span>
    <a href={href(`/jobs?q=queue:${encodeURIComponent(queue)}`)}>{queue}</a>
    {attempts > 0 && (
      <span class="quiet">
        attempt {attempts} of {maxAttempts}
      </span>
    )}
    {worker && <span class="quiet">worker {worker}</span>}
    {cancelRequestedAt && <span class="note">asked to stop</span>}
  </p>
);

/** How far it is, and how long it will still take if it goes on as it did. */
const Progress = ({ job: { progress, note, startedAt } }: { readonly job: JobView }) => {
  const run = startedAt === null ? 0 : Math.max(0, now.value - Date.parse(startedAt));
  const left = progress >= 1 ? (run * (100 - progress)) / progress : null;
  return (
    <div class="progress card">
      <progress max={100} value={progress} aria-label="Progress" />
      <span>
        <strong class="figure">{Math.round(progress)} %</strong> {note}
      </span>
      <span class="quiet">
        runs for {span(run)}
        {left !== null && `, about ${span(left)} to go`}
      </span>
    </div>
  );
};

const Content = ({ job }: { readonly job: JobView }) => {
  const { id, status, shown } = job;
  const attempts = useResource(
    `attempts ${id}`,
    async (signal) => (await api.jobs.attempts({ id }, { signal })).attempts,
    (frame) => isWide(frame) || isOfJob(frame, id),
  );
  const list = attempts.data.value ?? [];
  const open = status === 'created' || status === 'queued' || status === 'running';
  const failed = list.some(({ error }) => error !== null);
  return (
    <>
      {open && <Why id={id} running={status === 'running'} />}
      {!job.batch && (
        <Card title="Attempts" aside={shown === 'retrying' && 'another follows'}>
          <Loaded of={attempts} what="The attempts">
            {(found) => <Attempts job={job} attempts={found} />}
          </Loaded>
        </Card>
      )}
      <div class={failed ? 'columns-2' : undefined}>
        <Failures attempts={list} />
        <Data job={job} />
      </div>
      <Family job={job} />
      {!job.batch && job.startedAt !== null && <JobLog id={id} running={status === 'running'} attempts={list} />}
      <Details job={job} />
    </>
  );
};

const Data = ({ job: { payload, result, status, batch } }: { readonly job: JobView }) => (
  <div class="stack">
    <Card title="Input">
      {payload === null ? <p class="quiet">None.</p> : <JsonBlock value={payload} what="The input" />}
    </Card>
    {status === 'completed' && !batch && (
      <Card title="Result">
        {result === null ? <p class="quiet">None.</p> : <JsonBlock value={result} what="The result" />}
      </Card>
    )}
    {batch && (
      <Card title="Its jobs in numbers" aside={batch.open && 'more may follow'}>
        <dl class="facts">
          {(['total', 'completed', 'failed', 'timeout', 'cancelled'] as const).map((name) => (
            <div key={name}>
              <dt>{name === 'total' ? 'in all' : <Status state={name} />}</dt>
              <dd class="figure">{count(batch[name])}</dd>
            </div>
          ))}
        </dl>
      </Card>
    )}
  </div>
);

/** All there is to know, for those who know what to look for; and the same on the command line. */
const Details = ({ job }: { readonly job: JobView }) => (
  <div class="columns-2">
    <Card title="Facts">
      <Facts job={job} />
    </Card>
    <CommandCard commands={commandsOf(job)} value={job} what="The job" />
  </div>
);

const commandsOf = ({ id, allowed }: JobView): string[] => [
  `backline jobs show ${id}`,
  `backline logs ${id}`,
  ...(allowed.includes('retry') ? [`backline jobs retry ${id}`] : []),
  ...(allowed.includes('cancel') ? [`backline jobs cancel ${id}`] : []),
  ...(allowed.includes('runNow') ? [`backline jobs edit ${id} --now`, `backline explain ${id}`] : []),
  ...(allowed.includes('resume') ? [`backline jobs edit ${id} --release`] : []),
  ...(allowed.includes('remove') ? [`backline jobs rm ${id}`] : []),
];
