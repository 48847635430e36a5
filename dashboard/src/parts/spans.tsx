/**
 * Lengths of time beside each other: attempts and the waits between them, the jobs of a batch. Each line says in words what it draws,
 * so that the drawing can be left alone by those who do not see it.
 */
import type { ComponentChildren } from 'preact';
import { stateClass } from './status.tsx';

export interface Piece {
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** A state, for its colour; `wait` is hatched. */
  readonly tone: string;
}

export interface SpanLine {
  readonly key: string;
  readonly label: ComponentChildren;
  readonly pieces: readonly Piece[];
  /** Beside the last piece. */
  readonly says: string;
  readonly marked?: boolean;
}

interface SpansProps {
  readonly label: string;
  readonly lines: readonly SpanLine[];
}

export const Spans = ({ label, lines }: SpansProps) => {
  const pieces = lines.flatMap((line) => line.pieces);
  const from = Math.min(...pieces.map((piece) => piece.from));
  const length = Math.max(1, Math.max(...pieces.map((piece) => piece.to)) - from);
  const part = (at: number) => (at - from) / length;
  return (
    <ol class="spans" aria-label={label}>
      {lines.map(({ key, label: name, pieces: own, says, marked }) => (
        <li
          key={key}
          class={marked ? 'marked' : undefined}
          style={{ '--end': part(own.at(-1)?.to ?? from).toFixed(4) }}
        >
          <span class="span-name">{name}</span>
          <span class="track">
            {own.map((piece) => (
              <i
                key={`${piece.tone} ${piece.from}`}
                class={piece.tone === 'wait' ? 'wait' : stateClass(piece.tone)}
                style={{
                  insetInlineStart: percent(part(piece.from)),
                  width: percent(part(piece.to) - part(piece.from)),
                }}
              />
            ))}
          </span>
          <span class="span-says">{says}</span>
        </li>
      ))}
    </ol>
  );
};

const percent = (part: number): string => `${(part * 100).toFixed(3)}%`;
