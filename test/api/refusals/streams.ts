/** Event streams and WebSockets that are no good: asked for wrongly, or abused once they are open. */
import { ask, type Ground, type Row, startOf } from './runner.ts';

type Line = readonly [query: string, code: string, field?: string];

const QUERIES: readonly Line[] = [
  ['?status=done', 'INVALID_OPTION', 'status[0]'],
  ['?status=', 'INVALID_OPTION', 'status[0]'],
  ['?kind=gap', 'INVALID_OPTION', 'kind[0]'],
  ['?kind[x]=job', 'INVALID_OPTION'],
  ['?stauts=failed', 'UNKNOWN_OPTION', 'stauts'],
  ['?__proto__[x]=1', 'UNKNOWN_OPTION', '__proto__'],
  ['?constructor=1', 'UNKNOWN_OPTION', 'constructor'],
  ['?id=../x', 'INVALID_OPTION', 'id[0]'],
  ['?parent=%00', 'INVALID_OPTION', 'parent'],
  ['?parent=a&parent=b', 'INVALID_OPTION', 'parent'],
  [`?queue=${'a,'.repeat(101)}a`, 'INVALID_OPTION', 'queue'],
  [`?lastEventId=${'x'.repeat(201)}`, 'INVALID_OPTION', 'lastEventId'],
];

/** A handshake as it should be, but for what a row changes. */
export const handshake = (ground: Ground, more = '', path = '/api/events/ws', key = KEY): Buffer =>
  Buffer.from(
    `${startOf(ground, `GET ${path} HTTP/1.1`)}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${more}\r\n`,
  );

const KEY = Buffer.alloc(16, 7).toString('base64');

const shown = (query: string): string => (query.length > 50 ? `${query.slice(0, 50)}…` : query);

export const STREAMS: readonly Row[] = [
  ...QUERIES.flatMap(([query, code, field]): Row[] => {
    const refusal = { status: 400, code, ...(field === undefined ? {} : { field }) };
    return [
      { ...refusal, says: `an event stream ${shown(query)}`, sends: ask('GET', `/api/events${query}`) },
      {
        ...{ ...refusal, says: `a WebSocket ${shown(query)}` },
        sends: (ground) => handshake(ground, '', `/api/events/ws${query}`),
      },
    ];
  }),
  ...[
    ['origin', 'http://evil.example.test'] as const,
    ['origin', 'null'] as const,
    ['sec-fetch-site', 'cross-site'] as const,
  ].flatMap(([name, value]): Row[] => {
    const refusal = { status: 403, code: 'ORIGIN_REFUSED' };
    return [
      {
        ...refusal,
        says: `an event stream for ${name} ${value}`,
        sends: ask('GET', '/api/events', { headers: { [name]: value } }),
      },
      {
        ...{ ...refusal, says: `a WebSocket for ${name} ${value}` },
        sends: (ground) => handshake(ground, `${name}: ${value}\r\n`),
      },
    ];
  }),
  { says: 'POST to an event stream', status: 405, code: 'METHOD_NOT_ALLOWED', sends: ask('POST', '/api/events') },
  { says: 'something below an event stream', status: 404, code: 'NOT_FOUND', sends: ask('GET', '/api/events/x') },
  { says: 'a WebSocket that is not asked for', status: 400, code: 'BAD_REQUEST', sends: ask('GET', '/api/events/ws') },
];

/** A frame of a client: masked, with a mask of zeros. */
export const clientFrame = (first: number, payload: Buffer, length = lengthOf(payload.length)): Buffer =>
  Buffer.concat([Buffer.from([first]), length, Buffer.alloc(4), payload]);

const lengthOf = (length: number): Buffer =>
  length < 126 ? Buffer.from([0x80 | length]) : Buffer.from([0x80 | 126, length >> 8, length & 255]);

const huge = Buffer.from([0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
const large = Buffer.from([0x80 | 127, 0, 0, 0, 0, 0x40, 0, 0, 0]);

/** What is sent over an open WebSocket, and the code it is closed with. */
export const FRAMES: readonly (readonly [says: string, frame: Buffer, code: number])[] = [
  ['a message', clientFrame(0x81, Buffer.from('hello')), 1008],
  ['an empty message', clientFrame(0x81, Buffer.alloc(0)), 1008],
  ['a message that looks like a command', clientFrame(0x81, Buffer.from('{"op":"cancel","id":"waits"}')), 1008],
  ['a binary message', clientFrame(0x82, Buffer.from([1, 2, 3])), 1003],
  ['a message that is too long', clientFrame(0x81, Buffer.alloc(2000, 97)), 1009],
  ['a message that says it has a gigabyte', clientFrame(0x82, Buffer.alloc(8), large), 1009],
  ['a message longer than there are numbers', clientFrame(0x82, Buffer.alloc(8), huge), 1009],
  ['text that is none', clientFrame(0x81, Buffer.from([0xff, 0xfe])), 1007],
  ['a frame of an unknown kind', clientFrame(0x83, Buffer.alloc(0)), 1002],
  ['a frame of an unknown control', clientFrame(0x8b, Buffer.alloc(0)), 1002],
  ['a frame without a mask', Buffer.from([0x81, 0x01, 97]), 1002],
  ['a compressed frame', clientFrame(0xc1, Buffer.from('x')), 1002],
  ['a frame with a reserved bit', clientFrame(0x91, Buffer.from('x')), 1002],
  ['the rest of a message that never began', clientFrame(0x80, Buffer.from('x')), 1002],
  ['a ping that is too long', clientFrame(0x89, Buffer.alloc(126, 97)), 1002],
  ['a ping in pieces', clientFrame(0x09, Buffer.from('x')), 1002],
  ['a goodbye of one byte', clientFrame(0x88, Buffer.from([3])), 1002],
  ['a goodbye with a code that is none', clientFrame(0x88, Buffer.from([0, 1])), 1002],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1002],
];

/** Places that are none of ours: the stream says once that something may be missing, and goes on. */
export const PLACES: readonly string[] = [
  ...['nonsense', '0'.repeat(190), '000000000000-5', '-1', '%00', '__proto__', '999999999999999999', 'a-b-c', '../..'],
  ...["' or 1=1", '{"id":1}', 'NaN', '0x1', '\u00ff'],
];
