/** Something is done to every job of a search: first what it would mean, then, said so, it is done; by a job of its own. */
import { useState } from 'preact/hooks';
import { api } from '../api.ts';
import { shellText } from '../clipboard.ts';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { may } from '../session.ts';
import { count, counted, full } from '../time.ts';
import { toast } from '../toasts.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Loaded } from './views.tsx';

/** Which jobs are meant: those of a search, or these. */
export type Which = { readonly q: string } | { readonly ids: readonly string[] };

const ACTIONS = [
  ['retry', 'Retry', 'will be retried'],
  ['cancel', 'Cancel', 'will be cancelled, or asked to stop'],
  ['runNow', 'Run now', 'will run as soon as there are slots'],
  ['pause', 'Hold', 'will wait until they are let go on'],
  ['resume', 'Let go on', 'will go on'],
  ['replay', 'Run again as new jobs', 'will be handed in again'],
  ['remove', 'Delete', 'will be deleted for good'],
] as const;

export type BulkKind = (typeof ACTIONS)[number][0];
type Preview = Awaited<ReturnType<typeof api.bulk.preview>>;

/** From here on the number must be typed: that many jobs are not changed by accident. */
const TYPE_FROM = 100;

const whichOf = (which: Which) =>
  'ids' in which ? { id: [...which.ids] } : which.q ? { q: which.q } : { all: true as const };

interface BulkDialogProps {
  readonly which: Which;
  readonly first?: BulkKind;
  readonly onClose: () => void;
}

export const BulkDialog = ({ which, first = 'retry', onClose }: BulkDialogProps) => {
  const [kind, setKind] = useState<BulkKind>(first);
  const action = { kind } as { readonly kind: 'retry' };
  const preview = useResource(`bulk ${kind} ${JSON.stringify(which)}`, (signal) =>
    api.bulk.preview({ which: whichOf(which), action }, { signal }),
  );
  const start = async ({ snapshotAt, count: expected }: Preview) => {
    const { id } = await api.bulk.start({ which: whichOf(which), action, snapshotAt, expected });
    toast(`${counted(expected, 'job')}: it has begun.`, { to: `/jobs/${id}`, text: 'Follow it' });
    onClose();
  };
  return (
    <Dialog title="Do to all of them" onClose={onClose}>
      <p class="quiet">
        {'ids' in which ? `${counted(which.ids.length, 'job')} that you chose` : which.q || 'Every job there is'}
      </p>
      <label class="field">
        What
        <select autofocus value={kind} onChange={({ currentTarget }) => setKind(currentTarget.value as BulkKind)}>
          {ACTIONS.filter(([value]) => value !== 'remove' || may('admin')).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <Loaded of={preview} what="The preview">
        {(found) => (
          <Found key={kind} preview={found} kind={kind} which={which} start={() => start(found)} onClose={onClose} />
        )}
      </Loaded>
    </Dialog>
  );
};

interface FoundProps {
  readonly preview: Preview;
  readonly kind: BulkKind;
  readonly which: Which;
  readonly start: () => Promise<void>;
  readonly onClose: () => void;
}

const Found = ({ preview, kind, which, start, onClose }: FoundProps) => {
  const [typed, setTyped] = useState('');
  const [, text, says] = ACTIONS.find(([one]) => one === kind)!;
  const command = commandOf(kind, which);
  const left = Object.entries(preview.skipped).filter(([, n]) => n > 0);
  const sure = preview.count < TYPE_FROM || typed.replace(/\D/g, '') === String(preview.count);
  return (
    <div>
      <p role="status">
        <strong class="figure">{count(preview.count)}</strong> {says}
        {left.length > 0 && `; left alone: ${left.map(([why, n]) => `${count(n)} ${why}`).join(', ')}`}.
      </p>
      {preview.oldest && preview.newest && (
        <p class="quiet">
          Made between {full(preview.oldest)} and {full(preview.newest)}. Jobs that come in from now on are not meant.
        </p>
      )}
      {preview.count >= TYPE_FROM && (
        <label class="field">
          Type {preview.count} to go on
          <input inputMode="numeric" value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
      )}
      {command && (
        <p class="quiet">
          As a command: <code>{command}</code>
        </p>
      )}
      <footer>
        <Button
          primary={kind !== 'remove'}
          danger={kind === 'remove'}
          disabled={!sure || preview.count === 0}
          failed="Nothing was begun"
          onClick={start}
        >
          {text} {count(preview.count)}
        </Button>
        <Button onClick={onClose}>Leave them</Button>
        <a href={href('/jobs?q=type:backline.bulk')}>Earlier ones</a>
      </footer>
    </div>
  );
};

/** Those that the command line does to many, too. */
const VERBS: Partial<Record<BulkKind, string>> = { retry: 'retry', cancel: 'cancel', remove: 'rm' };

const commandOf = (kind: BulkKind, which: Which): string | null => {
  const verb = VERBS[kind];
  if (!verb) return null;
  const meant = 'ids' in which ? which.ids.join(' ') : which.q ? `--where ${shellText(which.q)}` : '--all';
  return `backline jobs ${verb} ${meant} --yes`;
};
