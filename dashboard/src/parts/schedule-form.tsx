/** A new schedule, or another rule for an old one: what is typed, what it means at once beside it, and what is wrong where it is wrong. */
import { useEffect, useState } from 'preact/hooks';
import type { NextRunsView, ScheduleView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { tellChanged } from '../live.ts';
import { useResource } from '../resource.ts';
import {
  changesOf,
  EMPTY_FORM,
  fieldOf,
  formOf,
  newScheduleOf,
  type RuleKind,
  type ScheduleForm,
  triggerOf,
} from '../schedules.ts';
import { toast } from '../toasts.ts';
import { troubleOf } from '../trouble.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';
import { NextRuns } from './next-runs.tsx';

/** What is wrong, by field; `form` for what belongs to none. */
type Wrong = Readonly<Partial<Record<keyof ScheduleForm | 'rule' | 'form', string>>>;

const wrongOf = (thrown: unknown): Wrong => {
  if (thrown instanceof SyntaxError) return { [String(thrown.cause)]: thrown.message };
  const { code, message, next, field } = troubleOf(thrown);
  const text = next ? `${message} ${next}` : message;
  return { [fieldOf(code, field) ?? 'form']: text };
};

type Verbs = typeof api.schedules;

/** The service checks all of it, and names the field that is wrong. */
const send = (before: ScheduleView | undefined, form: ScheduleForm): Promise<ScheduleView> =>
  before
    ? api.schedules.update(changesOf(before, form) as Parameters<Verbs['update']>[0])
    : api.schedules.add(newScheduleOf(form) as Parameters<Verbs['add']>[0]);

/** A preview is asked for when nothing was typed for so long. */
const REST_MS = 250;

/** What the rule means, as the service says it; the last good answer stays while the next is typed. */
const usePreview = (form: ScheduleForm) => {
  const [runs, setRuns] = useState<NextRunsView | null>(null);
  const [wrong, setWrong] = useState<Wrong>({});
  const { kind, cron, interval, start, jitter, at, timeZone, calendar, onExcluded, gap, overlapping } = form;
  useEffect(() => {
    const leave = new AbortController();
    const ask = async () => {
      try {
        const found = await api.schedules.preview({ ...triggerOf(form), count: 5 }, { signal: leave.signal });
        if (leave.signal.aborted) return;
        setRuns(found);
        setWrong({});
      } catch (error) {
        if (leave.signal.aborted) return;
        setRuns(null);
        setWrong(wrongOf(error));
      }
    };
    const timer = setTimeout(ask, REST_MS);
    return () => {
      clearTimeout(timer);
      leave.abort();
    };
  }, [kind, cron, interval, start, jitter, at, timeZone, calendar, onExcluded, gap, overlapping]);
  return { runs, wrong };
};

interface DialogProps {
  /** The one that is changed; a new one without it. */
  readonly schedule?: ScheduleView;
  readonly onClose: () => void;
  readonly onDone: (schedule: ScheduleView) => Promise<void>;
}

export const ScheduleDialog = ({ schedule, onClose, onDone }: DialogProps) => {
  const [before] = useState(schedule);
  const [form, setForm] = useState(before ? formOf(before) : EMPTY_FORM);
  const [refused, setRefused] = useState<Wrong>({});
  const preview = usePreview(form);
  const wrong = { ...refused, ...preview.wrong };
  const set = (changes: Partial<ScheduleForm>) => {
    setForm((old) => ({ ...old, ...changes }));
    const left = Object.entries(refused).filter(([name]) => name !== 'form' && !Object.hasOwn(changes, name));
    setRefused(Object.fromEntries(left));
  };
  const save = async () => {
    try {
      setRefused({});
      const saved = await send(before, form);
      onClose();
      tellChanged('schedules');
      toast(before ? `${saved.id} was changed.` : `${saved.id} was made: ${saved.words}.`);
      await onDone(saved);
    } catch (error) {
      setRefused(wrongOf(error));
      requestAnimationFrame(() => document.querySelector<HTMLElement>('dialog [aria-invalid="true"]')?.focus());
    }
  };
  return (
    <Dialog title={before ? `Edit ${before.id}` : 'New schedule'} onClose={onClose} class="wide">
      <form
        class="schedule-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div>
          <What form={form} set={set} wrong={wrong} isNew={!before} />
          <Rule form={form} set={set} wrong={wrong} />
          <More form={form} set={set} wrong={wrong} />
        </div>
        <Meaning runs={preview.runs} wrong={Object.values(preview.wrong)[0]} />
        <footer>
          {wrong.form && (
            <p class="complaint" role="alert">
              {wrong.form}
            </p>
          )}
          <Button primary onClick={save}>
            {before ? 'Change it' : 'Make it'}
          </Button>
          <Button onClick={onClose}>Leave it</Button>
          {/* Enter in a field sends the form only where there is a button of this kind. */}
          <button type="submit" class="unseen" tabIndex={-1} aria-hidden="true" />
        </footer>
      </form>
    </Dialog>
  );
};

interface PartProps {
  readonly form: ScheduleForm;
  readonly set: (changes: Partial<ScheduleForm>) => void;
  readonly wrong: Wrong;
}

/** A field by its name. */
const of = ({ form, set, wrong }: PartProps, name: keyof ScheduleForm) => ({
  value: form[name] as string,
  onInput: (text: string) => set({ [name]: text } as Partial<ScheduleForm>),
  wrong: wrong[name],
});

const What = ({ isNew, ...part }: PartProps & { readonly isNew: boolean }) => {
  const known = useResource('stats', (signal) => api.stats.get(undefined, { signal }));
  const types = Object.keys(known.data.value?.byType ?? {}).sort();
  return (
    <>
      <div class="fields">
        {isNew && <Field label="Name" {...of(part, 'id')} autofocus required placeholder="nightly-report" />}
        <Field label="Type of its jobs" {...of(part, 'type')} offers={types} autofocus={!isNew} required />
      </div>
      <Field label="Input of its jobs, as JSON (empty: none)" {...of(part, 'payload')} rows={3} mono />
    </>
  );
};

const KINDS: readonly (readonly [RuleKind, string])[] = [
  ['cron', 'At times (cron)'],
  ['interval', 'At a fixed rate'],
  ['at', 'Once'],
];

const PRESETS = [
  ['every hour', '0 * * * *'],
  ['every 15 minutes', '*/15 * * * *'],
  ['every day at 8', '0 8 * * *'],
  ['on weekdays at 8', '0 8 * * mon-fri'],
  ['on Sundays at 5', '0 5 * * sun'],
  ['on the first of the month', '0 3 1 * *'],
] as const;

const Rule = (part: PartProps) => {
  const { form, set, wrong } = part;
  return (
    <fieldset>
      <legend>When</legend>
      <div class="row kinds" role="radiogroup" aria-label="Kind of rule">
        {KINDS.map(([kind, text]) => (
          <label key={kind}>
            <input type="radio" name="kind" checked={form.kind === kind} onChange={() => set({ kind })} />
            {text}
          </label>
        ))}
      </div>
      {form.kind === 'cron' && <Cron {...part} />}
      {form.kind === 'interval' && (
        <div class="fields">
          <Field label="Every" {...of(part, 'interval')} mono hint="30s, 15m, 2h, 1d" />
          <Field label="Up to so much later" {...of(part, 'jitter')} mono hint="Spreads load; empty: at once" />
        </div>
      )}
      {form.kind === 'at' && (
        <Field
          label="At"
          {...of(part, 'at')}
          mono
          placeholder="2030-01-31T08:00"
          hint="With Z or an offset, or as the clocks of the zone show it"
        />
      )}
      <Field
        label="Time zone"
        {...of(part, 'timeZone')}
        offers={zones()}
        placeholder="That of the service"
        hint="Such as Europe/Berlin, or UTC"
      />
      {wrong.rule && (
        <p class="complaint" role="alert">
          {wrong.rule}
        </p>
      )}
    </fieldset>
  );
};

const Cron = (part: PartProps) => (
  <>
    <Field
      label="Cron"
      {...of(part, 'cron')}
      mono
      hint="Minute, hour, day, month, weekday; with six, the second first"
    />
    <div class="row presets">
      {PRESETS.map(([text, cron]) => (
        <button key={cron} type="button" class="button small" onClick={() => part.set({ cron })}>
          {text}
        </button>
      ))}
    </div>
  </>
);

let known: readonly string[] | undefined;
const zones = (): readonly string[] => {
  known ??= ['UTC', ...Intl.supportedValuesOf('timeZone')];
  return known;
};

const MISSED = [
  ['', 'As usual: one run for all of them'],
  ['runOnce', 'One run for all of them'],
  ['runAll', 'A run for each'],
  ['skip', 'None'],
  ['window', 'Those that are not too old'],
] as const;

const OVERLAP = [
  ['', 'As usual: it is left out'],
  ['skip', 'It is left out'],
  ['queueOne', 'It waits, if none waits yet'],
  ['queueAll', 'It waits'],
  ['cancelOther', 'It takes the place of the oldest'],
] as const;

const GAP = [
  ['', 'As usual: at the end of the gap'],
  ['after', 'At the end of the gap'],
  ['skip', 'Left out'],
] as const;
const TWICE = [
  ['', 'As usual: at the first of two'],
  ['once', 'At the first of two'],
  ['twice', 'At both'],
] as const;
const EXCLUDED = [
  ['', 'As usual: left out'],
  ['skip', 'Left out'],
  ['nextDay', 'On the next day that counts'],
] as const;

const More = (part: PartProps) => {
  const { form, wrong } = part;
  const names = [
    'calendar',
    'onExcluded',
    'gap',
    'overlapping',
    'missed',
    'window',
    'overlap',
    'maxInstances',
  ] as const;
  const others = ['queue', 'priority', 'maxAttempts', 'timeout', 'tags'] as const;
  const open = [...names, ...others].some((name) => wrong[name]);
  return (
    <details open={open}>
      <summary>More: downtimes, overlaps, clock changes, holidays, options of its jobs</summary>
      <div class="fields">
        <Field label="Runs that were missed" {...of(part, 'missed')} choices={MISSED} hint="In a downtime or a pause" />
        {form.missed === 'window' && <Field label="Not older than" {...of(part, 'window')} mono />}
        <Field label="While an earlier run is unfinished" {...of(part, 'overlap')} choices={OVERLAP} />
        <Field label="Unfinished runs at one time" {...of(part, 'maxInstances')} placeholder="1" />
        {form.kind === 'cron' && (
          <>
            <Field label="A time that a clock change leaves out" {...of(part, 'gap')} choices={GAP} />
            <Field label="A time that occurs twice" {...of(part, 'overlapping')} choices={TWICE} />
            <Field label="On days that do not count" {...of(part, 'onExcluded')} choices={EXCLUDED} />
          </>
        )}
      </div>
      {form.kind !== 'at' && (
        <Field label="Days that count, as JSON" {...of(part, 'calendar')} mono placeholder='{ "businessDays": true }' />
      )}
      <div class="fields">
        <Field label="Queue" {...of(part, 'queue')} placeholder="default" />
        <Field label="Priority" {...of(part, 'priority')} placeholder="5" hint="1 runs first, 10 last" />
        <Field label="Attempts" {...of(part, 'maxAttempts')} placeholder="3" />
        <Field label="Time-out of an attempt" {...of(part, 'timeout')} placeholder="5m" hint="Or: never" />
        <Field label="Tags" {...of(part, 'tags')} hint="With commas between" />
      </div>
    </details>
  );
};

const Meaning = ({ runs, wrong }: { readonly runs: NextRunsView | null; readonly wrong: string | undefined }) => (
  <section class="meaning" aria-label="What it means" aria-live="polite">
    <h3>{runs ? runs.words : wrong ? 'No rule yet' : 'Next runs'}</h3>
    {runs ? (
      <NextRuns runs={runs} short />
    ) : (
      <p class="quiet">{wrong ? 'The next runs are shown as soon as it is one.' : '…'}</p>
    )}
  </section>
);
