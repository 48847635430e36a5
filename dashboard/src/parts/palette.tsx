/** One line for everything: a page, a command of this page, a job by its id, jobs by a filter. */
import { useId, useMemo, useRef, useState } from 'preact/hooks';
import { type Command, commands } from '../commands.ts';
import { navigate } from '../router.ts';
import { Dialog } from './dialog.tsx';

const AT_MOST = 12;

export const Palette = ({ onClose }: { readonly onClose: () => void }) => {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const all = useMemo(() => commands().filter(({ keyOnly }) => !keyOnly), []);
  const found = foundBy(text, all).slice(0, AT_MOST);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    // What it does may want the focus, which the dialog gives back first.
    requestAnimationFrame(command.run);
  };
  const move = (by: number) => {
    const next = (at + by + found.length) % Math.max(1, found.length);
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const act = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: () => run(found[at]) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <Dialog title="Search or run" onClose={onClose} class="palette">
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={found[at] && `${id}-${at}`}
        aria-label="Search or run"
        placeholder="A page, a command, the id of a job, or status:failed …"
        autoComplete="off"
        autofocus
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul role="listbox" id={id} ref={list} aria-label="What was found">
        {found.map((command, i) => (
          <Option
            key={`${command.group} ${command.title}`}
            id={`${id}-${i}`}
            command={command}
            selected={i === at}
            run={() => run(command)}
          />
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">Nothing has that name.</p>}
    </Dialog>
  );
};

interface OptionProps {
  readonly id: string;
  readonly command: Command;
  readonly selected: boolean;
  readonly run: () => void;
}

const Option = ({ id, command: { title, group, keys }, selected, run }: OptionProps) => (
  <li id={id} role="option" aria-selected={selected} onClick={run}>
    <span>{title}</span>
    <span class="quiet">{group}</span>
    {keys && <kbd aria-hidden="true">{keys}</kbd>}
  </li>
);

/** Commands whose words begin as those that were typed, and what the text itself may mean. */
const foundBy = (text: string, all: readonly Command[]): Command[] => {
  const typed = text.trim();
  const words = typed.toLowerCase().split(/\s+/);
  const fits = ({ title, group }: Command) => {
    const names = `${title} ${group}`.toLowerCase().split(/\s+/);
    return words.every((word) => names.some((name) => name.startsWith(word)));
  };
  return [...meanings(typed), ...all.filter(fits)];
};

const meanings = (typed: string): Command[] => {
  if (/^[\w.]+:\S/.test(typed))
    return [
      { title: `Jobs with ${typed}`, group: 'Search', run: () => navigate(`/jobs?q=${encodeURIComponent(typed)}`) },
    ];
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.:@+-]*$/u.test(typed)) return [];
  const search = `error:${typed}`;
  const byId = { title: `Job ${typed}`, group: 'By id', run: () => navigate(`/jobs/${encodeURIComponent(typed)}`) };
  const byError = {
    title: `Jobs whose error says ${typed}`,
    group: 'Search',
    run: () => navigate(`/jobs?q=${encodeURIComponent(search)}`),
  };
  // An id has a digit or a dash somewhere; a plain word is rather the name of a page.
  return /[\d-]/.test(typed) ? [byId, byError] : [];
};
