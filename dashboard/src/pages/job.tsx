import { api } from '../api.ts';
import type { PageProps } from '../pages.ts';
import { Card } from '../parts/card.tsx';
import { Page } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { Loaded } from '../parts/views.tsx';
import { useResource } from '../resource.ts';

export default function Job({ params: { id } }: PageProps) {
  const job = useResource(`job ${id}`, (signal) => api.jobs.get({ id: id! }, { signal }));
  return (
    <Page title={`Job ${id}`}>
      <Loaded of={job} what="The job">
        {({ type, shown }) => (
          <Card title={type}>
            <Status state={shown} />
          </Card>
        )}
      </Loaded>
    </Page>
  );
}
