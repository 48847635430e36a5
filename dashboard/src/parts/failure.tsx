/** An error as somebody needs it who wants to mend it: its own lines of the stack first, those of libraries folded, then what caused it. */
import { useState } from 'preact/hooks';
import type { AttemptView } from '../../../src/client.ts';
import { copy } from '../clipboard.ts';
import { href } from '../router.ts';
import { valueText } from '../where.ts';
import { Card } from './card.tsx';
import { Icon } from './icon.tsx';

type Failure = NonNullable<AttemptView['error']>;

/** So much of a message finds the jobs that failed in the same way. */
const ALIKE = 60;

export const Failures = ({ attempts }: { readonly attempts: readonly AttemptView[] }) => {
  const failed = attempts.filter(({ error }) => error !== null);
  const [chosen, choose] = useState<number | null>(null);
  const shown = failed.find(({ claim }) => claim === chosen) ?? failed.at(-1);
  if (!shown?.error) return null;
  const { error } = shown;
  const alike = error.message.split('\n')[0]!.slice(0, ALIKE);
  return (
    <Card
      title="Error"
      aside={failed.length === 1 && `of attempt ${shown.attempt}`}
      actions={
        <>
          {failed.length > 1 && (
            <select
              aria-label="Of which attempt"
              value={shown.claim}
              onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
            >
              {failed.map(({ claim, attempt, life }) => (
                <option key={claim} value={claim}>
                  of attempt {attempt}
                  {life > 1 ? `, life ${life}` : ''}
                </option>
              ))}
            </select>
          )}
          <button type="button" class="button small" onClick={() => void copy(textOf(error), 'The error')}>
            <Icon name="copy" />
            Copy
          </button>
        </>
      }
    >
      <div class="failure">
        <One failure={error} />
      </div>
      {alike && (
        <p>
          <a href={href(`/jobs?q=${encodeURIComponent(`error:${valueText(alike)}`)}`)}>Jobs that failed like this</a>
        </p>
      )}
    </Card>
  );
};

const One = ({ failure: { name, message, code, stack, cause, output } }: { readonly failure: Failure }) => {
  const frames = framesOf(stack);
  const own = frames.filter((frame) => frame.own);
  const others = frames.filter((frame) => !frame.own);
  return (
    <>
      <p class="failure-message">
        <strong>{name}</strong>
        {code && code !== name && <code>{code}</code>}: {message}
      </p>
      <ol>{own.map(FrameLine)}</ol>
      {others.length > 0 && (
        <details>
          <summary>
            {others.length} {others.length === 1 ? 'line' : 'lines'} of libraries and Node
          </summary>
          <ol>{others.map(FrameLine)}</ol>
        </details>
      )}
      {output && (
        <details>
          <summary>What its process wrote last</summary>
          <pre>{output}</pre>
        </details>
      )}
      {cause && (
        <div class="cause">
          <p class="quiet">caused by</p>
          <One failure={cause} />
        </div>
      )}
    </>
  );
};

interface Frame {
  readonly text: string;
  readonly call: string;
  readonly file: string | null;
  readonly place: string;
  readonly own: boolean;
}

const FRAME = /^\s*at (?:(.*?) \()?(.*?):(\d+):(\d+)\)?$/;
const FOREIGN = /node_modules|^node:|^internal\//;

const framesOf = (stack: string | undefined): Frame[] =>
  (stack ?? '').split('\n').flatMap((text) => {
    const [, call = '', url, line, column] = FRAME.exec(text) ?? [];
    if (url === undefined) return [];
    const file = url.replace(/^file:\/\//, '').replace(/\?.*$/, '');
    const own = !FOREIGN.test(file);
    return [
      { text: text.trim(), call, file: file.startsWith('/') ? file : null, place: `${file}:${line}:${column}`, own },
    ];
  });

/** A path is a link that opens it in an editor, where the service runs on the same machine. */
const FrameLine = ({ text, call, file, place }: Frame) => (
  <li key={text}>
    at {call}{' '}
    {file === null ? (
      <code>{place}</code>
    ) : (
      <a href={`vscode://file${place}`} data-outside title="Open in the editor">
        <code>{short(place)}</code>
      </a>
    )}
  </li>
);

/** The last few folders say enough; the rest is the same on every line. */
const short = (place: string): string => place.split('/').slice(-3).join('/');

const textOf = ({ name, message, stack, cause }: Failure): string =>
  `${stack ?? `${name}: ${message}`}${cause ? `\ncaused by ${textOf(cause)}` : ''}`;
