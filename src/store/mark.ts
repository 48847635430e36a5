/** The one row that marks a database which takes part in a move, alike in both. How writes are refused is each one's own. */
import { number, type Row, text } from './rows.ts';
import type { Mark, Position } from './side.ts';

export const toMark = (row: Row): Mark => ({
  id: text(row['id']),
  role: row['role'] === 'source' ? 'source' : 'target',
  state: row['state'] === 'moved' ? 'moved' : 'moving',
  peer: text(row['peer']),
  at: number(row['at']),
  position: { table: text(row['name']), after: JSON.parse(text(row['after'])), rows: number(row['rows']) },
});

/** A position as the parameters of a statement. */
export const named = ({ table, after, rows }: Position) => ({ name: table, after: JSON.stringify(after), rows });

export const samePosition = (a: Position, b: Position): boolean =>
  JSON.stringify(named(a)) === JSON.stringify(named(b));
