/** A few words of which one holds: radio buttons, drawn as one row. */
import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly of: Signal<T>;
  readonly choices: readonly (readonly [value: T, text: string])[];
}

export function Choice<T extends string>({ label, of, choices }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {choices.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            checked={of.value === value}
            onChange={() => {
              of.value = value;
            }}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
