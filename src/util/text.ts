/** Texts for people: a value as an error shows it, and the word that was meant. */

/** A value as an error shows it: short, on one line, and never a whole document. */
export const show = (value: unknown): string => {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'Invalid Date';
  if (typeof value === 'symbol' || typeof value === 'undefined' || typeof value === 'number') return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/** What was thrown, in one sentence. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : show(cause));

/** "Did you mean …?" for the nearest known word, or nothing if none is near. */
export const didYouMean = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > 100) return undefined; // No typing error, and long words take long to compare.
  const near = known
    .map((candidate) => ({ candidate, steps: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, steps }) => steps <= Math.max(2, candidate.length / 3))
    .sort((a, b) => a.steps - b.steps)[0];
  return near && `Did you mean "${near.candidate}"?`;
};

/** Levenshtein distance, one row at a time. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
};
