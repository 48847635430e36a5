/** A line the size of a word. */
interface SparkProps {
  readonly values: readonly (number | null)[];
  /** A name of tokens.css, for its colour. */
  readonly tone: string;
  /** What it shows. */
  readonly label: string;
}

const HEIGHT = 20;

export const Spark = ({ values, tone, label }: SparkProps) => {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const wide = Math.max(1, values.length - 1);
  let pen = 'M';
  const path = values
    .map((value, i) => {
      if (value === null) {
        pen = 'M';
        return '';
      }
      const at = `${pen}${i} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
      pen = 'L';
      return at;
    })
    .join('');
  return (
    <svg
      class="spark"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${wide} ${HEIGHT}`}
      preserveAspectRatio="none"
      style={{ '--tone': `var(--${tone})` }}
    >
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
};
