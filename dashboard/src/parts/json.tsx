/** Data as text: indented, secrets hidden until they are asked for, with a button that copies them. */
import { useMemo, useState } from 'preact/hooks';
import { copy } from '../clipboard.ts';
import { Icon } from './icon.tsx';

/** Names whose values are none of the onlooker's business. */
const SECRET =
  /pass(word|wd|phrase)?$|secret|token|api[-_]?key|authorization|cookie|credential|private[-_]?key|^(pin|cvv|iban|ssn)$/i;
const DOTS = '••••••';
/** What the service sends in the place of a secret: there is nothing to show. */
const MASK = '***';
/** More text than this makes a page slow, and nobody reads it there. */
const MOST = 100_000;

interface JsonBlockProps {
  readonly value: unknown;
  /** `The input`. */
  readonly what: string;
}

export const JsonBlock = ({ value, what }: JsonBlockProps) => {
  const [open, setOpen] = useState(false);
  const { text, hidden } = useMemo(() => written(value, !open), [value, open]);
  return (
    <div class="json">
      <pre class="block" tabIndex={0} aria-label={what}>
        {text.length > MOST
          ? `${text.slice(0, MOST)}\n… ${text.length - MOST} more characters: copy to see them`
          : text}
      </pre>
      <div class="row">
        <button type="button" class="button small" onClick={() => void copy(written(value, false).text, what)}>
          <Icon name="copy" />
          Copy
        </button>
        {(hidden > 0 || open) && (
          <button type="button" class="button small" aria-pressed={open} onClick={() => setOpen(!open)}>
            {open ? 'Hide secrets' : `Show ${hidden} hidden`}
          </button>
        )}
      </div>
    </div>
  );
};

/** @returns the text, and how many values it does not show. */
const written = (value: unknown, hide: boolean): { readonly text: string; readonly hidden: number } => {
  let hidden = 0;
  const text = JSON.stringify(
    value,
    (name, one: unknown) => {
      if (!hide || !SECRET.test(name) || one === null || one === MASK || typeof one === 'object') return one;
      hidden += 1;
      return DOTS;
    },
    2,
  );
  return { text: text ?? 'nothing', hidden };
};
