/** Files that become jobs: one hands a catalog in, sees it arrive, and follows its job to the result. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { UploadView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { bytes } from '../bytes.ts';
import { useCommands } from '../commands.ts';
import { Button } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Field } from '../parts/field.tsx';
import { Icon } from '../parts/icon.tsx';
import { Page } from '../parts/page.tsx';
import { UploadResult, UploadRow } from '../parts/upload-rows.tsx';
import { Empty, Skeleton, TroubleView } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { query, setQuery } from '../router.ts';
import { may } from '../session.ts';
import { now, span } from '../time.ts';
import { arrived, cancelSending, forgetSending, type Sending, sendAgain, sendFiles, sendings } from '../uploader.ts';

/** How often one looks while a job of an upload is not over: its status file says more than the events do. */
const LOOK_MS = 1000;
const SHOWN = 50;

export default function Upload() {
  const found = useResource('uploads', (signal) => api.uploads.list({ limit: SHOWN }, { signal }), isJob);
  const trouble = found.trouble.value;
  const data = found.data.value;
  const [newest] = arrived.value;
  useEffect(() => {
    if (!newest) return;
    setQuery({ id: newest });
    void found.reload();
  }, [newest]);
  const open = data?.uploads.some(({ state }) => !['completed', 'failed', 'cut'].includes(state)) ?? false;
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => !document.hidden && void found.reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [open]);
  if (trouble?.code === 'UPLOADS_OFF')
    return (
      <Page title="Upload">
        <Empty title="This service takes no files">
          <p>It does where it watches a folder and knows which jobs its files become:</p>
          <pre class="block" tabIndex={0}>
            backline start --drop-type TYPE
          </pre>
        </Empty>
      </Page>
    );
  return (
    <Page title="Upload">
      {trouble && <TroubleView trouble={trouble} what="The uploads" retry={found.reload} kept={data !== undefined} />}
      {data ? <Content uploads={data.uploads} maxBytes={data.maxBytes} /> : !trouble && <Skeleton lines={8} />}
    </Page>
  );
}

const isJob = ({ kind }: { readonly kind: string }): boolean => kind === 'job';

const Content = ({ uploads, maxBytes }: { readonly uploads: readonly UploadView[]; readonly maxBytes: number }) => {
  const id = query.value.get('id');
  const chosen = uploads.find((one) => one.id === id);
  return (
    <>
      {may('operate') ? (
        <Choose maxBytes={maxBytes} />
      ) : (
        <p class="note">You may look at what was handed in, but hand in nothing: that needs the scope operate.</p>
      )}
      {sendings.value.length > 0 && (
        <Card title="On their way">
          <ul class="sendings">
            {sendings.value.map((one) => (
              <OnItsWay key={one.id} sending={one} />
            ))}
          </ul>
        </Card>
      )}
      {id && !chosen && sendings.value.length === 0 && <Elsewhere key={id} id={id} />}
      {chosen && <UploadResult upload={chosen} />}
      <Card title="Files so far" aside={uploads.length === SHOWN && `the latest ${SHOWN}`}>
        {uploads.length === 0 ? (
          <p class="quiet">None yet. What you hand in is kept here, with what became of it.</p>
        ) : (
          <ul class="uploads">
            {uploads.map((one) => (
              <UploadRow key={one.id} upload={one} current={one.id === id} />
            ))}
          </ul>
        )}
      </Card>
    </>
  );
};

/** One that is not among the latest. */
const Elsewhere = ({ id }: { readonly id: string }) => {
  const found = useResource(`upload ${id}`, (signal) => api.uploads.get({ id }, { signal }), isJob);
  if (found.data.value) return <UploadResult upload={found.data.value} />;
  return found.trouble.value?.code === 'UPLOAD_NOT_FOUND' ? (
    <p class="note">
      There is no upload with the id <code>{id}</code>.
    </p>
  ) : null;
};

const Choose = ({ maxBytes }: { readonly maxBytes: number }) => {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [path, setPath] = useState('');
  const take = (files: FileList | null | undefined) => {
    if (!files || files.length === 0) return;
    const fields: Record<string, string> = path.trim() ? { audio_base_path: path.trim() } : {};
    sendFiles([...files], fields, maxBytes);
  };
  const choose = () => input.current?.click();
  useCommands([{ title: 'Choose a file', group: 'Upload', keys: 'a', run: choose }]);
  return (
    <section
      class={over ? 'drop over' : 'drop'}
      aria-label="Hand in a file"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <Icon name="upload" />
      <p>
        <strong>Drop a catalog here</strong>, or
      </p>
      <Button primary keys="a" onClick={choose}>
        Choose a file
      </Button>
      <input
        ref={input}
        class="unseen"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Files to hand in"
        onChange={({ currentTarget }) => {
          take(currentTarget.files);
          currentTarget.value = '';
        }}
      />
      <p class="quiet">At most {bytes(maxBytes)}. It becomes a job as soon as all of it is there.</p>
      <details>
        <summary>More</summary>
        <Field
          label="Folder of its audio files, as the service sees it"
          value={path}
          onInput={setPath}
          placeholder="/music"
          hint="Goes into the job file as audio_base_path"
        />
      </details>
    </section>
  );
};

/** Sent again, it would be refused again. */
const FOR_GOOD: ReadonlySet<string> = new Set(['UPLOAD_TOO_LARGE', 'BAD_UPLOAD']);

const OnItsWay = ({ sending }: { readonly sending: Sending }) => {
  const { id, name, size, sent, phase, trouble } = sending;
  const over = phase === 'failed' || phase === 'cancelled';
  return (
    <li>
      <p class="row">
        <strong>{name}</strong>
        <span class="quiet">{bytes(size)}</span>
        <span class="actions">
          {over && !FOR_GOOD.has(trouble?.code ?? '') && (
            <Button small onClick={() => sendAgain(id)} label={`Send again: ${name}`}>
              Send again
            </Button>
          )}
          {over ? (
            <Button small onClick={() => forgetSending(id)} label={`Leave it out: ${name}`}>
              Leave it out
            </Button>
          ) : (
            <Button small danger onClick={() => cancelSending(id)} label={`Cancel: ${name}`}>
              Cancel
            </Button>
          )}
        </span>
      </p>
      {!over && <progress max={size} value={sent} aria-label={`How much of ${name} is there`} />}
      {trouble && (
        <p class="complaint" role="alert">
          {trouble.message} {trouble.next} <code>{trouble.code}</code>
        </p>
      )}
      {!trouble && <p class="quiet">{wordsOf(sending)}</p>}
    </li>
  );
};

/** `4.2 MB of 12 MB, 35 %; 1.1 MB a second, 7 s to go`. */
const wordsOf = ({ phase, size, sent, startedAt }: Sending): string => {
  if (phase === 'waiting') return 'Waits for the one before it.';
  if (phase === 'cancelled') return 'It was cancelled. Nothing of it is kept.';
  if (phase === 'sent') return 'All of it is there; it is being put on the disk.';
  const part = `${bytes(sent)} of ${bytes(size)}, ${Math.floor((sent / size) * 100)} %`;
  const ms = startedAt === null ? 0 : now.value - startedAt;
  if (ms < 1000 || sent === 0) return part;
  return `${part}; ${bytes(Math.round((sent / ms) * 1000))} a second, ${span(((size - sent) / sent) * ms)} to go`;
};
