/** Errors, by what they have in common; with what can be done to all jobs of one. */
import { useState } from 'preact/hooks';
import type { FailuresView } from '../../../src/client.ts';
import { href } from '../router.ts';
import { count, counted } from '../time.ts';
import { BulkDialog, type BulkKind } from './bulk-dialog.tsx';
import { Button } from './button.tsx';
import { Spark } from './spark.tsx';
import { Time } from './time.tsx';

export type FailureGroup = FailuresView['groups'][number];

/** The search that finds the jobs of a group. */
export const searchOf = ({ fingerprint }: Pick<FailureGroup, 'fingerprint'>): string => `fingerprint:${fingerprint}`;

const firstLine = (text: string): string => text.split('\n')[0]! || 'No message';

/** Names that tell nothing beside a message and a code. */
const PLAIN: ReadonlySet<string> = new Set(['Error', 'BacklineError']);

export const GroupName = ({ group: { name, code, message } }: { readonly group: FailureGroup }) => (
  <>
    {name && !PLAIN.has(name) && <strong>{name} </strong>}
    {firstLine(message)} {code && <code>{code}</code>}
  </>
);

/** What is done to a whole group goes through the preview, which tells the exact number. */
export const GroupActions = ({
  group,
  allowed,
  all = false,
}: {
  readonly group: FailureGroup;
  readonly allowed: FailuresView['allowed'];
  readonly all?: boolean;
}) => {
  const [first, setFirst] = useState<BulkKind | null>(null);
  if (allowed.length === 0) return null;
  return (
    <>
      <Button
        small={!all}
        primary={all}
        label={all ? undefined : `Retry ${counted(group.count, 'job')}: ${firstLine(group.message).slice(0, 80)}`}
        onClick={() => setFirst('retry')}
      >
        Retry {count(group.count)}
      </Button>
      {all && (
        <>
          <Button onClick={() => setFirst('replay')}>Run again as new jobs …</Button>
          {allowed.includes('remove') && (
            <Button danger onClick={() => setFirst('remove')}>
              Delete …
            </Button>
          )}
        </>
      )}
      {first && <BulkDialog which={{ q: searchOf(group) }} first={first} onClose={() => setFirst(null)} />}
    </>
  );
};

interface GroupTableProps {
  readonly groups: readonly FailureGroup[];
  readonly allowed: FailuresView['allowed'];
  /** Without the picture, where there is little room. */
  readonly short?: boolean;
}

export const GroupTable = ({ groups, allowed, short = false }: GroupTableProps) => (
  <table class="lines">
    <thead>
      <tr>
        <th scope="col">Error</th>
        <th scope="col" class="number">
          Jobs
        </th>
        {!short && (
          <th scope="col" class="wide">
            Last 24 hours
          </th>
        )}
        <th scope="col">Last</th>
        {!short && <th scope="col">First</th>}
        <th scope="col">
          <span class="unseen">Actions</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {groups.map((group) => (
        <Line key={group.fingerprint} {...{ group, allowed, short }} />
      ))}
    </tbody>
  </table>
);

type LineProps = Required<Omit<GroupTableProps, 'groups'>> & { readonly group: FailureGroup };

const Line = ({ group, allowed, short }: LineProps) => {
  const today = group.series.reduce((sum, n) => sum + n, 0);
  const names = [...group.queues, ...group.types].slice(0, 4).map(({ name }) => name);
  return (
    <tr>
      <th scope="row" class="error-name">
        <a class="state s-failed" href={href(`/errors/${group.fingerprint}`)}>
          <GroupName group={group} />
        </a>
        <span class="quiet">{[...new Set(names)].join(' · ')}</span>
      </th>
      <td class="number" data-name="Jobs">
        {count(group.count)}
      </td>
      {!short && (
        <td class="wide" data-name="Last 24 hours">
          <Spark values={group.series} tone="failed" label={`${counted(today, 'job')} in the last 24 hours`} />
        </td>
      )}
      <td data-name="Last">
        <Time at={group.lastAt} />
      </td>
      {!short && (
        <td data-name="First">
          <Time at={group.firstAt} />
        </td>
      )}
      <td class="acts">
        <GroupActions group={group} allowed={allowed} />
      </td>
    </tr>
  );
};

/** What was not looked at is said, so that nobody takes a part for the whole. */
export const Limits = ({ failures: { looked, more, found, groups } }: { readonly failures: FailuresView }) => (
  <p class="quiet">
    {more
      ? `Of the newest ${count(looked)} jobs that failed; there are older ones, which were not looked at. The preview of a change counts all of them.`
      : `All ${counted(looked, 'job')} that failed and are still kept.`}
    {found > groups.length && ` ${counted(found - groups.length, 'smaller group')} more are not shown.`}
  </p>
);
