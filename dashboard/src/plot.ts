/** The library that draws charts, in a file of its own: it is loaded when the first chart is shown. */
import uPlot from 'uplot';
import { zone } from './settings.ts';

export type Plot = uPlot;

export interface Line {
  readonly label: string;
  /** A name of tokens.css, without its dashes. */
  readonly tone: string;
  readonly values: readonly (number | null)[];
  readonly kind: 'bars' | 'area' | 'line';
  readonly dash?: readonly number[];
}

export interface PlotOptions {
  readonly width: number;
  readonly height: number;
  /** Epoch milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** A value as an axis shows it. */
  readonly text: (value: number) => string;
  readonly log: boolean;
  /** Which step lies under the pointer; null for none. */
  readonly onHover: (step: number | null) => void;
  /** A time was chosen by dragging, epoch milliseconds. */
  readonly onChoose: (from: number, to: number) => void;
}

const FONT = '11px system-ui, "DejaVu Sans", sans-serif';

/** What a token is now: light or dark, or what a host application made of it. */
const colour = (host: HTMLElement, tone: string): string => {
  const probe = document.createElement('i');
  probe.style.color = `var(--${tone})`;
  host.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

const dataOf = ({ times, lines }: PlotOptions): uPlot.AlignedData => [
  times.map((at) => at / 1000),
  ...lines.map(({ values }) => [...values]),
];

/** Bars reach half a step to either side of their time. */
const edgesOf = ([x]: uPlot.AlignedData): uPlot.Range.MinMax => {
  const [first = 0, last = 1] = [x[0], x.at(-1)];
  const half = x.length > 1 ? (x[1]! - first) / 2 : 30;
  return [first - half, last + half];
};

export const draw = (host: HTMLElement, options: PlotOptions): Plot => {
  const { width, height, lines, text, log, onHover, onChoose } = options;
  const data = dataOf(options);
  const quiet = () => colour(host, 'quiet');
  const grid = { stroke: () => colour(host, 'line'), width: 1 };
  const axis = { stroke: quiet, font: FONT, grid, ticks: { show: false } };
  const plot = new uPlot(
    {
      ...{ width, height, legend: { show: false }, padding: [8, 18, 0, 0] },
      ...(zone.value === 'utc' ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'UTC') } : {}),
      scales: {
        x: { range: (self) => edgesOf(self.data) },
        y: log
          ? { distr: 3, range: (_, min, max) => [power(min, Math.floor), power(max * 1.05, Math.ceil)] }
          : { range: (_, __, max) => [0, Math.max(1, max * 1.08)] },
      },
      axes: [
        { ...axis, size: 24, grid: { show: false }, values: TIMES },
        {
          ...axis,
          ...{ size: 46, space: 28 },
          ...(log ? { filter: powers, grid: { ...grid, filter: powers } } : { incrs: WHOLE }),
          values: (_, found) => found.map((value) => (value === null ? '' : text(value))),
        },
      ],
      series: [{}, ...lines.map((line) => seriesOf(host, line))],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      hooks: {
        setCursor: [({ cursor }) => onHover(cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width: wide } = self.select;
            if (wide < 4) return;
            onChoose(self.posToVal(left, 'x') * 1000, self.posToVal(left + wide, 'x') * 1000);
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    data,
    host,
  );
  return plot;
};

/** Days where steps of days are marked, else hours and minutes. */
const TIMES: uPlot.Axis.Values = [
  [86_400, '{D} {MMM}', null, null, null, null, null, null, 1],
  [60, '{HH}:{mm}', null, null, null, null, null, null, 1],
];

const WHOLE = [1, 2, 5].flatMap((n) => Array.from({ length: 10 }, (_, i) => n * 10 ** i)).sort((a, b) => a - b);

const power = (value: number, round: (n: number) => number): number => 10 ** round(Math.log10(Math.max(1, value)));

/** Of a scale by powers, only those are marked. */
const powers = (_: Plot, splits: readonly number[]): (number | null)[] =>
  splits.map((value) => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null));

/** A value between two that are not there would be no line, and so not be seen. */
const alone = ({ data }: Plot, series: number): number[] => {
  const values = data[series]!;
  const missing = (i: number) => values[i] === null || values[i] === undefined;
  return Array.from(values, (_, i) => i).filter((i) => !missing(i) && missing(i - 1) && missing(i + 1));
};

const seriesOf = (host: HTMLElement, { label, tone, kind, dash }: Line): uPlot.Series => ({
  label,
  stroke: () => colour(host, tone),
  width: kind === 'bars' ? 0 : 1.5,
  points: { show: kind === 'line', size: 4, fill: () => colour(host, tone), filter: alone },
  ...(kind === 'line' ? {} : { fill: () => colour(host, tone) }),
  ...(kind === 'bars' ? { paths: uPlot.paths.bars!({ size: [0.8, 40], align: 0 }) } : {}),
  ...(dash ? { dash: [...dash] } : {}),
});

export const refill = (plot: Plot, options: PlotOptions): void => {
  plot.setData(dataOf(options));
};
