/** What comes in on standard input or as an argument: JSON, whole or one value a line. */
import { invalidPayload, payloadTooLarge, usage } from '../../job/errors.ts';

/** More than any payload limit allows; keeps an endless input from filling the memory. */
const MAX_BYTES = 2 ** 29;
/** Jobs of one call: they are stored in one transaction, and others wait for it. */
const MAX_LINES = 100_000;

/** @throws INVALID_PAYLOAD naming the place. */
export const parsePayload = (json: string, place: string): unknown => {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw invalidPayload(place, `is no JSON: ${problem.replace(/\s+/g, ' ')}`, `Text needs its quotes: '"like this"'.`);
  }
};

/** The whole input as text. @throws PAYLOAD_TOO_LARGE, INVALID_PAYLOAD for bytes that are no UTF-8. */
export const readText = async (input: AsyncIterable<Buffer | string>): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_BYTES) throw payloadTooLarge('standard input', size, MAX_BYTES);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw invalidPayload('standard input', 'is not UTF-8');
  }
};

/** One JSON value a line; empty lines are passed over. @throws INVALID_PAYLOAD naming the line, USAGE. */
export const readLines = async (input: AsyncIterable<Buffer | string>): Promise<unknown[]> => {
  const payloads = (await readText(input)).split('\n').flatMap((line, i) => {
    const text = line.trim();
    return text === '' ? [] : [parsePayload(text, `line ${i + 1}`)];
  });
  if (payloads.length === 0) throw usage('Standard input held no job.', 'Write one JSON value a line.');
  if (payloads.length > MAX_LINES)
    throw usage(
      `Standard input held ${payloads.length} jobs; one call takes ${MAX_LINES} at most.`,
      `Part it, for example with: split -l ${MAX_LINES}`,
    );
  return payloads;
};
