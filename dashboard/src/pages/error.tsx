/** One kind of error: when it came, in what, some of its jobs, and what can be done to all of them. */
import { api } from '../api.ts';
import { useFailures } from '../failures.ts';
import type { PageProps } from '../pages.ts';
import { Card } from '../parts/card.tsx';
import { Failures } from '../parts/failure.tsx';
import { type FailureGroup, GroupActions, GroupName, Limits, searchOf } from '../parts/failure-groups.tsx';
import { Page } from '../parts/page.tsx';
import { Spark } from '../parts/spark.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, counted } from '../time.ts';

const HEADING = (
  <span class="crumbs">
    <a href={href('/errors')}>Errors</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    One kind
  </span>
);

export default function ErrorPage({ params }: PageProps) {
  const failures = useFailures(200);
  const data = failures.data.value;
  const group = data?.groups.find(({ fingerprint }) => fingerprint === params['fingerprint']);
  return (
    <Page
      title={group ? `Error: ${group.message.slice(0, 60)}` : 'Error'}
      heading={HEADING}
      actions={group && <GroupActions group={group} allowed={data!.allowed} all />}
    >
      <Loaded of={failures} what="The error" skeleton={<Skeleton lines={8} />}>
        {(found) =>
          group ? (
            <>
              <Content group={group} />
              <Limits failures={found} />
            </>
          ) : (
            <Empty title="No job has this error now">
              <p>Its jobs were retried or deleted, or many others have failed since.</p>
              <a class="button" href={href('/errors')}>
                All errors
              </a>
            </Empty>
          )
        }
      </Loaded>
    </Page>
  );
}

const Content = ({ group }: { readonly group: FailureGroup }) => {
  const { pattern, samples } = group;
  return (
    <>
      <section class="card" aria-label="The error">
        <p class="state s-failed error-title">
          <GroupName group={group} />
        </p>
        <p class="quiet">
          What is the same in all of them: <code>{pattern || 'no message'}</code>
        </p>
      </section>
      <Figures group={group} />
      <div class="columns-2 even">
        <Where group={group} />
        <Card title="The last of its jobs" actions={<a href={href(`/jobs?q=${searchOf(group)}`)}>All of them</a>}>
          <ul class="due">
            {samples.map(({ id, type, endedAt }) => (
              <li key={id}>
                <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{type}</a>
                <code class="quiet">{id}</code>
                <Time at={endedAt} />
              </li>
            ))}
          </ul>
        </Card>
      </div>
      <Sample id={samples[0]!.id} />
    </>
  );
};

const Figures = ({ group: { count: all, timeouts, series, firstAt, lastAt } }: { readonly group: FailureGroup }) => {
  const today = series.reduce((sum, n) => sum + n, 0);
  return (
    <dl class="tiles">
      <div class="card tile">
        <dt class="quiet">Jobs</dt>
        <dd>
          <strong class="figure">{count(all)}</strong>{' '}
          {timeouts > 0 && <span class="quiet">{count(timeouts)} out of time</span>}
        </dd>
      </div>
      <div class="card tile">
        <dt class="quiet">Last 24 hours</dt>
        <dd>
          <strong class="figure">{count(today)}</strong>
          <Spark
            values={series}
            tone="failed"
            label={`${counted(today, 'job')} in the last 24 hours, hour by hour: ${series.join(', ')}`}
          />
        </dd>
      </div>
      {(
        [
          ['First seen', firstAt],
          ['Last seen', lastAt],
        ] as const
      ).map(([name, at]) => (
        <div key={name} class="card tile">
          <dt class="quiet">{name}</dt>
          <dd class="big">
            <Time at={at} />
          </dd>
        </div>
      ))}
    </dl>
  );
};

const Where = ({ group }: { readonly group: FailureGroup }) => (
  <Card title="Where">
    <table class="lines">
      <thead>
        <tr>
          <th scope="col">Type or queue</th>
          <th scope="col" class="number">
            Jobs
          </th>
        </tr>
      </thead>
      <tbody>
        {(['type', 'queue'] as const).flatMap((key) =>
          group[`${key}s`].map(({ name, count: n }) => (
            <tr key={`${key} ${name}`}>
              <th scope="row">
                <span class="quiet">{key}</span>{' '}
                <a href={href(`/jobs?q=${encodeURIComponent(`${searchOf(group)} ${key}:${name}`)}`)}>{name}</a>
              </th>
              <td class="number" data-name="Jobs">
                {count(n)}
              </td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  </Card>
);

/** The stack and the causes, of the job that ended last. */
const Sample = ({ id }: { readonly id: string }) => {
  const attempts = useResource(
    `attempts ${id}`,
    async (signal) => (await api.jobs.attempts({ id }, { signal })).attempts,
  );
  return (
    <Loaded of={attempts} what="The stack">
      {(list) => <Failures attempts={list.filter(({ error }) => error !== null).slice(-1)} />}
    </Loaded>
  );
};
