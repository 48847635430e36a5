import { RANGES, type Range } from '../ranges.ts';
import { href, query, setQuery } from '../router.ts';
import { Button } from './button.tsx';

/** How far back a page looks; and what was chosen by dragging over a chart, with the way to its jobs and back. */
export const RangeChoice = ({ range, queue }: { readonly range: Range; readonly queue?: string }) => {
  const { chosen, name, text } = range;
  if (!chosen)
    return (
      <select
        aria-label="Time that is shown"
        value={name}
        onChange={({ currentTarget: { value } }) => setQuery({ range: value === '1h' ? null : value })}
      >
        {Object.entries(RANGES).map(([value, { name: words }]) => (
          <option key={value} value={value}>
            {words[0]!.toUpperCase() + words.slice(1)}
          </option>
        ))}
      </select>
    );
  const q = [...(queue === undefined ? [] : [`queue:${queue}`]), `since:${chosen.from}`, `until:${chosen.to}`].join(
    ' ',
  );
  return (
    <span class="row">
      <strong>{text}</strong>
      <a class="button" href={href(`/jobs?q=${encodeURIComponent(q)}`)}>
        Jobs made then
      </a>
      <Button onClick={() => setQuery({ from: null, to: null })}>{`Back to the ${RANGES[rangeNow()].name}`}</Button>
    </span>
  );
};

const rangeNow = (): keyof typeof RANGES => {
  const asked = query.value.get('range');
  return asked !== null && Object.hasOwn(RANGES, asked) ? (asked as keyof typeof RANGES) : '1h';
};
