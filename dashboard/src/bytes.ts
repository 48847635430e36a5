/** Sizes as people read them: `812 bytes`, `4.2 MB`, `1.1 GB`; powers of 1,000. */
const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

export const bytes = (n: number): string => {
  if (n < 1000) return `${n} ${n === 1 ? 'byte' : 'bytes'}`;
  const power = Math.min(UNITS.length, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.floor(value)} ${UNITS[power - 1]}`;
};
