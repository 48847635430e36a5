/** Nothing was found: because there is nothing yet, or because of a word of the search; and then, of which. */
import { api, SERVER_URL } from '../api.ts';
import { useResource } from '../resource.ts';
import { setQuery } from '../router.ts';
import { count } from '../time.ts';
import { isCounted, textOf, type Word, wordsOf } from '../where.ts';
import { Button } from './button.tsx';
import { Empty } from './views.tsx';

export const NoJobs = ({ q }: { readonly q: string }) => (q ? <NothingFound q={q} /> : <NothingYet />);

export const NothingYet = () => (
  <Empty title="No jobs yet">
    <p>Hand one in from a shell, or from a program:</p>
    <pre class="block" tabIndex={0}>{`npx backline add TYPE '{"some":"input"}'

import { createClient } from 'backline/client';
const client = createClient({ url: '${SERVER_URL}' });
await client.jobs.enqueue({ type: 'TYPE', payload: { some: 'input' } });`}</pre>
    <p class="quiet">This page shows it as soon as it is there.</p>
  </Empty>
);

/** How many there would be without a word; null where that is not known without looking at every job, but there are some. */
const without = async (words: readonly Word[], left: Word, signal: AbortSignal) => {
  const q = textOf(words.filter((word) => word !== left)) || undefined;
  if (isCounted(q ?? '')) return (await api.jobs.count({ q }, { signal })).count;
  return (await api.jobs.list({ q, limit: 1 }, { signal })).jobs.length === 0 ? 0 : null;
};

const NothingFound = ({ q }: { readonly q: string }) => {
  const words = wordsOf(q);
  const found = useResource(`without ${q}`, (signal) => Promise.all(words.map((word) => without(words, word, signal))));
  const counts = found.data.value;
  const guilty = words.map((word, i) => ({ word, n: counts?.[i] })).filter(({ n }) => n !== 0 && n !== undefined);
  return (
    <Empty title="No job fits this search">
      {counts && guilty.length === 0 && words.length > 1 && <p>No single word of it is the reason.</p>}
      {guilty.map(({ word, n }) => (
        <p key={word.text} class="row">
          Without <code>{word.text}</code> {n === null ? 'there are some.' : `there are ${count(n!)}.`}
          <Button
            small
            onClick={() => setQuery({ q: textOf(words.filter((one) => one !== word)) }, { replace: false })}
          >
            Take it out
          </Button>
        </p>
      ))}
    </Empty>
  );
};
