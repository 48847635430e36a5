/** What a view shows when it has nothing to show: nothing there, not there yet, not to be had, not allowed. */
import type { ComponentChildren } from 'preact';
import { lastHeard } from '../heard.ts';
import { liveState } from '../live.ts';
import type { Resource } from '../resource.ts';
import { clock } from '../time.ts';
import { isAway, isForbidden, type Trouble } from '../trouble.ts';
import { Button } from './button.tsx';

export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="empty">
    <h2>{title}</h2>
    {children}
  </div>
);

/** Grey lines in the place of text; they appear only where an answer takes longer than an eye notices. */
export const Skeleton = ({ lines = 4 }: { readonly lines?: number }) => (
  <div class="skeleton" role="status" aria-label="Loading">
    {Array.from({ length: lines }, (_, i) => (
      <i key={i} />
    ))}
  </div>
);

interface TroubleViewProps {
  readonly trouble: Trouble;
  /** What is not shown: `The jobs`. */
  readonly what: string;
  readonly retry: () => unknown;
  /** Old data are still shown beneath. */
  readonly kept?: boolean;
}

export const TroubleView = ({ trouble, what, retry, kept = false }: TroubleViewProps) => {
  if (isForbidden(trouble))
    return (
      <div class="trouble" role="alert">
        <p>
          <strong>{what} are not for you to see.</strong> {trouble.message}
        </p>
        <p class="quiet">
          {trouble.next ?? 'Ask somebody who runs this service for a token with the right scope.'}{' '}
          <code>{trouble.code}</code>
        </p>
      </div>
    );
  const since = kept && lastHeard.value !== null ? ` What you see is from ${clock(lastHeard.value)}.` : '';
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{what} could not be loaded.</strong> {trouble.message}
        {since}
      </p>
      <p class="quiet">
        {trouble.next} <code>{trouble.code}</code>
      </p>
      <Button onClick={retry}>Try again</Button>
      {isAway(trouble) && liveState.value !== 'paused' && <span class="quiet"> It is tried again by itself, too.</span>}
    </div>
  );
};

interface LoadedProps<T> {
  readonly of: Resource<T>;
  readonly what: string;
  readonly skeleton?: ComponentChildren;
  readonly children: (data: T) => ComponentChildren;
}

/** The four states of everything that is asked of the server, in one place. */
export function Loaded<T>({ of, what, skeleton = <Skeleton />, children }: LoadedProps<T>) {
  const data = of.data.value;
  const trouble = of.trouble.value;
  return (
    <>
      {trouble && <TroubleView trouble={trouble} what={what} retry={of.reload} kept={data !== undefined} />}
      {data !== undefined ? children(data) : !trouble && skeleton}
    </>
  );
}
