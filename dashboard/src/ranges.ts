/** How far back a page looks: a length, or a time that was chosen by dragging over a chart. The address holds it. */
import { query } from './router.ts';
import { minute } from './time.ts';

const MINUTE = 60_000;

export const RANGES = {
  '15m': { name: 'last 15 minutes', ms: 15 * MINUTE, stepMs: MINUTE },
  '1h': { name: 'last hour', ms: 60 * MINUTE, stepMs: MINUTE },
  '24h': { name: 'last 24 hours', ms: 1440 * MINUTE, stepMs: 15 * MINUTE },
  '7d': { name: 'last 7 days', ms: 10_080 * MINUTE, stepMs: 120 * MINUTE },
} as const;

export type RangeName = keyof typeof RANGES;

export interface Range {
  readonly name: RangeName;
  readonly text: string;
  readonly stepMs: number;
  /** Chosen by hand, ISO 8601; null for up to now. */
  readonly chosen: { readonly from: string; readonly to: string } | null;
  /** From when to when the server is asked. */
  ask(now: number): { readonly since: string; readonly until?: string; readonly stepMs: number };
}

/** About so many steps are drawn of a time that was chosen by hand. */
const STEPS = 60;

export const rangeOf = (given: URLSearchParams = query.value): Range => {
  const asked = given.get('range');
  const name = asked !== null && Object.hasOwn(RANGES, asked) ? (asked as RangeName) : '1h';
  const { name: text, ms, stepMs } = RANGES[name];
  const [from, to] = [given.get('from'), given.get('to')].map((at) => Date.parse(at ?? '')) as [number, number];
  if (!(to > from))
    return { name, text, stepMs, chosen: null, ask: (now) => ({ since: new Date(now - ms).toISOString(), stepMs }) };
  const step = Math.max(1, Math.ceil((to - from) / STEPS / MINUTE)) * MINUTE;
  const chosen = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  return {
    ...{ name, chosen, stepMs: step, text: `${minute(from)} to ${minute(to)}` },
    ask: () => ({ since: chosen.from, until: chosen.to, stepMs: step }),
  };
};
