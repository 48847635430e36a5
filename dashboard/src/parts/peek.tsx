/** One job beside the list: enough to know whether to open it. */

import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { isOfJob, isWide } from '../live.ts';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { span } from '../time.ts';
import { Icon } from './icon.tsx';
import { JobActions } from './job-actions.tsx';
import { JsonBlock } from './json.tsx';
import { Status } from './status.tsx';
import { Time } from './time.tsx';
import { Loaded } from './views.tsx';

export const Peek = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => {
  const job = useResource(
    `job ${id}`,
    (signal) => api.jobs.get({ id }, { signal }),
    (frame) => isWide(frame) || isOfJob(frame, id),
  );
  return (
    <aside class="peek card" aria-label="The job beside the list">
      <header>
        <h2>
          <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{job.data.value?.type ?? 'Job'}</a>
        </h2>
        <button type="button" class="button plain" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <Loaded of={job} what="The job">
        {(data) => <Content job={data} reload={job.reload} />}
      </Loaded>
    </aside>
  );
};

const Content = ({ job, reload }: { readonly job: JobView; readonly reload: () => Promise<void> }) => (
  <div class="peek-body">
    <p class="row">
      <Status state={job.shown} /> <span>{job.queue}</span>
      <span class="quiet">
        attempt {job.attempts} of {job.maxAttempts}
      </span>
    </p>
    <div class="row">
      <JobActions job={job} onDone={reload} small />
    </div>
    <Facts job={job} />
    {job.error && (
      <>
        <h3>Error</h3>
        <pre class="block">{job.error}</pre>
      </>
    )}
    <h3>Input</h3>
    <JsonBlock value={job.payload} what="The input" />
    {job.result !== null && (
      <>
        <h3>Result</h3>
        <JsonBlock value={job.result} what="The result" />
      </>
    )}
  </div>
);

/** When it was what. */
export const Facts = ({ job }: { readonly job: JobView }) => {
  const { createdAt, runAt, startedAt, completedAt, id, worker, priority, tags, parentId, replayOf } = job;
  return (
    <dl class="facts">
      <div>
        <dt>Id</dt>
        <dd>
          <code>{id}</code>
        </dd>
      </div>
      <div>
        <dt>Made</dt>
        <dd>
          <Time at={createdAt} />
        </dd>
      </div>
      {startedAt === null && (
        <div>
          <dt>Runs</dt>
          <dd>
            <Time at={runAt} />
          </dd>
        </div>
      )}
      {startedAt && (
        <div>
          <dt>Started</dt>
          <dd>
            <Time at={startedAt} />
          </dd>
        </div>
      )}
      {startedAt && completedAt && (
        <div>
          <dt>Took</dt>
          <dd>{span(Date.parse(completedAt) - Date.parse(startedAt))}</dd>
        </div>
      )}
      {worker && <Fact name="Worker" text={worker} />}
      <Fact name="Priority" text={String(priority)} />
      {tags.length > 0 && <Fact name="Tags" text={tags.join(', ')} />}
      {parentId && <JobLink name="Part of" id={parentId} />}
      {replayOf && <JobLink name="Runs again" id={replayOf} />}
    </dl>
  );
};

const Fact = ({ name, text }: { readonly name: string; readonly text: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{text}</dd>
  </div>
);

const JobLink = ({ name, id }: { readonly name: string; readonly id: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      <a href={href(`/jobs/${encodeURIComponent(id)}`)}>
        <code>{id}</code>
      </a>
    </dd>
  </div>
);
