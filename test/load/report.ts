/** A table, what was wrong, and one line for scripts. */

export interface Row {
  readonly name: string;
  readonly cells: Readonly<Record<string, string>>;
  /** What was done. */
  readonly note: string;
  /** Why it was not done; it neither passed nor failed. */
  readonly skipped?: string;
  /** Why it failed; empty if it passed. */
  readonly faults: readonly string[];
}

/** Runs all, one after the other; prints the table, and ends the process with its exit code. */
export const finish = async <T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  run: (one: T) => Promise<Row>,
): Promise<void> => {
  const rows: Row[] = [];
  for (const one of all) {
    process.stderr.write(`${nameOf(one)} …\n`);
    rows.push(await run(one).catch((error) => failed(nameOf(one), error)));
  }
  process.stdout.write(`${table(rows)}\n\n`);
  for (const { name, note } of rows) if (note !== '') process.stdout.write(`${name}: ${note}\n`);
  for (const { name, faults } of rows) for (const fault of faults) process.stdout.write(`✗ ${name}: ${fault}\n`);
  const bad = rows.filter(({ faults }) => faults.length > 0).length;
  const left = rows.filter((row) => row.skipped !== undefined).length;
  const more = left > 0 ? `, ${left} skipped` : '';
  process.stdout.write(`\n${rows.length - bad - left} passed, ${bad} failed${more}\n`);
  process.exit(bad > 0 || rows.length === 0 ? 1 : 0);
};

export const skipped = (name: string, reason: string): Row => ({
  name,
  cells: {},
  note: `skipped: ${reason}`,
  skipped: reason,
  faults: [],
});

const failed = (name: string, error: unknown): Row => ({
  name,
  cells: {},
  note: '',
  faults: [String(error instanceof Error ? error.stack : error)],
});

const table = (rows: readonly Row[]): string => {
  const heads = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const lines = [
    ['scenario', ...heads, ''],
    ...rows.map(({ name, cells, faults, ...row }) => [
      name,
      ...heads.map((head) => cells[head] ?? '-'),
      row.skipped !== undefined ? 'skipped' : faults.length === 0 ? 'passed' : 'FAILED',
    ]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const padded = (cell: string, i: number) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!));
  return lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n');
};
