/**
 * What can be done here by a key or from the palette. Each page adds its own while it is shown; the keyboard, the palette and the
 * list of keys all read this one list.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { singleKeys } from './settings.ts';

export interface Command {
  /** As the palette shows it. */
  readonly title: string;
  readonly group: string;
  /** `g o`, `/`, `Escape`, `mod+k` (Ctrl, or Cmd on a Mac). */
  readonly keys?: string;
  readonly run: () => void;
  /** Not in the palette: moves within a list, say. */
  readonly keyOnly?: boolean;
  /** Whether it is possible now. */
  readonly when?: () => boolean;
}

const sets = signal<readonly (readonly Command[])[]>([]);

/** What is possible now; what was added last comes first. */
export const commands = (): Command[] => sets.value.flat().filter(({ when }) => when?.() ?? true);

export const addCommands = (added: readonly Command[]): (() => void) => {
  sets.value = [added, ...sets.peek()];
  return () => {
    sets.value = sets.peek().filter((one) => one !== added);
  };
};

/** A page's own commands, for as long as it is shown. They may close over what the page shows at the moment. */
export const useCommands = (list: readonly Command[]): void => {
  const latest = useRef(list);
  latest.current = list;
  const shape = list.map(({ title, keys }) => `${title} ${keys}`).join('\n');
  useEffect(
    () =>
      addCommands(
        latest.current.map((command, i) => ({
          ...command,
          run: () => latest.current[i]?.run(),
          when: () => latest.current[i]?.when?.() ?? true,
        })),
      ),
    [shape],
  );
};

const SEQUENCE_MS = 1200;
export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

let begun = '';
let begunAt = 0;

export const startKeyboard = (): void => {
  addEventListener('keydown', onKey);
};

const onKey = (event: KeyboardEvent): void => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const mod = isMac ? event.metaKey : event.ctrlKey;
  if ((event.ctrlKey || event.metaKey) && !mod) return;
  const name = event.key === ' ' ? 'Space' : event.key;
  if (!mod && (singleKeys.value === 'off' || isTyping(event.target) || document.querySelector('dialog[open]'))) return;
  const keys = mod ? `mod+${name.toLowerCase()}` : name;
  const sequence = begun && event.timeStamp - begunAt < SEQUENCE_MS ? `${begun} ${keys}` : keys;
  begun = '';
  const list = commands();
  const found = list.find((one) => one.keys === sequence) ?? list.find((one) => one.keys === keys);
  if (found) {
    // Buttons and links have a use for these keys themselves.
    if ((name === 'Enter' || name === 'Space') && (event.target as Element).closest?.('button, a, summary')) return;
    event.preventDefault();
    found.run();
  } else if (list.some((one) => one.keys?.startsWith(`${keys} `))) {
    begun = keys;
    begunAt = event.timeStamp;
  }
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
