import { api } from '../api.ts';
import { Card } from '../parts/card.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';
import { Loaded } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href, query } from '../router.ts';

export default function Jobs() {
  const q = query.value.get('q') ?? '';
  const jobs = useResource(`jobs ${q}`, (signal) => api.jobs.list({ q: q || undefined, limit: 50 }, { signal }));
  return (
    <Page title="Jobs">
      <Card title="Newest">
        <Loaded of={jobs} what="The jobs">
          {({ jobs: list }) => (
            <ul>
              {list.map(({ id, type, shown, createdAt }) => (
                <li key={id}>
                  <Status state={shown} /> <a href={href(`/jobs/${id}`)}>{type}</a> <Time at={createdAt} />
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
