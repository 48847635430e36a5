/** What this browser was told to do, and what the service says of itself. */
import { useState } from 'preact/hooks';
import type { AboutView, HealthView, WorkerView } from '../../../src/client.ts';
import { api, SERVER_URL } from '../api.ts';
import { bytes } from '../bytes.ts';
import { commands } from '../commands.ts';
import { Button } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Choice } from '../parts/choice.tsx';
import { Field } from '../parts/field.tsx';
import { Page } from '../parts/page.tsx';
import { Loaded } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { density, hours, isZone, motion, singleKeys, theme, zone } from '../settings.ts';
import { count, counted, full, now, ownZone, span } from '../time.ts';

export default function Settings() {
  const about = useResource('about', (signal) => api.about.get(undefined, { signal }));
  const health = useResource('health', async (signal) => {
    const [health, { workers }] = await Promise.all([
      api.health.get(undefined, { signal }),
      api.workers.list(undefined, { signal }),
    ]);
    return { health, workers };
  });
  return (
    <Page title="Settings">
      <div class="columns-2 settings">
        <div class="stack">
          <Mine />
          <Card
            title="Is it well?"
            actions={
              <Button small onClick={health.reload}>
                Look again
              </Button>
            }
          >
            <Loaded of={health} what="The health of the service">
              {(found) => <Checks {...found} />}
            </Loaded>
          </Card>
        </div>
        <Card title="The service">
          <Loaded of={about} what="What the service says of itself">
            {(found) => <Facts of={factsOf(found, health.data.value?.health)} />}
          </Loaded>
        </Card>
      </div>
      {about.data.value?.settings && <Given settings={about.data.value.settings} />}
    </Page>
  );
}

const THEMES = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;
const DENSITIES = [
  ['compact', 'Compact'],
  ['comfortable', 'Comfortable'],
] as const;
const HOURS = [
  ['24', '15:00'],
  ['12', '3:00 pm'],
] as const;
const MOTIONS = [
  ['system', 'As the system'],
  ['reduced', 'None'],
] as const;
const KEYS = [
  ['on', 'On'],
  ['off', 'Off'],
] as const;

/** Kept in this browser, and nowhere else. */
const Mine = () => (
  <Card title="This browser">
    <Choice label="Colours" of={theme} choices={THEMES} />
    <Choice label="Lines" of={density} choices={DENSITIES} />
    <Choice label="Clock" of={hours} choices={HOURS} />
    <Zone />
    <Choice label="Motion" of={motion} choices={MOTIONS} />
    <Choice label="Keys without Ctrl or Cmd" of={singleKeys} choices={KEYS} />
    <p class="row">
      <Button
        small
        onClick={() =>
          commands()
            .find(({ keys }) => keys === '?')
            ?.run()
        }
      >
        Show all keys
      </Button>
      <span class="quiet">It is {full(now.value)} here. What you choose is kept in this browser alone.</span>
    </p>
  </Card>
);

const Zone = () => {
  const [text, setText] = useState(zone.value === 'local' ? '' : zone.value === 'utc' ? 'UTC' : zone.value);
  const typed = text.trim();
  const wrong = typed && !isZone(typed) ? `This browser knows no time zone "${typed}".` : null;
  const set = (next: string) => {
    setText(next);
    const given = next.trim();
    if (given === '') zone.value = 'local';
    else if (isZone(given)) zone.value = given === 'UTC' ? 'utc' : given;
  };
  return (
    <Field
      label="Time zone"
      value={text}
      onInput={set}
      wrong={wrong}
      offers={ZONES}
      placeholder={`As this browser has it: ${Intl.DateTimeFormat().resolvedOptions().timeZone}`}
      hint={`Times are shown as in ${ownZone()}. Empty: as this browser has it.`}
    />
  );
};

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone')];

interface ChecksProps {
  readonly health: HealthView;
  readonly workers: readonly WorkerView[];
}

/** Sentence by sentence, each with its shape and what to do. */
const Checks = ({ health, workers }: ChecksProps) => (
  <ul class="checks">
    {checksOf({ health, workers }).map(({ tone, says, next }) => (
      <li key={says} class={`shape s-${tone}`}>
        <span class="unseen">{tone === 'completed' ? 'well: ' : tone === 'failed' ? 'not well: ' : 'note: '}</span>
        {says} {next && <code>{next}</code>}
      </li>
    ))}
  </ul>
);

interface Check {
  readonly tone: 'completed' | 'failed' | 'retrying';
  readonly says: string;
  readonly next?: string;
}

const checksOf = ({ health, workers }: ChecksProps): Check[] => {
  const { database, loop, queueDepth, errorRates, rates } = health;
  const alive = workers.filter((one) => one.alive);
  const slots = alive.reduce((sum, one) => sum + one.slots, 0);
  const bad = Object.entries(errorRates).filter(([, rate]) => rate > 0);
  const perMinute = (rate: number) => count(Math.round(rate * 60));
  return [
    database.ok
      ? { tone: 'completed', says: `The database answers; it has ${bytes(database.sizeBytes)}.` }
      : { tone: 'failed', says: `The database does not answer: ${database.problem}`, next: 'backline doctor' },
    ...(loop
      ? [
          loop.ticking
            ? ({
                tone: 'completed',
                says: `This process takes jobs; ${counted(loop.running, 'job')} at work.`,
              } as const)
            : ({ tone: 'failed', says: `This process has not looked for jobs for ${span(loop.ageMs)}.` } as const),
        ]
      : [{ tone: 'retrying', says: 'This process runs no jobs itself.' } as const]),
    alive.length > 0
      ? { tone: 'completed', says: `${counted(alive.length, 'worker')} alive, with ${counted(slots, 'slot')}.` }
      : { tone: queueDepth > 0 ? 'failed' : 'retrying', says: 'No worker is alive.', next: 'backline work' },
    {
      tone: 'completed',
      says: `${counted(queueDepth, 'job')} waiting; ${perMinute(rates.created)} in and ${perMinute(rates.completed)} done a minute.`,
    },
    ...bad.map(([type, rate]): Check => {
      const part = Math.round(rate * 100);
      return { tone: part >= 50 ? 'failed' : 'retrying', says: `${part} % of ${type} failed in the last 15 minutes.` };
    }),
  ];
};

type Fact = readonly [name: string, text: string | null];

const long = (ms: number | null, without: string): string => (ms === null ? without : span(ms));

const factsOf = (about: AboutView, health: HealthView | undefined): readonly Fact[] => {
  const { version, node, database, timeZone, worker, keeps, limits, uploads } = about;
  const kind = database.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL';
  return [
    ['Version', `${version}, Node ${node.replace(/^v/, '')}`],
    ['Address', SERVER_URL],
    ['Database', `${kind}${health ? `, ${bytes(health.database.sizeBytes)}` : ''}`],
    ['Where', database.where],
    ['A promise survives', survives(database)],
    ['Time zone of schedules', timeZone],
    ['Slots here', worker.slots === 0 ? 'none: it runs no jobs itself' : count(worker.slots)],
    ['Queues here', worker.slots === 0 ? null : (worker.queues?.join(', ') ?? 'all')],
    ['Job types here', worker.types.length === 0 ? 'none' : worker.types.join(', ')],
    ['Completed jobs are kept', long(keeps.completedMs, 'for good')],
    ['Failed jobs are kept', long(keeps.failedMs, 'for good')],
    ['Finished jobs at most', keeps.maxFinished === null ? 'any number' : count(keeps.maxFinished)],
    ['Figures are kept', long(keeps.metricsMs, 'for good')],
    ['An attempt may take', long(limits.timeoutMs, 'any time')],
    ['Attempts of a job', count(limits.maxAttempts)],
    ['A silent worker is lost after', span(limits.leaseMs)],
    ['A stop waits', span(limits.shutdownMs)],
    ['Largest input or result', bytes(limits.maxPayloadBytes)],
    ['Log of an attempt', bytes(limits.maxLogBytes)],
    ['Largest upload', uploads ? bytes(uploads.maxBytes) : 'takes no files'],
  ];
};

const survives = ({ where, durability }: AboutView['database']): string => {
  if (where === ':memory:') return 'nothing: jobs are kept in memory';
  return durability === 'disk' ? 'a power cut (synced to disk)' : 'a killed process, not a power cut';
};

const Facts = ({ of }: { readonly of: readonly Fact[] }) => (
  <dl class="facts wide">
    {of.map(
      ([name, text]) =>
        text !== null && (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ),
    )}
  </dl>
);

/** Every setting, its value and where that comes from: what `backline config` says. */
const Given = ({ settings }: { readonly settings: NonNullable<AboutView['settings']> }) => (
  <Card title="What it was started with" aside={<code>backline config</code>}>
    <div class="wide-table" tabIndex={0} role="region" aria-label="Settings of the service, as a table">
      <table class="given">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Value</th>
            <th scope="col">From</th>
            <th scope="col">What for</th>
          </tr>
        </thead>
        <tbody>
          {settings.map(({ name, value, place, says }) => (
            <tr key={name} class={place === 'default' ? undefined : 'set'}>
              <th scope="row">{name}</th>
              <td>{value === null ? <span class="quiet">not set</span> : <code>{value}</code>}</td>
              <td>{place}</td>
              <td class="quiet">{says}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </Card>
);
