/** Schedules as pages show them: how they stand, in one word, and what the form says of them, both ways. */
import type { ScheduleView } from '../../src/client.ts';

export type RuleKind = 'cron' | 'interval' | 'at';

/** What the form holds: text, as people typed it. What is empty is not said. */
export interface ScheduleForm {
  readonly id: string;
  readonly type: string;
  readonly payload: string;
  readonly kind: RuleKind;
  readonly cron: string;
  readonly interval: string;
  readonly start: string;
  readonly jitter: string;
  readonly at: string;
  readonly timeZone: string;
  readonly calendar: string;
  readonly onExcluded: string;
  readonly gap: string;
  readonly overlapping: string;
  readonly missed: string;
  readonly window: string;
  readonly overlap: string;
  readonly maxInstances: string;
  readonly queue: string;
  readonly priority: string;
  readonly maxAttempts: string;
  readonly timeout: string;
  readonly tags: string;
}

export const EMPTY_FORM: ScheduleForm = {
  ...{ id: '', type: '', payload: '', kind: 'cron', cron: '0 8 * * *', interval: '15m', start: '', jitter: '' },
  ...{ at: '', timeZone: '', calendar: '', onExcluded: '', gap: '', overlapping: '', missed: '', window: '2h' },
  ...{ overlap: '', maxInstances: '', queue: '', priority: '', maxAttempts: '', timeout: '', tags: '' },
};

type Given = Readonly<Record<string, unknown>>;

/** Parts that are not empty, as they are. */
const said = (parts: Given): Given =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== '' && value !== undefined));

/** @throws SyntaxError, with the field as its cause. */
const parsed = (text: string, field: string): unknown => {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`This is no JSON: ${(error as Error).message}`, { cause: field });
  }
};

/** `12` → 12; other text stays what it is, for the server to complain about. */
const number = (text: string): number | string => (/^\d+$/.test(text.trim()) ? Number(text) : text.trim());

/** What the form says about when: what a preview needs. @throws SyntaxError. */
export const triggerOf = (form: ScheduleForm): Given => {
  const zone = { timeZone: form.timeZone.trim() };
  if (form.kind === 'at') return said({ at: form.at.trim(), ...zone });
  const calendar = parsed(form.calendar, 'calendar');
  if (form.kind === 'interval') {
    const { interval, start, jitter } = form;
    return said({ interval: interval.trim(), start: start.trim(), jitter: jitter.trim(), calendar, ...zone });
  }
  const dst = said({ gap: form.gap, overlap: form.overlapping });
  const { cron, onExcluded } = form;
  return said({ cron: cron.trim(), ...zone, calendar, onExcluded, dst: Object.keys(dst).length ? dst : undefined });
};

const optionsOf = ({ queue, priority, maxAttempts, timeout, tags }: ScheduleForm): Given =>
  said({
    queue: queue.trim(),
    priority: number(priority),
    maxAttempts: number(maxAttempts),
    timeout: timeout.trim() === 'never' ? false : timeout.trim(),
    tags: tags.trim() ? tags.split(/[\s,]+/).filter(Boolean) : undefined,
  });

const behaviourOf = ({ missed, window, overlap, maxInstances }: ScheduleForm): Given =>
  said({ missed: missed === 'window' ? { window } : missed, overlap, maxInstances: number(maxInstances) });

/** A new schedule, as the API takes it. @throws SyntaxError. */
export const newScheduleOf = (form: ScheduleForm): Given => {
  const options = optionsOf(form);
  return {
    ...{ id: form.id.trim(), type: form.type.trim() },
    ...said({ payload: parsed(form.payload, 'payload') }),
    ...(Object.keys(options).length > 0 && { options }),
    ...triggerOf(form),
    ...behaviourOf(form),
  };
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What was changed, and nothing else; for the version that was seen. @throws SyntaxError. */
export const changesOf = (before: ScheduleView, form: ScheduleForm): Given => {
  const old = formOf(before);
  const payload = parsed(form.payload, 'payload') ?? null;
  const options = optionsOf(form);
  return {
    ...{ id: before.id, version: before.version },
    ...(form.type !== old.type && { type: form.type.trim() }),
    ...(!same(payload, before.payload) && { payload }),
    // Options are given whole: those that the form does not show stay as they are.
    ...(!same(options, optionsOf(old)) && { options: { ...keptOptions(before), ...options } }),
    ...(!same(triggerOf(form), triggerOf(old)) && triggerOf(form)),
    ...(!same(behaviourOf(form), behaviourOf(old)) && behaviourOf(form)),
  };
};

const keptOptions = ({ job: { maxCrashes, totalMs, startMs, key, limitKey } }: ScheduleView): Given =>
  said({
    ...{ maxCrashes, totalTimeout: totalMs ?? false },
    ...{ startTimeout: startMs ?? undefined, key: key ?? undefined, limitKey: limitKey ?? undefined },
  });

/** 900000 → `15m`: as people would have typed it. */
export const durationText = (ms: number): string => {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, size] = units.find(([, one]) => ms >= one && ms % one === 0) ?? (['ms', 1] as const);
  return `${ms / size}${unit}`;
};

export const formOf = (schedule: ScheduleView): ScheduleForm => {
  const { id, type, payload, job, missed, overlap, maxInstances } = schedule;
  return {
    ...EMPTY_FORM,
    ...{ id, type, payload: payload === null ? '' : JSON.stringify(payload, null, 2) },
    ...ruleOf(schedule),
    ...(typeof missed === 'string' ? { missed } : { missed: 'window', window: durationText(missed.window) }),
    ...{ overlap, maxInstances: String(maxInstances), queue: job.queue, priority: String(job.priority) },
    maxAttempts: String(job.maxAttempts),
    timeout: job.timeoutMs === null ? 'never' : durationText(job.timeoutMs),
    tags: job.tags.join(', '),
  };
};

const ruleOf = ({ trigger }: ScheduleView): Partial<ScheduleForm> => {
  if (trigger.kind === 'once') return { kind: 'at', at: trigger.at };
  const { timeZone, calendar } = trigger;
  const shared = { timeZone, calendar: calendar === undefined ? '' : JSON.stringify(calendar) };
  if (trigger.kind === 'interval') {
    const { everyMs, firstAt, sinceMade, jitterMs } = trigger;
    const start = sinceMade ? '' : firstAt;
    const jitter = jitterMs === 0 ? '' : durationText(jitterMs);
    return { ...shared, kind: 'interval', interval: durationText(everyMs), start, jitter };
  }
  const { cron, dst, onExcluded = '' } = trigger;
  return { ...shared, kind: 'cron', cron, onExcluded, gap: dst?.gap ?? '', overlapping: dst?.overlap ?? '' };
};

/** The field of the form that an error of the service is about; null for none of them. */
export const fieldOf = (code: string, field: string | null): keyof ScheduleForm | 'rule' | null => {
  if (code === 'INVALID_CRON') return 'cron';
  const [first = '', second = ''] = (field ?? '').split(/[.[]/);
  if (first === 'trigger') return 'rule';
  if (first === 'dst') return second === 'gap' ? 'gap' : 'overlapping';
  if (first === 'missed') return second === 'window' ? 'window' : 'missed';
  const name = first === 'options' ? second : first;
  return Object.hasOwn(EMPTY_FORM, name) ? (name as keyof ScheduleForm) : null;
};

/** A word and the class of its shape. */
export const standing = ({
  pause,
  problem,
  nextAt,
}: ScheduleView): { readonly word: string; readonly tone: string } => {
  if (pause) return { word: 'paused', tone: 's-paused' };
  if (problem !== null) return { word: 'in trouble', tone: 's-failed' };
  return nextAt === null ? { word: 'over', tone: 's-created' } : { word: 'active', tone: 's-running' };
};

/** The zone whose clocks it follows; null where it follows none. */
export const zoneOf = ({ trigger }: ScheduleView): string | null => (trigger.kind === 'once' ? null : trigger.timeZone);
