/** How many jobs came in when, and how many failed then. Dragging over it narrows the search to that time, as `since:` and `until:` do. */
import { useSignal } from '@preact/signals';
import type { MetricsView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { useResource } from '../resource.ts';
import { query, setQuery } from '../router.ts';
import { counted, full, minute } from '../time.ts';
import { withWord, wordsOf } from '../where.ts';

const MINUTE = 60_000;
const RANGES = {
  '1h': { name: 'hour', ms: 60 * MINUTE, stepMs: MINUTE },
  '24h': { name: 'day', ms: 1440 * MINUTE, stepMs: 15 * MINUTE },
  '7d': { name: 'week', ms: 10_080 * MINUTE, stepMs: 120 * MINUTE },
} as const;

type Range = keyof typeof RANGES;
type Point = MetricsView['series'][number];

const HEIGHT = 40;

const rangeOf = (text: string | null): Range => (text !== null && Object.hasOwn(RANGES, text) ? (text as Range) : '1h');

/** One name, if the search means just one; figures are kept per queue and per type. */
const nameOf = (q: string, key: string): string | undefined => {
  const value = wordsOf(q).find((word) => word.key === key)?.value;
  return value === undefined || /[",]/.test(value) ? undefined : value;
};

export const Histogram = ({ q }: { readonly q: string }) => {
  const range = rangeOf(query.value.get('range'));
  const asked = { queue: nameOf(q, 'queue'), type: nameOf(q, 'type'), stepMs: RANGES[range].stepMs };
  const figures = useResource(`histogram ${range} ${JSON.stringify(asked)}`, (signal) =>
    api.metrics.get({ ...asked, since: new Date(Date.now() - RANGES[range].ms).toISOString() }, { signal }),
  );
  const series = figures.data.value?.series;
  // It is an addition: the list says by itself what cannot be had.
  if (!series || series.length === 0) return null;
  return (
    <div class="histogram">
      <Bars q={q} series={series} stepMs={asked.stepMs} name={RANGES[range].name} />
      <select
        aria-label="Time that is drawn"
        value={range}
        onChange={({ currentTarget }) => setQuery({ range: currentTarget.value === '1h' ? null : currentTarget.value })}
      >
        {Object.entries(RANGES).map(([value, { name }]) => (
          <option key={value} value={value}>
            last {name}
          </option>
        ))}
      </select>
    </div>
  );
};

interface BarsProps {
  readonly q: string;
  readonly series: readonly Point[];
  readonly stepMs: number;
  readonly name: string;
}

const Bars = ({ q, series, stepMs, name }: BarsProps) => {
  /** From where to where one drags, as parts of the width. */
  const drag = useSignal<readonly [number, number] | null>(null);
  const failedOf = (point: Point) => point.failed + point.timeout;
  const most = Math.max(1, ...series.map((point) => Math.max(point.created, failedOf(point))));
  const part = ({ clientX, currentTarget }: PointerEvent) => {
    const { left, width } = (currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(0.9999, (clientX - left) / width));
  };
  const begin = Date.parse(series[0]!.at);
  const stepAt = (at: number) => begin + Math.floor(at * series.length) * stepMs;
  const choose = () => {
    if (!drag.value) return;
    const [from, to] = drag.value.toSorted((a, b) => a - b) as [number, number];
    drag.value = null;
    const since = new Date(stepAt(from)).toISOString();
    const until = new Date(stepAt(to) + stepMs).toISOString();
    setQuery({ q: withWord(withWord(q, 'since', since), 'until', until) }, { replace: false });
  };
  const all = series.reduce((sum, point) => sum + point.created, 0);
  const failed = series.reduce((sum, point) => sum + failedOf(point), 0);
  const says = `Jobs made in the last ${name}: ${counted(all, 'job')}, ${failed} failed, from ${full(begin)} on.`;
  return (
    <svg
      role="img"
      aria-label={says}
      viewBox={`0 0 ${series.length} ${HEIGHT}`}
      preserveAspectRatio="none"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.value = [part(event), part(event)];
      }}
      onPointerMove={(event) => {
        if (drag.value) drag.value = [drag.value[0], part(event)];
      }}
      onPointerUp={choose}
      onPointerCancel={() => (drag.value = null)}
    >
      <title>{`${says} Drag to see those of a time. At most ${most} at once, last at ${minute(series.at(-1)!.at)}.`}</title>
      <path class="made" d={barsOf(series.map(({ created }) => created / most))} />
      <path class="lost" d={barsOf(series.map((point) => failedOf(point) / most))} />
      {drag.value && (
        <rect
          class="drag"
          x={Math.min(...drag.value) * series.length}
          width={Math.max(0.2, Math.abs(drag.value[1] - drag.value[0]) * series.length)}
          y="0"
          height={HEIGHT}
        />
      )}
    </svg>
  );
};

/** All bars as one shape. What is not nothing is seen. */
const barsOf = (parts: readonly number[]): string =>
  parts
    .map((part, i) => {
      const height = part === 0 ? 0 : Math.max(1.5, part * HEIGHT);
      return height === 0 ? '' : `M${i + 0.1} ${HEIGHT}v${-height.toFixed(2)}h.8v${height.toFixed(2)}z`;
    })
    .join('');
