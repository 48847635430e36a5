/** What must be said before something is done to a job: an input, a time, a priority. */
import { useState } from 'preact/hooks';
import type { JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { navigate } from '../router.ts';
import { full } from '../time.ts';
import { toast } from '../toasts.ts';
import { troubleOf } from '../trouble.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface JobDialogProps {
  readonly job: JobView;
  readonly onClose: () => void;
}

/** A new job from this one, with its input as it was or another. */
export const ReplayDialog = ({ job: { id, type, payload }, onClose }: JobDialogProps) => {
  const before = JSON.stringify(payload, null, 2) ?? 'null';
  const [text, setText] = useState(before);
  const [wrong, setWrong] = useState<string | null>(null);
  const submit = async () => {
    setWrong(null);
    try {
      const changed = text === before ? {} : { payload: JSON.parse(text) as unknown };
      const made = await api.jobs.replay({ id, ...changed });
      onClose();
      navigate(`/jobs/${encodeURIComponent(made.id)}`);
      toast('A new job runs with this input.');
    } catch (error) {
      setWrong(error instanceof SyntaxError ? `This is no JSON: ${error.message}` : troubleOf(error).message);
    }
  };
  return (
    <Dialog title={`Run ${type} again`} onClose={onClose}>
      <p class="quiet">This makes a new job that names the old one; the old one stays as it is.</p>
      <label class="field">
        Input, as JSON
        <textarea
          autofocus
          spellcheck={false}
          value={text}
          aria-invalid={wrong !== null}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      {wrong && (
        <p class="complaint" role="alert">
          {wrong}
        </p>
      )}
      <footer>
        <Button primary onClick={submit}>
          Run it
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};

interface DoneProps extends JobDialogProps {
  readonly onDone: () => Promise<void>;
}

/** Of a field for local times: what `toISOString` has, without its zone. */
const localText = (iso: string): string => {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

export const TimeDialog = ({ job: { id, runAt }, onClose, onDone }: DoneProps) => {
  const [text, setText] = useState(localText(runAt));
  const at = new Date(text);
  const valid = !Number.isNaN(at.getTime());
  return (
    <Dialog title="When it runs" onClose={onClose}>
      <label class="field">
        Not before, in the time zone of this browser
        <input
          type="datetime-local"
          autofocus
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <p class="quiet">{valid ? full(at.getTime()) : 'Choose a day and a time.'}</p>
      <footer>
        <Button
          primary
          disabled={!valid}
          failed="It was not rescheduled"
          onClick={async () => {
            await api.jobs.reschedule({ id, runAt: at.toISOString() });
            onClose();
            toast(`It runs after ${full(at.getTime())}.`);
            await onDone();
          }}
        >
          Reschedule
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};

export const PriorityDialog = ({ job: { id, priority }, onClose, onDone }: DoneProps) => {
  const [chosen, setChosen] = useState(priority);
  return (
    <Dialog title="Priority" onClose={onClose}>
      <label class="field">
        1 runs first, 10 last
        <select autofocus value={chosen} onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}>
          {Array.from({ length: 10 }, (_, i) => (
            <option key={i} value={i + 1}>
              {i + 1}
            </option>
          ))}
        </select>
      </label>
      <footer>
        <Button
          primary
          failed="The priority was not changed"
          onClick={async () => {
            await api.jobs.reprioritise({ id, priority: chosen });
            onClose();
            toast(`Its priority is ${chosen}.`);
            await onDone();
          }}
        >
          Change it
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};
