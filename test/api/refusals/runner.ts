/**
 * One runner for all tables of bad input. A row is what is sent, byte for byte if need be, and how it must be refused; a table is played
 * on a ground: a service with jobs, schedules, batches and uploads, of which nothing may change.
 *
 * Who needs more than a plain service (tokens, tenants, sessions) opens a ground of their own that has more fields, and writes rows
 * that read them: `Row<MyGround>`, `ask('GET', '/api/jobs', { headers: ({ tokens }) => ({ authorization: tokens.revoked }) })`.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statusOf } from '../../../src/doors/api/problem.ts';
import { ROOT } from '../../source-scan.ts';

export interface Ground {
  readonly port: number;
  /** What every request carries, such as a token that is good; a row's own headers take their place. */
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that no answer may hold: paths of the machine, secrets, what belongs to others. */
  readonly hidden: readonly string[];
  /** Everything that is stored, to be compared. */
  state(): Promise<unknown>;
  /** A good request is still answered. @throws if not. */
  mustAnswer(): Promise<void>;
  /** What the service met that it should not have. */
  readonly unexpected: readonly unknown[];
  close(): Promise<void>;
}

type Bytes = string | Buffer;

export interface Row<G extends Ground = Ground> {
  readonly says: string;
  /** All that is sent. */
  readonly sends: (ground: G) => Bytes | Promise<Bytes>;
  /** What happens to the connection then. */
  readonly next?: (socket: Socket) => void;
  readonly status: number;
  readonly code: string;
  readonly field?: string;
}

export interface Ask<G extends Ground> {
  readonly body?: Bytes;
  readonly headers?: Readonly<Record<string, string>> | ((ground: G) => Readonly<Record<string, string>>);
}

/** A request as a program sends it. */
export const ask =
  <G extends Ground = Ground>(method: string, path: string, { body, headers = {} }: Ask<G> = {}) =>
  (ground: G): Buffer => {
    const own = typeof headers === 'function' ? headers(ground) : headers;
    const length: Readonly<Record<string, string>> =
      body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const all = { host: 'localhost', connection: 'close', ...ground.headers, ...length, ...own };
    return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${linesOf(all)}\r\n`), Buffer.from(body ?? '')]);
  };

/** The start of a request whose rest a row writes by itself: the first line, and the headers that every request carries. */
export const startOf = (ground: Ground, firstLine: string): string =>
  `${firstLine}\r\n${linesOf({ host: 'localhost', ...ground.headers })}`;

const linesOf = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');

export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends it, and reads until the connection ends; what has not ended after so long is an answer too. */
export const exchange = async (port: number, bytes: Bytes, next?: (socket: Socket) => void): Promise<Heard> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (data: Buffer) => chunks.push(data)).on('error', () => {});
  socket.on('end', () => socket.end());
  const timer = setTimeout(() => socket.destroy(), 10_000);
  socket.write(bytes);
  next?.(socket);
  if (!socket.closed) await once(socket, 'close');
  clearTimeout(timer);
  return heardIn(Buffer.concat(chunks).toString());
};

const heardIn = (text: string): Heard => {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = rest.join('\r\n\r\n');
  const plain = headers['transfer-encoding'] === 'chunked' ? unchunked(body) : body;
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: plain };
};

const unchunked = (text: string): string => text.replace(/(^|\r\n)[0-9a-f]+\r\n/gi, '').replace(/\r\n\r\n$/, '');

/** Names that a problem may have. Whatever else it said would be a leak. */
const PARTS = ['type', 'title', 'status', 'code', 'detail', 'field', 'found', 'allowed', 'next', 'instance'];
const STACK = /node_modules|\.[cm]?[jt]s:\d|\n\s+at |\bnode:internal|Error: /;

/** That an answer is a refusal in our words, and tells nothing that is not the sender's. */
export const mustRefuse = (
  heard: Heard,
  { status, code, field }: Pick<Row, 'status' | 'code' | 'field'>,
  hidden: readonly string[] = [],
): void => {
  const problem = JSON.parse(heard.body.startsWith('{') ? heard.body : '{}') as Record<string, unknown>;
  const said = {
    status: heard.status,
    code: problem['code'],
    ...(field === undefined ? {} : { field: problem['field'] }),
  };
  expect(said, heard.body.slice(0, 500)).toEqual({ status, code, ...(field === undefined ? {} : { field }) });
  expect(statusOf(code)).toBe(status);
  expect(problem['status']).toBe(status);
  expect(heard.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(heard.headers['cache-control']).toBe('no-store');
  expect(Object.keys(problem).filter((name) => !PARTS.includes(name))).toEqual([]);
  expect(heard.body).not.toMatch(STACK);
  for (const text of [ROOT, process.cwd(), ...hidden]) expect(heard.body).not.toContain(text);
  // What is wrong may be shown, but not all of it: nobody gets back more than a little.
  expect(heard.body.length).toBeLessThan(4000);
};

/** Plays a table on a ground of its own. Every row must be refused as it says; then all is as it was, and a good request is answered. */
export const refuses = <G extends Ground>(about: string, open: () => Promise<G>, rows: readonly Row<G>[]): void => {
  describe(about, () => {
    let ground: G;
    let before: unknown;

    beforeAll(async () => {
      ground = await open();
      before = await ground.state();
    });

    afterAll(() => ground.close());

    test.each(rows.map((row): [string, Row<G>] => [`${row.says} → ${row.status} ${row.code}`, row]))(
      '%s',
      async (_, row) => {
        mustRefuse(await exchange(ground.port, await row.sends(ground), row.next), row, ground.hidden);
      },
    );

    test('and nothing of it changed anything, or stopped the service', () => mustBeAsBefore(ground, before));
  });
};

export const mustBeAsBefore = async (ground: Ground, before: unknown): Promise<void> => {
  expect(ground.unexpected).toEqual([]);
  expect(await ground.state()).toEqual(before);
  await ground.mustAnswer();
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
};
