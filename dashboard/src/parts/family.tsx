/** The jobs of a batch, or of a job's parent, against time: which ran when, which still waits. */
import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { isWide } from '../live.ts';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { now, span } from '../time.ts';
import { Card } from './card.tsx';
import { type Piece, type SpanLine, Spans } from './spans.tsx';
import { Loaded } from './views.tsx';

const DRAWN = 60;

export const Family = ({ job }: { readonly job: JobView }) => {
  const parent = job.batch ? job.id : (job.parentId ?? job.id);
  const family = useResource(
    `family ${parent}`,
    async (signal) => {
      const [head, { jobs, next }] = await Promise.all([
        parent === job.id ? job : api.jobs.get({ id: parent }, { signal }).catch(() => null),
        api.jobs.list({ parent, order: 'oldest', limit: DRAWN }, { signal }),
      ]);
      return { head, jobs, more: next !== null };
    },
    (frame) => isWide(frame) || frame.kind === 'job',
  );
  const data = family.data.value;
  if (!job.batch && job.parentId === null && (!data || data.jobs.length === 0)) return null;
  const title = job.batch ? 'Its jobs' : job.parentId ? `Part of ${data?.head?.type ?? job.parentId}` : 'Its children';
  return (
    <Card
      title={title}
      aside={data?.more && `the first ${DRAWN}`}
      actions={<a href={href(`/jobs?q=parent:${parent}`)}>As a list</a>}
    >
      <Loaded of={family} what="The jobs around it">
        {({ head, jobs }) =>
          jobs.length === 0 ? (
            <p class="quiet">There are none.</p>
          ) : (
            <Spans
              label="Jobs against time"
              lines={[...(head ? [lineOf(head, '', job.id)] : []), ...jobs.map((one) => lineOf(one, '├ ', job.id))]}
            />
          )
        }
      </Loaded>
    </Card>
  );
};

const lineOf = (job: JobView, branch: string, current: string): SpanLine => {
  const { id, type, shown } = job;
  const link = id === current ? <strong>{type}</strong> : <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{type}</a>;
  return {
    key: id,
    label: (
      <>
        {branch}
        {link}
      </>
    ),
    pieces: piecesOf(job),
    says: [shown, lengthOf(job)].filter(Boolean).join(' · '),
    marked: id === current,
  };
};

const piecesOf = ({ createdAt, startedAt, completedAt, shown }: JobView): Piece[] => {
  const made = Date.parse(createdAt);
  const end = completedAt === null ? Math.max(now.value, made) : Date.parse(completedAt);
  const begun = startedAt === null ? end : Date.parse(startedAt);
  const wait = { from: made, to: begun, tone: 'wait' };
  return startedAt === null ? [wait] : [wait, { from: begun, to: Math.max(begun, end), tone: shown }];
};

const lengthOf = ({ startedAt, completedAt, batch }: JobView): string => {
  if (batch && completedAt === null)
    return `${batch.completed + batch.failed + batch.timeout + batch.cancelled} of ${batch.total}`;
  if (startedAt === null) return '';
  return span((completedAt === null ? now.value : Date.parse(completedAt)) - Date.parse(startedAt));
};
