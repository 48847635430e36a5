/** One field of a form, with what it is for and what is wrong with it. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

type Choices = readonly (readonly [value: string, text: string])[];

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (text: string) => void;
  /** What is wrong; null for nothing. */
  readonly wrong?: string | null | undefined;
  /** Said beneath it. */
  readonly hint?: ComponentChildren;
  readonly choices?: Choices | undefined;
  /** Values that are offered, and need not be taken. */
  readonly offers?: readonly string[] | undefined;
  /** More than one line. */
  readonly rows?: number | undefined;
  readonly mono?: boolean;
  readonly autofocus?: boolean | undefined;
  readonly required?: boolean;
  readonly placeholder?: string | undefined;
}

export const Field = (props: FieldProps) => {
  const { label, wrong = null, hint, offers } = props;
  const id = useId();
  const described = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(' ') || undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Control {...props} id={id} described={described} />
      {offers && (
        <datalist id={`${id}-offers`}>
          {offers.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint && (
        <span class="quiet" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong && (
        <span class="complaint" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
};

const Control = (props: FieldProps & { readonly id: string; readonly described: string | undefined }) => {
  const { id, value, onInput, wrong, choices, offers, rows, described, mono, autofocus, required, placeholder } = props;
  const shared = {
    ...{ id, value, autofocus, required, placeholder, spellcheck: false, autoComplete: 'off' },
    ...{ 'aria-invalid': Boolean(wrong), 'aria-describedby': described, class: mono ? 'mono' : undefined },
  } as const;
  const say = ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) =>
    onInput(currentTarget.value);
  if (choices)
    return (
      <select id={id} value={value} aria-describedby={described} aria-invalid={Boolean(wrong)} onChange={say}>
        {choices.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    );
  if (rows) return <textarea {...shared} rows={rows} onInput={say} />;
  return <input {...shared} type="text" list={offers && `${id}-offers`} onInput={say} />;
};
