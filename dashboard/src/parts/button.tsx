import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { singleKeys } from '../settings.ts';
import { toastTrouble } from '../toasts.ts';

interface ButtonProps {
  readonly children: ComponentChildren;
  /** While what it returns is open, the button shows that it is at work and does nothing. */
  readonly onClick: () => unknown;
  /** What failed, if it did: `The job could not be retried`. */
  readonly failed?: string;
  readonly primary?: boolean;
  readonly danger?: boolean;
  readonly small?: boolean;
  readonly disabled?: boolean;
  /** The key that does the same. */
  readonly keys?: string;
  /** Its name, where what it shows is no text. */
  readonly label?: string;
}

export const Button = (props: ButtonProps) => {
  const { children, onClick, failed = 'That did not work', keys, label, disabled } = props;
  const [busy, setBusy] = useState(false);
  const click = async () => {
    if (busy || disabled) return;
    setBusy(true);
    try {
      await onClick();
    } catch (error) {
      toastTrouble(failed, error);
    }
    setBusy(false);
  };
  const kind = (['primary', 'danger', 'small'] as const).filter((name) => props[name]).join(' ');
  return (
    <button
      type="button"
      class={`button ${kind}`}
      onClick={click}
      aria-busy={busy}
      aria-disabled={disabled || undefined}
      aria-label={label}
      aria-keyshortcuts={keys}
      title={label}
    >
      {children}
      <Keys keys={keys} />
    </button>
  );
};

/** A key as it is printed on a button; nothing while single keys are switched off. */
export const Keys = ({ keys }: { readonly keys: string | undefined }) =>
  keys && singleKeys.value === 'on' ? <kbd aria-hidden="true">{keys}</kbd> : null;
