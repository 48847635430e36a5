/** What became of files that were handed in: in a line, and one of them in full. */
import type { ComponentChildren } from 'preact';
import type { UploadView } from '../../../src/client.ts';
import { bytes } from '../bytes.ts';
import { href } from '../router.ts';
import { full, span } from '../time.ts';
import { Card } from './card.tsx';
import { Icon } from './icon.tsx';
import { JsonBlock } from './json.tsx';
import { Time } from './time.tsx';

/** State → how it reads, and its shape. */
const STATES: Readonly<Record<UploadView['state'], readonly [text: string, tone: string]>> = {
  receiving: ['arrives', 's-running'],
  received: ['waits to be taken', 's-queued'],
  running: ['at work', 's-running'],
  completed: ['completed', 's-completed'],
  failed: ['failed', 's-failed'],
  cut: ['was cut', 's-cancelled'],
};

/** What the status file of its job says, as far as it says it. */
const statusOf = ({ status }: UploadView) => {
  const said = (name: string) => status?.[name];
  const time = (name: string) => (typeof said(name) === 'number' ? (said(name) as number) * 1000 : null);
  const error = said('error') as { code?: unknown; message?: unknown; next?: unknown } | undefined;
  return {
    jobId: typeof said('job_id') === 'string' ? (said('job_id') as string) : null,
    progress: typeof said('progress') === 'number' ? (said('progress') as number) : null,
    message: typeof said('message') === 'string' ? (said('message') as string) : null,
    ...{ error, result: said('result'), startedAt: time('start_time'), endedAt: time('end_time') },
  };
};

const State = ({ upload }: { readonly upload: UploadView }) => {
  const [text, tone] = STATES[upload.state];
  return <span class={`state ${tone}`}>{text}</span>;
};

export const UploadRow = ({ upload, current }: { readonly upload: UploadView; readonly current: boolean }) => {
  const { id, name, bytesReceived, startedAt, problem } = upload;
  const { jobId, progress, message, error } = statusOf(upload);
  return (
    <li class={current ? 'current' : undefined}>
      <State upload={upload} />
      <a href={href(`/upload?id=${encodeURIComponent(id)}`)} aria-current={current ? 'true' : undefined}>
        {name}
      </a>
      <span class="quiet says">
        {problem?.message ?? (error ? String(error.message) : (message ?? ''))}
        {upload.state === 'running' && progress !== null && ` ${Math.floor(progress)} %`}
      </span>
      <span class="quiet">
        {bytesReceived > 0 && `${bytes(bytesReceived)}, `}
        <Time at={startedAt} />
      </span>
      {jobId ? <a href={href(`/jobs/${encodeURIComponent(jobId)}`)}>its job</a> : <span />}
    </li>
  );
};

/** One file, from its arrival to the result. */
export const UploadResult = ({ upload }: { readonly upload: UploadView }) => {
  const { name, state, problem } = upload;
  const { jobId, progress, message, error, result, startedAt, endedAt } = statusOf(upload);
  return (
    <Card title={name} aside={<State upload={upload} />} class="upload-result">
      <ol class="steps">
        <Step done={state !== 'receiving' && state !== 'cut'} now={state === 'receiving'}>
          Arrived{upload.bytesReceived > 0 && `: ${bytes(upload.bytesReceived)}`}
        </Step>
        <Step done={startedAt !== null} now={state === 'received'}>
          Taken{startedAt !== null && ` at ${full(startedAt)}`}
        </Step>
        <Step done={endedAt !== null} now={state === 'running'}>
          {endedAt === null || startedAt === null ? 'Done' : `Done after ${span(endedAt - startedAt)}`}
        </Step>
      </ol>
      {state === 'running' && progress !== null && (
        <div class="progress">
          <progress max={100} value={progress} aria-label="Progress of its job" />
          <span>
            <strong class="figure">{Math.floor(progress)} %</strong> {message}
          </span>
        </div>
      )}
      {problem && <Complaint {...problem} />}
      {error && <Complaint code={String(error.code)} message={String(error.message)} next={error.next} />}
      {state === 'completed' && <JsonBlock value={result ?? {}} what="The result" />}
      <p class="row">
        {jobId && (
          <a class="button" href={href(`/jobs/${encodeURIComponent(jobId)}`)}>
            Open its job
            <Icon name="chevron" />
          </a>
        )}
        <span class="quiet">
          id <code>{upload.id}</code>
        </span>
      </p>
    </Card>
  );
};

const Step = (props: { readonly done: boolean; readonly now: boolean; readonly children: ComponentChildren }) => (
  <li class={props.done ? 'shape s-completed' : props.now ? 'shape s-running' : 'shape s-queued'}>
    {props.children}
    <span class="unseen">{props.done ? ' (done)' : props.now ? ' (now)' : ' (not yet)'}</span>
  </li>
);

interface ComplaintProps {
  readonly code: string;
  readonly message: string;
  readonly next?: unknown;
}

const Complaint = ({ code, message, next }: ComplaintProps) => (
  <p class="complaint" role="alert">
    {message} {typeof next === 'string' && next} <code>{code}</code>
  </p>
);
