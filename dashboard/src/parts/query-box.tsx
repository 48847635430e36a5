/** The search: words that are done are chips, the one being typed has suggestions. The words are those of the command line. */
import type { RefObject } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useCommands } from '../commands.ts';
import { isOpen, textOf, type Word, wordsOf } from '../where.ts';
import { Icon } from './icon.tsx';
import { type Suggestion, suggestionsFor } from './suggestions.ts';

interface QueryBoxProps {
  readonly value: string;
  readonly onChange: (q: string) => void;
  /** Values that the server knows, by key. */
  readonly known: Readonly<Record<string, readonly string[]>>;
  /** What the server says of the search, if it does not understand it. */
  readonly complaint: string | null;
}

export const QueryBox = (props: QueryBoxProps) => {
  const { value, onChange, complaint } = props;
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const { text, at, found, chips, take, onInput, onKeyDown, setShown } = useTyping(props, input);
  useCommands([
    { title: 'Search jobs', group: 'Jobs', keys: '/', run: () => input.current?.focus() },
    { title: 'Show all jobs', group: 'Jobs', when: () => value !== '', run: () => onChange('') },
  ]);
  return (
    <div class="query">
      <div class="query-line">
        <Icon name="search" />
        <ul class="chips" aria-label="The search so far">
          {chips.map((word, i) => (
            <Chip key={word.text} word={word} remove={() => onChange(textOf(chips.filter((_, n) => n !== i)))} />
          ))}
        </ul>
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Search jobs"
          aria-expanded={found.length > 0}
          aria-controls={id}
          aria-activedescendant={found[at] ? `${id}-${at}` : undefined}
          aria-describedby={complaint ? `${id}-complaint` : undefined}
          aria-invalid={complaint !== null}
          placeholder={chips.length ? '' : 'status:failed  queue:emails  error:"SMTP 421"  since:1h'}
          autoComplete="off"
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
          onKeyDown={onKeyDown}
          onFocus={() => setShown(true)}
          onBlur={() => setShown(false)}
        />
        {value && (
          <button type="button" class="button plain" aria-label="Take out every word" onClick={() => onChange('')}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <Suggestions id={id} found={found} at={at} take={take} />
      {complaint && (
        <p class="complaint" id={`${id}-complaint`} role="alert">
          {complaint}
        </p>
      )}
    </div>
  );
};

/** What is typed, what may be meant by it, and what the keys do. */
const useTyping = ({ value, onChange, known }: QueryBoxProps, input: RefObject<HTMLInputElement | null>) => {
  const [text, setText] = useState('');
  const [at, setAt] = useState(-1);
  const [shown, setShown] = useState(false);
  const chips = wordsOf(value);
  const found = shown ? suggestionsFor(text, known, chips) : [];
  // The address changed: what was typed belonged to the search before.
  useEffect(() => setText(''), [value]);
  const commit = (words: readonly Word[]) => {
    setText('');
    setAt(-1);
    const next = words.reduce(joined, value);
    if (next !== value) onChange(next);
  };
  const take = ({ text: chosen, done }: Suggestion) => {
    if (done) commit(wordsOf(chosen));
    else setText(chosen);
    setAt(-1);
    input.current?.focus();
  };
  const onInput = (typed: string) => {
    setShown(true);
    setAt(-1);
    // A space ends a word, unless it stands within quotes.
    if (typed.trim() && !isOpen(typed)) commit(wordsOf(typed));
    else setText(typed);
  };
  const back = () => {
    const last = chips.at(-1);
    if (!last) return;
    onChange(textOf(chips.slice(0, -1)));
    requestAnimationFrame(() => setText(last.text));
  };
  const move = (by: number) => {
    setShown(true);
    const from = by < 0 && at < 0 ? 0 : at;
    setAt(found.length ? (from + by + found.length) % found.length : -1);
  };
  const leave = () => {
    if (found.length) setShown(false);
    else if (text) setText('');
    else input.current?.blur();
  };
  const enter = () => {
    const chosen = found[at];
    if (chosen) take(chosen);
    else if (text.trim()) commit(wordsOf(text));
  };
  const keys: Readonly<Record<string, (() => void) | false>> = {
    ...{ ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: enter, Escape: leave },
    Tab: at >= 0 && enter,
    Backspace: text === '' && back,
  };
  return { text, at, found, chips, take, onInput, onKeyDown: byKey(keys), setShown };
};

const byKey = (keys: Readonly<Record<string, (() => void) | false>>) => (event: KeyboardEvent) => {
  const act = Object.hasOwn(keys, event.key) && keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};

const joined = (search: string, word: Word): string => {
  if (!word.key) return search ? `${search} ${word.text}` : word.text;
  const others = wordsOf(search).filter(({ key }) => key !== word.key);
  return textOf([...others, word]);
};

const Chip = ({ word: { key, value, text }, remove }: { readonly word: Word; readonly remove: () => void }) => (
  <li class="chip">
    {key && <span class="quiet">{key}:</span>}
    <span>{value}</span>
    <button type="button" aria-label={`Take out ${text}`} onClick={remove}>
      <Icon name="close" />
    </button>
  </li>
);

interface SuggestionsProps {
  readonly id: string;
  readonly found: readonly Suggestion[];
  readonly at: number;
  readonly take: (one: Suggestion) => void;
}

const Suggestions = ({ id, found, at, take }: SuggestionsProps) => (
  <ul class="suggestions" id={id} role="listbox" aria-label="Suggestions" hidden={found.length === 0}>
    {found.map((one, i) => (
      <li
        key={one.text}
        id={`${id}-${i}`}
        role="option"
        aria-selected={i === at}
        // The field keeps the focus.
        onPointerDown={(event) => {
          event.preventDefault();
          take(one);
        }}
      >
        <b>{one.text}</b> <span class="quiet">{one.says}</span>
      </li>
    ))}
  </ul>
);
