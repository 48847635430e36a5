/**
 * A figure over time: drawn on a canvas by a library that is loaded when it is needed, said in a sentence for those who do not see it,
 * and shown as a table to those who want the numbers. Dragging over it chooses a time.
 */
import { effect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Line, Plot, PlotOptions } from '../plot.ts';
import { query, setQuery } from '../router.ts';
import { theme, zone } from '../settings.ts';
import { full, minute } from '../time.ts';
import { Card } from './card.tsx';
import { Skeleton } from './views.tsx';

export interface ChartProps {
  readonly title: string;
  /** In the address, where it is shown as a table. */
  readonly name: string;
  readonly aside?: string;
  /** What it shows, in one sentence. */
  readonly says: string;
  /** Epoch milliseconds, the start of each step. */
  readonly times: readonly number[];
  readonly stepMs: number;
  readonly lines: readonly Line[];
  /** The values that the table and the line above tell, where what is drawn is stacked. Default: those that are drawn. */
  readonly told?: readonly Pick<Line, 'label' | 'tone' | 'values'>[];
  readonly text: (value: number) => string;
  /** The same beside an axis, where there is little room. */
  readonly mark?: (value: number) => string;
  readonly log?: boolean;
  /** What else can be done, beside the way to the table. */
  readonly actions?: ComponentChildren;
}

const HEIGHT = 168;

export const Chart = (props: ChartProps) => {
  const { title, name, aside, actions } = props;
  const asTable = query.value.get('table') === name;
  return (
    <Card
      title={title}
      aside={aside}
      actions={
        <>
          {actions}
          <button
            type="button"
            class="button plain small"
            aria-pressed={asTable}
            aria-label={`${title} as a table`}
            onClick={() => setQuery({ table: asTable ? null : name })}
          >
            Table
          </button>
        </>
      }
    >
      {asTable ? <Table {...props} /> : <Drawing {...props} />}
    </Card>
  );
};

const toldOf = ({ told, lines }: ChartProps) => told ?? lines;

const Drawing = (props: ChartProps) => {
  const host = useRef<HTMLDivElement>(null);
  const id = useId();
  const [step, setStep] = useState<number | null>(null);
  const [failed, setFailed] = useState(false);
  const ready = usePlot(host, props, setStep, setFailed);
  if (failed) return <Table {...props} />;
  return (
    <>
      <Legend {...props} step={step} />
      <div class="plot" role="img" aria-labelledby={id} ref={host} style={{ height: `${HEIGHT}px` }}>
        {!ready && <Skeleton lines={5} />}
      </div>
      <p id={id} class="unseen">
        {props.says}
      </p>
    </>
  );
};

/** Draws when the library is there, anew when the width, the colours or the lines change, and only the data when those do. */
const usePlot = (
  host: { readonly current: HTMLDivElement | null },
  props: ChartProps,
  onHover: (step: number | null) => void,
  onFail: (failed: boolean) => void,
): boolean => {
  const latest = useRef(props);
  const plot = useRef<{ readonly plot: Plot; readonly refill: (options: PlotOptions) => void } | null>(null);
  const [ready, setReady] = useState(false);
  latest.current = props;
  useEffect(() => {
    let ended = false;
    const optionsNow = (): PlotOptions => optionsOf(latest.current, host.current!.clientWidth, onHover);
    const watch = new ResizeObserver(([entry]) =>
      plot.current?.plot.setSize({ width: entry!.contentRect.width, height: HEIGHT }),
    );
    const begin = async (): Promise<void> => {
      const { draw, refill } = await import('../plot.ts');
      if (ended || !host.current) return;
      setReady(true);
      plot.current = {
        plot: draw(host.current, optionsNow()),
        refill: (options) => refill(plot.current!.plot, options),
      };
      watch.observe(host.current);
    };
    begin().catch(() => onFail(true));
    const end = onColours(() => plot.current?.plot.redraw(false));
    return () => {
      ended = true;
      end();
      watch.disconnect();
      plot.current?.plot.destroy();
      plot.current = null;
    };
  }, [zone.value]);
  useEffect(() => {
    if (host.current) plot.current?.refill(optionsOf(props, host.current.clientWidth, onHover));
  }, [props.times, props.lines]);
  return ready;
};

const optionsOf = (
  { times, lines, text, mark = text, log = false, stepMs }: ChartProps,
  width: number,
  onHover: PlotOptions['onHover'],
): PlotOptions => ({
  ...{ width, height: HEIGHT, times, lines, text: mark, log, onHover },
  onChoose: (from, to) => {
    // Whole steps: what lies in them is what the server counted.
    const begin = Math.floor(from / stepMs) * stepMs;
    const end = Math.max(begin + stepMs, Math.ceil(to / stepMs) * stepMs);
    setQuery({ from: new Date(begin).toISOString(), to: new Date(end).toISOString() }, { replace: false });
  },
});

/** The system or a person changed the colours. @returns ends it. */
const onColours = (redraw: () => void): (() => void) => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', redraw);
  const end = effect(() => {
    void theme.value;
    // After the page has changed them.
    setTimeout(redraw);
  });
  return () => {
    dark.removeEventListener('change', redraw);
    end();
  };
};

/** What each line means, with its value under the pointer, or its last one. */
const Legend = ({ step, ...props }: ChartProps & { readonly step: number | null }) => {
  const { times, text } = props;
  // The last step has only begun.
  const at = step ?? Math.max(0, times.length - 2);
  return (
    <p class="legend">
      {toldOf(props).map(({ label, tone, values }) => (
        <span key={label} style={{ '--tone': `var(--${tone})` }}>
          <i aria-hidden="true" />
          {label}{' '}
          <strong class="figure">{values[at] === null || values[at] === undefined ? '–' : text(values[at])}</strong>
        </span>
      ))}
      {times.length > 0 && <span class="quiet">{minute(times[at]!)}</span>}
    </p>
  );
};

const Table = (props: ChartProps) => {
  const { title, times, text } = props;
  const told = toldOf(props);
  return (
    <div class="scrolls" role="region" aria-label={`${title}, as a table`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {told.map(({ label }) => (
              <th key={label} scope="col" class="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times
            .map((at, i) => (
              <tr key={at}>
                <th scope="row">
                  <time dateTime={new Date(at).toISOString()} title={full(at)}>
                    {minute(at)}
                  </time>
                </th>
                {told.map(({ label, values }) => (
                  <td key={label} class="number">
                    {values[i] === null || values[i] === undefined ? '–' : text(values[i])}
                  </td>
                ))}
              </tr>
            ))
            .toReversed()}
        </tbody>
      </table>
    </div>
  );
};
