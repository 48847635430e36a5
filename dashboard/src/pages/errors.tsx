/** Which errors there are, how often, since when and where; and one way to retry all jobs of one. */
import { useFailures } from '../failures.ts';
import { Card } from '../parts/card.tsx';
import { type FailureGroup, GroupTable, Limits } from '../parts/failure-groups.tsx';
import { Page } from '../parts/page.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { query, setQuery } from '../router.ts';
import { counted } from '../time.ts';

const ORDERS = {
  count: { name: 'Most first', by: (group: FailureGroup) => group.count },
  last: { name: 'Last seen first', by: (group: FailureGroup) => Date.parse(group.lastAt) },
  first: { name: 'Newest first', by: (group: FailureGroup) => Date.parse(group.firstAt) },
} as const;

type Order = keyof typeof ORDERS;

export default function Errors() {
  const failures = useFailures(200);
  const asked = query.value.get('order') ?? '';
  const order = Object.hasOwn(ORDERS, asked) ? (asked as Order) : 'count';
  const words = (query.value.get('text') ?? '').toLowerCase();
  const fits = ({ message, name, code, queues, types }: FailureGroup) =>
    [message, name, code, ...[...queues, ...types].map((one) => one.name)].some((text) =>
      text?.toLowerCase().includes(words),
    );
  const found = failures.data.value?.groups.length;
  return (
    <Page
      title="Errors"
      aside={
        found !== undefined && found > 0 && <span class="quiet">{counted(failures.data.value!.found, 'kind')}</span>
      }
    >
      <Loaded of={failures} what="The errors" skeleton={<Skeleton lines={8} />}>
        {(data) => {
          if (data.groups.length === 0)
            return (
              <Empty title="No errors">
                <p>No job that is kept has failed or run out of time.</p>
              </Empty>
            );
          const shown = data.groups.filter(fits).sort((a, b) => ORDERS[order].by(b) - ORDERS[order].by(a));
          return (
            <Card title="By what they have in common" actions={<Choice order={order} words={words} />}>
              {shown.length === 0 ? (
                <Empty title="No error has this in it" />
              ) : (
                <GroupTable groups={shown} allowed={data.allowed} />
              )}
              <Limits failures={data} />
            </Card>
          );
        }}
      </Loaded>
    </Page>
  );
}

const Choice = ({ order, words }: { readonly order: Order; readonly words: string }) => (
  <>
    <input
      type="search"
      placeholder="Text, queue or type"
      aria-label="Part of the error, its queue or type"
      value={words}
      onInput={({ currentTarget }) => setQuery({ text: currentTarget.value })}
    />
    <select
      aria-label="Order"
      value={order}
      onChange={({ currentTarget: { value } }) => setQuery({ order: value === 'count' ? null : value })}
    >
      {Object.entries(ORDERS).map(([value, { name }]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  </>
);
