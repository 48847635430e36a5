/** A child process that answers each line of JSON with one, and does nothing else. */
let rest = '';
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop()!;
  for (const line of lines) {
    const { run, payload } = JSON.parse(line) as { run: number; payload: unknown };
    process.stdout.write(`${JSON.stringify({ run, result: payload })}\n`);
  }
});
process.stdin.on('end', () => process.exit());
