/** Bodies that are no good, sent where a job is handed in. */
import { MAX_BODY_BYTES } from './ground.ts';
import { ask, type Row } from './runner.ts';

const JSON_TYPE = 'application/json';

type Line = readonly [says: string, body: string | Buffer, code: string, field?: string, type?: string];

const STATUS: Readonly<Record<string, number>> = {
  BODY_TOO_LARGE: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
};

const deep = (open: string, close: string, levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
const payload = (text: string): string => `{"type":"double","payload":${text}}`;
const bytes = (...codes: number[]): Buffer => Buffer.from(codes);
const inText = (...codes: number[]): Buffer =>
  Buffer.concat([Buffer.from('{"type":"double","payload":"'), bytes(...codes), Buffer.from('"}')]);

const BAD_JSON: readonly (readonly [says: string, body: string | Buffer])[] = [
  ['cut off in a name', '{"typ'],
  ['cut off behind a value', '{"type":"double"'],
  ['cut off in a list', payload('[1,2')],
  ['with something behind it', '{"type":"double"}}'],
  ['with two documents', '{"type":"double"}{"type":"double"}'],
  ['with a comma too many', '{"type":"double",}'],
  ['with single quotes', "{'type':'double'}"],
  ['with bare names', '{type:"double"}'],
  ['with a comment', '{"type":"double"/* why */}'],
  ['with NaN', payload('NaN')],
  ['with Infinity', payload('-Infinity')],
  ['with undefined', payload('undefined')],
  ['with a number that begins with 0', payload('0123')],
  ['with a hexadecimal number', payload('0x10')],
  ['with a number that begins with +', payload('+1')],
  ['with half a number', payload('1.')],
  ['with an integer that JSON cannot carry', payload('12345678901234567890')],
  ['with a huge negative integer', payload('-9007199254740993')],
  ['with a raw line break in text', payload('"a\nb"')],
  ['with a raw 0 in text', payload('"a\0b"')],
  ['with an unknown escape', payload('"\\x41"')],
  ['with half an escape', payload('"\\u12"')],
  ['with a byte order mark of another encoding', Buffer.from('\ufeff{"type":"double"}', 'utf16le')],
  ['in Latin-1', inText(0xe4)],
  ['with an overlong character', inText(0xc0, 0xaf)],
  ['with a surrogate in UTF-8', inText(0xed, 0xa0, 0x80)],
  ['with a character beyond Unicode', inText(0xf5, 0x80, 0x80, 0x80)],
  ['that is a list', '[{"type":"double"}]'],
  ['that is null', 'null'],
  ['that is a number', '7'],
  ['that is text', '"double"'],
  ['that is true', 'true'],
  ['of spaces', '   '],
  ['of zeros', bytes(0, 0, 0, 0)],
  ['with a name twice', '{"type":"double","type":"fail"}'],
  ['with a name twice, once escaped', '{"type":"double","\\u0074ype":"fail"}'],
  ['with a name twice deep inside', payload('{"a":[{"b":1,"b":2}]}')],
  ['with an empty name twice', payload('{"":1,"":2}')],
  ['with __proto__', '{"type":"double","__proto__":{"polluted":1}}'],
  ['with __proto__ deep inside', payload('{"a":[{"__proto__":{"polluted":1}}]}')],
  ['with __proto__ escaped', payload('{"\\u005f_proto__":{"polluted":1}}')],
  ['of objects, deep', payload(deep('{"a":', '}', 200))],
  ['of lists, deep', payload(deep('[', ']', 200))],
  ['of lists, so deep that a stack would end', payload(deep('[', ']', 40_000))],
  ['of lists that are never closed', '['.repeat(90_000)],
];

const LINES: readonly Line[] = [
  ...BAD_JSON.map(([says, body]): Line => [says, body, 'BAD_JSON', 'body']),
  ['that is nothing', '', 'INVALID_OPTION', 'type'],
  ['with constructor', '{"type":"double","constructor":{"prototype":{"polluted":1}}}', 'UNKNOWN_OPTION', 'constructor'],
  [
    'with prototype among the options',
    '{"type":"double","options":{"prototype":1}}',
    'UNKNOWN_OPTION',
    'options.prototype',
  ],
  [
    'with toString among the options',
    '{"type":"double","options":{"toString":1}}',
    'UNKNOWN_OPTION',
    'options.toString',
  ],
  ['with hasOwnProperty', '{"type":"double","hasOwnProperty":1}', 'UNKNOWN_OPTION', 'hasOwnProperty'],
  ['that is too long', payload(`"${'x'.repeat(MAX_BODY_BYTES)}"`), 'BODY_TOO_LARGE', 'body'],
  ['whose payload is too long as bytes', payload(`"${'é'.repeat(33_000)}"`), 'PAYLOAD_TOO_LARGE', 'payload'],
  ['that is a form', 'type=double', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'application/x-www-form-urlencoded'],
  ['that is a form with files', '--X--', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'multipart/form-data; boundary=X'],
  ['that says it is text', '{"type":"double"}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'text/plain'],
  ['that says it is XML', '<job/>', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'application/xml'],
  ['of a type that begins like JSON', '{}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'application/jsonp'],
  ['of JSON lines', '{}\n{}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'application/json-seq'],
  ['of a type that is none', '{"type":"double"}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', 'json'],
  ['in UTF-16', '{"type":"double"}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', `${JSON_TYPE}; charset=utf-16`],
  [
    'in Latin-1, and says so',
    '{"type":"double"}',
    'UNSUPPORTED_MEDIA_TYPE',
    'content-type',
    `${JSON_TYPE};charset="latin1"`,
  ],
  ['in UTF-7', '{"type":"double"}', 'UNSUPPORTED_MEDIA_TYPE', 'content-type', `${JSON_TYPE}; Charset=UTF-7`],
];

export const BODIES: readonly Row[] = [
  ...LINES.map(
    ([says, body, code, field, type = JSON_TYPE]): Row => ({
      ...{ says: `a body ${says}`, status: STATUS[code] ?? 400, code },
      ...(field === undefined ? {} : { field }),
      sends: ask('POST', '/api/jobs', { body, headers: { 'content-type': type } }),
    }),
  ),
  ...['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'chunked'].map(
    (encoding): Row => ({
      ...{ says: `a body in ${encoding}`, status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', field: 'content-type' },
      sends: ask('POST', '/api/jobs', {
        body: '{"type":"double"}',
        headers: { 'content-type': JSON_TYPE, 'content-encoding': encoding },
      }),
    }),
  ),
  {
    ...{ says: 'a body of no type', status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', field: 'content-type' },
    sends: ask('POST', '/api/jobs', { body: '{"type":"double"}' }),
  },
];
