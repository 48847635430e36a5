/** What is no HTTP, is HTTP of two minds, comes too slowly, or breaks off. */
import type { Socket } from 'node:net';
import { type Ground, type Row, startOf } from './runner.ts';

const POST = 'POST /api/jobs HTTP/1.1';
const GET = 'GET /api/jobs HTTP/1.1';
const JSON_TYPE = 'content-type: application/json\r\n';
const JOB = '{"type":"double"}';

/** A first line, and what stands below the headers that every request has. */
const below =
  (firstLine: string, rest: string) =>
  (ground: Ground): Buffer =>
    Buffer.from(startOf(ground, firstLine) + rest, 'latin1');

const end = (socket: Socket): void => void socket.end();

type Line = readonly [says: string, sends: Row['sends'], next?: Row['next']];

const NO_HTTP: readonly Line[] = [
  ['text', () => 'hello\r\n\r\n'],
  ['zeros', () => Buffer.alloc(64)],
  ['the beginning of TLS', () => Buffer.from([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3, 1, 2, 3, 4, 0x0d, 0x0a])],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/9.9', below('GET / HTTP/9.9', '\r\n')],
  ['HTTP of no version', below('GET / HTTP/', '\r\n')],
  ['half of a first line, and the end', () => 'GET /api', end],
  ['headers that are never finished, and the end', below(GET, 'x-a: 1\r\n'), end],
  ['a raw 0 in the path', below('GET /api/jobs/\0 HTTP/1.1', '\r\n')],
  ['a space in the path', below('GET /api/jobs /x HTTP/1.1', '\r\n')],
  ['a raw 0 in a header', below(GET, 'x-a: a\0b\r\n\r\n')],
  ['a header without a colon', below(GET, 'x-a\r\n\r\n')],
  ['a header with a space before the colon', below(GET, 'x-a : 1\r\n\r\n')],
  ['a header of no name', below(GET, ': 1\r\n\r\n')],
  ['a header that goes on in the next line', below(GET, 'x-a: 1\r\n  2\r\n\r\n')],
  ['a header broken by a bare return', below(GET, 'x-a: 1\rx-b: 2\r\n\r\n')],
  ['a header that is too long', below(GET, `x-a: ${'y'.repeat(40_000)}\r\n\r\n`)],
  ['ten thousand headers', below(GET, `${'x: y\r\n'.repeat(10_000)}\r\n`)],
  ['a path that is too long', below(`GET /${'x'.repeat(40_000)} HTTP/1.1`, '\r\n')],
  ['two lengths', below(POST, `content-length: 1\r\ncontent-length: 17\r\n\r\n${JOB}`)],
  ['two lengths in one header', below(POST, `content-length: 1, 17\r\n\r\n${JOB}`)],
  ['a negative length', below(POST, `content-length: -1\r\n\r\n${JOB}`)],
  ['a length that is no number', below(POST, `content-length: many\r\n\r\n${JOB}`)],
  ['a length that no number holds', below(POST, `content-length: 99999999999999999999\r\n\r\n${JOB}`)],
  ['a length and pieces', below(POST, `content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)],
  ['pieces twice', below(POST, `${JSON_TYPE}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`)],
  ['pieces of another kind', below(POST, `${JSON_TYPE}transfer-encoding: identity, gzip\r\n\r\n${JOB}`)],
  [
    'a piece of a length that is none',
    below(POST, `${JSON_TYPE}transfer-encoding: chunked\r\n\r\nzz\r\n${JOB}\r\n0\r\n\r\n`),
  ],
  [
    'a piece of a negative length',
    below(POST, `${JSON_TYPE}transfer-encoding: chunked\r\n\r\n-1\r\n${JOB}\r\n0\r\n\r\n`),
  ],
  [
    'a piece that is longer than it says',
    below(POST, `${JSON_TYPE}transfer-encoding: chunked\r\n\r\n3\r\n${JOB}\r\n0\r\n\r\n`),
  ],
  ['no host', () => `${GET}\r\nconnection: close\r\n\r\n`],
  ['two hosts', () => `${GET}\r\nhost: localhost\r\nhost: evil.example.test\r\nconnection: close\r\n\r\n`],
];

const CLOSE = 'connection: close\r\n';

export const SOCKETS: readonly Row[] = [
  ...NO_HTTP.map(
    ([says, sends, next]): Row => ({
      ...{ says, sends, status: 400, code: 'BAD_REQUEST', ...(next ? { next } : {}) },
    }),
  ),
  {
    ...{ says: 'a whole address of another machine', status: 421, code: 'HOST_REFUSED' },
    sends: () => `GET http://evil.example.test/api/jobs HTTP/1.1\r\nhost: evil.example.test\r\n${CLOSE}\r\n`,
  },
  {
    ...{ says: 'a body that never ends', status: 408, code: 'BODY_TOO_SLOW', field: 'body' },
    sends: below(POST, `${JSON_TYPE}content-length: 100\r\n\r\n{"type"`),
  },
  {
    ...{ says: 'a body that comes byte by byte', status: 408, code: 'BODY_TOO_SLOW', field: 'body' },
    sends: below(POST, `${JSON_TYPE}content-length: 100000\r\n\r\n{"type":"`),
    next: (socket) => {
      const drip = setInterval(() => socket.write('x'), 20);
      socket.once('close', () => clearInterval(drip));
    },
  },
  {
    ...{ says: 'pieces that never end', status: 408, code: 'BODY_TOO_SLOW', field: 'body' },
    sends: below(POST, `${JSON_TYPE}transfer-encoding: chunked\r\n\r\n5\r\n{"typ\r\n`),
  },
  {
    ...{ says: 'a body that says it is too long', status: 413, code: 'BODY_TOO_LARGE', field: 'body' },
    sends: below(POST, `${JSON_TYPE}content-length: 99999999\r\n\r\n`),
  },
  {
    ...{ says: 'pieces that are too long together', status: 413, code: 'BODY_TOO_LARGE', field: 'body' },
    sends: below(POST, `${JSON_TYPE}transfer-encoding: chunked\r\n\r\n${`2000\r\n${'x'.repeat(8192)}\r\n`.repeat(20)}`),
  },
  {
    ...{ says: 'an upload that never ends', status: 408, code: 'UPLOAD_TOO_SLOW' },
    sends: below(
      'POST /api/uploads HTTP/1.1',
      'content-type: multipart/form-data; boundary=XX\r\ncontent-length: 3000\r\n\r\n--XX\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nabc',
    ),
  },
];
